"""The store's files are removed under the running gateway: no 250 is given for what would be lost, the gateway says so
and ends, and none makes an empty store in its place unasked."""

import glob
import os

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter
from sendoff_test.processes import wait_until

FROM, TO = "app@example.com", "r@dest.example.net"


@pytest.fixture
def gateway(lab):
    made = lab.gateway()
    made.add_account("app", "--client-ip", "127.0.0.0/8")
    return made


def send(gateway):
    with dialogue(gateway, tls="optional") as talk:
        talk.envelope(FROM, TO, options=" HOLDFOR=3600")  # it stays in the queue
        return talk.content(letter(FROM, TO))


def ends_by_itself(gateway):
    wait_until(lambda: not gateway.running(), "the gateway ends by itself", timeout=60)
    assert gateway.status() == 1
    assert "cannot go on" in gateway.output()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_a_removed_file_is_noticed(gateway, suffix):
    path = f"{gateway.data}/sendoff.db{suffix}"
    assert send(gateway).startswith("250")
    os.unlink(path)
    assert send(gateway).startswith("451 4.3.0 the message could not be stored")
    status = gateway.shown_status()
    assert status["store"] == "lost" and f"{path} was removed" in status["store_reason"]
    with dialogue(gateway, tls="optional") as talk:
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("451 4.3.0 the store's files have gone")
    assert gateway.output().count('event="the store cannot commit"') == 1
    ends_by_itself(gateway)


def test_a_log_that_was_removed_is_in_the_database_at_the_next_start(gateway):
    """It was open, so what was in it is not lost: the gateway writes it into the database before it ends."""
    assert send(gateway).startswith("250")
    waiting = {entry["message"] for entry in gateway.queue()}
    assert waiting
    os.unlink(f"{gateway.data}/sendoff.db-wal")
    assert send(gateway).startswith("451")
    ends_by_itself(gateway)
    gateway.start()
    assert waiting <= {entry["message"] for entry in gateway.queue()}


def test_files_that_others_may_read_are_closed_to_them(gateway):
    """Private keys are in them. A copy that somebody put in place has whatever mode it was made with."""
    send(gateway)
    gateway.kill()
    files = [f"{gateway.data}/sendoff.db{suffix}" for suffix in ("", "-wal", "-shm")]
    os.chmod(files[0], 0o644)
    os.chmod(files[1], 0o640)
    gateway.start()
    assert {os.stat(path).st_mode & 0o777 for path in files} == {0o600}
    warnings = [line for line in gateway.output().splitlines() if "open to others" in line]
    assert [files[0] in warnings[0], files[1] in warnings[1], len(warnings)] == [True, True, 2]
    gateway.restart()
    assert "open to others" not in gateway.output()


def test_no_empty_store_is_made_unasked(gateway):
    assert send(gateway).startswith("250")
    for path in glob.glob(f"{gateway.data}/sendoff.db*"):
        os.unlink(path)
    send(gateway)
    ends_by_itself(gateway)
    answer = gateway.sendoff.run("serve").err
    assert "there is no store" in answer and "sendoff init" in answer
    assert not os.path.exists(f"{gateway.data}/sendoff.db")
    with open(gateway.config) as config:
        before = config.read()
    gateway.sendoff("init")
    with open(gateway.config) as config:
        assert config.read() == before
    gateway.start()
    assert gateway.queue() == []


def test_no_empty_store_is_made_beside_what_is_left_of_one(gateway):
    assert send(gateway).startswith("250")
    gateway.kill()
    os.unlink(f"{gateway.data}/sendoff.db")
    refused = gateway.sendoff.run("init")
    assert refused.status == 1
    assert "sendoff.db-wal is left of a store" in refused.err
    assert not os.path.exists(f"{gateway.data}/sendoff.db")
