"""A root for a mail server as Debian packages it: this machine's, with what tests/fetch-exchangers has unpacked over it. Only
those in the mount namespace it is mounted in see it. What is written there is in memory, but for what is bound from
outside."""

import os
import subprocess

ROOT = os.path.abspath(f"{os.path.dirname(__file__)}/../../..")
UNPACKED = f"{ROOT}/build/exchangers"
FIRST_ID = 64100  # of users and groups that the packages would make

# Arguments: a folder to mount it in, the packages, and files to put over them. $root is the root then.
MOUNT = """
set -eu
layers=$1 packages=$2 files=$3; shift 3
mount -t tmpfs -o mode=755 tmpfs "$layers"
mkdir "$layers/upper" "$layers/work" "$layers/root"
root=$layers/root
mount -t overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" overlay "$root"
cp -a "$packages/." "$files/." "$root"
mount --rbind /dev "$root/dev"
"""


def unpacked(name):
    """The folder of what was unpacked for that exchanger."""
    found = f"{UNPACKED}/{name}"
    assert os.path.isdir(found), f"{name} is missing: run tests/fetch-exchangers"
    return found


def accounts(users, groups):
    """The ids of those users, each with a group of its name, and of more groups; and this machine's files with them."""
    ids = {name: FIRST_ID + number for number, name in enumerate((*users, *groups))}
    added = {
        "/etc/passwd": [f"{name}:x:{ids[name]}:{ids[name]}::/nonexistent:/usr/sbin/nologin\n" for name in users],
        "/etc/group": [f"{name}:x:{number}:\n" for name, number in ids.items()],
    }
    files = {}
    for path, lines in added.items():
        with open(path) as here:
            files[path] = "".join([*(line for line in here if line.split(":")[0] not in ids), *lines])
    return ids, files


def mount(package, folder, users, groups):
    """Mounts one here, for as long as this namespace lives; its path."""
    _, files = accounts(users, groups)
    for name in ("layers", "files/etc"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    for path, text in files.items():
        with open(f"{folder}/files{path}", "w") as file:
            file.write(text)
    subprocess.run(["sh", "-c", MOUNT, "mount", f"{folder}/layers", unpacked(package), f"{folder}/files"], check=True)
    return f"{folder}/layers/root"
