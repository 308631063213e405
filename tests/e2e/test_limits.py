"""Limits of accounts: exact, in every window, for everybody at once, and explained."""

import re
import threading
import time

import pytest

from sendoff_test.attempts import attempt, attempt_as, explained
from sendoff_test.client import dialogue
from sendoff_test.gateway import pause_until_safe
from sendoff_test.letters import letter
from sendoff_test.processes import wait_until

TO = "r@dest.example.net"
FROM = "a@example.com"
DAY = 86400


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


def limited(gateway, name, *limits):
    return gateway.add_account(name, *(word for limit in limits for word in ("--limit", limit)))


@pytest.fixture(autouse=True)
def not_at_midnight():
    pause_until_safe(DAY, 15)


def test_day_limit_says_everything(gateway, recipient):
    account = limited(gateway, "daily", "2/day")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [TO]).startswith("250")
        assert attempt(talk, FROM, [TO]).startswith("250")
        answer = attempt(talk, FROM, [TO])
    pattern = (
        r"452 4\.7\.1 daily: 2 of 2 messages today; "
        r"resets \d{4}-\d\d-\d\d 00:00 UTC \(in [0-9hms]+\)\. sendoff why \w+"
    )
    assert re.fullmatch(pattern, answer), answer
    told = explained(gateway, answer)
    assert "daily" in told and "2 of 2 messages" in told
    (event,) = gateway.wait_event("refused", "--account", "daily")
    assert event["code"] == int(answer[:3])


def test_limit_that_defers(gateway, recipient):
    account = limited(gateway, "patient", "1/day:defer")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [TO]).startswith("250")
        answer = attempt(talk, FROM, [TO])
    assert answer.startswith("452 4.7.1 patient: 1 of 1 messages today; resets "), answer


def test_minute_limit(gateway, recipient):
    account = limited(gateway, "minutely", "3/minute")
    pause_until_safe(60, 5)
    with dialogue(gateway, account) as talk:
        answers = [attempt(talk, FROM, [TO]) for _ in range(4)]
    assert [answer[:3] for answer in answers[:3]] == ["250"] * 3
    assert re.match(r"452 4\.7\.1 minutely: 3 of 3 messages in a minute; next possible ", answers[3]), answers[3]


def test_a_window_that_ends_gives_room(gateway, recipient):
    """The window of a second, so that the test need not wait for a minute."""
    account = limited(gateway, "secondly", "1/second")
    with dialogue(gateway, account) as talk:
        for _ in range(3):
            answers = []
            while len(answers) < 50 and (not answers or answers[-1].startswith("250")):
                answers.append(attempt(talk, FROM, [TO]))
            assert answers[-1].startswith("452 4.7.1 secondly: 1 of 1 messages in a second"), answers[-1]
            time.sleep(1.1)  # a second and a slot of it
            assert attempt(talk, FROM, [TO]).startswith("250")


def test_recipient_limit(gateway, recipient):
    account = limited(gateway, "wide", "5rcpt/day")
    three = [f"r{n}@dest.example.net" for n in range(3)]
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, three).startswith("250")
        answer = attempt(talk, FROM, three)
        assert re.match(r"452 4\.7\.1 wide: 3 of 5 recipients today", answer), answer
        assert attempt(talk, FROM, three[:2]).startswith("250"), "what still fits must pass"
    assert gateway.usage("wide")["total_recipients"] == 5


def test_month_limit(gateway, recipient):
    account = limited(gateway, "monthly", "2/month", "1000/day")
    with dialogue(gateway, account) as talk:
        answers = [attempt(talk, FROM, [TO]) for _ in range(3)]
    assert [a[:3] for a in answers[:2]] == ["250", "250"]
    assert re.match(
        r"452 4\.7\.1 monthly: 2 of 2 messages this month; resets \d{4}-\d\d-01 00:00 UTC", answers[2]
    ), answers[2]


def test_octet_limit(gateway, recipient):
    account = limited(gateway, "heavy", "10KB/day")
    big = letter(FROM, TO, ("x" * 70 + "\r\n") * 100)
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [TO], big).startswith("250")
        assert re.match(r"452 4\.7\.1 heavy: [78] of 10 KB today", attempt(talk, FROM, [TO], big))
        assert attempt(talk, FROM, [TO]).startswith("250")


@pytest.mark.parametrize("name, action, code", [("narrow", "", "550 5.7.1"), ("splitting", ":defer", "452 4.7.1")])
def test_limit_of_one_message(gateway, recipient, name, action, code):
    account = limited(gateway, name, f"2rcpt/message{action}")
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, FROM, ["a@dest.example.net", "b@dest.example.net", "c@dest.example.net"])
        assert answer.startswith(f"{code} {name}: "), answer
        assert attempt(talk, FROM, ["a@dest.example.net", "b@dest.example.net"]).startswith("250")


def test_one_limit_does_not_hide_another(gateway, recipient):
    """Several windows at once: the one that is full says no, whatever the others allow."""
    account = limited(gateway, "both", "100/minute", "1/day", "100/month")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [TO]).startswith("250")
        assert "1 of 1 messages today" in attempt(talk, FROM, [TO])


def test_refused_mail_costs_nothing(gateway, recipient):
    account = limited(gateway, "clean", "5/day")
    with dialogue(gateway, account) as talk:
        for _ in range(5):
            assert attempt(talk, "x@bank.example", [TO]).startswith("553")
        assert attempt(talk, FROM, [TO]).startswith("250")
    assert gateway.usage("clean")["total_messages"] == 1


def test_exact_under_parallel_sessions(gateway, recipient):
    account = limited(gateway, "crowd", "100/day")
    answers, lock = [], threading.Lock()

    def client():
        with dialogue(gateway, account) as talk:
            for _ in range(8):
                answer = attempt(talk, FROM, [TO])
                with lock:
                    answers.append(answer)

    clients = [threading.Thread(target=client) for _ in range(20)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    accepted = [answer for answer in answers if answer.startswith("250")]
    refused = [answer for answer in answers if "100 of 100 messages today" in answer]
    assert (len(accepted), len(refused)) == (100, 60), {answer[:60] for answer in answers}
    assert gateway.usage("crowd")["total_messages"] == 100
    assert len(gateway.log("--account", "crowd", "--event", "accepted", "--limit", "1000")) == 100


def test_limits_can_be_changed_while_running(gateway, recipient):
    account = limited(gateway, "grown", "1/day")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [TO]).startswith("250")
        assert attempt(talk, FROM, [TO]).startswith("452")
        gateway.sendoff("account", "set", "grown", "--limit", "2/day")
        wait_until(lambda: attempt(talk, FROM, [TO]).startswith("250"), "the new limit holds", timeout=5)
        assert "2 of 2 messages today" in attempt(talk, FROM, [TO])
        gateway.sendoff("account", "set", "grown", "--limit", "none")
        wait_until(lambda: attempt(talk, FROM, [TO]).startswith("250"), "no limit holds", timeout=5)


def test_a_limit_holds_for_a_message_that_is_under_way(gateway, recipient):
    account = limited(gateway, "underway")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [TO]).startswith("250")
        for line in (f"MAIL FROM:<{FROM}>", f"RCPT TO:<{TO}>"):
            assert talk.say(line).startswith("250")
        assert talk.say("DATA").startswith("354")
        gateway.sendoff("account", "set", "underway", "--limit", "1/day")
        talk.send(letter(FROM, TO) + b".\r\n")
        answer = talk.reply()
        assert answer.startswith("452 4.7.1 underway: 1 of 1 messages today"), answer
    assert gateway.usage("underway")["total_messages"] == 1


def test_a_domains_limit_holds_for_its_own_mail(lab, gateway, recipient):
    """From decides, and it may be anything here: MAIL does not know it yet."""
    domain = lab.new_domain()
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", domain, "--limit", "1/day")
    account = gateway.add_account("anybody", "--header-from", "observe", senders=[domain])
    sender = f"a@{domain}"
    with dialogue(gateway, account) as talk:
        assert attempt(talk, sender, [TO]).startswith("250")
        assert attempt(talk, sender, [TO]).startswith(f"452 4.7.1 {domain}: 1 of 1 messages today")
        assert attempt(talk, sender, [TO], letter("a@elsewhere.example", TO)).startswith("250")


def test_smooth_limit_spreads_deliveries(lab, gateway):
    slow = lab.exchanger(lab.new_domain())
    account = limited(gateway, "smooth", "2/second:smooth")
    begin = time.monotonic()
    with dialogue(gateway, account) as talk:
        for _ in range(6):
            assert attempt(talk, FROM, [f"r@{slow.domain}"]).startswith("250")
    slow.wait(6)
    assert time.monotonic() - begin > 2.2, "six messages at two a second take two seconds and a half"


@pytest.mark.parametrize("limit", ["0/day", "5/fortnight", "x/day", "5/message", "5rcpt/day:smooth", "5/day:maybe", ""])
def test_bad_limits_are_refused_by_the_command(gateway, limit):
    result = gateway.sendoff.run("account", "add", "never", "--sender", "example.com", "--limit", limit)
    assert result.status == 2 and result.err.strip(), result


def test_usage_outlives_a_restart(gateway, recipient):
    account = limited(gateway, "lasting", "2/day")
    assert attempt_as(gateway, account, FROM, [TO]).startswith("250")
    gateway.restart()
    assert attempt_as(gateway, account, FROM, [TO]).startswith("250")
    assert "2 of 2 messages today" in attempt_as(gateway, account, FROM, [TO])
