"""Completion in a real bash and a real zsh: commands, options, values, and names out of the store."""

import os
import pty
import re
import select
import subprocess
import time

import pytest

from sendoff_test.command import PROGRAM


@pytest.fixture(scope="module")
def made(lab):
    gateway = lab.new_gateway().configure()
    for name in ("blog", "blog-de", "shop"):
        gateway.sendoff("account", "add", name, "--sender", "example.com")
    gateway.sendoff("domain", "add", "example.com")
    gateway.sendoff("source", "add", "2001:db8::9", "--helo", "six.example.com", "--pool", "bulk")
    gateway.sendoff("source", "add", "2001:db8::7", "--helo", "seven.example.com")
    return gateway


TABLE = {
    "acc": {"account"},
    "account sus": {"suspend"},
    "account show b": {"blog", "blog-de"},
    "account show --json bl": {"blog", "blog-de"},
    "account suspend shop --rea": {"--reason"},
    "account add x --stream ": {"transactional", "bulk"},
    "account add x --stream=b": {"--stream=bulk"},
    "account set blog --dma": {"--dmarc"},
    "account set blog --dmarc o": {"off", "observe"},
    "account set blog --pool ": {"bulk", "default"},
    "domain check ": {"example.com"},
    "domain add x --key ed": {"ed25519"},
    "log --event del": {"delivered"},
    "log --account=sh": {"--account=shop"},
    "queue list --state h": {"held"},
    "source remove 2001:db8::": {"2001:db8::9", "2001:db8::7"},
    "help lim": {"limits"},
    "nonsense ": set(),
    "account nonsense ": set(),
    "account show blog ": {"--json", "--help"},
    "--js": {"--json"},
}


def words_for(gateway, line):
    words = line.split() + ([""] if line.endswith(" ") else [])
    out = gateway.sendoff("completion", "words", "--", *words)
    return {one.split("\t")[0] for one in out.splitlines()}


@pytest.mark.parametrize("line", TABLE)
def test_candidates(made, line):
    assert words_for(made, line) == TABLE[line]


def test_every_verb_is_offered(made):
    nouns = words_for(made, "") | {""}
    listing = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout.split("\n\n")[2]
    commands = [line[:20].split() for line in listing.splitlines()]
    assert {words[0] for words in commands} | {""} == nouns
    for words in commands:
        if len(words) == 2:
            assert words[1] in words_for(made, f"{words[0]} ")


def test_without_a_store():
    """No candidates out of it, and no error into the line that is being typed."""
    done = subprocess.run(
        [PROGRAM, "completion", "words", "--", "--config", "/nowhere", "account", "show", ""], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


class Shell:
    """An interactive shell in a terminal of its own, where `sendoff` is the program under test."""

    def __init__(self, words, gateway, folder):
        os.symlink(PROGRAM, folder / "sendoff")
        environment = {
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "SENDOFF_CONFIG": str(gateway.config),
            "TERM": "dumb",
            "HOME": str(folder),
            "ZDOTDIR": str(folder),
            "LC_ALL": "C.UTF-8",
        }
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=folder, start_new_session=True
        )
        os.close(slave)

    def read_until(self, pattern, seconds=60):
        text, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                text += os.read(self.master, 65536).decode(errors="replace")
            if re.search(pattern, text):
                return text
        raise AssertionError(f"{pattern!r} did not come: {text!r}")

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        self.process.kill()
        self.process.wait(timeout=20)
        os.close(self.master)


def started(shell, folder, gateway):
    (folder / "completion").write_text(subprocess.run([PROGRAM, "completion", shell], capture_output=True, text=True, check=True).stdout)
    words = ["bash", "--norc", "--noprofile", "-i"] if shell == "bash" else ["zsh", "-f", "-i"]
    terminal = Shell(words, gateway, folder)
    prepare = "" if shell == "bash" else "autoload -U compinit; compinit -u -d dump; "
    terminal.type(f"PS1='ready> '; {prepare}source ./completion; echo be''gun\n")
    terminal.read_until("begun")
    return terminal


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    "typed, whole",
    [
        ("sendoff acc\tsus\tsh\t--rea\t", "sendoff account suspend shop --reason"),
        ("sendoff source remove 2001:db8::9\t", "sendoff source remove 2001:db8::9"),
        ("sendoff site che\tcompl\t", "sendoff site check completion"),
        ("sendoff account set blog --dma\tenf\t", "sendoff account set blog --dmarc enforce"),
    ],
)
def test_shell(made, tmp_path, shell, typed, whole):
    """What is typed with the tabulator becomes the whole command, which the shell then shows by itself."""
    terminal = started(shell, tmp_path, made)
    try:
        for piece in re.findall(r"[^\t]+\t", typed):
            terminal.type(piece)
            time.sleep(0.05)
        # Ends the line with a comment, so that it is not run, and has the shell say what it was.
        terminal.type("\x01printf '<%s>\\n' \"\x05\"\n")
        assert f"<{whole}" in terminal.read_until(r"<sendoff[^\n]*>")
    finally:
        terminal.close()
