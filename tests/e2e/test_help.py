"""Help, man pages, and their examples: every one of these is run as it stands there."""

import glob
import os
import re
import shlex
import shutil
import subprocess

import pytest

from sendoff_test import stored
from sendoff_test.command import PROGRAM, SANITIZERS, assert_no_report
from test_upgrade import FOLDERS

NEWEST = max(FOLDERS, key=lambda folder: int(folder.rpartition("-")[2]))


def run(*words, **more):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **more)


def commands():
    listing = run("--help").stdout.split("\n\n")[2]
    return [tuple(line[:20].split()) for line in listing.splitlines()]


# Help.


def topics():
    return re.findall(r"^  ([a-z-]+) ", run("help").stdout.partition("Commands:")[0], re.M)


@pytest.mark.parametrize("topic", topics())
def test_topic(topic):
    done = run("help", topic)
    assert (done.returncode, done.stderr) == (0, "") and len(done.stdout) > 100
    pasted = topic == "config"  # has an example to paste
    assert pasted or [line for line in done.stdout.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_is_that_of_the_option(words):
    if words == ("config",):
        return
    assert run("help", *words).stdout == run(*words, "--help").stdout


def test_help_on_nothing():
    done = run("help", "limit")
    assert done.returncode == 2 and "did you mean limits?" in done.stderr
    done = run("help", "account", "sohw")
    assert done.returncode == 2 and "sendoff account has no sohw; did you mean show?" in done.stderr


def test_what_is_written_in_capitals_is_explained():
    """By a noun as by its commands, once."""
    for words in (("queue",), ("queue", "list"), ("log",), ("account", "set")):
        assert run("help", *words).stdout.count("\n  T      a time") == (words[0] != "account")
    assert "\n  EVENT  accepted, refused, " in run("help", "log").stdout and "\n  SPEC   a limit" in run("help", "account").stdout


# Man pages.


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    assert run("help", "--man-pages", str(folder)).returncode == 0
    return folder


def test_a_page_for_each_command(pages):
    names = {os.path.basename(path) for path in glob.glob(f"{pages}/man?/*")}
    assert names == {"sendoff.1", "sendoff.conf.5", *(f"sendoff-{words[0]}.1" for words in commands())}


def test_pages_are_well_formed(pages):
    for path in glob.glob(f"{pages}/man?/*"):
        lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], capture_output=True, text=True, timeout=60)
        said = [line for line in lint.stdout.splitlines() if "missing date" not in line]
        assert said == []
        shown = subprocess.run(["man", "--warnings", "-l", path], capture_output=True, text=True, timeout=60, env={**os.environ, "MANWIDTH": "80"})
        assert (shown.returncode, shown.stderr) == (0, ""), path
        assert "\N{HYPHEN}" not in shown.stdout, "what is broken with a hyphen cannot be pasted"


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_page_has_the_command(pages, words):
    """Its usage, what it does and its examples, so that they can be pasted."""
    path = f"{pages}/man1/sendoff-{words[0]}.1"
    text = subprocess.run(["man", "-l", path], capture_output=True, text=True, timeout=60, env={**os.environ, "MANWIDTH": "1000"}).stdout
    text = re.sub(r".\x08", "", text)
    assert f"sendoff {' '.join(words)}" in text
    for line in examples_of(words):
        assert line in text


def test_man_finds_them(pages):
    shown = subprocess.run(["man", "-M", str(pages), "sendoff.conf"], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0 and "max_message_size" in shown.stdout


def test_nowhere(tmp_path):
    done = run("help", "--man-pages", f"{tmp_path}/none")
    assert done.returncode == 1 and "No such file" in done.stderr


# Examples.


def examples_of(words):
    own = run(*words, "--help").stdout.partition("\nExample:\n")[2]
    return [line.strip() for line in own.splitlines()]


EXAMPLES = [(words, line) for words in commands() for line in examples_of(words) if line.startswith(f"sendoff {' '.join(words)}")]
# These do not come back, write where no test may, or need what only a test of their own has: a gateway that runs, the world's DNS.
LEFT_OUT = {
    "sendoff serve": "e2e/gateway",
    "sendoff init": "e2e/cli",
    "sendoff completion bash >": "e2e/completion",
    "sendoff completion zsh >": "e2e/completion",
    "sendoff log --follow": "e2e/log",
    "sendoff restore": "e2e/backup",
    "sendoff send-test": "e2e/send_test",
    "sendoff setup": "e2e/setup",
}
RUNNING = ("sendoff status", "sendoff unban", "sendoff site", "sendoff tls-report send", "sendoff send-test", "sendoff doctor")
# Whose answer may be no: the store has no such key, ban or site, and DNS not all records.
NO = (
    "sendoff domain check",
    "sendoff explain",
    "sendoff doctor",
    "sendoff dkim retire",
    "sendoff unban",
    "sendoff site show",
    "sendoff site resume",
    "sendoff site forget",
    "sendoff import postfix",
    "sendoff tls-report show",
    "sendoff queue retry --site google",
)
# What is there already where an example makes it, or is not yet as it is to be.
BEFORE = {
    "sendoff account add blog": ["account remove blog --yes"],
    "sendoff account add shop": ["account remove shop --yes"],
    "sendoff account add staging": ["account remove staging --yes"],
    "sendoff domain add example.com": ["domain remove example.com --yes"],
    "sendoff source add 192.0.2.10": ["source remove 192.0.2.10 --yes"],
    "sendoff route add '*'": ["route remove *"],
    "sendoff queue release 1CZQ6K3E0W40": ["queue hold 1CZQ6K3E0W40"],
    "sendoff queue release --account": ["queue hold --account blog --yes"],
}


class Place:
    """What the examples name: a store with these accounts, domains, sources and mail, and files."""

    def __init__(self, lab, folder):
        self.folder = folder
        self.gateway = lab.new_gateway().configure(retry=("18250d",), expire=stored.FOREVER, retain=stored.FOREVER)
        stored.restore(NEWEST, self.gateway.data)
        self.gateway.start()  # upgrades it
        self.gateway.stop()
        sendoff = self.gateway.sendoff
        for name in ("news", "staging"):
            sendoff("account", "add", name, "--sender", f"{name}.example.com")
        sendoff("source", "add", "192.0.2.10", "--helo", "smtp.example.com")
        sendoff("route", "add", "*", "smtp.example.com:587", "--user", "relay@example.com", "--password-stdin", text="secret-of-the-relay\n")
        sendoff("suppression", "add", "user@example.net", "--account", "blog")
        sendoff("suppression", "add", "user@example.net")
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", f"{folder}/mail.private", "2048"], check=True, capture_output=True)
        for name in ("password", "new-password"):
            (folder / name).write_text("a password of a relay\n")
        (folder / "bounces.csv").write_text("gone@example.net\n")
        os.makedirs(f"{folder}/opendkim/keys/moved.example")
        shutil.copy(f"{folder}/mail.private", f"{folder}/opendkim/keys/moved.example/mail.private")
        (folder / "accounts.csv").write_text("name,sender\nimported,example.com\n")
        os.makedirs(f"{folder}/postfix")
        (folder / "postfix/main.cf").write_text("myhostname = mail.example.com\n")
        waiting = sendoff.json("queue", "list")
        self.names = {
            "1CZQ6K3E0W40": waiting[0]["message"],
            "7QF2K9": next(one["ref"] for one in sendoff.json("log", "--limit", "0") if one.get("ref")),
            "'*@example.net'": "'*@down.example.net'",
            "'*@exmaple.net'": "'*@down.example.net'",
            "--account blog --since 2h --yes": "--account blog --since 2026-11-28 --yes",  # the fixture's mail is older
            "--account blog --since 18:42 --yes": "--account blog --since 2026-11-28 --yes",
            "tls-report show example.net --day yesterday": "tls-report show down.example.net --day 2026-11-28",
            "/etc/sendoff/sendoff.conf": self.gateway.config,
            "/etc/sendoff/shaping.conf": os.path.join(stored.FIXTURES, "../../deploy/shaping.conf"),
            "/etc/opendkim": f"{folder}/opendkim",
            "/etc/postfix": f"{folder}/postfix",
            "/var/backups": str(folder),
        }
        shutil.copytree(self.gateway.data, f"{folder}/data")

    def real(self, line):
        """With the names of this place."""
        for name, value in self.names.items():
            line = line.replace(name, value)
        return line

    def again(self):
        """The store as it was made."""
        shutil.rmtree(self.gateway.data)
        shutil.copytree(f"{self.folder}/data", self.gateway.data)


@pytest.fixture(scope="module")
def place(lab, tmp_path_factory):
    return Place(lab, tmp_path_factory.mktemp("examples"))


@pytest.mark.parametrize("words, line", EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_example(place, words, line):
    if any(line.startswith(begin) for begin in LEFT_OUT):
        return
    place.again()
    for begin, steps in BEFORE.items():
        for step in steps if line.startswith(begin) else []:
            place.gateway.sendoff(*place.real(step).split())
    if line.startswith(RUNNING):
        place.gateway.start()
    line = place.real(line)
    try:
        done = subprocess.run(
            ["sh", "-c", f"{shlex.quote(PROGRAM)} --config {place.gateway.config} {line.removeprefix('sendoff ')}"],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=place.folder,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **SANITIZERS},
        )
    finally:
        if line.startswith(RUNNING):
            place.gateway.stop()
    assert_no_report(done.stderr, line)
    assert done.returncode == 0 or (done.returncode == 1 and line.startswith(NO)), f"{line}: {done}"


def test_every_command_has_an_example():
    assert {words for words in commands()} == {words for words, _ in EXAMPLES}
