"""docs/json.md has every field that a command prints as JSON, and no other. What is printed is in tests/golden; what needs a
running gateway is in the tests of this folder."""

import glob
import json
import os
import re
import shutil
import subprocess

import pytest

from sendoff_test import golden
from sendoff_test.command import PROGRAM, Command
from sendoff_test.markdown import Document, anchor
from test_golden import CHANGING, READING

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "../.."))
DOCUMENT = Document(f"{ROOT}/docs/json.md")
# Text, CSV, a report in a form of its own, or what other commands print.
NO_JSON = {"help", "serve", "setup", "completion bash", "completion zsh", "completion words", "suppression export"}
NO_JSON |= {"tls-report show"}
LINK = re.compile(r"\[[^\]]*\]\(#([\w-]+)\)")


def headings():
    return [line.lstrip("# ").strip() for line in DOCUMENT.prose if line.startswith("## ")]


OBJECTS = {anchor(one): one for one in headings() if one[0].isupper()}
COMMANDS = {command: one for one in headings() if not one[0].isupper() for command in one.split(", ")}


def fields(heading):
    """The paths of a section, with those of the objects that it links to: in prose as its own, in a row below its field."""
    found = []
    for line in DOCUMENT.section(heading):
        links = [OBJECTS[name] for name in LINK.findall(line) if name in OBJECTS]
        if not line.startswith("|"):
            if line.startswith("["):
                found += [path for one in links for path in fields(one)]
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`([^`]+)`", cells[0])
        found += names
        if LINK.match(cells[1] if len(cells) > 2 else ""):
            found += [f"{name}.{path}" for name in names for one in links for path in fields(one)]
    return found


def matches(pattern, path):
    """`a.*` is any field of a. What is below a field that is named, as of a map, is not."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", r"[^.\[\]]+"), path)


def paths_of(value, before=""):
    for key, inner in value.items():
        yield f"{before}{key}"
        if isinstance(inner, dict):
            yield from paths_of(inner, f"{before}{key}.")
        elif isinstance(inner, list):
            for one in inner:
                if isinstance(one, dict):
                    yield from paths_of(one, f"{before}{key}[].")


def command_of(line):
    words = line.split()
    return " ".join(words[:2]) if {" ".join(words[:2])} & {*COMMANDS, *NO_JSON} else words[0]


def undocumented(command, paths):
    patterns = set(fields(COMMANDS[command]))
    for one in list(patterns):
        while "." in one:  # a[].b says that a is a list of objects
            one = re.sub(r"(\[\])?\.[^.]*$", "", one)
            patterns.add(one)
    return [path for path in sorted(paths) if not any(matches(re.sub(r"\[\]$", "", one), path) for one in patterns)]


def printed():
    """By command, the paths in its golden files."""
    found = {}
    for name, line in [*READING.items(), *CHANGING.items()]:
        with open(f"{golden.FOLDER}/{name}.json") as file:
            for text in file:
                if text.startswith("{"):
                    found.setdefault(command_of(line), set()).update(paths_of(json.loads(text)))
    return {command: paths for command, paths in found.items() if command not in NO_JSON}


PRINTED = printed()


@pytest.mark.parametrize("command", PRINTED)
def test_every_field_is_documented(command):
    assert undocumented(command, PRINTED[command]) == []


RUNNING = (
    "status",
    "explain --account blog --from blog@example.com --to r@{domain}",
    "doctor --all",
    "domain check example.com",
    "domain records example.com",
    "site show {site}",
    "site check {shaping}",
    "source list",
    "log show {message}",
    "unban --all",
    "backup {folder}/backup",
)


def test_of_a_running_gateway(lab, gateway, tmp_path):
    """What has no golden file, or more while a gateway runs: every field that it prints is documented."""
    gateway.add_account("blog")
    lab.exchanger(domain := lab.new_domain(), tls="good")

    def run(line):
        done = gateway.sendoff.run("--json", *line.split())
        objects = [json.loads(text) for text in done.out.splitlines()]
        assert objects, f"{line}: {done.err}"
        assert undocumented(command_of(line), {path for one in objects for path in paths_of(one)}) == [], line
        return objects

    message = run(f"send-test --account blog --to r@{domain}")[-1]["message"]
    site = run("site list")[0]["site"]
    for line in RUNNING:
        run(line.format(domain=domain, site=site, shaping=f"{ROOT}/deploy/shaping.conf", message=message, folder=tmp_path))


# As an operator would type them one after another; the key and the lists are files.
WITHOUT_A_GATEWAY = (
    "init --hostname smtp.example.com --data-dir {folder}/data",
    "domain add example.com",
    "dkim import example.com {folder}/mail.private --selector mail",
    "import opendkim {folder}/opendkim --yes",
    "account add blog --sender example.com --for wordpress",
    "account set blog --for php --sandbox on",
    "route add far.example mx.far.example",
    "route set far.example mx.far.example --tls verify",
    "suppression import {folder}/bounces.csv --account blog",
    "log compact",
    "backup {folder}/backup.tar.zst",
)


def test_without_a_gateway(tmp_path):
    """What has no golden file and needs no gateway; a backup is restored in another place."""
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", tmp_path / "mail.private", "2048"], check=True, capture_output=True)
    os.makedirs(tmp_path / "opendkim/keys/moved.example")
    shutil.copy(tmp_path / "mail.private", tmp_path / "opendkim/keys/moved.example/mail.private")
    (tmp_path / "bounces.csv").write_text("gone@example.net\n")

    def run(config, line):
        done = Command(tmp_path / config).run("--json", *line.format(folder=tmp_path).split())
        assert done.status == 0, f"{line}: {done.err}"
        objects = [json.loads(text) for text in done.out.splitlines()]
        assert objects, line
        assert undocumented(command_of(line), {path for one in objects for path in paths_of(one)}) == [], line

    for line in WITHOUT_A_GATEWAY:
        run("sendoff.conf", line)
    os.rename(tmp_path / "data", tmp_path / "lost")
    run("sendoff.conf", "restore {folder}/backup.tar.zst")


def program_names():
    """What the program's own text has in quotes: names of fields among them."""
    names = set()
    for pattern in ("cli/**/*.c", "relay/json/*.c", "relay/daemon/*.c", "base/mail/refusal.h"):
        for path in glob.glob(f"{ROOT}/{pattern}", recursive=True):
            with open(path) as file:
                names.update(re.findall(r'"([\w-]+)"', file.read()))
    return names


@pytest.mark.parametrize("heading", headings())
def test_every_field_is_there(heading):
    """In a golden file, or where the program makes it."""
    known = program_names() | {path.rpartition(".")[2] for paths in PRINTED.values() for path in paths}
    lasts = {re.sub(r"\[\]$", "", path.rpartition(".")[2]) for path in fields(heading)}
    assert lasts - known - {"*"} == set()


def test_every_command_is_there():
    listing = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout.split("\n\n")[2]
    commands = {" ".join(line[:20].split()) for line in listing.splitlines()}
    assert commands - NO_JSON == set(COMMANDS)


def test_every_counter_is_there():
    with open(f"{ROOT}/relay/daemon/counters.c") as file:
        names = re.findall(r"^    (?:NOW|SINCE_START)\(\s*\"(\w+)\"", file.read(), re.M)
    assert len(names) > 30 and set(names) <= set(fields("status"))
