"""Messages to send."""

import email
import itertools
import os

_numbers = itertools.count(1)

ORIGINALS = ("text/rfc822-headers", "message/rfc822", "message/global-headers", "message/global")  # RFC 6522, RFC 6533


def marker():
    """Words that are in one message only."""
    return f"marker-{os.getpid()}-{next(_numbers)}-end"


def letter(sender, recipient, text="Hello.\r\n", subject="A test", extra=""):
    """A whole message as octets. `extra`: more header fields, each ended by CRLF."""
    head = f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n{extra}"
    return head.encode() + b"\r\n" + (text if isinstance(text, bytes) else text.encode())


def fields(content):
    """The header fields of a message in order: (lower-case name, unfolded value)."""
    head = content.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")
    lines = head.replace("\r\n\t", " ").replace("\r\n ", " ").split("\r\n")
    return [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def values(content, name):
    return [value for field, value in fields(content) if field == name.lower()]


def report(content):
    """What a delivery status notification says (RFC 3464): the fields of the message and of each recipient, lower-case
    names, and the returned header."""
    parsed = email.message_from_bytes(content)
    assert parsed.get_content_type() == "multipart/report", parsed.get_content_type()
    human, status, *rest = parsed.get_payload()  # the third part is optional
    assert len(rest) <= 1
    assert human.get_content_type() == "text/plain"
    assert status.get_content_type() in ("message/delivery-status", "message/global-delivery-status")
    assert parsed.get_param("report-type") == status.get_content_subtype()  # RFC 6522 3
    eight_bit = any(part["Content-Transfer-Encoding"] == "8bit" for part in parsed.get_payload())
    assert parsed.get("Content-Transfer-Encoding", "7bit") == ("8bit" if eight_bit else "7bit")  # RFC 2045 6.4
    assert eight_bit or max(content) < 0x80
    for returned in rest:
        assert returned.get_content_type() in ORIGINALS, returned.get_content_type()
    groups = [{name.lower(): value for name, value in group.items()} for group in status.get_payload()]
    return {"message": groups[0], "recipients": groups[1:], "returned": "".join(r.as_string() for r in rest), "text": human.as_string()}
