"""BDAT and BINARYMIME (RFC 3030): what arrives, and what out-of-place chunks lead to."""

import os
import pathlib

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until
from sendoff_test.verify import verified

TO = "r@dest.example.net"
FROM = "a@example.com"


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(limits='max_message_size = "9M"')


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture
def talk(gateway, account, recipient):
    with dialogue(gateway, account) as session:
        yield session


def signed(lab, content):
    return ("example.com", "ed25519-sha256") in verified(content, lab.dns)


def chunk(session, octets, last=False):
    session.send(b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"") + octets)
    return session.reply()


def binary_letter(mark, octets, kind="application/octet-stream"):
    head = (
        f"From: {FROM}\r\nTo: {TO}\r\nSubject: {mark}\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n"
    )
    return head.encode() + octets


def decoded(arrival):
    message = arrival.message
    return message, message.get_payload(decode=True)


@pytest.mark.parametrize("size", [1, 7, 64, 100000])
def test_chunks_of_any_size(lab, talk, recipient, size):
    mark = marker()
    text = letter(FROM, TO, mark.encode() + b"\r\n.\r\n..dots\r\nend\r\n")
    talk.envelope(FROM, TO)
    pieces = [text[n : n + size] for n in range(0, len(text), size)]
    for number, piece in enumerate(pieces):
        answer = chunk(talk, piece, last=number == len(pieces) - 1)
        assert answer.startswith("250 2.0.0"), answer
    arrival = recipient.wait_for(mark)
    assert arrival.body == text.split(b"\r\n\r\n", 1)[1]
    assert signed(lab, arrival.content)


def test_last_chunk_may_be_empty(talk, recipient):
    mark = marker()
    talk.envelope(FROM, TO)
    assert chunk(talk, letter(FROM, TO, mark)).startswith("250 2.0.0")
    assert chunk(talk, b"", last=True).startswith("250 2.0.0 accepted")
    recipient.wait_for(mark)


def test_pipelined_whole(talk, recipient):
    """RFC 3030 4.2: everything in one write, the next transaction behind it."""
    marks = [marker(), marker()]
    out = b""
    for mark in marks:
        text = letter(FROM, TO, mark)
        out += f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{TO}>\r\nBDAT {len(text)} LAST\r\n".encode() + text
    talk.send(out)
    answers = [talk.reply()[:3] for _ in range(6)]
    assert answers == ["250"] * 6
    for mark in marks:
        recipient.wait_for(mark)


def test_large_by_chunks(lab, talk, recipient):
    mark = marker()
    text = letter(FROM, TO, mark.encode() + b"\r\n" + (b"y" * 70 + b"\r\n") * 20000)
    talk.envelope(FROM, TO, options=f" SIZE={len(text)}")
    assert chunk(talk, text[:1000000]).startswith("250")
    assert chunk(talk, text[1000000:], last=True).startswith("250")
    assert signed(lab, recipient.wait_for(mark).content)


@pytest.mark.parametrize("size", [1600, 16000])
def test_large_by_chunks_sent_ahead(lab, talk, recipient, size):
    """All chunks without waiting for a reply, faster than the disk takes them: the session waits for the disk between chunks, too."""
    mark = marker()
    talk.envelope(FROM, TO)
    octets = (b"x" * 78 + b"\r\n") * (size // 80)
    count = 8_000_000 // size
    head = letter(FROM, TO, "", subject=mark)
    for one in (head, *([octets] * count)):  # each in a TLS record of its own
        talk.send(b"BDAT %d\r\n" % len(one) + one)
    talk.send(b"BDAT 0 LAST\r\n")
    replies = {talk.reply()[:9] for _ in range(count + 2)}
    assert replies == {"250 2.0.0"}
    assert len(recipient.wait_for(mark, timeout=60).body) >= 8_000_000 - size


def test_data_after_bdat_and_rcpt_after_bdat(talk):
    talk.envelope(FROM, TO)
    assert chunk(talk, b"From: a@example.com\r\n").startswith("250")
    assert talk.say("DATA").startswith("503 5.5.1")
    assert talk.say(f"RCPT TO:<{TO}>").startswith("503 5.5.1")
    assert talk.say(f"MAIL FROM:<{FROM}>").startswith("503 5.5.1")
    assert talk.say("NOOP").startswith("250")
    assert talk.say("RSET").startswith("250")
    assert talk.say("DATA").startswith("503")


def test_refused_chunks_are_read_and_thrown_away(gateway, account, talk):
    """What is in a chunk that may not come must never be run as commands."""
    poison = b"RSET\r\nQUIT\r\n"
    assert chunk(talk, poison).startswith("503")
    assert talk.say("NOOP").startswith("250")
    assert talk.say(f"MAIL FROM:<{FROM}>").startswith("250")
    assert chunk(talk, poison, last=True).startswith("554")
    assert talk.say("NOOP").startswith("250")
    talk.envelope(FROM, TO)
    assert chunk(talk, b"x" * 1000 + b"\r\n").startswith("250")
    talk.send(b"BDAT 10000000\r\n")
    assert talk.reply().startswith("552 5.3.4")
    assert talk.reply() == "", "what is over the limit is not waited for"


def test_not_logged_in(gateway):
    with dialogue(gateway) as session:
        session.start_tls()
        session.say("EHLO client.example")
        assert chunk(session, b"QUIT\r\n").startswith("530")
        assert session.say("NOOP").startswith("250")
        session.send(b"BDAT 100000000\r\n")
        assert session.reply().startswith("530")
        assert session.reply() == ""


@pytest.mark.parametrize("words", ["BDAT", "BDAT x", "BDAT -1 LAST", "BDAT 5 FIRST", "BDAT 5 LAST LAST", "BDAT 1" + 30 * "0"])
def test_chunk_of_unknown_size_ends_the_session(talk, words):
    talk.envelope(FROM, TO)
    assert talk.say(words).startswith("501 5.5.4")
    assert talk.reply() == ""


@pytest.mark.parametrize("octets", [b"bare\nfeed\r\n", b"bare\rreturn\r\n", b"ends in CR\r", b"a\n.\nb\r\n"])
def test_lines_are_lines_without_binarymime(talk, recipient, octets):
    before = len(recipient.arrivals)
    talk.envelope(FROM, TO)
    assert chunk(talk, letter(FROM, TO)[:-2] + octets, last=True).startswith("550 5.6.11")
    assert talk.say("NOOP").startswith("250")
    assert len(recipient.arrivals) == before


@pytest.mark.parametrize("size", [0, 10, 1000, 70000, 1200000])
def test_binary_arrives_octet_for_octet(lab, talk, recipient, size):
    mark = marker()
    octets = os.urandom(size)
    text = binary_letter(mark, octets)
    talk.envelope(FROM, TO, options=" BODY=BINARYMIME")
    half = len(text) // 2
    assert chunk(talk, text[:half]).startswith("250")
    answer = chunk(talk, text[half:], last=True)
    assert answer.startswith("250 2.0.0 accepted"), answer
    arrival = recipient.wait_for(mark)
    message, content = decoded(arrival)
    assert content == octets
    assert all(len(line) <= 998 for line in arrival.content.split(b"\r\n"))
    assert signed(lab, arrival.content)
    assert not any("BINARYMIME" in option for option in arrival.options)


def test_binary_needs_bdat(talk):
    talk.envelope(FROM, TO, options=" BODY=BINARYMIME")
    assert talk.say("DATA").startswith("503 5.5.1")


def test_binary_that_cannot_be_given_lines_is_refused(talk, recipient):
    """A signed part must stay as it was signed (RFC 1847 2.1)."""
    mark = marker()
    before = len(recipient.arrivals)
    body = b"--b\r\nContent-Type: text/plain\r\n\r\na\nb\xff\r\n--b\r\nContent-Type: x/sig\r\n\r\n0\r\n--b--\r\n"
    talk.envelope(FROM, TO, options=" BODY=BINARYMIME")
    answer = chunk(talk, binary_letter(mark, body, 'multipart/signed; boundary=b; protocol="x/sig"'), last=True)
    assert answer.startswith("554 5.6.3"), answer
    assert talk.say("NOOP").startswith("250")
    assert len(recipient.arrivals) == before


def test_binary_then_gone(gateway, account, recipient):
    """A client that leaves before its 250 was promised nothing; nothing is left behind in the spool."""
    gateway.wait_empty()

    def spooled():
        return [path for path in (pathlib.Path(gateway.data) / "spool").rglob("*") if path.is_file()]

    wait_until(lambda: not spooled(), "the spool is empty")
    with dialogue(gateway, account) as session:
        session.envelope(FROM, TO, options=" BODY=BINARYMIME")
        text = binary_letter(marker(), os.urandom(1_000_000))
        session.send(b"BDAT %d\r\n" % len(text) + text[: len(text) // 2])
        wait_until(spooled, "the beginning is in the spool")
    wait_until(lambda: not spooled(), "it has gone with its client")
    with dialogue(gateway, account) as session:
        assert session.say("NOOP").startswith("250")
