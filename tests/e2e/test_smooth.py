"""Mail that a smoothed limit puts off: the reply, the queue and the log say the same time, whoever's limit it is and
whatever else the message asks for."""

import datetime
import re

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter

FROM = "a@example.com"
TO = "r@dest.example.net"
LEAVES = re.compile(r"250 2\.0\.0 accepted as (\w+); leaves (\S+Z) \(in ([0-9dhms]+)\), at (\S+)")
HOUR = 3600


@pytest.fixture(scope="module", autouse=True)
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def gateway(lab):
    made = lab.gateway()
    made.add_domain("paced.example", publish=False)
    made.sendoff("domain", "set", "paced.example", "--limit", "2/hour:smooth")
    return made


def send(gateway, account, sender=FROM, options="", extra=""):
    with dialogue(gateway, account) as talk:
        talk.envelope(sender, TO, options=options)
        return talk.content(letter(sender, TO, extra=extra))


def seconds(span):
    """Of "59m58s" and the like."""
    return sum(int(n) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[unit] for n, unit in re.findall(r"(\d+)([dhms])", span))


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def agree(gateway, answer, limit):
    """What the reply says, the queue has: in the list, of the message alone, for people, and behind a restart. Returns in
    how many seconds."""
    said = LEAVES.fullmatch(answer)
    assert said and said[4] == limit, answer
    message, leaves, span = said.groups()[:3]
    (shown,) = gateway.sendoff.json("queue", "show", message)
    (listed,) = [one for one in gateway.queue() if one["message"] == message]
    assert shown["next"] == listed["next"] == leaves and shown["state"] == "queued" and shown["attempts"] == 0
    row = next(line for line in gateway.sendoff("queue", "list").splitlines() if line.startswith(message))
    told = seconds(re.search(r" 0 +([0-9dhms]+)", row)[1])
    assert seconds(span) - 100 <= told <= seconds(span), (row, answer)
    (event,) = [one for one in gateway.sendoff.json("log", "show", message) if one["event"] == "accepted"]
    minute = when(leaves).strftime("%Y-%m-%d %H:%M UTC")
    assert event["text"].endswith(f"; leaves {minute}, at {limit}"), event["text"]
    return seconds(span)


def about(expected, span):
    """Spans are told in minutes, where there are hours."""
    return expected - 100 <= span <= expected


def test_of_an_account_a_domain_and_a_stream(gateway):
    of_account = gateway.add_account("account", "--limit", "1/hour:smooth")
    of_stream = gateway.add_account("stream", "--stream-limit", "bulk:1/day:smooth")
    of_domain = gateway.add_account("domain", senders=["paced.example"])
    for account, sender, extra, limit, span in [
        (of_account, FROM, "", "1/hour:smooth", HOUR),
        (of_stream, FROM, "Precedence: bulk\r\n", "1/day:smooth", 24 * HOUR),
        (of_domain, "a@paced.example", "", "2/hour:smooth", HOUR // 2),
    ]:
        assert re.fullmatch(r"250 2\.0\.0 accepted as \w+", send(gateway, account, sender, extra=extra))
        assert about(span, agree(gateway, send(gateway, account, sender, extra=extra), limit))
    before = {one["message"]: one["next"] for one in gateway.queue()}
    gateway.restart()
    assert {one["message"]: one["next"] for one in gateway.queue()} == before


def test_the_latest_of_several_counts(gateway):
    """The slowest of an account, and the later of an account's and a domain's."""
    account = gateway.add_account("slowest", "--limit", "4/hour:smooth", "--limit", "12/day:smooth")
    assert send(gateway, account).startswith("250")
    assert about(2 * HOUR, agree(gateway, send(gateway, account), "12/day:smooth"))
    both = gateway.add_account("both", "--limit", "1/day:smooth", senders=["paced.example"])
    send(gateway, both, "a@paced.example")  # the domain has sent already: this one waits, too
    assert about(24 * HOUR, agree(gateway, send(gateway, both, "a@paced.example"), "1/day:smooth"))


def test_of_the_gateway(lab):
    gateway = lab.gateway()
    gateway.sendoff("gateway", "set", "--limit", "1/hour:smooth")
    account = gateway.add_account("app")
    assert send(gateway, account).startswith("250")
    for number in (1, 2):
        assert about(number * HOUR, agree(gateway, send(gateway, account), "1/hour:smooth"))
    gateway.stop()


def test_not_after_its_deadline(gateway):
    """DELIVERBY (RFC 2852): it leaves when it must, at the latest, and the reply says that."""
    account = gateway.add_account("urgent", "--limit", "1/hour:smooth")
    assert send(gateway, account).startswith("250")
    assert about(900, agree(gateway, send(gateway, account, options=" BY=900;R"), "1/hour:smooth"))


def test_what_the_message_asks_for_may_be_later(gateway):
    """FUTURERELEASE (RFC 4865): the later of both."""
    account = gateway.add_account("later", "--limit", "1/hour:smooth")
    assert send(gateway, account).startswith("250")
    assert about(HOUR, agree(gateway, send(gateway, account, options=" HOLDFOR=60"), "1/hour:smooth"))
    answer = send(gateway, account, options=f" HOLDFOR={10 * HOUR}")
    assert "leaves" not in answer, answer
    (shown,) = gateway.sendoff.json("queue", "show", answer.split()[-1])
    ahead = when(shown["next"]) - when(shown["created"])
    assert abs(ahead.total_seconds() - 10 * HOUR) < 30


def test_it_leaves_when_it_was_said(gateway, recipient):
    """And not before."""
    account = gateway.add_account("soon", "--limit", "20/minute:smooth")
    assert send(gateway, account).startswith("250")
    answer = send(gateway, account)
    said = LEAVES.fullmatch(answer)
    assert said, answer
    (delivered,) = gateway.wait_event("delivered", "--account", "soon", count=2)[1:]
    assert delivered["message"] == said[1] and when(delivered["time"]) >= when(said[2])
