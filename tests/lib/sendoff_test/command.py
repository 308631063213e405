"""The `sendoff` command, run as an operator or a script runs it."""

import json
import os
import subprocess
from dataclasses import dataclass

PROGRAM = os.environ.get("SENDOFF", "sendoff")
# Sanitizers end the process with a status of their own and a report; tests look for both.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=66:" + os.environ.get("ASAN_OPTIONS", ""),
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:" + os.environ.get("UBSAN_OPTIONS", ""),
}
REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")


def assert_no_report(text, who):
    for report in REPORTS:
        at = text.find(report)
        assert at < 0, f"{who}: {text[max(0, at - 200):at + 6000]}"


def faulty(fault):
    """A wrapper under which a system call fails, or is the last: strace's "CALL:error=E:when=N". Leaks cannot be looked for there."""
    call = fault.split(":")[0]
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={fault}", "-E", "ASAN_OPTIONS=detect_leaks=0"]


@dataclass
class Result:
    status: int
    out: str
    err: str


@dataclass
class Account:
    name: str
    password: str


class Command:
    def __init__(self, config, program=PROGRAM, wrapper=()):
        """`wrapper`: a command that becomes the program in the end, as one that goes to another root first."""
        self.config, self._program, self._wrapper = config, program, list(wrapper)

    def words(self, *words):
        """For who runs it otherwise: on a terminal, or for as long as it likes."""
        return [*self._wrapper, self._program, "--config", self.config, *map(str, words)]

    def run(self, *words, text=None, timeout=120, wrapper=()):
        """Runs it whatever comes of it. `wrapper`: a command that becomes it in the end."""
        done = subprocess.run(
            [*wrapper, *self.words(*words)],
            input=text,
            stdin=None if text is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **SANITIZERS},
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        assert_no_report(result.err, "sendoff " + " ".join(map(str, words)))
        return result

    def __call__(self, *words, text=None):
        """Runs it, expects it to be done, and returns what it printed."""
        result = self.run(*words, text=text)
        assert (
            result.status == 0
        ), f"sendoff {' '.join(map(str, words))}: status {result.status}: {result.err}{result.out}"
        return result.out

    def json(self, *words, text=None):
        """The objects it printed, one a line."""
        return [json.loads(line) for line in self("--json", *words, text=text).splitlines() if line.strip()]
