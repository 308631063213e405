"""Files like those of `sendoff backup`, made by hand: right ones, and hostile ones. Uncompressed, which a restore takes, too."""

import hashlib
import io
import json
import subprocess
import tarfile

SUMS = "SHA256SUMS"


def entries(path):
    """What a backup holds: (name, octets) in order."""
    plain = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return [(member.name, archive.extractfile(member).read()) for member in archive]


def sums(contents):
    return "".join(f"{hashlib.sha256(octets).hexdigest()}  {name}\n" for name, octets in contents).encode()


def about(**changes):
    known = {"sendoff_backup": 1, "version": "0.1.0", "schema": 9, "made": "2026-11-01T00:00:00.000Z", "hostname": "old.example.com"}
    return json.dumps({**known, **changes}).encode()


def regular(name, octets):
    """A member and its content, as tarfile.addfile takes them."""
    member = tarfile.TarInfo(name)
    member.size = len(octets)
    return member, io.BytesIO(octets)


def write(path, members):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in members:
            archive.addfile(member, content)
    return path


def make(path, contents):
    """A whole one, with the checksums of what it has."""
    contents = [one for one in contents if one[0] != SUMS]
    return write(path, [regular(*one) for one in [*contents, (SUMS, sums(contents))]])
