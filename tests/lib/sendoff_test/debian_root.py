"""The bare Debian of tests/fetch-debian-root, with a layer of the test's own over it. It is mounted for this process and its
children alone, so nothing of it can be left behind."""

import ctypes
import glob
import os
import subprocess

from .package_root import ROOT

LOWER = f"{ROOT}/build/debian-root"
CLONE_NEWNS = 0x00020000
MOUNT = """
set -eu
layers=$1 lower=$2
mount -t tmpfs -o mode=755 tmpfs "$layers"
mkdir "$layers/upper" "$layers/work" "$layers/root"
mount -t overlay -o "lowerdir=$lower,upperdir=$layers/upper,workdir=$layers/work" overlay "$layers/root"
mount --rbind /dev "$layers/root/dev"
mount -t proc proc "$layers/root/proc"
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
# Words before those that the gateway's user runs, as its unit does.
AS_SENDOFF = ("setpriv", "--reuid=sendoff", "--regid=sendoff", "--init-groups", "--no-new-privs", "--")
_libc = ctypes.CDLL(None, use_errno=True)


def own_mounts():
    """From now on what the main thread and its children mount is theirs alone."""
    assert _libc.unshare(CLONE_NEWNS) == 0, "a mount namespace of one's own cannot be made here"
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def package(which):
    """The path of the "new" one, or the "old"."""
    (found,) = glob.glob(f"{ROOT}/build/test-packages/{which}/sendoff_*.deb")
    return found


class DebianRoot:
    def __init__(self, folder):
        assert os.path.isdir(LOWER), f"{LOWER} is missing: run tests/package/prepare"
        os.makedirs(f"{folder}/layers")
        subprocess.run(["sh", "-c", MOUNT, "mount", f"{folder}/layers", LOWER], check=True)
        self._layers = f"{folder}/layers"
        self.path = f"{folder}/layers/root"

    def close(self):
        subprocess.run(["umount", "--recursive", "--lazy", self._layers], check=True)

    def leave_to_container(self):
        """Without /dev and /proc, which a container makes for itself."""
        subprocess.run(["umount", "--recursive", "--lazy", f"{self.path}/dev", f"{self.path}/proc"], check=True)

    def file(self, path):
        return self.path + path

    def run(self, *words, text=None, env=None):
        """Whatever comes of it; what it printed is .stdout, errors too."""
        return subprocess.run(
            ["chroot", self.path, *words],
            env={**ENVIRONMENT, **(env or {})},
            input=text,
            stdin=None if text is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    def __call__(self, *words, text=None, env=None):
        done = self.run(*words, text=text, env=env)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}: {done.stdout}"
        return done.stdout

    def install(self, package):
        """Without asking: dpkg ends with an error where it would."""
        subprocess.run(["cp", package, self.file("/tmp/sendoff.deb")], check=True)
        return self("dpkg", "--install", "/tmp/sendoff.deb")
