"""Messages that make signing difficult, and what their signatures must be wherever they arrive."""

import base64
import os
import re

from .letters import marker
from .verify import signatures, tags, verified

FROM, TO = "a@example.com", "r@dest.example.net"
BOTH = [("example.com", "ed25519-sha256"), ("example.com", "rsa-sha256")]


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

MIME_8_BITS = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"

MESSAGES = {
    **{f"body: {name}": head() + b"\r\n" + body for name, body in BODIES.items()},
    **{f"header: {name}": header + b"\r\nHello.\r\n" for name, header in HEADERS.items()},
    "no body at all": head(),
    "8-bit text that MIME says is so": head(MIME_8_BITS) + "\r\nGrüße aus 東京\r\n".encode(),
}

# Bodies that end so, or otherwise than with CRLF (RFC 6376 3.4.4): by BDAT alone.
UNENDED = [b"", b"x", b"no end of line", b"\r\nx \t", b"x\r\n.", b"x\r\n\r\n", b"\r\n \r\n \r\n"]

# In a session with SMTPUTF8.
UTF8_FROM, UTF8_TO = "jörg@example.com", "günther@dest.example.net"
UTF8_MESSAGE = (
    head(b"Cc: =?utf-8?q?J=C3=B6rg?= <c@dest.example.net>\r\n", sender=UTF8_FROM, to=UTF8_TO) + b"\r\n" + "Grüße\r\n".encode()
)


def eight_bit(content):
    """The parameter of MAIL that it needs."""
    return "" if content.isascii() else " BODY=8BITMIME"


def submit_hard(talk, content, options="", sender=FROM, to=TO, chunks=0):
    """Submits a message in an open session; the mark by which its arrival is told from others, which is in a field at its top.
    `chunks`: by BDAT, in so many octets each, with nothing added at its end (RFC 3030)."""
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
    return mark


def assert_signed(lab, arrival):
    assert sorted(verified(arrival.content, lab.dns)) == BOTH, arrival.content[:4000]
    ours = [parts for parts in map(tags, signatures(arrival.content)) if parts.get("d") == "example.com"]
    assert len({parts["bh"] for parts in ours}) == 1
