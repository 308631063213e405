"""A program on a terminal, and a person who waits for its questions."""

import os
import pty
import re
import select
import signal
import time

from .command import SANITIZERS
from .processes import SLOWEST

CTRL_D = "\x04"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    def __init__(self, words, env=None):
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], [str(word) for word in words], {**os.environ, **SANITIZERS, "TERM": "xterm", **(env or {})})
        self.text, self._seen, self._status = "", 0, None

    def _read(self, timeout):
        ready, _, _ = select.select([self._fd], [], [], timeout)
        try:
            data = os.read(self._fd, 65536) if ready else None
        except OSError:  # it has ended
            data = b""
        if data:
            self.text += COLOURS.sub("", data.decode(errors="replace")).replace("\r\n", "\n")
        return data != b""

    def answer(self, question, typed="", timeout=60):
        """Waits for `question`, behind what was answered, and types that and Enter, or CTRL_D alone."""
        end = time.monotonic() + SLOWEST * timeout
        while question not in self.text[self._seen :]:
            assert self._read(1) and time.monotonic() < end, f"it never asked {question!r}\n{self.text}"
        self._seen = self.text.index(question, self._seen) + len(question)
        os.write(self._fd, typed.encode() if typed == CTRL_D else f"{typed}\n".encode())

    def end(self, timeout=60):
        """Its exit status."""
        end = time.monotonic() + SLOWEST * timeout
        while self._read(1):
            assert time.monotonic() < end, f"it does not end\n{self.text}"
        self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def close(self):
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)
