"""The lines of a scenario, run one after another in one of the two forms: for people in 80 columns, or as JSON."""

import contextlib
import os
import re
import signal
import subprocess

from . import golden
from .command import PROGRAM, SANITIZERS, assert_no_report
from .terminal import Terminal

# A machine may have no time server.
IN_STEP = {
    "LD_PRELOAD": os.path.join(os.path.dirname(os.path.abspath(PROGRAM)), "tests/libclock_in_step.so"),
    "ASAN_OPTIONS": f"{SANITIZERS['ASAN_OPTIONS']}:verify_asan_link_order=0",
}


class Run:
    """Runs the lines, in one of the two forms, and keeps what they print."""

    def __init__(self, lines, json):
        """`lines`: by the name of the golden file, the words; a name in capitals is looked up in `ids`."""
        self.lines, self.json, self.texts, self.ids = lines, json, {}, {}
        self.kind = "json" if json else "txt"

    def words(self, name):
        line = self.lines[name]
        for id_name, value in self.ids.items():
            line = re.sub(rf"\b{id_name}\b", value, line)
        return [PROGRAM, *(["--json"] if self.json else []), *line.split(" ")]

    def environment(self, when=None):
        stands = when and golden.clock(when.strftime("%Y-%m-%d %H:%M:%S"))
        return {**os.environ, **SANITIZERS, "COLUMNS": "80", "TZ": "UTC", **(stands or IN_STEP)}

    def keep(self, name, text):
        self.texts[f"{name}.{self.kind}"] = golden.steady(text, golden.LIVE)

    def __call__(self, name, when=None):
        """`when`: where its clock stands."""
        done = subprocess.run(
            self.words(name), capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL, env=self.environment(when)
        )
        assert_no_report(done.stderr, name)
        self.keep(name, f"{done.stdout}{done.stderr}[status {done.returncode}]\n")

    @contextlib.contextmanager
    def followed(self, name):
        """While it runs, and until it has ended."""
        with Followed(self.words(name), self.environment()) as followed:
            yield followed
            text = followed.rest()
        assert_no_report(text, name)
        self.keep(name, text)


    @contextlib.contextmanager
    def dialogue(self, name):
        """On a terminal, with a person who answers, until it has ended."""
        talk = Terminal(self.words(name), self.environment())
        try:
            yield talk
            status = talk.end()
        finally:
            talk.close()
        assert_no_report(talk.text, name)
        self.keep(name, f"{talk.text}[status {status}]\n")


class Followed:
    """A command whose lines are read as they come."""

    def __init__(self, words, env):
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
        self._text = ""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.communicate()

    def wait_for(self, text):
        """It has printed that, behind what it was waited for before."""
        line = ""
        while text not in line:
            line = self._process.stdout.readline()
            assert line, f"it has ended: {self._text}"
            self._text += line

    def interrupt(self):
        self._process.send_signal(signal.SIGINT)

    def rest(self):
        self._text += self._process.stdout.read()
        return f"{self._text}[status {self._process.wait(60)}]\n"
