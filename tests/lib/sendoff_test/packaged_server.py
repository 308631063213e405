"""Mail servers as Debian packages them, each in a root of its own (package_root.py), which ends with its processes: nothing is
left of it, and many run at once. Their network is the test's; /mnt is a folder that the test sees, too."""

import os
import shutil
import subprocess

from .package_root import MOUNT, accounts, unpacked
from .processes import greets, wait_until

# Behind MOUNT's arguments: what is to be /mnt, and the command.
ENTER = f"""{MOUNT}
shared=$1; shift
mount --bind "$shared" "$root/mnt"
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
"""


class PackagedServer:
    """`users`: those that its packages would make, each with a group of the same name; `groups`: more of these."""

    package = ""  # of build/exchangers
    users, groups = (), ()

    def __init__(self, lab, address, port):
        self.address, self.port = address, port
        self.folder = f"{lab.folder}/{self.package}-{address}"
        self._processes, self._process = lab.processes, None
        lab.servers.append(self)
        os.chmod(lab.folder, 0o711)
        for name in ("layers", "files", "shared"):
            os.makedirs(f"{self.folder}/{name}")
        self.ids, files = accounts(self.users, self.groups)
        for path, text in files.items():
            self.write(path, text)

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
        return greets((self.address, self.port))

    def output(self):
        return (self._process.output() if self._process else "") + self.read("/mnt/log")

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
