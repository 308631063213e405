"""Messages that make signing difficult: both signatures verify at their recipient, with two verifiers that share no code with
the signer, and so the two agree about the body."""

import base64
import os
import re

import pytest

from sendoff_test.client import dialogue
from sendoff_test.lab import SOURCE
from sendoff_test.letters import marker
from sendoff_test.verify import signatures, tags, verified

FROM, TO = "a@example.com", "r@dest.example.net"
BOTH = [("example.com", "ed25519-sha256"), ("example.com", "rsa-sha256")]


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


def head(extra=b"", sender=FROM, to=TO, subject=b"A test"):
    return f"From: {sender}\r\nTo: {to}\r\n".encode() + b"Subject: " + subject + b"\r\n" + extra


def stuffed(content):
    """RFC 5321 4.5.2"""
    return re.sub(rb"(?m)^\.", b"..", content)


def part_of(octets):
    """A message with an attachment so large."""
    text = base64.encodebytes(os.urandom(octets * 3 // 4)).replace(b"\n", b"\r\n")
    return (
        head(b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n')
        + b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--b\r\nContent-Type: application/octet-stream\r\n"
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + text
        + b"--b--\r\n"
    )


BODIES = {
    "empty": b"",
    "one empty line": b"\r\n",
    "empty lines alone": b"\r\n\r\n\r\n",
    "blanks alone": b" \t \r\n\t\r\n",
    "trailing blanks": b"one \t\r\ntwo\t\r\n  three   four  \r\n",
    "empty lines behind it": b"text\r\n\r\n \r\n\r\n",
    "leading blanks": b"  one\r\n\ttwo\r\n",
    "dots": b".\r\n..\r\n.one\r\n...\r\n. \r\ntwo.\r\n.\r\n",
    "like a header": b"From: x@example.net\r\n\r\nSubject: y\r\n",
    "From at a line's start": b"From here on\r\n>From there\r\n",
    "long lines": b"x" * 998 + b"\r\n" + b"y " * 490 + b"\r\n",
    "longer lines than SMTP takes": b"z" * 5000 + b"\r\n" + b"w " * 2500 + b"\r\n",
    "UTF-8": "Größe, Ελλάδα, 日本\r\n".encode(),
    "no charset at all": b"\xff\xfe\x80 \xe4\r\n",
    "control characters": b"a\x01b\x0bc\x0cd\x7f\r\n\x0c\r\n",
    "no line of it ends in a space that counts": b"=20\r\n=\r\n\t=09 \r\n",
}

HEADERS = {
    "folded": head(b"References: <1@e.org>\r\n <2@e.org>\r\n\t<3@e.org>\r\n", subject=b"one\r\n two,\r\n\tthree"),
    "folded with blanks around": head(subject=b"one  \t \r\n  \t two \t"),
    "an empty subject": head(subject=b""),
    "a subject of blanks": head(subject=b" \t "),
    "many blanks": head(b"Reply-To:   \t a@example.com   \r\n", subject=b"a  b \t c"),
    "8-bit, UTF-8": head("Reply-To: Jörg <a@example.com>\r\n".encode(), subject="Größe 日本".encode()),
    "8-bit, Latin-1": head(subject=b"Gr\xf6\xdfe"),
    "encoded words": head(subject=b"=?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\n =?utf-8?b?5pel5pys?="),
    "form feeds and vertical tabs": head(subject=b"a \x0c b\x0b c"),
    "forwarded twice": head(
        b"Resent-From: b@example.net\r\nResent-To: c@example.net\r\nResent-Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
        b"Resent-From: d@example.net\r\nResent-To: e@example.net\r\nResent-Date: Mon, 23 Nov 2026 11:00:00 +0000\r\n"
    ),
    "list fields twice": head(
        b"List-Unsubscribe: <https://example.com/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        b"List-Unsubscribe: <https://example.com/2>\r\nFeedback-ID: a:b:c:d\r\nFeedback-ID: e:f:g:h\r\n"
    ),
    "names in any case": b"FROM: a@example.com\r\ntO: r@dest.example.net\r\nsUBJECT: x\r\nmessage-ID: <m@example.com>\r\n",
    "a blank before the colon": head(b"Reply-To : a@example.com\r\nCc\t: c@dest.example.net\r\n"),
    "another's signature": head(b"DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=x; h=from; bh=AAAA; b=BBBB\r\n"),
    "a long field": head(b"References:" + b"".join(b"\r\n <%d.abcdefghijklmnopqrstuvwxyz@example.com>" % n for n in range(150)) + b"\r\n"),
    "everything that a hop changes": head(
        b"Received: from x by y; Mon, 23 Nov 2026 10:00:00 +0000\r\nAuthentication-Results: x; dkim=pass\r\n"
        b"Delivered-To: q@example.net\r\nComments: none\r\n"
    ),
}

MESSAGES = {
    **{f"body: {name}": head() + b"\r\n" + body for name, body in BODIES.items()},
    **{f"header: {name}": header + b"\r\nHello.\r\n" for name, header in HEADERS.items()},
    "no body at all": head(),
}


def sent(talk, recipient, content, options="", sender=FROM, to=TO, chunks=0):
    """The arrival of a message that is told from others by a field at its top. `chunks`: by BDAT, in so many octets each,
    with nothing added at its end (RFC 3030)."""
    mark = marker()
    content = b"X-Mark: " + mark.encode() + b"\r\n" + content
    talk.envelope(sender, to, options=options)
    if chunks:
        pieces = [content[at : at + chunks] for at in range(0, len(content), chunks)]
        for piece in pieces:
            talk.send(b"BDAT %d%s\r\n" % (len(piece), b" LAST" if piece is pieces[-1] else b"") + piece)
            answer = talk.reply()
            assert answer.startswith("250"), answer
    else:
        answer = talk.content(stuffed(content))
        assert answer.startswith("250"), answer
    return recipient.wait_for(mark)


def assert_signed(lab, arrival):
    assert sorted(verified(arrival.content, lab.dns)) == BOTH, arrival.content[:4000]
    ours = [parts for parts in map(tags, signatures(arrival.content)) if parts.get("d") == "example.com"]
    assert len({parts["bh"] for parts in ours}) == 1


@pytest.fixture(scope="module")
def talk(gateway, account, recipient):
    with dialogue(gateway, account) as session:
        yield session


@pytest.mark.parametrize("name", MESSAGES)
def test_both_verify(lab, talk, recipient, name):
    options = " BODY=8BITMIME" if not MESSAGES[name].isascii() else ""
    assert_signed(lab, sent(talk, recipient, MESSAGES[name], options))


@pytest.mark.parametrize("body", [b"", b"x", b"no end of line", b"\r\nx \t", b"x\r\n.", b"x\r\n\r\n", b"\r\n \r\n \r\n"])
def test_a_body_that_comes_in_chunks(lab, talk, recipient, body):
    """A last line without CRLF (RFC 6376 3.4.4), and cuts anywhere, also between CR and LF."""
    for octets in (7, 1000):
        assert_signed(lab, sent(talk, recipient, head() + b"\r\n" + body, chunks=octets))


def test_utf8_addresses(lab, talk, recipient):
    content = head(b"Cc: =?utf-8?q?J=C3=B6rg?= <c@dest.example.net>\r\n", sender="jörg@example.com", to="günther@dest.example.net")
    arrival = sent(
        talk, recipient, content + b"\r\n" + "Grüße\r\n".encode(), " SMTPUTF8 BODY=8BITMIME", "jörg@example.com", "günther@dest.example.net"
    )
    assert "günther@dest.example.net" in arrival.recipients
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
