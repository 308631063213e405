"""What the extensions do, down the line: SMTPUTF8, FUTURERELEASE, LIMITS, MT-PRIORITY. CHUNKING and DSN have files of
their own."""

import datetime
import re
import time

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker, values

FROM, TO = "a@example.com", "r@dest.example.net"


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net", utf8=True)


@pytest.fixture
def talk(gateway, account):
    with dialogue(gateway, account) as session:
        yield session


def offers(talk):
    """The EHLO lines: keyword -> the rest."""
    lines = [line[4:] for line in talk.say("EHLO client.example").split("\n")[1:]]
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}


# SMTPUTF8, RFC 6531.


def test_utf8_is_passed_on(talk, recipient):
    mark = marker()
    talk.envelope(FROM, "jörg@dest.example.net", options=" SMTPUTF8 BODY=8BITMIME")
    assert talk.content(letter("Jürgen <a@example.com>", "jörg@dest.example.net", subject=f"Grüße {mark}")).startswith("250")
    arrival = recipient.wait_for(mark)
    assert arrival.recipients == ["jörg@dest.example.net"]
    assert "SMTPUTF8" in arrival.options
    assert values(arrival.content, "Subject") == [f"Grüße {mark}"]
    assert " UTF8SMTPSA " in values(arrival.content, "Received")[0]


def test_utf8_is_not_asked_for_where_nothing_needs_it(talk, recipient):
    """RFC 6531 3.4: a message that needs no SMTPUTF8 can go anywhere."""
    mark = marker()
    talk.envelope(FROM, TO, options=" SMTPUTF8")
    assert talk.content(letter(FROM, TO, subject=mark)).startswith("250")
    assert "SMTPUTF8" not in recipient.wait_for(mark).options


# FUTURERELEASE, RFC 4865.


def hold(talk, parameter):
    mark, begin = marker(), time.time()
    talk.envelope(FROM, TO, options=" " + parameter)
    answer = talk.content(letter(FROM, TO, subject=mark))
    assert answer.startswith("250"), answer
    return mark, begin, answer.split()[-1]


def test_hold_for(talk, recipient):
    mark, begin, _ = hold(talk, "HOLDFOR=2")
    recipient.wait_for(mark)
    assert time.time() - begin >= 2


def test_hold_until(talk, recipient):
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    mark, begin, _ = hold(talk, f"HOLDUNTIL={until:%Y-%m-%dT%H:%M:%SZ}")
    recipient.wait_for(mark)
    assert time.time() >= until.replace(microsecond=0).timestamp()
    assert time.time() - begin >= 1


def test_a_held_message_is_in_the_queue_and_the_log(gateway, talk, recipient):
    mark, _, message = hold(talk, "HOLDFOR=3600")
    (waiting,) = [one for one in gateway.queue() if one["message"] == message]
    assert waiting["attempts"] == 0
    assert "held until" in gateway.sendoff("log", "show", message)
    gateway.sendoff("queue", "retry", message)
    recipient.wait_for(mark)  # the operator's word counts more


def test_the_operator_s_hold_does_not_shorten_it(gateway, talk, recipient):
    """RFC 4865: held by command and released, it still waits for its time."""
    mark, begin, message = hold(talk, "HOLDFOR=4")
    gateway.sendoff("queue", "hold", message)
    gateway.sendoff("queue", "release", message)
    recipient.wait_for(mark)
    assert time.time() - begin >= 4


def test_nor_what_a_smoothed_limit_puts_off(gateway, recipient):
    account = gateway.add_account("smoothed", "--limit", "10/hour:smooth")
    with dialogue(gateway, account) as talk:
        for _ in range(2):
            talk.envelope(FROM, TO)
            answer = talk.content(letter(FROM, TO, subject=marker()))
            assert answer.startswith("250")
    said = re.fullmatch(r"250 2\.0\.0 accepted as (\w+); leaves (\S+Z) \(in [45]m\d+s\), at 10/hour:smooth", answer)
    assert said, answer
    message = said[1]
    (before,) = [one for one in gateway.queue() if one["message"] == message]
    gateway.sendoff("queue", "hold", message)
    gateway.sendoff("queue", "release", message)
    (after,) = [one for one in gateway.queue() if one["message"] == message]
    assert after["state"] == "queued" and after["next"] == before["next"]
    gateway.sendoff("queue", "drop", message)


def test_a_held_message_outlives_a_restart(lab):
    recipient = lab.exchanger("held.example.net")
    gateway = lab.gateway()
    account = gateway.add_account("patient")
    mark = marker()
    with dialogue(gateway, account) as talk:
        begin = time.time()
        talk.envelope(FROM, "r@held.example.net", options=" HOLDFOR=4")
        assert talk.content(letter(FROM, TO, subject=mark)).startswith("250")
    gateway.restart()
    assert not recipient.arrivals
    recipient.wait_for(mark)
    assert time.time() - begin >= 4
    gateway.stop()


def test_no_holding_where_it_is_turned_off(lab):
    gateway = lab.gateway(limits='max_hold = "0s"')
    account = gateway.add_account("hasty")
    with dialogue(gateway, account) as talk:
        assert "FUTURERELEASE" not in offers(talk)
        assert talk.say("MAIL FROM:<a@example.com> HOLDFOR=5").startswith("555 5.5.4")
    gateway.stop()


# LIMITS, RFC 9422.


def test_limits_say_what_is_left(gateway, recipient):
    account = gateway.add_account("measured", "--limit", "3/day", "--limit", "5rcpt/message")
    with dialogue(gateway) as stranger:
        stranger.start_tls()
        assert offers(stranger)["LIMITS"] == "RCPTMAX=1000"
    with dialogue(gateway, account) as talk:
        for left in ("3", "2", "1", "1"):  # the least that can be said is 1
            assert offers(talk)["LIMITS"] == f"MAILMAX={left} RCPTMAX=5"
            talk.say(f"MAIL FROM:<{FROM}>")
            talk.say(f"RCPT TO:<{TO}>")
            if talk.say("DATA").startswith("354"):
                talk.send(letter(FROM, TO) + b".\r\n")
                assert talk.reply().startswith("250")
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("452 4.7.1")
