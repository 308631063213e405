"""Mail servers as Debian packages them (tests/fetch-exchangers), each in a root of its own: this machine's, with the
packages unpacked over it. Only the server's processes see it, so that nothing is left of it and many run at once.

Their network is the test's; what they write is in memory, but for /mnt, which is `folder` of the server."""

import os
import shutil
import socket
import subprocess

from .processes import wait_until

ROOT = os.path.abspath(f"{os.path.dirname(__file__)}/../../..")
UNPACKED = f"{ROOT}/build/exchangers"
FIRST_ID = 64100  # of users and groups that the packages would make

# Arguments: a folder to mount it in, the packages, files to put over them, what is to be /mnt, and the command.
ENTER = """
set -eu
layers=$1 packages=$2 files=$3 shared=$4; shift 4
mount -t tmpfs -o mode=755 tmpfs "$layers"
mkdir "$layers/upper" "$layers/work" "$layers/root"
root=$layers/root
mount -t overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" overlay "$root"
cp -a "$packages/." "$files/." "$root"
mount --bind "$shared" "$root/mnt"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
"""


def unpacked(name):
    """The folder of what was unpacked for that exchanger."""
    found = f"{UNPACKED}/{name}"
    assert os.path.isdir(found), f"{name} is missing: run tests/fetch-exchangers"
    return found


class PackagedServer:
    """`users`: those that its packages would make, each with a group of the same name; `groups`: more of these."""

    package = ""  # of build/exchangers
    users, groups = (), ()

    def __init__(self, lab, address, port):
        self.address, self.port = address, port
        self.folder = f"{lab.folder}/{self.package}-{address}"
        self._processes, self._process = lab.processes, None
        os.chmod(lab.folder, 0o711)
        for name in ("layers", "files", "shared"):
            os.makedirs(f"{self.folder}/{name}")
        self._add_users()

    def _add_users(self):
        ids = {name: FIRST_ID + number for number, name in enumerate((*self.users, *self.groups))}
        for path, lines in (
            ("/etc/passwd", [f"{name}:x:{ids[name]}:{ids[name]}::/nonexistent:/usr/sbin/nologin\n" for name in self.users]),
            ("/etc/group", [f"{name}:x:{number}:\n" for name, number in ids.items()]),
        ):
            with open(path) as here:
                kept = [line for line in here if line.split(":")[0] not in ids]
            self.write(path, "".join(kept + lines))
        self.ids = ids

    # Before it starts.

    def write(self, path, text="", mode=0o644, owner=None):
        """A file of its root; below /mnt, of what the test sees as well."""
        at = self.path(path)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, "w") as file:
            file.write(text)
        os.chmod(at, mode)
        self._own(at, owner)

    def make_folder(self, path, owner=None, mode=0o755):
        os.makedirs(self.path(path), exist_ok=True)
        os.chmod(self.path(path), mode)
        self._own(self.path(path), owner)

    def copy(self, source, path, mode=0o600):
        with open(source) as file:
            self.write(path, file.read(), mode)

    def path(self, path):
        """Where a file that was written, or is below /mnt, is outside."""
        inside = path.removeprefix("/mnt/")
        return f"{self.folder}/files{path}" if inside == path else f"{self.folder}/shared/{inside}"

    def _own(self, at, owner):
        if owner:
            number = self.ids.get(owner, owner)  # a name is that of a user of this machine
            shutil.chown(at, number, number)

    def read(self, path):
        try:
            with open(self.path(path), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    # Running.

    def start(self, *command):
        """`command` stays in the foreground; it has started once it greets."""
        words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "enter"]
        words += [f"{self.folder}/layers", unpacked(self.package), f"{self.folder}/files", f"{self.folder}/shared", *command]
        self._process = self._processes.start(words, f"{self.folder}/out")
        wait_until(self._greets, f"{self.package} greets", timeout=60)
        return self

    def _greets(self):
        assert self._process.running(), f"{self.package} ended by itself\n{self.output()[-4000:]}"
        try:
            with socket.create_connection((self.address, self.port), 1) as probe:
                probe.settimeout(10)
                greeted = probe.recv(512).startswith(b"220")
                probe.sendall(b"QUIT\r\n")
                return greeted
        except OSError:
            return False

    def output(self):
        return self._process.output() + self.read("/mnt/log")

    def run(self, *command):
        """A command inside of its root."""
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children") as children:
            (first,) = children.read().split()
        words = ["nsenter", "--target", first, "--mount", "--pid", "--root", *command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{self.package}: {' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def stop(self):
        self._process.kill()
