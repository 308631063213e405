"""What applications send that is not quite what the standards ask for, and whose meaning is clear: it is repaired before
it is signed, means the same to another parser (Python's), verifies, and the log says what was repaired."""

import email
import email.policy
from email.header import decode_header, make_header
import os
import random

import pytest

from sendoff_test.attempts import accepted_event, attempt
from sendoff_test.client import dialogue
from sendoff_test.letters import marker
from sendoff_test.processes import wait_until
from sendoff_test.verify import verified

FROM, TO = "a@example.com", "r@dest.example.net"
SIGNED = [("example.com", "ed25519-sha256")]
LONG = "a word and another " * 120


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


def octets(text, charset="utf-8"):
    return text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode(charset)


def build(header, body="Hello.\n", mark="", charset="utf-8"):
    return octets(header, charset) + f"X-Mark: {mark}\r\n".encode() + b"\r\n" + octets(body, charset)


def sent(gateway, account, recipient, header, body="Hello.\n", sender=FROM, charset="utf-8"):
    """The arrival, and the log's words on what was accepted."""
    mark = marker()
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, sender, [TO], build(header, body, mark, charset))
    return recipient.wait_for(mark), accepted_event(gateway, answer)["text"]


def header_of(content):
    return content.split(b"\r\n\r\n", 1)[0]


FROMS = {  # as it is sent: the name and the address that are meant
    "[My Blog] <a@example.com>": "[My Blog]",
    "Doe, John <a@example.com>": "Doe, John",
    "Shop: Orders & more <a@example.com>": "Shop: Orders & more",
    "Dr. A. B. Smith @ Home <a@example.com>": "Dr. A. B. Smith @ Home",
    "info@other.example via Forms <a@example.com>": "info@other.example via Forms",
    "Jörg Müller <a@example.com>": "Jörg Müller",
    "Müller, Jörg (Köln) <a@example.com>": "Müller, Jörg (Köln)",
    '"Zoë" <a@example.com>': "Zoë",
    "株式会社サンプル営業部お客様サポート係 担当 山田太郎 <a@example.com>": "株式会社サンプル営業部お客様サポート係 担当 山田太郎",
}


@pytest.mark.parametrize("field", FROMS)
def test_from(lab, gateway, account, recipient, field):
    arrival, log = sent(gateway, account, recipient, f"From: {field}\nSubject: x\n")
    (address,) = arrival.message["From"].addresses
    assert address.addr_spec == FROM
    raw = email.message_from_bytes(arrival.content)["From"]
    assert str(make_header(decode_header(raw.rpartition("<")[0]))).strip(' "') == FROMS[field]
    assert max(arrival.content) < 0x80
    assert verified(arrival.content, lab.dns) == SIGNED
    assert "; repaired: From " in log


LATIN = "Jörg, Müller"
OLD = [  # only the first three can be detected where nothing declares them
    *((charset, LATIN, declared) for charset in ("iso-8859-1", "iso-8859-15", "windows-1252") for declared in (True, False)),
    *(("koi8-r", "Иван, Петров", True), ("shift_jis", "山田, 太郎", True), ("gb18030", "王, 小明", True)),
]


@pytest.mark.parametrize("charset, name, declared", OLD)
def test_names_in_old_character_sets(lab, gateway, account, recipient, charset, name, declared):
    kind = f"Content-Type: text/plain; charset={charset}\nMIME-Version: 1.0\n" if declared else ""
    arrival, _ = sent(gateway, account, recipient, f"From: {name} <{FROM}>\n{kind}Subject: {name}\n", charset=charset)
    message = arrival.message
    assert message["From"].addresses[0].display_name == name
    assert message["Subject"] == name
    assert verified(arrival.content, lab.dns) == SIGNED


def test_a_report_s_from(lab, gateway, account, recipient):
    arrival, log = sent(gateway, account, recipient, "From: MAILER-DAEMON <>\nSubject: x\n", sender="")
    (address,) = arrival.message["From"].addresses
    assert address.display_name == "MAILER-DAEMON" and address.username == "MAILER-DAEMON"
    assert "From given an address" in log


def test_a_report_with_long_lines(lab, gateway, account, recipient):
    """Its header is read once more when the content is encoded anew: the address that we gave it is still ours."""
    _, log = sent(gateway, account, recipient, "From: MAILER-DAEMON <>\nSubject: x\n", body="x" * 3000 + "\n", sender="")
    assert "From given an address, content encoded anew" in log


@pytest.mark.parametrize(
    "field, words",
    [
        ("From: ceo@bank.example, x <a@example.com>, y <", "write From:"),
        ("From: a@example.com <b@example.com> <c@example.com>", "write From:"),
        ("From: nobody at all", '"nobody at all"'),
        ("From: jörg@example.com", "SMTPUTF8"),
    ],
)
def test_what_stays_ambiguous_is_refused(gateway, account, field, words):
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, FROM, [TO], build(f"{field}\nSubject: x\n"))
    assert answer.startswith("550 5.6.") and words in answer, answer


FIELDS = {
    "Subject": ("Grüße aus Köln", "Grüße aus Köln"),
    "Comments": ("ein € und noch ein €", "ein € und noch ein €"),
    "X-Mailer": ("Größenwahn 2.0", "Größenwahn 2.0"),
    "To": ("Jörg <j@dest.example.net>, b@dest.example.net", "Jörg <j@dest.example.net>, b@dest.example.net"),
    "Cc": ('"Müller, Jörg" <j@dest.example.net>', '"Müller, Jörg" <j@dest.example.net>'),
    "Reply-To": ("Bücher <books@example.com>", "Bücher <books@example.com>"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_raw_octets_in_fields(lab, gateway, account, recipient, name):
    said, meant = FIELDS[name]
    arrival, log = sent(gateway, account, recipient, f"From: {FROM}\n{name}: {said}\n" + ("" if name == "Subject" else "Subject: x\n"))
    assert str(arrival.message[name]) == meant
    assert max(arrival.content) < 0x80
    assert verified(arrival.content, lab.dns) == SIGNED
    assert f"{name} encoded" in log


@pytest.mark.parametrize("size", [10, 400_000])
def test_file_names_of_parts(lab, gateway, account, recipient, size):
    """Also at a host without 8BITMIME, which is where they bounced."""
    name = "Rechnung für März, 2026 – überfällig und sehr lang, wie es eben so kommt.pdf"
    body = (
        f'--b\nContent-Type: application/pdf; name="{name}"\nContent-Disposition: attachment; filename="{name}"\n'
        "Content-Transfer-Encoding: base64\n\n" + "QUFBQUFBQUFBQUFBQUFBQUFB\n" * (size // 24 + 1) + "--b--\n"
    )
    header = f"From: {FROM}\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
    arrival, log = sent(gateway, account, recipient, header, body)
    (part,) = arrival.message.iter_parts()
    assert part.get_filename() == name
    assert max(arrival.content) < 0x80
    assert verified(arrival.content, lab.dns) == SIGNED
    assert "content encoded anew" in log


def test_a_signature_is_no_part(gateway, account, recipient):
    body = "--b\nContent-Type: text/plain; charset=utf-8\n\nHello.\n-- \nJörg Müller\nTel.: 0221 Köln\n--b--\n"
    header = f"From: {FROM}\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
    arrival, log = sent(gateway, account, recipient, header, body)
    assert arrival.body == octets(body) and "repaired" not in log


def test_smtputf8_stays_as_it_is(lab, gateway, account):
    recipient = lab.exchanger("utf8.example.net", utf8=True)
    mark = marker()
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, "r@utf8.example.net", options=" SMTPUTF8")
        assert talk.content(build(f"From: Jörg <{FROM}>\nSubject: Grüße\n", mark=mark)).startswith("250")
    content = recipient.wait_for(mark).content
    assert "Subject: Grüße\r\n".encode() in content and "From: Jörg <".encode() in content


@pytest.mark.parametrize("body", [LONG + "\n", "x" * 3000 + "\n", "Grüße " * 400 + "\n", "x\n" + LONG + "\n"])
def test_long_lines(lab, gateway, account, recipient, body):
    kind = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    arrival, log = sent(gateway, account, recipient, f"From: {FROM}\nSubject: x\n{kind}", body)
    assert max(len(line) for line in arrival.content.split(b"\r\n")) <= 998
    assert arrival.message.get_payload(decode=True).rstrip(b"\r\n") == octets(body).rstrip(b"\r\n")
    assert verified(arrival.content, lab.dns) == SIGNED
    assert "content encoded anew" in log


def test_a_large_message_with_long_lines(lab, gateway, account, recipient):
    """Over what is kept in memory: its file is read, converted, and written anew."""
    body = ("y" * 1500 + "\n") * 700
    arrival, _ = sent(gateway, account, recipient, f"From: {FROM}\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/html\n", body)
    assert arrival.message.get_payload(decode=True) == octets(body)
    assert verified(arrival.content, lab.dns) == SIGNED


@pytest.mark.parametrize(
    "field",
    [
        "To: " + ", ".join(f"user{n}@dest.example.net" for n in range(100)),
        "To: " + ",".join(f"user{n}@dest.example.net" for n in range(100)),
        "References: " + " ".join(f"<{n}.message@dest.example.net>" for n in range(60)),
        "Subject: " + "long " * 300,
        "X-Token: " + "abc" * 500,
    ],
)
def test_long_fields(lab, gateway, account, recipient, field):
    subject = "" if field.startswith("Subject") else "Subject: x\n"
    arrival, log = sent(gateway, account, recipient, f"From: {FROM}\n{subject}{field}\n")
    name, _, value = field.partition(": ")
    assert max(len(line) for line in arrival.content.split(b"\r\n")) <= 998
    got = str(arrival.message[name])
    assert got.replace(" ", "") == value.replace(" ", "").rstrip()
    assert verified(arrival.content, lab.dns) == SIGNED
    assert f"{name} folded" in log


LINES = "MIME-Version: 1.0\nContent-Type: text/plain\n"


def test_the_same_again_is_known_though_it_was_encoded(gateway, account, recipient):
    """What makes a submission the same is what came, not what became of it."""
    mark = marker()
    content = build(f"From: {FROM}\nMessage-ID: <{mark}@example.com>\nSubject: x\n{LINES}", LONG + "\n", mark)
    with dialogue(gateway, account) as talk:
        answers = {attempt(talk, FROM, [TO], content) for _ in range(3)}
    assert len(answers) == 1 and answers.pop().startswith("250")
    gateway.wait_empty()
    assert len([arrival for arrival in recipient.arrivals if mark.encode() in arrival.content]) == 1


def test_by_chunks_and_with_commands_behind(lab, gateway, account, recipient):
    """The whole of two transactions in one write: what is encoded holds up the second, and loses nothing of it."""
    marks = [marker(), marker()]
    said = b""
    for mark in marks:
        content = build(f"From: {FROM}\nSubject: x\n{LINES}", LONG + "\n", mark)
        cut = len(content) // 2
        said += f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{TO}>\r\nBDAT {cut}\r\n".encode() + content[:cut]
        said += f"BDAT {len(content) - cut} LAST\r\n".encode() + content[cut:]
    with dialogue(gateway, account) as talk:
        talk.send(said + b"NOOP\r\n")
        codes = [talk.reply()[:3] for _ in range(9)]
    assert codes == ["250"] * 9
    for mark in marks:
        assert verified(recipient.wait_for(mark).content, lab.dns) == SIGNED


@pytest.mark.parametrize("lines", [2, 700])
def test_a_client_that_goes_while_it_is_encoded(gateway, account, lines):
    """Nothing was promised; nothing of it stays behind, on disk or in memory, and the gateway goes on."""
    content = build(f"From: {FROM}\nSubject: x\n{LINES}", ("y" * 1500 + "\n") * lines)
    for _ in range(5):
        with dialogue(gateway, account) as talk:
            talk.envelope(FROM, TO)
            assert talk.say("DATA").startswith("354")
            talk.send(content + b".\r\n")
    gateway.wait_empty()

    def files():
        return [name for _, _, names in os.walk(f"{gateway.data}/spool") for name in names]

    wait_until(lambda: not files(), "no file is left of it")
    assert gateway.running()


def test_long_lines_in_what_is_signed(gateway, account):
    body = f"--s\nContent-Type: text/plain\n\n{LONG}\n--s\nContent-Type: application/pgp-signature\n\nx\n--s--\n"
    header = f"From: {FROM}\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/signed; boundary=s\n"
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, FROM, [TO], build(header, body))
    assert answer.startswith("550 5.6.3") and "signed" in answer, answer


def test_long_lines_refused(gateway):
    strict = gateway.add_account("strict", "--long-lines", "refuse")
    with dialogue(gateway, strict) as talk:
        answer = attempt(talk, FROM, [TO], build(f"From: {FROM}\nSubject: x\n", LONG + "\n"))
        assert answer.startswith("550 5.6.0") and "over 998 octets" in answer, answer
        answer = attempt(talk, FROM, [TO], build(f"From: {FROM}\nSubject: {LONG}\n"))
        assert answer.startswith("550 5.6.0 the Subject field has a line over 998 octets; fold it"), answer


@pytest.mark.parametrize(
    "ahead", [b"From a@example.com Mon Nov 23 10:00:00 2026\r\n", b"\xef\xbb\xbf", b"\r\n\r\n", b"\xef\xbb\xbf\r\nFrom x\r\n"]
)
def test_what_stands_ahead_of_the_header(lab, gateway, account, recipient, ahead):
    arrival, log = sent(gateway, account, recipient, ahead + f"From: {FROM}\r\nSubject: x\r\n".encode())
    assert arrival.message["Subject"] == "x" and arrival.body == b"Hello.\r\n"
    assert ahead.strip() not in header_of(arrival.content) or not ahead.strip()
    assert verified(arrival.content, lab.dns) == SIGNED
    assert "ahead of the header" in log


@pytest.mark.parametrize("name", ["Content-Type", "MIME-Version"])
def test_two_of_what_says_what_the_content_is(gateway, account, name):
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, FROM, [TO], build(f"From: {FROM}\n{name}: a\n{name}: b\nSubject: x\n"))
    assert answer.startswith(f"550 5.6.0 the header has more than one {name} field"), answer


@pytest.mark.parametrize("name", ["From", "Subject", "To", "X-Mailer"])
def test_white_space_before_a_colon(lab, gateway, account, recipient, name):
    rest = "" if name == "From" else f"From: {FROM}\n"
    arrival, log = sent(gateway, account, recipient, f"{rest}{name} : {FROM}\n" + ("" if name == "Subject" else "Subject: x\n"))
    assert str(arrival.message[name]) == FROM
    assert verified(arrival.content, lab.dns) == SIGNED
    assert f"{name} closed up" in log


def test_a_line_that_is_no_field_is_shown(gateway, account):
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, FROM, [TO], build(f"From: {FROM}\nthis is no field\nSubject: x\n"))
    assert answer.startswith("550 5.6.0") and '"this is no field"' in answer, answer


def test_a_header_that_grows_too_large(gateway, account):
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, FROM, [TO], build(f"From: {FROM}\nX-Words: " + "é a\n " * 40000 + "é\n"))
    assert answer.startswith("552 5.3.4 the header is over "), answer
    assert " octets once it is encoded" in answer or " octets. " in answer, answer


@pytest.mark.parametrize("count", [190, 300])
def test_many_fields_that_are_signed(lab, gateway, account, recipient, count):
    header = f"From: {FROM}\nSubject: x\n" + "".join(f"Resent-To: r{n}@dest.example.net\n" for n in range(count))
    if count < 200:
        assert verified(sent(gateway, account, recipient, header)[0].content, lab.dns) == SIGNED
        return
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, FROM, [TO], build(header))
    assert answer.startswith("550 5.6.0 the message cannot be signed for example.com: it has over 200 fields"), answer


BROKEN_SIGNATURES = [
    "DKIM-Signature:",
    "DKIM-Signature: v=1; a=rsa-sha256; d=example.org",
    "DKIM-Signature: v=1; a=rsa-sha256; i=jörg@example.org; d=example.org; s=x; h=from; bh=x; b=x",
    "DKIM-Signature: =?utf-8?Q?v=3D1=3B?= a=b",
    "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from:to; bh=!!!; b=???",
    "DKIM-Signature: ;;;;",
    "X;Y: z",
    "X-;: z",
    "ARC-Seal: i=1; a",
    "Authentication-Results:",
]


@pytest.mark.parametrize("field", BROKEN_SIGNATURES)
def test_somebody_else_s_broken_fields(lab, gateway, account, recipient, field):
    arrival, _ = sent(gateway, account, recipient, f"From: {FROM}\n{field}\nSubject: x\n")
    assert SIGNED[0] in verified(arrival.content, lab.dns)


KNOWN = (
    "Received Return-Path Date From Sender Reply-To To Cc Bcc Message-ID In-Reply-To References Subject Comments Keywords "
    "Resent-Date Resent-From Resent-Sender Resent-To Resent-Cc Resent-Message-ID MIME-Version Content-Type "
    "Content-Transfer-Encoding Content-ID Content-Description Content-Disposition Content-Language DKIM-Signature "
    "ARC-Seal ARC-Message-Signature ARC-Authentication-Results Authentication-Results List-Id List-Unsubscribe "
    "List-Unsubscribe-Post List-Help Auto-Submitted Precedence Importance X-Mailer Thread-Topic Autocrypt"
).split()
PIECES = ["", " ", ";", "=", '"', "\\", "(", ")", "<", ">", ",", ":", "@", "é", "\xad", "=?utf-8?Q?x", "?=", "a" * 1200, "%", "\t", "[", "v=1; a=rsa-sha256", "x y", "日本"]


@pytest.mark.parametrize("name", KNOWN)
def test_damaged_fields_never_come_back_as_temporary(lab, gateway, account, recipient, name):
    """DESIGN, promise 4. Whatever is in a field, sent again it would be the same."""
    chance = random.Random(name)
    accepted = []
    with dialogue(gateway, account) as talk:
        for _ in range(8):
            value = "".join(chance.choice(PIECES) for _ in range(chance.randrange(6)))
            mark = marker()
            rest = "" if name == "From" else f"From: {FROM}\n"
            encoded = build(f"{rest}{name}: {value}\n", mark=mark, charset=chance.choice(["utf-8", "utf-8", "euc_jp"]) if "\xad" not in value and "é" not in value else "utf-8")
            answer = attempt(talk, FROM, [TO], encoded)
            assert answer[0] in "25", (name, value, answer)
            if answer[0] == "2":
                accepted.append(mark)
    if accepted:
        arrival = recipient.wait_for(accepted[-1])
        assert SIGNED[0] in verified(arrival.content, lab.dns)
