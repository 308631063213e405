"""What a session is refused, how it is told, and that it goes on afterwards."""

import pytest

from sendoff_test.attempts import attempt, explained
from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker

TO = "r@dest.example.net"
FROM = "a@example.com"


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(limits='max_message_size = "1M"  max_recipients = 20')


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app", "--eight-bit", "refuse", "--long-lines", "refuse")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture
def talk(gateway, account, recipient):
    """A session that must still be usable after what the test did to it."""
    with dialogue(gateway, account) as session:
        yield session
        mark = marker()
        assert session.say("RSET").startswith("250")
        assert attempt(session, FROM, [TO], letter(FROM, TO, mark + "\r\n")).startswith("250")
        recipient.wait_for(mark)


def content_refused(talk, recipient, content, code):
    """The content is refused with that code, and nothing of it is delivered."""
    before = len(recipient.arrivals)
    talk.envelope(FROM, TO)
    answer = talk.content(content)
    assert answer.startswith(code), answer
    assert len(recipient.arrivals) == before
    return answer


def test_foreign_sender_in_mail(gateway, talk):
    answer = talk.say("MAIL FROM:<ceo@bank.example>")
    assert answer.startswith("553 5.7.1 app may not send as ceo@bank.example; allowed: example.com."), answer
    assert "ceo@bank.example" in explained(gateway, answer)


def test_foreign_sender_in_header_from(gateway, talk, recipient):
    answer = content_refused(talk, recipient, letter("ceo@bank.example", TO), "553 5.7.1")
    assert "ceo@bank.example" in answer
    assert "ceo@bank.example" in explained(gateway, answer)


def test_foreign_sender_hidden_in_header_from(talk, recipient):
    for disguise in [
        "a@example.com, ceo@bank.example",
        '"a@example.com" <ceo@bank.example>',
        "a@example.com\r\nFrom: ceo@bank.example",
        "a@example.com (really)\r\n ,\r\n ceo@bank.example",
    ]:
        answer = content_refused(talk, recipient, letter(disguise, TO), "55")
        assert answer[:3] in ("550", "553", "554"), answer


def test_subdomain_is_not_the_domain(talk):
    assert talk.say("MAIL FROM:<a@sub.example.com>").startswith("553")
    assert talk.say("MAIL FROM:<a@notexample.com>").startswith("553")


@pytest.mark.parametrize(
    "octets", [b"bare\rreturn\r\n", b"bare\nfeed\r\n", b"smuggled\n.\nMAIL FROM:<x@example.com>\r\n", b"end\r.\r\n"]
)
def test_bare_cr_and_lf(talk, recipient, octets):
    """Smuggling (CVE-2023-51764 and its kin) needs a line end that two servers read in two ways."""
    content_refused(talk, recipient, letter(FROM, TO, octets), "550 5.6.11")


def test_nul_in_content(talk, recipient):
    content_refused(talk, recipient, letter(FROM, TO, "a\0b\r\n"), "550 5.6.0")


def test_long_content_line(talk, recipient):
    content_refused(talk, recipient, letter(FROM, TO, b"x" * 999 + b"\r\n"), "5")
    mark = marker()
    line = mark.encode() + b"x" * (998 - len(mark))
    assert attempt(talk, FROM, [TO], letter(FROM, TO, line + b"\r\n")).startswith("250")
    assert line in recipient.wait_for(mark).content


def test_long_command_line(talk):
    assert talk.say("NOOP " + "x" * 5000).startswith("500")
    assert talk.say("NOOP").startswith("250")


def test_endless_command_line_is_not_kept(gateway, account):
    """A line without end is cut off after a bounded amount, with an answer or without."""
    with dialogue(gateway, account) as session:
        try:
            for _ in range(400):
                session.send(b"x" * 65536)
        except OSError:
            return
        session.send(b"\r\n")
        assert session.reply()[:3] in ("500", "421")


def test_announced_size(talk):
    assert talk.say("MAIL FROM:<a@example.com> SIZE=2000000").startswith("552")
    assert talk.say("MAIL FROM:<a@example.com> SIZE=1000").startswith("250")


def test_actual_size(talk, recipient):
    content_refused(talk, recipient, letter(FROM, TO, (b"x" * 70 + b"\r\n") * 16000), "552")


def test_too_many_recipients(talk):
    talk.envelope(FROM, *(f"r{n}@dest.example.net" for n in range(20)))
    assert talk.say("RCPT TO:<r20@dest.example.net>").startswith("452 4.5.3")


def test_unannounced_8_bit(talk, recipient):
    content_refused(talk, recipient, letter(FROM, TO, "Grüße\r\n".encode()), "550")


def test_announced_8_bit(talk, recipient):
    mark = marker()
    talk.envelope(FROM, TO, options=" BODY=8BITMIME")
    assert talk.content(letter(FROM, TO, f"{mark} Grüße\r\n".encode())).startswith("250")
    assert "Grüße".encode() in recipient.wait_for(mark).content
    assert "BODY=8BITMIME" in recipient.wait_for(mark).options


def test_8_bit_from_an_account_that_is_known_for_it(gateway, recipient):
    old = gateway.add_account("old-device")
    gateway.sendoff("account", "set", "old-device", "--eight-bit", "accept")
    mark = marker()
    with dialogue(gateway, old) as session:
        assert attempt(session, FROM, [TO], letter(FROM, TO, f"{mark} Grüße\r\n".encode())).startswith("250")
    assert "BODY=8BITMIME" in recipient.wait_for(mark).options


def test_wrong_order(talk):
    assert talk.say("RCPT TO:<r@dest.example.net>").startswith("503")
    assert talk.say("DATA").startswith("503")
    assert talk.say("MAIL FROM:<a@example.com>").startswith("250")
    assert talk.say("DATA")[:3] in ("503", "554")


def test_nested_mail(talk):
    assert talk.say("MAIL FROM:<a@example.com>").startswith("250")
    assert talk.say("MAIL FROM:<b@example.com>").startswith("503")


@pytest.mark.parametrize(
    "line",
    [
        "MAIL FROM:a@example.com@",
        "MAIL FROM:<a@exa mple.com>",
        "MAIL FROM:<a@example.com> SIZE=x",
        "MAIL",
        "RCPT",
        "EHLO",
    ],
)
def test_bad_syntax(talk, line):
    assert talk.say(line)[:3] in ("501", "503", "553", "555"), line


def test_unknown_parameters_and_commands(talk):
    assert talk.say("MAIL FROM:<a@example.com> COLOUR=blue").startswith("555")
    assert talk.say("XYZZY").startswith("500")
    assert talk.say("VRFY postmaster")[:3] in ("252", "502")
    assert talk.say("HELP")[:3] in ("214", "502")


def test_mail_that_goes_round(talk, recipient):
    hop = "Received: from a.example by b.example; Mon, 23 Nov 2026 10:00:00 +0000\r\n"
    content_refused(talk, recipient, letter(FROM, TO, extra=hop * 52), "554 5.4.6")
    assert attempt(talk, FROM, [TO], letter(FROM, TO, extra=hop * 45)).startswith("250")


def test_refusals_are_in_the_log(gateway, talk):
    answer = talk.say("MAIL FROM:<spy@bank.example>")
    assert answer.startswith("553")
    (event,) = gateway.wait_event("refused", "--from", "spy@bank.example")
    assert event["account"] == "app" and event["code"] == 553 and event["ref"] in answer


def test_why_of_something_unknown(gateway):
    result = gateway.sendoff.run("why", "ZZZZZZZZ")
    assert result.status == 1 and result.err.strip()
