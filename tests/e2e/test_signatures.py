"""Messages that make signing difficult: both signatures verify at their recipient, with two verifiers that share no code with
the signer, and so the two agree about the body."""

import pytest

from sendoff_test.client import dialogue
from sendoff_test.hard_letters import (
    BOTH,
    MESSAGES,
    UNENDED,
    UTF8_FROM,
    UTF8_MESSAGE,
    UTF8_TO,
    assert_signed,
    eight_bit,
    head,
    part_of,
    submit_hard,
)
from sendoff_test.lab import SOURCE
from sendoff_test.verify import verified


@pytest.fixture(scope="module")
def gateway(lab):
    made = lab.new_gateway().configure(limits='max_message_size = "20M"')
    made.add_domain("example.com", "--key", "both")
    made.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    return made.start()


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net", utf8=True)


def sent(talk, recipient, *message, **how):
    """The arrival of a message."""
    return recipient.wait_for(submit_hard(talk, *message, **how))


@pytest.fixture(scope="module")
def talk(gateway, account, recipient):
    with dialogue(gateway, account) as session:
        yield session


@pytest.mark.parametrize("name", MESSAGES)
def test_both_verify(lab, talk, recipient, name):
    assert_signed(lab, sent(talk, recipient, MESSAGES[name], eight_bit(MESSAGES[name])))


@pytest.mark.parametrize("body", UNENDED)
def test_a_body_that_comes_in_chunks(lab, talk, recipient, body):
    """A last line without CRLF (RFC 6376 3.4.4), and cuts anywhere, also between CR and LF."""
    for octets in (7, 1000):
        assert_signed(lab, sent(talk, recipient, head() + b"\r\n" + body, chunks=octets))


def test_utf8_addresses(lab, talk, recipient):
    arrival = sent(talk, recipient, UTF8_MESSAGE, " SMTPUTF8 BODY=8BITMIME", UTF8_FROM, UTF8_TO)
    assert UTF8_TO in arrival.recipients
    assert_signed(lab, arrival)


def test_a_large_part(lab, talk, recipient):
    arrival = sent(talk, recipient, part_of(5 * 1024 * 1024))
    assert len(arrival.content) > 5 * 1024 * 1024
    assert_signed(lab, arrival)


def test_what_is_changed_verifies_no_more(lab, talk, recipient):
    """Neither verifier passes whatever it is given."""
    content = sent(talk, recipient, head() + b"\r\nHello.\r\n").content
    assert sorted(verified(content, lab.dns)) == BOTH
    for changed in (
        content.replace(b"Hello.", b"Hello!"),
        content.replace(b"Subject: A test", b"Subject: A tost"),
        content + b"more\r\n",
        b"From: other@example.org\r\n" + content,
    ):
        assert changed != content and verified(changed, lab.dns) == []
