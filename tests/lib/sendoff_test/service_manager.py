"""A service manager as systemd is to a service: it listens at NOTIFY_SOCKET, hands sockets over, and keeps those that it is
asked to keep."""

import array
import os
import re
import socket
import threading
import time

from .processes import wait_until

HAND_OVER = """
import fcntl, os, sys
given = list(map(int, sys.argv[1].split()))
copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 900) for fd in given]
for fd in given:
    os.close(fd)
for number, copy in enumerate(copies, 3):
    os.dup2(copy, number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(copies)))
os.execvp(sys.argv[2], sys.argv[2:])
"""


class ServiceManager:
    """`watchdog`: after how many seconds without a sign of life it would end the service."""

    def __init__(self, folder, watchdog=None):
        self._path = f"{folder}/notify.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.bind(self._path)
        os.chmod(self._path, 0o666)
        self._watchdog = watchdog
        self.messages = []  # (monotonic time, the lines), in order
        self.kept = {}  # the sockets of each name
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self):
        end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        end.sendto(b"END", self._path)
        end.close()
        self._thread.join()
        self._socket.close()
        for sockets in self.kept.values():
            for one in sockets:
                one.close()

    def _listen(self):
        while True:
            data, ancillary, _, _ = self._socket.recvmsg(65536, socket.CMSG_SPACE(256 * 4))
            if data == b"END":
                return
            lines = data.decode().split("\n")
            fds = array.array("i")
            for level, kind, octets in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(octets)
            name = next((line[7:] for line in lines if line.startswith("FDNAME=")), "stored")
            if "FDSTORE=1" in lines:
                self.kept.setdefault(name, []).extend(socket.socket(fileno=fd) for fd in fds)
            if "FDSTOREREMOVE=1" in lines:
                for one in self.kept.pop(name, []):
                    one.close()
            self.messages.append((time.monotonic(), lines))

    # What a gateway is started with.

    def environment(self):
        env = {"NOTIFY_SOCKET": self._path}
        if self._watchdog:
            env["WATCHDOG_USEC"] = str(int(self._watchdog * 1000000))
        return env

    def hand_over(self, *named):
        """What Gateway.start takes: these sockets, (name, socket), and those that are kept."""
        given = [*named, *((name, one) for name, sockets in sorted(self.kept.items()) for one in sockets)]
        numbers = [one.fileno() for _, one in given]
        return {
            "wrapper": ["/usr/bin/python3", "-c", HAND_OVER, " ".join(map(str, numbers))],
            "env": {**self.environment(), "LISTEN_FDNAMES": ":".join(name for name, _ in given)},
            "pass_fds": numbers,
        }

    # What has been said.

    def lines(self, since=0):
        return [line for _, lines in self.messages[since:] for line in lines]

    def wait_for(self, pattern, since=0, timeout=15):
        """The first line of it that matches."""
        return wait_until(
            lambda: next((line for line in self.lines(since) if re.fullmatch(pattern, line)), None), f"the manager hears {pattern}", timeout
        )

    def signs_of_life(self):
        return [at for at, lines in self.messages if "WATCHDOG=1" in lines]

    def silence(self):
        """Since the last sign of life, in seconds."""
        return time.monotonic() - self.signs_of_life()[-1]
