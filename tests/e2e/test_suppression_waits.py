"""A recipient's entry is looked up in the store, which may take its time, or fail, while the client and the configuration go
on."""

import contextlib
import sqlite3

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter
from sendoff_test.processes import wait_until

CLIENT = "127.0.0.9"
FROM, TO, OTHER = "a@example.com", "gone@dest.example.net", "r@dest.example.net"


@pytest.fixture
def gateway(lab):
    made = lab.gateway()
    made.add_account("app", "--client-ip", CLIENT)
    made.sendoff("gateway", "set", "--spf", "off")  # MAIL is answered at once
    made.sendoff("suppression", "add", TO, "--account", "app", "--forever")
    yield made
    made.end()


@contextlib.contextmanager
def locked(gateway):
    """Another command has the store meanwhile; what it has written is committed by commit()."""
    store = sqlite3.connect(f"{gateway.data}/sendoff.db", timeout=20, isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    try:
        yield store
    finally:
        store.execute("ROLLBACK")
        store.close()


def greeted(gateway):
    return dialogue(gateway, tls="optional", source=CLIENT)


def test_what_cannot_be_looked_up_is_put_off(gateway):
    with greeted(gateway) as talk:
        with locked(gateway):
            talk.envelope(FROM)
            answer = talk.say(f"RCPT TO:<{TO}>")
            assert answer.startswith("451 4.3.0 the suppression list could not be read"), answer
            assert talk.say(f"RCPT TO:<{OTHER}>").startswith("250")
        assert talk.say(f"RCPT TO:<{TO}>").startswith("550 5.1.1")
        assert talk.content(letter(FROM, OTHER)).startswith("250")
    assert not gateway.log("--event", "delivered", "--to", TO)


def test_the_client_and_the_account_go_before_the_answer(gateway):
    """The client resets, and the configuration that it was asked with is replaced, while the question waits."""
    talk = greeted(gateway)
    with locked(gateway) as store:
        with gateway.frozen():
            talk.send(f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{TO}>\r\n".encode())
            talk.reset()
        wait_until(lambda: "reset by peer" in gateway.output(), "the session has ended")
        store.execute("UPDATE accounts SET suspended = 'gone' WHERE name = 'app'")
        store.execute("UPDATE meta SET value = value + 1 WHERE key = 'config'")
        store.execute("COMMIT")
        store.execute("BEGIN IMMEDIATE")

        def replaced():
            with greeted(gateway) as other:
                return "suspended: gone" in other.say(f"MAIL FROM:<{FROM}>")

        wait_until(replaced, "the configuration is replaced")
    gateway.sendoff("account", "resume", "app")
    with greeted(gateway) as talk:
        talk.envelope(FROM)
        assert talk.say(f"RCPT TO:<{TO}>").startswith("550 5.1.1")
    gateway.stop()  # with no sanitizer report
