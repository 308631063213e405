"""The same submission again, as an application sends it that lost the final 250: answered with the first one's id, and
delivered once. Whatever differs makes it another."""

import time

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker

FROM, TO, OTHER = "a@example.com", "r@dest.example.net", "s@dest.example.net"


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


class Message:
    def __init__(self, text="Hello.\r\n", message_id=True):
        self.mark = marker()
        extra = f"Message-ID: <{self.mark}@example.com>\r\n" if message_id else ""
        self.content = letter(FROM, TO, text, subject=self.mark, extra=extra)


def send(gateway, account, content, recipients=(TO,), sender=FROM):
    """The id in the reply."""
    with dialogue(gateway, account) as talk:
        talk.envelope(sender, *recipients)
        answer = talk.content(content)
        assert answer.startswith("250 2.0.0 accepted as "), answer
        return answer.split()[-1]


def arrivals(gateway, recipient, mark):
    gateway.wait_empty()
    return [arrival for arrival in recipient.arrivals if mark.encode() in arrival.content]


@pytest.mark.parametrize("size", [10, 200_000, 600_000])
def test_the_same_again(gateway, account, recipient, size):
    message = Message(b"0123456789" * 6 + b"\r\n" if size < 100 else (b"0123456789" * 6 + b"\r\n") * (size // 62))
    first = send(gateway, account, message.content)
    assert [send(gateway, account, message.content) for _ in range(3)] == [first] * 3
    assert len(arrivals(gateway, recipient, message.mark)) == 1
    texts = [event["text"] for event in gateway.sendoff.json("log", "show", first) if event["event"] == "accepted"]
    assert [text.startswith("submitted again, ") for text in texts] == [False, True, True, True]


def test_it_counts_once(gateway, recipient):
    account = gateway.add_account("counted", "--limit", "2/day")
    message = Message()
    first = send(gateway, account, message.content)
    assert send(gateway, account, message.content) == first
    send(gateway, account, Message().content)  # there is room for it
    with dialogue(gateway, account) as talk:
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("452 4.7.1")


def test_while_the_first_is_on_its_way(gateway, account, recipient):
    """Two sessions at the same time, the content of both complete at the same moment."""
    message = Message()
    with dialogue(gateway, account) as one, dialogue(gateway, account) as two:
        for talk in (one, two):
            talk.envelope(FROM, TO)
            assert talk.say("DATA").startswith("354")
        for talk in (one, two):
            talk.send(message.content + b".\r\n")
        answers = {talk.reply() for talk in (one, two)}
    assert len(answers) == 1, answers
    assert len(arrivals(gateway, recipient, message.mark)) == 1


@pytest.mark.parametrize(
    "of_mail, of_rcpt",
    [(" REQUIRETLS HOLDFOR=60", ""), (" HOLDFOR=1", ""), (" BY=600;R HOLDFOR=60", ""), (" MT-PRIORITY=9", ""), (" ENVID=x", ""), ("", " NOTIFY=SUCCESS"), ("", " ORCPT=rfc822;x@y.example")],
)
def test_another_wish_is_another_message(gateway, account, of_mail, of_rcpt):
    """What is promised with 250 must not be dropped because the content came before."""

    def again(mail, rcpt):
        with dialogue(gateway, account) as talk:
            assert talk.say(f"MAIL FROM:<{FROM}>{mail}").startswith("250")
            assert talk.say(f"RCPT TO:<{TO}>{rcpt}").startswith("250")
            return talk.content(message.content).split()[-1]

    message = Message()
    plain, wished = again("", ""), again(of_mail, of_rcpt)
    assert plain != wished
    assert again("", "") == plain and again(of_mail, of_rcpt) == wished
    if "HOLDFOR=60" in of_mail:  # so that it has not bounced yet; nobody waits for it
        gateway.sendoff("queue", "drop", wished)


def test_recipients_in_another_order(gateway, account, recipient):
    message = Message()
    assert send(gateway, account, message.content, (TO, OTHER)) == send(gateway, account, message.content, (OTHER, TO))


@pytest.mark.parametrize("what", ["content", "recipients", "fewer recipients", "sender", "case of the recipient"])
def test_what_differs_is_another(gateway, account, recipient, what):
    message = Message()
    first = send(gateway, account, message.content, (TO, OTHER))
    content = message.content + b"more\r\n" if what == "content" else message.content
    recipients = {"recipients": (TO, "t@dest.example.net"), "fewer recipients": (TO,)}.get(what, (TO, OTHER))
    if what == "case of the recipient":
        recipients = ("R@dest.example.net", OTHER)
    second = send(gateway, account, content, recipients, "b@example.com" if what == "sender" else FROM)
    assert second != first
    assert len(arrivals(gateway, recipient, message.mark)) == 2


def test_of_another_account(gateway, account, recipient):
    message = Message()
    other = gateway.add_account("other")
    assert send(gateway, account, message.content) != send(gateway, other, message.content)


def test_without_message_id_all_are_different(gateway, account, recipient):
    """Two cron jobs may well say the same words twice, and mean it."""
    message = Message(message_id=False)
    assert send(gateway, account, message.content) != send(gateway, account, message.content)
    assert len(arrivals(gateway, recipient, message.mark)) == 2


def test_off(gateway, recipient):
    account = gateway.add_account("verbatim", "--idempotent", "off")
    message = Message()
    assert send(gateway, account, message.content) != send(gateway, account, message.content)
    gateway.sendoff("account", "set", "verbatim", "--idempotent", "on")
    message = Message()
    assert send(gateway, account, message.content) == send(gateway, account, message.content)


def test_across_a_restart(lab):
    recipient = lab.exchanger("again.example.net")
    gateway = lab.gateway()
    account = gateway.add_account("app")
    message = Message()
    first = send(gateway, account, message.content, ("r@again.example.net",))
    gateway.wait_event("delivered", "--to", "r@again.example.net")  # else it may rightly be delivered again
    gateway.kill()
    gateway.start()
    assert send(gateway, account, message.content, ("r@again.example.net",)) == first
    assert len(arrivals(gateway, recipient, message.mark)) == 1
    gateway.stop()


def test_the_window_ends(lab):
    lab.exchanger("window.example.net")
    gateway = lab.gateway(limits='idempotency_window = "1s"')
    account = gateway.add_account("app")
    message = Message()
    first = send(gateway, account, message.content, ("r@window.example.net",))
    time.sleep(1.2)
    assert send(gateway, account, message.content, ("r@window.example.net",)) != first
    gateway.stop()


def bounced(gateway, recipient, message, to=(TO,)):
    """The same message after it bounced for one who now has a mailbox."""
    account = gateway.add_account(f"app-{message.mark}")
    failed = to[-1]
    recipient.replies["RCPT"] = lambda address: "550 5.1.1 no such mailbox" if address == failed else None
    try:
        first = send(gateway, account, message.content, to)
        gateway.wait_event("bounced", "--account", account.name)
    finally:
        recipient.replies.pop("RCPT")
    return account, first


def test_after_it_bounced(gateway, recipient):
    message = Message()
    account, first = bounced(gateway, recipient, message)
    second = send(gateway, account, message.content)
    assert second != first
    assert len(arrivals(gateway, recipient, message.mark)) == 1
    assert send(gateway, account, message.content) == second


def test_after_a_part_of_it_bounced(gateway, recipient):
    """Nobody gets it twice, and nobody is left out."""
    message = Message()
    account, first = bounced(gateway, recipient, message, (TO, OTHER))
    second = send(gateway, account, message.content, (TO, OTHER))
    assert second != first
    got = [arrival.recipients for arrival in arrivals(gateway, recipient, message.mark)]
    assert sorted(got) == [[TO], [OTHER]]
    (accepted,) = [event for event in gateway.sendoff.json("log", "show", second) if event["event"] == "accepted"]
    assert f"submitted again after {first} did not reach 1 of 2 recipients" in accepted["text"]


def test_after_it_was_dropped(gateway, recipient, account):
    message = Message()
    recipient.replies["RCPT"] = "451 4.2.2 the mailbox is full"
    try:
        first = send(gateway, account, message.content)
        gateway.wait_event("deferred", "--to", TO)
        gateway.sendoff("queue", "drop", first)
    finally:
        recipient.replies.pop("RCPT")
    assert send(gateway, account, message.content) != first
    assert len(arrivals(gateway, recipient, message.mark)) == 1
