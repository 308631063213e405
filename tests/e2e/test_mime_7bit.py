"""Conversion to 7-bit MIME, read with a parser that is not ours: Python's email package."""

import base64
import binascii
import email
import email.errors
import os
import pathlib
import random
import subprocess
import time

import pytest

HELPER = pathlib.Path(os.environ["SENDOFF"]).parent / "tests" / "mime_convert"
LINE_MAX = 998
OWN_FIELDS = {"content-transfer-encoding", "mime-version", "content-type"}


def convert(messages, target="7bit"):
    """[(obstacle, result)] for each; an obstacle of 0 is none."""
    given = b"".join(b"%d %s\n%s" % (len(m), target.encode(), m) for m in messages)
    run = subprocess.run([HELPER], input=given, stdout=subprocess.PIPE, check=True, timeout=200)
    answers, rest = [], run.stdout
    at = 0
    while at < len(rest):
        end = rest.index(b"\n", at)
        obstacle, octets = map(int, rest[at:end].split())
        answers.append((obstacle, rest[end + 1 : end + 1 + octets]))
        at = end + 1 + octets
    assert len(answers) == len(messages)
    return answers


class Maker:
    """Messages at random, always the same for a seed. All that is in them is allowed, or known from mail in use."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.boundaries = []
        self.open_end = False  # the last multipart of the message is not closed

    def maybe(self, chance=0.5):
        return self.random.random() < chance

    def words(self, alphabet, lines):
        out = []
        for _ in range(lines):
            size = self.random.choice((0, 1, 20, 60, 72, 73, 74, 75, 76, 77, 150, 600))
            out.append("".join(self.random.choice(alphabet) for _ in range(size)))
        return "\r\n".join(out)

    def text(self):
        """(content type, octets)"""
        lines = self.random.randrange(0, 8)
        kind = self.random.randrange(7)
        ascii_ = "abcdefghij klmnopqrst =.-\t"
        if kind == 0:
            body = self.words(ascii_, lines).encode()
        elif kind == 1:
            body = self.words(ascii_ * 3 + "äöüß", lines).encode()
        elif kind == 2:
            body = self.words("привет мир ", lines).encode()
        elif kind == 3:
            body = self.words(ascii_ + "éèñ", lines).encode("latin-1")
        elif kind == 4:
            near = self.random.choice(self.boundaries or ["b"])
            inside = "x" * self.random.choice((1, 70, 71, 72, 73))  # a delimiter, were the line cut there
            body = f"{inside}--{near}\r\n--{near}x\r\n-- \r\n--{near}.\r\n .\r\n..\r\nFrom ä\r\n".encode()
        elif kind == 5:
            body = ("long ä= " * self.random.randrange(100, 500)).encode()
        else:
            body = self.random.choice((b"", b"\r\n", b" ", b"\xc3\xa4", b"\xff\r\n\r\n", b"a\r\n \r\n", b"nul\0\r\n", b"\xe4 \t"))
        if self.maybe():
            body += b"\r\n"
        types = ("text/plain; charset=utf-8", "text/html", 'Text/Plain;\r\n\tcharset="iso-8859-1"; format=flowed', "application/json", None)
        return self.random.choice(types), body

    def octets(self):
        body = self.random.randbytes(self.random.choice((0, 1, 2, 56, 57, 58, 200, 3000)))
        if self.maybe(0.3):
            body += self.random.choice((b"\r", b"\n", b"\r\n", b"\0"))
        name = self.random.choice((";\r\n name=\"a;b.png\"", "; name=x.png", ""))
        return f"image/png{name}", body

    def leaf(self):
        kind, body = self.text() if self.maybe(0.7) else self.octets()
        fields = [] if kind is None else [f"Content-Type: {kind}"]
        if self.maybe(0.2):
            form = self.random.choice(("base64", "quoted-printable"))
            made = base64.encodebytes(body) if form == "base64" else binascii.b2a_qp(body, istext=False)
            body = made.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            fields.append(f"Content-Transfer-Encoding: {form}")
        elif self.maybe(0.7):
            fields.append("Content-Transfer-Encoding: " + self.random.choice(("8bit", "binary", "BINARY", "8Bit (x)")))
        if self.maybe(0.3):
            fields.append("Content-Disposition: attachment;\r\n filename*=utf-8''%C3%A4")
        self.random.shuffle(fields)
        if not fields and self.maybe(0.3):
            fields.append("X-Empty:")
        return fields, body

    def boundary(self):
        odd = "'()+_,-./:=? "
        made = "".join(self.random.choice(odd + "abcXYZ019") for _ in range(self.random.choice((1, 10, 69)))) + "z"
        if self.boundaries and self.maybe(0.2):
            made = (self.random.choice(self.boundaries) + "z")[:70]  # one begins like another
        if made in self.boundaries or any(made == other + "--" or other == made + "--" for other in self.boundaries):
            return self.boundary()
        self.boundaries.append(made)
        return made

    def multipart(self, depth, last):
        boundary = self.boundary()
        kind = self.random.choice(("mixed", "alternative", "related; type=\"text/html\"", "digest"))
        out = []
        if self.maybe(0.3):
            out.append(self.random.choice((b"A preamble.\r\n", b"ein \xc3\xa4\r\n")))
        count = self.random.randrange(1, 4)
        for number in range(count):
            out.append(f"--{boundary}{' ' * self.random.choice((0, 0, 3))}\r\n".encode())
            inner_last = last and number == count - 1
            made = self.message(depth + 1, inner_last) if kind == "digest" else self.entity(depth + 1, inner_last)
            out.append((b"\r\n" if kind == "digest" else b"") + made)
            if not self.open_end:
                out.append(b"\r\n")
        if last and self.maybe(0.2):
            self.open_end = True
        if not self.open_end:
            out.append(f"--{boundary}--".encode())
            if not last or self.maybe(0.8):
                out.append(b"\r\n")
                if self.maybe(0.3):
                    out.append(self.random.choice((b"An epilogue.", b"\xe4\xe4\xe4")))
        quoted = f'"{boundary}"'
        return [f"Content-Type: multipart/{kind};\r\n boundary={quoted}"], b"".join(out)

    def entity(self, depth, last, extra=()):
        """Header, empty line and body."""
        choice = self.random.random()
        if depth < 6 and choice < 0.35:
            fields, body = self.multipart(depth, last)
        elif depth < 6 and choice < 0.45:
            fields, body = ["Content-Type: message/rfc822"], self.message(depth + 1, last)
        else:
            fields, body = self.leaf()
        if fields and "multipart" in fields[0] and self.maybe(0.3):
            fields.append("Content-Transfer-Encoding: " + self.random.choice(("8bit", "binary", "7bit")))
        return "".join(f"{field}\r\n" for field in [*extra, *fields]).encode() + b"\r\n" + body

    def message(self, depth=0, last=True):
        extra = [f"Subject: message {depth}", "From: a@example.com"]
        if self.maybe(0.9):
            extra.append("MIME-Version: 1.0")
        return self.entity(depth, last, extra)


def leaves(message):
    """(content type, fields that may not change, decoded octets) of every leaf, and of what is around it without octets."""
    out = []
    for part in message.walk():
        fields = [(name, value) for name, value in part.raw_items() if name.lower() not in OWN_FIELDS]
        decoded = None if part.is_multipart() else part.get_payload(decode=True)
        out.append((part.get_content_type(), part.get_filename(), fields, decoded))
    return out


def assert_seven_bit(octets, message):
    assert octets.isascii() and b"\0" not in octets
    lines = octets.split(b"\r\n")
    assert max(map(len, lines)) <= LINE_MAX
    assert all(b"\r" not in line and b"\n" not in line for line in lines)
    for part in message.walk():
        label = str(part.get("Content-Transfer-Encoding", "7bit")).lower()
        assert label in ("7bit", "base64", "quoted-printable"), label
        if part.is_multipart():
            assert label == "7bit"


def fits(octets):
    return octets.isascii() and b"\0" not in octets and max(map(len, octets.split(b"\r\n"))) <= LINE_MAX


def same_leaves(before, after, open_end):
    """Where the last delimiter is missing, this parser takes the last line end for a delimiter's, and so drops it in the
    message but not from what was encoded."""
    assert len(before) == len(after)
    for index, (old, new) in enumerate(zip(before, after)):
        last = open_end and index == len(before) - 1 and old[3] is not None
        if last and old != new:
            assert new[:3] == old[:3] and new[3] == old[3] + b"\r\n"
        else:
            assert old == new


@pytest.mark.parametrize("seed", range(8))
def test_round_trip(seed):
    makers = [Maker(seed * 1000 + n) for n in range(300)]
    messages = [maker.message() for maker in makers]
    converted = 0
    for maker, before, (obstacle, after) in zip(makers, messages, convert(messages)):
        assert obstacle == 0, before
        parsed = email.message_from_bytes(after)
        same_leaves(leaves(email.message_from_bytes(before)), leaves(parsed), maker.open_end)
        body = before.split(b"\r\n\r\n", 1)[1] if b"\r\n\r\n" in before else b""
        if after != before:
            assert_seven_bit(after, parsed)
            assert parsed["MIME-Version"] == "1.0"
            converted += 1
        else:
            assert body.isascii() and b"\0" not in body
    assert converted > 100


@pytest.mark.parametrize("seed", range(2))
def test_only_binary_goes(seed):
    """Towards a next hop with 8BITMIME and without BINARYMIME."""
    makers = [Maker(50000 + seed * 1000 + n) for n in range(300)]
    messages = [maker.message() for maker in makers]
    converted = 0
    for maker, before, (obstacle, after) in zip(makers, messages, convert(messages, "8bit")):
        assert obstacle == 0, before
        parsed = email.message_from_bytes(after)
        same_leaves(leaves(email.message_from_bytes(before)), leaves(parsed), maker.open_end)
        assert b"\0" not in after and max(map(len, after.split(b"\r\n"))) <= LINE_MAX
        if after != before:
            assert all(str(part.get("Content-Transfer-Encoding")).lower() != "binary" for part in parsed.walk())
            converted += 1
    assert converted > 100


def test_converted_once_is_enough():
    messages = [Maker(90000 + n).message() for n in range(200)]
    once = convert(messages)
    assert not any(obstacle for obstacle, _ in once) and [result for _, result in once] != messages
    assert convert([result for _, result in once]) == once


def test_signed_part_is_not_touched():
    signed = (
        b"Content-Type: multipart/signed; boundary=s; micalg=pgp-sha256\r\n\r\n"
        b"--s\r\n\r\nas it is \t\r\n--s\r\nContent-Type: x/y\r\n\r\nZ\r\n--s--\r\n"
    )
    message = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n%s--b\r\n\r\n\xc3\xa4\r\n--b--\r\n" % signed
    [(obstacle, after)] = convert([message])
    assert obstacle == 0 and signed in after
    assert_seven_bit(after, email.message_from_bytes(after))


def may_be_refused(cut):
    """Readers differ on what is cut off within the message's header, within a line end, or before a multipart's first delimiter."""
    parsed = email.message_from_bytes(cut)
    undivided = any(isinstance(d, email.errors.StartBoundaryNotFoundDefect) for part in parsed.walk() for d in part.defects)
    return b"\r\n\r\n" not in cut or cut.endswith(b"\r") or undivided


def test_cut_anywhere():
    """A message that ends too soon: nothing is lost of what there is, and hardly any is refused."""
    maker = Maker(4711)
    message = next(m for m in (maker.message() for _ in range(1000)) if len(m) > 3000 and not m.isascii())
    cuts = [message[:end] for end in range(0, len(message), 7)]
    refused = 0
    for cut, (obstacle, after) in zip(cuts, convert(cuts)):
        if obstacle:
            assert may_be_refused(cut), cut[-100:]
            refused += 1
            continue
        assert fits(after)
        if not cut.endswith(b"\r"):  # which Python's parser takes for the end of a line
            same_leaves(leaves(email.message_from_bytes(cut)), leaves(email.message_from_bytes(after)), open_end=True)
    assert refused < len(cuts) // 20


def test_large():
    picture = random.Random(1).randbytes(26 * 1024 * 1024)
    text = "Schöne Grüße, und noch etwas mehr Text in dieser Zeile.\r\n".encode() * 150_000
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    png = b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n" + picture
    message = head + png + b"\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + b"\r\n--b--\r\n"
    started = time.monotonic()
    [(obstacle, after)] = convert([message])
    assert time.monotonic() - started < 60  # a sanitizer's build, on a busy machine
    assert obstacle == 0
    parts = email.message_from_bytes(after).get_payload()
    assert parts[0].get_payload(decode=True) == picture and parts[0]["Content-Transfer-Encoding"] == "base64"
    assert parts[1].get_payload(decode=True) == text and parts[1]["Content-Transfer-Encoding"] == "quoted-printable"
