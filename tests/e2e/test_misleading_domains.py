"""Domains that only IDNA's mapping makes what they mean (RFC 5895): refused, with what to write, wherever they decide
whom a message is from or goes to."""

import pytest

from sendoff_test.attempts import explained
from sendoff_test.client import dialogue

TO = "r@dest.example.net"
MISLEADING = {
    "full-width letter": "ｅxample.com",
    "full-width dot": "example．com",
    "ideographic dot": "example。com",
    "zero-width space": "exam\u200bple.com",
    "soft hyphen": "exam\u00adple.com",
    "mathematical letter": "𝐞xample.com",
}


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("international", senders=("example.com", "bücher.example"))


@pytest.fixture(scope="module")
def anybody(gateway):
    return gateway.add_account("anybody", senders=("*",))


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net", utf8=True)


def said(gateway, answer):
    """The refusal, which is in the log, too."""
    assert "is not written as it is read" in answer
    assert "is not written as it is read" in explained(gateway, answer)
    return answer


@pytest.mark.parametrize("domain", MISLEADING.values(), ids=MISLEADING)
@pytest.mark.parametrize("who", ["account", "anybody"])
def test_reverse_paths(gateway, request, who, domain):
    with dialogue(gateway, request.getfixturevalue(who)) as talk:
        answer = said(gateway, talk.say(f"MAIL FROM:<a@{domain}> SMTPUTF8"))
        assert answer.startswith("553 5.1.7") and "write example.com" in answer


@pytest.mark.parametrize("domain", MISLEADING.values(), ids=MISLEADING)
def test_forward_paths(gateway, account, domain):
    with dialogue(gateway, account) as talk:
        assert talk.say("MAIL FROM:<a@example.com> SMTPUTF8").startswith("250")
        answer = said(gateway, talk.say(f"RCPT TO:<r@{domain}>"))
        assert answer.startswith("553 5.1.3") and "write example.com" in answer


@pytest.mark.parametrize("domain", MISLEADING.values(), ids=MISLEADING)
@pytest.mark.parametrize("who", ["account", "anybody"])
def test_from(gateway, request, who, domain):
    with dialogue(gateway, request.getfixturevalue(who)) as talk:
        talk.envelope("a@example.com", TO, options=" SMTPUTF8 BODY=8BITMIME")
        answer = said(gateway, talk.content(f"From: a@{domain}\r\nTo: {TO}\r\nSubject: x\r\n\r\nx\r\n".encode()))
        assert answer.startswith("550 5.6.0") and "write example.com" in answer


@pytest.mark.parametrize("domain", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"])
def test_what_reads_as_it_is(gateway, account, mx, domain):
    with dialogue(gateway, account) as talk:
        talk.envelope(f"a@{domain}", TO, options=" SMTPUTF8 BODY=8BITMIME")
        subject = f"for {domain.encode().hex()}"
        answer = talk.content(f"From: a@{domain}\r\nTo: {TO}\r\nSubject: {subject}\r\n\r\nx\r\n".encode())
        assert answer.startswith("250"), answer
    mx.wait_for(subject)
