"""Child processes that never outlive their test: each leads its own process group, dies with its parent (also when the
test run is killed), and is waited for."""

import os
import signal
import socket
import subprocess
import time


SLOWEST = 4  # a machine that is so many times slower than a quiet one still passes; a wait that succeeds costs nothing more


def wait_until(condition, what, timeout=15.0):
    """Polls until condition() is true and returns its value; fails with `what` otherwise. Timeout: as on a quiet machine. It asks
    at most a third of the time, since most conditions are a command, and more rarely the longer it has waited."""
    start = time.monotonic()
    end = start + SLOWEST * timeout
    while True:
        asked = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        assert now < end, f"not within {SLOWEST * timeout} s: {what}"
        time.sleep(max(0.02, 2 * (now - asked), min((now - start) / 10, 0.25)))


def greets(endpoint):
    """Whether an SMTP server there says 220."""
    try:
        with socket.create_connection(endpoint, 1) as probe:
            probe.settimeout(10)
            greeted = probe.recv(512).startswith(b"220")
            probe.sendall(b"QUIT\r\n")
            return greeted
    except OSError:
        return False


def connects(endpoint):
    """Whether anybody listens there."""
    try:
        socket.create_connection(endpoint, 1).close()
        return True
    except OSError:
        return False


class Process:
    def __init__(self, argv, log_path, env=None, cwd=None, pass_fds=()):
        self.name = os.path.basename(argv[0])
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self._popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        self.pid = self._popen.pid

    def running(self):
        return self._popen.poll() is None

    def output(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def send(self, number):
        if self.running():
            self._popen.send_signal(number)

    def wait(self, timeout=30):
        """The exit status; negative when a signal ended it."""
        return self._popen.wait(SLOWEST * timeout)

    def stop(self, number=signal.SIGTERM, timeout=60):
        self.send(number)
        return self.expect_end(timeout)

    def expect_end(self, timeout=60):
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s\n{self.output()[-4000:]}") from None

    def kill(self):
        """SIGKILL for the whole group, whatever state it is in."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self._popen.wait()


class Processes:
    def __init__(self):
        self._all = []

    def start(self, argv, log_path, env=None, cwd=None, pass_fds=()):
        process = Process(argv, log_path, env, cwd, pass_fds)
        self._all.append(process)
        return process

    def close(self):
        while self._all:
            self._all.pop().kill()
