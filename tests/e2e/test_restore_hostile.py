"""`restore` with files that are damaged, cut off or made by somebody with bad intentions: each is refused with a reason, and
nothing is left behind, neither in data_dir nor beside it."""

import io
import os
import pwd
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile

import pytest

from sendoff_test import bundle
from sendoff_test.command import Command


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The entries of a backup that is right but for a message whose content should be in the spool."""
    folder = tmp_path_factory.mktemp("good")
    sendoff = Command(f"{folder}/etc/sendoff.conf")
    sendoff("init", "--hostname", "smtp.example.com", "--data-dir", folder / "data")
    sendoff("domain", "add", "example.com")
    sendoff("account", "add", "blog", "--sender", "example.com")
    with sqlite3.connect(folder / "data/sendoff.db") as store:
        store.execute(
            "INSERT INTO messages(id, account, pool, sources, reverse_path, envid, flags, priority, size, created_us, expires_us,"
            " deliver_by_us, prefix, content) VALUES (1, 'blog', 'default', '', 'a@example.com', '', 4, 0, 5, 1, 9, 0, x'', NULL)"
        )
    store.close()
    assert "lost their files" in sendoff.run("backup", folder / "b").err  # so that message is not in it; it is put back here
    contents = dict(bundle.entries(folder / "b"))
    contents["sendoff.db"] = (folder / "data/sendoff.db").read_bytes()
    return contents


@pytest.fixture
def place(tmp_path):
    """A machine without a store, and where it must not write."""
    config = tmp_path / "machine/etc/sendoff.conf"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'hostname = "smtp.example.com"\ndata_dir = "{tmp_path}/machine/data"\nlisten "127.0.0.1:2525" {{ tls = "optional" }}\n'
    )
    return Command(str(config))


def files(folder):
    return sorted(os.path.relpath(f"{where}/{name}", folder) for where, _, names in os.walk(folder) for name in names)


def refused(place, tmp_path, path, *reasons):
    result = place.run("restore", path)
    assert result.status == 1, result
    assert any(reason in result.err for reason in reasons), result.err
    assert result.err.startswith("sendoff: ") and result.err.count("\n") == 1
    assert files(tmp_path / "machine") == ["data/lock", "etc/sendoff.conf"]


# Members.


def link(kind, name, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, None


def special(kind, name):
    member = tarfile.TarInfo(name)
    member.type = kind
    return member, None


def claims(name, size, octets=b""):
    member = tarfile.TarInfo(name)
    member.size = size
    return member, io.BytesIO(octets)


NAMES = ["../../evil", "/etc/evil", "spool/../../evil", "spool", "spool/01", "./sendoff.db", "sendoff.db/x", "sendoff.db-wal", "lock", "spool/00/README", "a" * 300, "spool/0\n1/x", ".restore/x"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_that_no_backup_has(place, tmp_path, good, name):
    contents = [*good.items()]
    path = bundle.make(tmp_path / "b", [*contents[:2], (name, b"evil"), *contents[2:]])
    refused(place, tmp_path, path, "which no backup has", "has a name that no backup has")
    assert not (tmp_path.parent / "evil").exists() and not os.path.exists("/etc/evil")


MEMBERS = {
    "symbolic link": link(tarfile.SYMTYPE, "spool", "/etc"),
    "link in place of the database": link(tarfile.SYMTYPE, "sendoff.db", "/etc/passwd"),
    "hard link": link(tarfile.LNKTYPE, "sendoff.db", "/etc/passwd"),
    "folder": special(tarfile.DIRTYPE, "spool"),
    "device": special(tarfile.CHRTYPE, "sendoff.db"),
    "FIFO": special(tarfile.FIFOTYPE, "sendoff.db"),
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_what_is_no_regular_file(place, tmp_path, good, kind):
    contents = [bundle.regular(*one) for one in good.items()]
    path = bundle.write(tmp_path / "b", [*contents[:2], MEMBERS[kind], *contents[2:]])
    refused(place, tmp_path, path, "is no regular file")


def test_a_name_twice(place, tmp_path, good):
    contents = [*good.items()]
    path = bundle.make(tmp_path / "b", [*contents[:3], *contents[2:]])
    refused(place, tmp_path, path, "sendoff.db is in it twice")


@pytest.mark.parametrize("size", [1 << 33, 1 << 50, (1 << 62) + 1])
def test_sizes_that_are_not_there(place, tmp_path, good, size):
    contents = [bundle.regular(*one) for one in good.items()]
    with open(tmp_path / "b", "wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in contents[:2]:
            archive.addfile(member, content)
        file.write(claims("sendoff.db", size)[0].tobuf(tarfile.PAX_FORMAT))
        file.write(b"\0" * 2048)
    refused(place, tmp_path, tmp_path / "b", "are needed for one file alone", "runcated", "cut off", "no backup", "shorter", "amaged")


@pytest.mark.parametrize("name, most", [("sendoff-backup.json", 64 * 1024), ("sendoff.conf", 1024 * 1024)])
def test_large_where_it_is_small(place, tmp_path, good, name, most):
    path = bundle.make(tmp_path / "b", ({**good, name: b" " * (most + 5000)}).items())
    refused(place, tmp_path, path, f"{name} is larger than it can be")


def test_a_file_that_is_all_zeros_when_unpacked(place, tmp_path, good):
    """Small as it is, it would fill the disk."""
    contents = [bundle.regular(*one) for one in good.items()]
    plain = tmp_path / "plain"
    with open(plain, "wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in contents[:2]:
            archive.addfile(member, content)
        file.write(claims("sendoff.db", 1 << 50)[0].tobuf(tarfile.PAX_FORMAT))
        file.truncate(file.tell() + 64 * 1024 * 1024)
    subprocess.run(["zstd", "-q", plain, "-o", tmp_path / "b"], check=True)
    assert os.stat(tmp_path / "b").st_size < 100 * 1024
    refused(place, tmp_path, tmp_path / "b", "are needed for one file alone")


# Checksums, and what is missing.


@pytest.mark.parametrize("name", ["sendoff-backup.json", "sendoff.conf", "sendoff.db"])
def test_a_checksum_that_is_wrong(place, tmp_path, good, name):
    changed = {**good, name: good[name].replace(b"smtp", b"SMTP", 1) if name != "sendoff.db" else good[name][:-1] + b"x"}
    sums = bundle.sums([one for one in good.items() if one[0] != bundle.SUMS])
    path = bundle.write(tmp_path / "b", [bundle.regular(*one) for one in {**changed, bundle.SUMS: sums}.items()])
    refused(place, tmp_path, path, f"the checksum of {name} is wrong")


def test_checksums_of_less_or_more(place, tmp_path, good):
    right = bundle.sums([one for one in good.items() if one[0] != bundle.SUMS])
    for sums in (b"", right[:-1], right[:-67], right + b"\n", right * 2, b"\0" * len(right)):
        path = bundle.write(tmp_path / "b", [bundle.regular(*one) for one in {**good, bundle.SUMS: sums}.items()])
        refused(place, tmp_path, path, "the checksum of", "larger than it can be")


def test_something_behind_the_checksums(place, tmp_path, good):
    path = bundle.make(tmp_path / "b", good.items())
    with tarfile.open(path, "a") as archive:
        archive.addfile(*bundle.regular("spool/01/01", b"evil"))
    refused(place, tmp_path, path, "something follows its checksums")


@pytest.mark.parametrize("name, reason", [("sendoff-backup.json", "it is no backup"), ("sendoff.conf", "configuration is missing"), ("sendoff.db", "database is missing")])
def test_a_part_is_missing(place, tmp_path, good, name, reason):
    path = bundle.make(tmp_path / "b", [one for one in good.items() if one[0] != name])
    refused(place, tmp_path, path, reason)


def test_a_message_without_content(place, tmp_path, good):
    path = bundle.make(tmp_path / "b", good.items())
    refused(place, tmp_path, path, "a message in the queue has no content: spool/")


def test_another_format_and_another_version(place, tmp_path, good):
    for about, reason in (
        (bundle.about(sendoff_backup=2), "of a newer sendoff"),
        (bundle.about(sendoff_backup="x"), "no backup of sendoff"),
        (b"[]", "no backup of sendoff"),
        (b"{", "no backup of sendoff"),
        (b"", "no backup of sendoff"),
        (b"[" * 60000, "no backup of sendoff"),
    ):
        refused(place, tmp_path, bundle.make(tmp_path / "b", {**good, "sendoff-backup.json": about}.items()), reason)
    database = tmp_path / "newer.db"
    database.write_bytes(good["sendoff.db"])
    with sqlite3.connect(database) as store:
        store.execute("DELETE FROM messages")
        store.execute("PRAGMA user_version = 1000")
    store.close()
    path = bundle.make(tmp_path / "b", {**good, "sendoff.db": database.read_bytes()}.items())
    refused(place, tmp_path, path, "the store is of version 1000")


def test_databases_that_are_none(place, tmp_path, good):
    chance = random.Random(1)
    right = good["sendoff.db"]
    for octets in (b"", b"x", right[:100], right[:5000], b"\0" * 8192, chance.randbytes(100_000)):
        refused(place, tmp_path, bundle.make(tmp_path / "b", {**good, "sendoff.db": octets}.items()), "nothing was restored")


def test_a_configuration_that_cannot_be_used(place, tmp_path, good):
    os.unlink(place.config)
    path = bundle.make(tmp_path / "b", {**good, "sendoff.conf": b"hostname = \n"}.items())
    result = place.run("restore", path)
    assert result.status == 1 and "the configuration in" in result.err and "cannot be used" in result.err
    assert files(tmp_path / "machine") == []


# Any octets.


def test_cut_off_anywhere(place, tmp_path, good):
    whole = tmp_path / "whole"
    subprocess.run(["zstd", "-q", bundle.make(tmp_path / "plain", good.items()), "-o", whole], check=True)
    octets = whole.read_bytes()
    for length in {0, 1, 3, 4, 5, 17, *range(18, len(octets) - 1, len(octets) // 25), len(octets) - 1}:
        (tmp_path / "b").write_bytes(octets[:length])
        refused(place, tmp_path, tmp_path / "b", "nothing was restored")


def test_octets_that_changed(place, tmp_path, good):
    """In the tar itself, which is refused by its checksums where zstd does not refuse it before."""
    chance = random.Random(2)
    octets = bundle.make(tmp_path / "plain", good.items()).read_bytes()
    for _ in range(40):
        changed = bytearray(octets)
        for _ in range(chance.choice([1, 1, 8])):
            changed[chance.randrange(len(octets) - 10240)] ^= 1 << chance.randrange(8)  # the end is padding
        (tmp_path / "b").write_bytes(changed)
        result = place.run("restore", tmp_path / "b")
        assert result.status == 1, changed
        assert files(tmp_path / "machine") == ["data/lock", "etc/sendoff.conf"]


def test_other_files(place, tmp_path):
    for octets in (b"", b"hello\n", b"\x28\xb5\x2f\xfd", b"PK\x03\x04" + b"\0" * 100, b"\x1f\x8b\x08" + b"\0" * 100, bytes(range(256)) * 100):
        (tmp_path / "b").write_bytes(octets)
        refused(place, tmp_path, tmp_path / "b", "nothing was restored")
    for path in (tmp_path, tmp_path / "no", "/dev/null"):
        result = place.run("restore", path)
        assert result.status == 1 and str(path) in result.err


def without_messages(tmp_path, good):
    database = tmp_path / "emptied.db"
    database.write_bytes(good["sendoff.db"])
    with sqlite3.connect(database) as store:
        store.execute("DELETE FROM messages")
    store.close()
    return {**good, "sendoff.db": database.read_bytes()}


def test_what_it_says_of_itself_is_text(place, tmp_path, good):
    """And moves no cursor, renames no window."""
    about = bundle.about(made="\x1b]0;evil\x07", hostname="a\r\nb\x9b2J")
    path = bundle.make(tmp_path / "b", {**without_messages(tmp_path, good), "sendoff-backup.json": about}.items())
    out = place("restore", path)
    assert "]0;evil" in out and not set(out) & set("\x1b\x07\r\x9b")


def test_a_lock_that_is_a_link(place, tmp_path, good):
    """Made by whoever serves there; root gives away no file of somebody else's."""
    data, victim = tmp_path / "machine/data", tmp_path / "victim"
    data.mkdir()
    victim.write_text("x")
    os.symlink(victim, data / "lock")
    result = place.run("restore", bundle.make(tmp_path / "b", without_messages(tmp_path, good).items()))
    assert result.status == 1 and "data/lock: Too many levels of symbolic links" in result.err
    assert os.listdir(data) == ["lock"]


def test_a_lock_that_a_command_makes(place, tmp_path, good):
    """`log compact`, before the gateway was ever there."""
    place("restore", bundle.make(tmp_path / "b", without_messages(tmp_path, good).items()))
    data = tmp_path / "machine/data"
    os.unlink(data / "lock")
    os.chown(data, 65534, 65534)
    place("log", "compact")
    assert os.stat(data / "lock").st_uid == 65534


def test_the_right_one_is_taken(place, tmp_path, good):
    """What all of the above is a change of, but for the message without content."""
    place("restore", bundle.make(tmp_path / "b", without_messages(tmp_path, good).items()))
    assert [one["account"] for one in place.json("account", "list")] == ["blog"]
    shutil.rmtree(tmp_path / "machine/data")


# The user that serves.

SWAP = """
import os, sys
folder, target = sys.argv[1:]
print("ready", flush=True)
while True:
    try:
        os.rename(f"{folder}/.restore", f"{folder}/.taken")
        os.symlink(target, f"{folder}/.restore")
        break
    except OSError:
        pass
"""


def test_the_user_who_serves_leads_root_nowhere(place, tmp_path, good):
    """It owns data_dir, and puts a link in the place of the folder that root restores into."""
    user, victim, data = pwd.getpwnam("nobody"), tmp_path / "victim", tmp_path / "machine/data"
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    with open(place.config, "a") as config:
        config.write('user = "nobody"\n')
    for number in range(100):
        (victim / f"spool/{number:02}").mkdir(parents=True)
    for name in ("precious", "sendoff.db", "spool/00/precious"):
        (victim / name).write_text("precious")
    many = [(f"spool/{number % 100:02}/1{number:04}", b"x" * 4096) for number in range(2000)]
    path = bundle.make(tmp_path / "b", [*(one for one in good.items() if one[0] != "sendoff.db"), *many, ("sendoff.db", good["sendoff.db"])])
    all_of_it = lambda: {one: (os.lstat(one).st_uid, os.lstat(one).st_mode) for one in [victim, *victim.rglob("*")]}
    before = all_of_it()
    for _ in range(20):
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        os.chown(data, user.pw_uid, user.pw_gid)
        swap = subprocess.Popen(
            ["setpriv", f"--reuid={user.pw_uid}", "--regid=65534", "--clear-groups", sys.executable, "-c", SWAP, data, victim],
            stdout=subprocess.PIPE,
        )
        try:
            swap.stdout.readline()
            place.run("restore", path)
        finally:
            swap.kill()
            swap.wait(60)
        assert all_of_it() == before
        assert (victim / "sendoff.db").read_text() == "precious"
        if (data / ".taken").exists():
            return
    pytest.fail("the folder was never taken")
