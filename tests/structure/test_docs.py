"""The documents lead where they say: links, files, functions, commands and configurations are those of this version."""

import functools
import glob
import os
import re
import shlex
import subprocess

import pytest

from sendoff_test.certificate import make_certificate
from sendoff_test.command import PROGRAM, SANITIZERS, assert_no_report
from sendoff_test.markdown import Document

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../.."))
PATHS = sorted(
    os.path.relpath(path, ROOT)
    for pattern in ("README.md", "docs/*.md", "deploy/**/README.md")
    for path in glob.glob(f"{ROOT}/{pattern}", recursive=True)
)
every_document = pytest.mark.parametrize("path", PATHS)


@functools.cache
def document(path):
    return Document(f"{ROOT}/{path}")


# Links.


@functools.cache
def linked(path):
    """The files of the repository that a document links to, with their anchors."""
    found = []
    for link in document(path).links():
        if re.match(r"[a-z]+:", link):
            continue
        file, _, name = link.partition("#")
        found.append((os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path, name))
    return found


@every_document
def test_links(path):
    for file, name in linked(path):
        assert os.path.exists(f"{ROOT}/{file}"), f"{file} is not there"
        assert not name or name in document(file).anchors(), f"{file} has no heading #{name}"


def test_every_document_is_found():
    """From README.md and the index."""
    found = {file for path in ("README.md", "docs/README.md") for file, _ in linked(path)}
    assert set(PATHS) - found - {"README.md", "docs/README.md"} == set()


# Lines.


@every_document
def test_prose_is_wrapped(path):
    """At 120 columns; what cannot be broken: tables, and what is to be pasted."""
    prose = document(path).prose
    assert [line for line in prose if len(line) > 120 and not line.startswith("|")] == []


# Files and functions.

TOPS = ("base", "policy", "dkim", "store", "relay", "cli", "tests", "deploy", "docs")
FILE = re.compile(rf"(?:{'|'.join(TOPS)})/[\w./*{{}},-]*")
SOURCE = re.compile(r"[\w./-]+\.[ch]")
OTHERS = {"sysexits.h", "ext/standard/mail.c"}  # the system's, PHP's
NAME = re.compile(r"\.\.\.|NAME|TOPIC")  # stands for any


def alternatives(text):
    """a.{c,h} is a.c and a.h."""
    found = re.search(r"\{([^}]*)\}", text)
    return [text[: found.start()] + one + text[found.end() :] for one in found[1].split(",")] if found else [text]


@functools.cache
def sources():
    return [path for top in TOPS for path in glob.glob(f"{ROOT}/{top}/**/*.[ch]", recursive=True)]


def sources_named(name):
    """In prose about a folder, files of it are named without the folder."""
    return [path for path in sources() if path.endswith(f"/{name}")]


@every_document
def test_files(path):
    """Named by their whole path, or sources by their end, they are in the repository."""
    for code in document(path).codes():
        if FILE.fullmatch(code):
            for one in alternatives(code):
                pattern = f"{ROOT}/{NAME.sub('*', one)}"
                assert glob.glob(pattern) or glob.glob(f"{pattern}.[ch]"), one
        elif SOURCE.fullmatch(code) and code not in OTHERS:
            assert sources_named(code), code


@every_document
def test_functions(path):
    """`function` (`file.c`): it is there, or in the header beside it."""
    text = " ".join(document(path).prose)
    for function, file in re.findall(rf"`(\w+_\w+)(?:\(\))?`,?\s+\(`({SOURCE.pattern})`", text):
        texts = [open(one).read() for name in (file, re.sub(r"[ch]$", "h", file)) for one in sources_named(name)]
        assert any(re.search(rf"\b{function}\b", one) for one in texts), f"{file} has no {function}"


# Packages.


def test_packages():
    """docs/dependencies.md says of each why it is there, and has no other."""
    with open(f"{ROOT}/deploy/packages") as file:
        listed = {line.split()[1] for line in file if line.strip() and not line.startswith("#")}
    tables = [line.split("|") for line in document("docs/dependencies.md").prose if line.startswith("| ")]
    libraries = {name for cells in tables if len(cells) == 7 for name in re.findall(r"`([^`]+)`", cells[2])}
    others = {name for cells in tables if len(cells) == 4 for name in re.findall(r"`([\w.+-]+)`", cells[1])}
    assert listed - libraries - others == set()
    assert (libraries | others) - listed == {"dns-root-data"}  # the program reads it, and is built without


# Commands.

# What begins one: the line or the text, another command, who runs it where, the end of a reply's text.
BEGIN = r"(?:^|[;&|(:]\s*|\. |\broot\s+|\bexec sendoff |\bold:\s+|\bnew:\s+)"
COMMAND = re.compile(rf"{BEGIN}sendoff\s+([a-z-].*)$")
# And what ends it: another command, a redirection, a comment (three spaces before something that is no option).
END = re.compile(r"\s+[#;|<>]|;|\s*&&|\s*\|\s|\s{3,}(?![-'\d])|\. (?=sendoff )|\)$")
PLACEHOLDER = re.compile(r"\[|\]|\.\.\.")


def commands(path):
    texts = []
    for block in document(path).blocks:
        if block.language in ("", "sh"):
            texts += block.text.replace("\\\n", " ").split("\n")
    texts += [code for code in document(path).codes() if code.startswith("sendoff ")]
    for text in texts:
        while found := COMMAND.search(text):
            words = found[1]
            ended = END.search(words)
            text = words[ended.start() :] if ended else ""
            yield words[: ended.start()] if ended else words


def words_of(line):
    """Without the brackets of what may be left out; of several values the first."""
    words = shlex.split(PLACEHOLDER.sub(" ", line))
    return [word.partition("|")[0] for word in words]


@functools.cache
def help_of(line):
    """Its options are parsed before --help is."""
    return subprocess.run(
        [PROGRAM, *words_of(line), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **SANITIZERS},
    )


@every_document
def test_commands(path):
    for line in commands(path):
        done = help_of(line.strip())
        assert_no_report(done.stderr, line)
        assert done.returncode == 0, f"sendoff {line}: {done.stderr}"


def test_commands_are_found():
    found = {line.strip() for path in PATHS for line in commands(path)}
    assert len(found) > 150
    for line in ("backup -", "restore /root/sendoff.tar.zst --send", "why 7QF2K9", "source remove 192.0.2.10", "queue retry   --site google"):
        assert line in found


# Replies.

REPLY = r"([45]\d\d)[- ]([45]\.\d+\.\d+)"


def replies_of_the_program():
    """What dialogues show and sources have: code and enhanced code. A session that is turned away has 421."""
    found = set()
    for path in glob.glob(f"{ROOT}/tests/session/*.smtp"):
        with open(path) as file:
            found |= set(re.findall(rf"^S: {REPLY}", file.read(), re.M))
    for path in [path for part in ("policy", "relay/submission", "relay/mime") for path in sources() if path.startswith(f"{ROOT}/{part}/")]:
        with open(path) as file:
            text = file.read()
        found |= set(re.findall(r'\b([45]\d\d), "([45]\.\d+\.\d+)"', text))
        found |= {("421", enhanced) for enhanced in re.findall(r'session_(?:refuse|turn_away)\(s, "(4\.\d+\.\d+)"', text)}
    return found


def test_replies():
    """docs/replies.md has each, and no other."""
    documented = set()
    for line in (line for heading in ("Refused for now: 4xx", "Refused: 5xx") for line in document("docs/replies.md").section(heading)):
        cell = line.split("|")[1] if line.startswith("| ") else ""
        for reply in cell.split(";"):  # "501 5.5.2, 5.5.4; 504 5.5.4"
            code, _, rest = reply.strip().partition(" ")
            documented |= {(code, enhanced) for enhanced in re.findall(r"[45]\.\d+\.\d+", rest)}
    assert replies_of_the_program() - documented == set()
    assert documented - replies_of_the_program() == set()


# Configurations.

HEAD = re.compile(r'(\w+)(?: +"[^"]*")? +\{')  # of a block
VALUE = re.compile(r'=\s*("[^"]*"|\S*)')
MINIMAL = {
    "hostname": 'hostname = "smtp.example.com"',
    "data_dir": 'data_dir = "{folder}"',
    "listen": 'listen "127.0.0.1:2587" {{ tls = "optional" }}',
    "tls": 'tls {{ certificate = "{certificate}" key = "{key}" }}',
}


@functools.cache
def configuration_keys():
    """The keys by block, "" for those at the top, as `sendoff help config` has them."""
    text = subprocess.run([PROGRAM, "help", "config"], capture_output=True, text=True, check=True).stdout
    keys, block = {}, None
    for line in text.splitlines():
        if head := re.match(r'(At the top|(\w+)(?: "\.\.\.")? \{ \.\.\. \}(?:, as often as needed)?)$', line):
            block = keys.setdefault(head[2] or "", set())
        elif block is not None and (key := re.fullmatch(r"  (\w+)", line)):
            block.add(key[1])
    return keys


def is_configuration(text):
    """Whether its first line that is no comment is a block or a key of the configuration."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    head, key = HEAD.match(first), re.match(r"(\w+)\s*=", first)
    return bool(head and head[1] in configuration_keys()) or bool(key and key[1] in configuration_keys()[""])


def snippets(path):
    """What can be read as it stands, and blocks that only name their keys."""
    whole = [block.text for block in document(path).blocks if block.language == "" and is_configuration(block.text)]
    named = []
    for code in document(path).codes():
        head = HEAD.match(code)
        if head and head[1] in configuration_keys() and code.endswith("}"):
            if "=" in code and "..." not in code:
                whole.append(code)
            else:
                named.append((head[1], re.findall(r"\w+", VALUE.sub("", code[head.end() : -1]))))
    return whole, named


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What a configuration names and `config check` reads, by key."""
    folder = tmp_path_factory.mktemp("configuration")
    certificate, key = make_certificate(folder, "smtp.example.com")
    (folder / "key").write_text("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\n")
    os.chmod(folder / "key", 0o600)
    return {
        "folder": folder,
        "shaping": f"{ROOT}/deploy/shaping.conf",
        "certificate": certificate,
        "key": key,
        "trust": certificate,
        "key_file": folder / "key",
        "dns_hook": "/bin/true",
        "trust_anchor": "/usr/share/dns/root.key",
    }


@every_document
def test_configurations(path, files):
    whole, named = snippets(path)
    for block, keys in named:
        assert set(keys) <= configuration_keys()[block], f"{block} has not all of {keys}"
    for number, text in enumerate(whole):
        for key in files:
            text = re.sub(rf'\b{key}(\s*)= "[^"]*"', rf'{key}\1= "{files[key]}"', text)
        text = text.replace("= N ", "= 5 ")
        text += "".join(f"\n{line.format(**files)}" for key, line in MINIMAL.items() if not re.search(rf"^{key}\b", text, re.M))
        config = files["folder"] / f"{number}.conf"
        config.write_text(text + "\n")
        done = subprocess.run([PROGRAM, "--config", config, "config", "check"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{text}\n{done.stderr}"


def test_configurations_are_found():
    found = [snippets(path) for path in PATHS]
    assert sum(len(whole) for whole, _ in found) > 25 and sum(len(named) for _, named in found) > 15


def test_tables(tmp_path):
    """Of providers, and the plan of a warm-up."""
    sendoff = [PROGRAM, "--config", tmp_path / "sendoff.conf"]
    lines = [line for key, line in MINIMAL.items() if key != "tls"]
    (tmp_path / "sendoff.conf").write_text("\n".join(lines).format(folder=tmp_path / "data"))
    os.mkdir(tmp_path / "data", 0o700)
    assert subprocess.run([*sendoff, "init"], capture_output=True, timeout=60).returncode == 0
    blocks = [block for path in PATHS for block in document(path).blocks]
    shaping = [block.text.replace("rule { ... }", "") for block in blocks if block.text.startswith("default {")]
    plans = [block.text for block in blocks if block.text.startswith("days = ")]
    assert shaping and plans
    for text, words in [*((text, ["site", "check"]) for text in shaping), *((text, ["source", "add", "127.0.0.2", "--helo", "localhost", "--warmup"]) for text in plans)]:
        (tmp_path / "table").write_text(text)
        done = subprocess.run([*sendoff, *words, tmp_path / "table"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
