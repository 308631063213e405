"""A small file system of a test's own, to be filled. It is mounted in a mount namespace that only the test's main thread
and its children see, so that it cannot be left behind."""

import ctypes
import os

import pytest

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
CHUNK = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source, target, kind, flags, data):
    words = [word.encode() if word is not None else None for word in (source, target, kind)]
    return _libc.mount(*words, ctypes.c_ulong(flags), data.encode() if data else None) == 0


class SmallDisk:
    """A tmpfs over `folder`."""

    def __init__(self, folder, size):
        self.folder = folder
        self._filler = f"{folder}/filler"
        private = _libc.unshare(CLONE_NEWNS) == 0 and _mount("none", "/", None, MS_REC | MS_PRIVATE, None)
        if not private or not _mount("tmpfs", folder, "tmpfs", 0, f"size={size},mode=0700"):
            pytest.fail("no file system can be mounted here: unshare or mount is not permitted")

    def also_at(self, folder):
        """A folder on it, elsewhere."""
        os.mkdir(f"{self.folder}/elsewhere")
        if not _mount(f"{self.folder}/elsewhere", str(folder), None, MS_BIND, None):
            pytest.fail("a folder cannot be mounted twice here")

    @property
    def free(self):
        at = os.statvfs(self.folder)
        return at.f_bavail * at.f_frsize

    def fill(self, leave=0):
        """Others take the room, all but `leave` octets."""
        with open(self._filler, "ab", buffering=0) as filler:
            try:
                while self.free > leave:
                    filler.write(b"\0" * max(1, min(CHUNK, self.free - leave)))
            except OSError:
                pass  # that was all

    def empty(self):
        """They give it back."""
        if os.path.exists(self._filler):
            os.unlink(self._filler)
