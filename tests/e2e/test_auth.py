"""Who may send at all: AUTH and its refusals."""

import time

import pytest

from sendoff_test.attempts import attempt, refusal_event
from sendoff_test.client import dialogue, plain


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("door")


def test_starttls_listener_keeps_auth_and_mail_for_tls(gateway, account):
    with dialogue(gateway) as talk:
        offered = talk.say("EHLO client.example")
        assert "STARTTLS" in offered and "AUTH" not in offered, offered
        assert talk.say("MAIL FROM:<a@example.com>").startswith("530 5.7.0")
        answer = talk.say(f"AUTH PLAIN {plain(account.name, account.password)}")
        assert answer[:3] in ("530", "538", "503", "504"), answer
        talk.start_tls()
        assert "AUTH" in talk.say("EHLO client.example")
        talk.login(account.name, account.password)
        assert talk.say("MAIL FROM:<a@example.com>").startswith("250")


def test_words_before_tls_are_forgotten(gateway):
    """RFC 3207 4.2: what was said in the clear counts for nothing, also not the greeting."""
    with dialogue(gateway) as talk:
        talk.start_tls()
        assert talk.say("MAIL FROM:<a@example.com>").startswith("503"), "EHLO of the clear part still counted"


def test_injected_commands_are_not_run(gateway):
    """Commands in one packet with STARTTLS must not be run, in the clear or inside TLS (RFC 3207 4, CVE-2011-0411)."""
    with dialogue(gateway) as talk:
        talk.send(b"STARTTLS\r\nNOOP\r\n")
        assert talk.reply() .startswith("554 5.5.1 octets in the clear behind STARTTLS; good-bye")
        assert talk.reply() == "", "the session goes on"


def test_mail_without_auth_is_refused(gateway):
    for kind in ("starttls", "implicit"):
        with dialogue(gateway, tls=kind) as talk:
            if kind == "starttls":
                talk.start_tls()
                talk.say("EHLO client.example")
            assert talk.say("MAIL FROM:<a@example.com>").startswith("530"), kind


def test_optional_listener_is_no_open_relay(gateway):
    with dialogue(gateway, tls="optional") as talk:
        assert talk.say("MAIL FROM:<a@example.com>").startswith("530")


def wrong(gateway, user):
    with dialogue(gateway, tls="implicit") as talk:
        begin = time.monotonic()
        answer = talk.say(f"AUTH PLAIN {plain(user, 'wrong')}")
        return answer, time.monotonic() - begin


def test_wrong_password_and_unknown_user_look_the_same_and_cost_time(gateway, account):
    known, first = wrong(gateway, account.name)
    unknown, _ = wrong(gateway, "nobody-here")
    assert known.startswith("535 5.7.8"), known
    assert known.partition(" why ")[0] == unknown.partition(" why ")[0]
    for answer, where in ((known, account.name), (unknown, "")):
        event = refusal_event(gateway, answer)
        assert event["account"] == where and event["code"] == 535 and "nobody-here" not in str(event)
    _, third = wrong(gateway, account.name)
    assert third > first + 0.5, f"the delay does not grow: {first:.2f} s, then {third:.2f} s"


def test_right_password_still_works_afterwards(lab, gateway, account):
    lab.exchanger("dest.example.net")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, "a@example.com", ["r@dest.example.net"]).startswith("250")


def test_auth_can_be_cancelled_and_is_not_taken_twice(gateway, account):
    with dialogue(gateway, tls="implicit") as talk:
        assert talk.say("AUTH PLAIN").startswith("334")
        assert talk.say("*").startswith("501")
        assert talk.say("AUTH NONSENSE").startswith("504")
        assert talk.say("AUTH PLAIN !!!").startswith("501")
        talk.login(account.name, account.password)
        assert talk.say(f"AUTH PLAIN {plain(account.name, account.password)}").startswith("503")
