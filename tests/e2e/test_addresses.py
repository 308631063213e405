"""Addresses as people have them: accepted, and passed on unchanged; given twice, delivered to once; and who may send,
whatever the case of the letters."""

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker

FROM = "a@example.com"
IN_USE = [
    "bounce-" + "0123456789" * 8 + "=user=example.org@dest.example.net",  # VERP
    "a..b@dest.example.net",
    "ab.@dest.example.net",
    ".ab@dest.example.net",
    "r@dest.example.net.",
    "me+caf_=you=gmail.example@dest.example.net",
    '"a b"@dest.example.net',
    "o'neil/x=y@dest.example.net",
]


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


def send(gateway, account, sender, recipients, brackets="<{}>"):
    mark = marker()
    with dialogue(gateway, account) as talk:
        assert talk.say("MAIL FROM:" + brackets.format(sender)).startswith("250")
        for one in recipients:
            assert talk.say("RCPT TO:" + brackets.format(one)).startswith("250"), one
        assert talk.content(letter(FROM, "r@x", mark + "\r\n")).startswith("250")
    return mark


@pytest.mark.parametrize("address", IN_USE)
def test_as_it_came(gateway, account, recipient, address):
    assert recipient.wait_for(send(gateway, account, FROM, [address])).paths == [FROM, address]


@pytest.mark.parametrize("local", ["prvs=" + "x" * 90, "a..b", "bounces.", '"News Desk"'])
def test_reverse_paths(gateway, account, recipient, local):
    sender = f"{local}@example.com"
    assert recipient.wait_for(send(gateway, account, sender, ["r@dest.example.net"])).paths[0] == sender


def test_without_brackets(gateway, account, recipient):
    arrival = recipient.wait_for(send(gateway, account, FROM, ["r@dest.example.net"], "{}"))
    assert arrival.paths == [FROM, "r@dest.example.net"]


def test_a_device_that_calls_itself_anything(gateway, recipient):
    gateway.add_account("scanner", "--client-ip", "127.98.1.0/24")
    mark = marker()
    with dialogue(gateway, tls="optional", source="127.98.1.7", helo="Scanner 3rd floor") as talk:
        talk.envelope(FROM, "r@dest.example.net")
        assert talk.content(letter(FROM, "r@x", mark + "\r\n")).startswith("250")
    recipient.wait_for(mark)


def test_the_same_recipient_twice(gateway, recipient):
    account = gateway.add_account("twice", "--limit", "3rcpt/message")
    to = ["r@dest.example.net", "r@DEST.example.net", "r@dest.example.net.", "R@dest.example.net", "r@dest.example.net", "s@dest.example.net"]
    mark = send(gateway, account, FROM, to)
    gateway.wait_empty()
    arrived = sorted(one for arrival in recipient.arrivals if mark.encode() in arrival.content for one in arrival.recipients)
    assert arrived == ["R@dest.example.net", "r@dest.example.net", "s@dest.example.net"]
    assert gateway.usage("twice")["total_recipients"] == 3


@pytest.mark.parametrize("sender", ["News@example.com", "NEWS@EXAMPLE.COM", '"news"@example.com', '"Ne\\ws"@example.com'])
def test_who_may_send(gateway, recipient, sender):
    account = gateway.add_account(f"news-{marker()}", senders=("news@example.com",))
    mark = marker()
    with dialogue(gateway, account) as talk:
        talk.envelope(sender, "r@dest.example.net")
        assert talk.content(letter(sender, "r@x", mark + "\r\n")).startswith("250")
    assert recipient.wait_for(mark).paths[0] == sender
    with dialogue(gateway, account) as talk:
        assert talk.say("MAIL FROM:<newsletter@example.com>").startswith("553")
