"""policy replay against the live path: what a limit would have refused, from the log of a gateway without it, is what the
same mail is refused by a gateway that has it."""

import datetime
import random
import re
import time

import pytest

from sendoff_test.attempts import attempt
from sendoff_test.client import dialogue
from sendoff_test.gateway import pause_until_safe
from sendoff_test.letters import letter

TO = "dest.example.net"
GONE = f"gone@{TO}"  # suppressed, and dropped
MESSAGES = 24
ACCOUNTS = ("app1", "app2")
BULK = "X-Sendoff-Stream: bulk\r\n"

EVERYWHERE = ("8/hour", "9/day:defer", "5/month", "11rcpt/hour", "13rcpt/day:defer", "2rcpt/message", "2rcpt/message:defer",
              "12KB/hour", "15KB/day:defer", "3KB/message", "3KB/message:defer", "1/hour:smooth", "2/minute:smooth")
SEED = 11


class Letter:
    """One of the mail that is sent to both."""

    def __init__(self, choose, number):
        self.number = number
        self.account = choose.choice(ACCOUNTS)
        self.own_domain = choose.random() < 0.7
        self.bulk = choose.random() < 0.4
        self.repeated = choose.random() < 0.2
        count = choose.choice((1, 1, 1, 2, 3, 4))
        self.recipients = [f"r{number}-{i}@{TO}" for i in range(count)]
        if choose.random() < 0.2:
            self.recipients.insert(choose.randrange(count + 1), GONE)
        self.text = "x" * 60 + "\r\n"
        self.text *= choose.choice((1, 5, 20, 60))

    def send(self, talk, domain, other):
        """The first refusal, or the last reply."""
        sender = f"a@{domain if self.own_domain else other}"
        extra = f"Message-ID: <{self.number}@client.example>\r\n{BULK if self.bulk else ''}"
        return attempt(talk, sender, self.recipients, letter(sender, self.recipients[0], self.text, extra=extra))


class Sender:
    """The mail, with one of the gateways: each account has a session of its own."""

    def __init__(self, gateway, names, domain, other):
        self.gateway, self.domain, self.other = gateway, domain, other
        options = ("--suppressed", "drop")
        self.accounts = {who: gateway.add_account(name, *options, senders=(domain, other)) for who, name in names.items()}

    def send(self, letters):
        """The replies, by number; of a repeat of what was taken, that it is answered with the same."""
        replies = {}
        talks = {who: dialogue(self.gateway, account) for who, account in self.accounts.items()}
        for one in letters:
            reply = replies[one.number] = one.send(talks[one.account], self.domain, self.other)
            if one.repeated and reply.startswith("250"):
                again = one.send(talks[one.account], self.domain, self.other)
                # Where nothing is left, it is refused at MAIL, where nobody knows what it will be.
                assert again[:4] in ("452 ", "550 ") or identifier(again) == identifier(reply), (reply, again)
        for talk in talks.values():
            talk.close()
        return replies


def identifier(reply):
    return re.match(r"250 2\.0\.0 accepted as (\w+)", reply).group(1)


def codes(reply):
    return tuple(reply.split()[:2])


def mail():
    choose = random.Random(SEED)
    return [Letter(choose, number) for number in range(MESSAGES)]


def new_gateway(lab, *domains):
    gateway = lab.new_gateway().configure()
    for domain in domains:
        gateway.sendoff("domain", "add", domain, "--key", "ed25519")
    gateway.sendoff("suppression", "add", GONE)
    return gateway.start()


class Logged:
    """The gateway without limits, that has taken all of it."""

    def __init__(self, lab):
        self.gateway = new_gateway(lab, "d0.example", "e0.example")
        sender = Sender(self.gateway, {name: name for name in ACCOUNTS}, "d0.example", "e0.example")
        self.letters = mail()
        pause_until_safe(86400, 200)
        replies = sender.send(self.letters)
        self.numbers = {identifier(reply): number for number, reply in replies.items()}
        assert len(self.numbers) == MESSAGES, "all were taken, each by itself"

    def replay(self, spec, *scope):
        """By number: the codes of what is refused, or when it leaves; what is in neither leaves at once."""
        words = ["policy", "replay", "--since", "1h", *scope, "--limit", spec]
        listed = self.gateway.sendoff.json(*words, "--list")
        rows = self.gateway.sendoff.json(*words)
        refused = {self.numbers[one["message"]]: (str(one["code"]), one["enhanced"]) for one in listed if "code" in one}
        leaves = {self.numbers[one["message"]]: when(one["leaves"]) for one in listed if "leaves" in one}
        assert sum(row["refused"] for row in rows) == len(refused)
        assert sum(row["put_off"] for row in rows) == len(leaves)
        return refused, leaves


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.fixture(scope="module")
def logged(lab):
    lab.exchanger(TO)
    return Logged(lab)


@pytest.fixture(scope="module")
def limited(lab):
    """Limits of accounts and domains, each of its own."""
    domains = [f"{letter}{number}.example" for letter in "de" for number in range(1, 4)]
    return new_gateway(lab, *domains)


def held(gateway, replies):
    """When each message that was put off leaves, by number."""
    waiting = {}
    for row in gateway.queue():
        waiting[row["message"]] = when(row["next"])
    return {number: waiting[identifier(r)] for number, r in replies.items() if r.startswith("250") and "leaves " in r}


def compare(logged, gateway, replies, spec, *scope):
    refused, leaves = logged.replay(spec, *scope)
    live = {number: codes(reply) for number, reply in replies.items() if not reply.startswith("250")}
    assert live == refused, (spec, scope, replies)
    later = held(gateway, replies)
    assert set(later) == set(leaves), (spec, scope, replies)
    if later:  # the distances; the two were not sent in the same moment
        first, first_live = min(leaves.values()), min(later.values())
        for number, at in later.items():
            assert abs((at - first_live) - (leaves[number] - first)) < 20, (spec, scope, number)
    return refused, leaves


@pytest.mark.parametrize("spec", EVERYWHERE)
def test_of_an_account(logged, limited, spec):
    """Each account by itself, and both in one replay."""
    pause_until_safe(86400, 60)
    name = re.sub(r"\W", "-", spec)
    sender = Sender(limited, {who: f"{who}-{name}" for who in ACCOUNTS}, "d1.example", "e1.example")
    for who in ACCOUNTS:
        limited.sendoff("account", "set", f"{who}-{name}", "--limit", spec)
    replies = sender.send(logged.letters)
    refused, leaves = compare(logged, limited, replies, spec)
    assert refused or leaves, "the limit does something"


def test_of_one_account(logged):
    for spec in ("3/day", "1/hour:smooth"):
        refused, leaves = logged.replay(spec)
        own = {letter.number for letter in logged.letters if letter.account == "app1"}
        one_refused, one_leaves = logged.replay(spec, "--account", "app1")
        assert one_refused == {n: c for n, c in refused.items() if n in own} and set(one_leaves) == set(leaves) & own
        assert len(one_refused) + len(one_leaves) < len(refused) + len(leaves)


@pytest.mark.parametrize("spec", ["2/hour", "1/hour:smooth", "2KB/month:defer"])
def test_of_a_stream(logged, limited, spec):
    name = "bulk-" + re.sub(r"\W", "-", spec)
    sender = Sender(limited, {who: f"{who}-{name}" for who in ACCOUNTS}, "d1.example", "e1.example")
    for who in ACCOUNTS:
        limited.sendoff("account", "set", f"{who}-{name}", "--stream-limit", f"bulk:{spec}")
    refused, leaves = compare(logged, limited, sender.send(logged.letters), spec, "--stream", "bulk")
    assert refused or leaves
    assert all(one.bulk for one in logged.letters if one.number in refused or one.number in leaves)


@pytest.fixture(scope="module")
def domains(limited):
    """Accounts with two domains each; every test takes the next two."""
    pairs = iter([("d2.example", "e2.example"), ("d3.example", "e3.example")])
    return lambda: next(pairs)


@pytest.mark.parametrize("spec", ["12rcpt/hour", "1/hour:smooth"])
def test_of_a_domain(logged, limited, domains, spec):
    """From's domain, whoever sends it."""
    domain, other = domains()
    limited.sendoff("domain", "set", domain, "--limit", spec)
    name = "domain-" + re.sub(r"\W", "-", spec)
    sender = Sender(limited, {who: f"{who}-{name}" for who in ACCOUNTS}, domain, other)
    refused, leaves = compare(logged, limited, sender.send(logged.letters), spec, "--domain", "D0.example")
    assert refused or leaves
    assert all(one.own_domain for one in logged.letters if one.number in refused or one.number in leaves)


@pytest.mark.parametrize("spec", ["20rcpt/hour:defer", "20KB/month", "1/day:smooth"])
def test_of_the_gateway(lab, logged, spec):
    gateway = new_gateway(lab, "d0.example", "e0.example")
    gateway.sendoff("gateway", "set", "--limit", spec)
    sender = Sender(gateway, {name: name for name in ACCOUNTS}, "d0.example", "e0.example")
    refused, leaves = compare(logged, gateway, sender.send(logged.letters), spec, "--gateway")
    assert refused or leaves
    gateway.stop()


def test_what_came_before_is_used_up(lab, limited):
    """A limit that is set knows what was used; so does one that is only played."""
    account = limited.add_account("earlier", senders=("d1.example",))
    with dialogue(limited, account) as talk:
        send = lambda: attempt(talk, "a@d1.example", [f"r@{TO}"])
        assert all(send().startswith("250") for _ in range(3))
        begin = time.time()
        time.sleep(2.5)
        assert all(send().startswith("250") for _ in range(3))

    def replay(spec):
        since = f"{int(time.time() - begin)}s"
        (row,) = limited.sendoff.json("policy", "replay", "--since", since, "--account", "earlier", "--limit", spec)
        return row["messages"], row["refused"]

    assert replay("5/day") == (3, 1) and replay("5/hour") == (3, 1) and replay("5/month") == (3, 1)
    assert replay("5/second") == (3, 0)


@pytest.mark.parametrize(
    "words, piece",
    [
        (["--account", "app1", "--gateway"], "say one of"),
        (["--domain", "d0.example", "--gateway"], "say one of"),
        (["--domain", "d0.example", "--stream", "bulk"], "say one of"),
        (["--stream", "news"], "write transactional or bulk"),
        (["--domain", "nowhere.example"], "sendoff domain list"),
        (["--domain", "no domain"], "write a domain"),
        (["--account", "nobody"], "sendoff account list"),
    ],
)
def test_wrong_questions_say_what_to_write(logged, words, piece):
    result = logged.gateway.sendoff.run("policy", "replay", "--since", "1h", "--limit", "1/day", *words)
    assert result.status in (1, 2) and piece in result.err and len(result.err.splitlines()) == 1, result


def test_for_people(logged):
    """The rows, and the list."""
    words = ["policy", "replay", "--since", "1h", "--limit", "3/hour"]
    rows = logged.gateway.sendoff(*words)
    assert re.search(r"^OF +MAIL +REFUSED +FIRST +LAST +DELAYED +MOST", rows) and "app1" in rows and "app2" in rows
    listed = logged.gateway.sendoff(*words, "--list")
    assert re.search(r"452 4\.7\.1 app1: 3 of 3 messages in an hour; next possible ", listed), listed
    smooth = logged.gateway.sendoff("policy", "replay", "--since", "1h", "--limit", "1/day:smooth", "--gateway", "--list")
    assert "put off until " in smooth and "452 4.7.1 gateway: more than a day's mail waits" in smooth, smooth
