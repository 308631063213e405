"""The host name that `sendoff setup` is given: paths and commands are made of it."""

import os

import pytest

from sendoff_test.command import Command

NAMES = ("x'; touch MARK; '", "$(touch MARK)", "../../../tmp/x", "a b.example.com", "-x.example.com", "x\n.example.com")


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_host(tmp_path, name):
    sendoff = Command(tmp_path / "sendoff.conf")
    words = ["setup", "--yes", f"--hostname={name.replace('MARK', str(tmp_path / 'mark'))}", "--data-dir", tmp_path / "data"]
    refused = sendoff.run(*words, "--start", "no")
    assert refused.status == 2 and "write a full name" in refused.err, refused
    assert os.listdir(tmp_path) == []
