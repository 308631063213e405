"""What the released program is compiled with."""

import json
import os
import platform
import subprocess

import pytest

from sendoff_test.markdown import Document

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../.."))
HARDENING = ["-fstack-protector-strong", "-fstack-clash-protection", "-fPIE", "_FORTIFY_SOURCE=2"]
if platform.machine() == "x86_64":
    HARDENING.append("-fcf-protection=full")


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """The compiler's command for each file, in the release build."""
    folder = tmp_path_factory.mktemp("release")
    words = ["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DSENDOFF_TESTS=OFF"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return {one["file"]: one["command"] for one in json.loads((folder / "compile_commands.json").read_text())}


@pytest.mark.parametrize("option", HARDENING)
def test_every_file_is_hardened(commands, option):
    assert len(commands) > 100
    assert not [name for name, command in commands.items() if option not in command]


def test_from_source(tmp_path):
    """As docs/install.md has it: the program looks for its files where they are installed."""
    guide = Document(f"{ROOT}/docs/install.md")
    lines = [line for block in guide.blocks_of("From source") for line in block.splitlines()]
    (configure,) = [line.split() for line in lines if line.startswith("cmake --preset")]
    (install,) = [line for line in lines if "cmake --install" in line]
    assert "--prefix" not in install
    done = subprocess.run([*configure, "-B", tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    command = json.loads((tmp_path / "compile_commands.json").read_text())[0]["command"]
    assert "/usr/share/sendoff/shaping.conf" in command, command
    shown = (tmp_path / "cmake_install.cmake").read_text()
    assert 'set(CMAKE_INSTALL_PREFIX "/usr")' in shown
