"""The brake on stolen credentials: an account that is taken over is slowed, held and suspended; one that lives as it
always did, or that is only observed, is never touched; and the commands that end it."""

import re
import time

import pytest

from sendoff_test.attempts import attempt, attempt_as
from sendoff_test.client import Dialogue, dialogue, plain
from sendoff_test.processes import wait_until
from sendoff_test.stored import edit

FROM = "a@example.com"
DAY = 86400
US = 1000000
HOME, ABROAD = "192.0.2.77", "203.0.113.9"


def number(network):
    return 4 << 56 | int.from_bytes(bytes(int(part) for part in network.split(".")[:3]), "big")


class Place:
    def __init__(self, lab):
        self.balancer, self.port = lab.block.address(7), lab.block.new_port()
        listen = f'listen "{lab.block.address(1)}:{self.port}" {{ tls = "starttls"  proxy = {{"{self.balancer}"}} }}'
        self.gateway = lab.gateway(retry=["1s"], expire="1h", more=listen)
        self.host = lab.exchanger(lab.new_domain())

    def people(self, count, stem="new"):
        return [f"{stem}{i}@{self.host.domain}" for i in range(count)]

    def arrived(self, stem):
        return {r for m in self.host.arrivals for r in m.recipients if r.startswith(stem)}

    def send(self, account, recipients, many=50):
        """The replies, of messages to so many at once."""
        with dialogue(self.gateway, account) as talk:
            return [attempt(talk, FROM, recipients[i : i + many]) for i in range(0, len(recipients), many)]

    def grow_old(self, account, a_day=20):
        """As if it had sent `a_day` for a month, from home."""
        today = int(time.time()) // DAY
        days = "".join(f"{day} {a_day} 1 0 {a_day} 0 0 " for day in range(today - 1, today - 8, -1))
        self.gateway.stop()
        edit(
            self.gateway,
            "UPDATE brake SET began_us = began_us - ?, days = ?, networks = ? WHERE account = ?",
            30 * DAY * US,
            days,
            f"{number(HOME)} {today - 1} 20 ",
            account.name,
        )
        self.gateway.start()

    def go_back(self, seconds, account):
        """Its step was reached so long ago."""
        self.gateway.stop()
        edit(self.gateway, "UPDATE brake SET since_us = since_us - ? WHERE account = ?", seconds * US, account.name)
        self.gateway.start()

    def review(self, account):
        (told,) = self.gateway.sendoff.json("account", "review", account.name)
        return told

    def events(self, account, event="warned"):
        """Of the account, not of a message."""
        found = self.gateway.log("--account", account.name, "--event", event)
        return [e for e in found if e["rule"] == "brake" and not e["to"]]

    def veteran(self, name, *options):
        account = self.gateway.add_account(name, *options)
        self.send(account, self.people(20, f"{name}-friend"))
        self.grow_old(account)
        return account


@pytest.fixture(scope="module")
def place(lab):
    made = Place(lab)
    yield made
    made.gateway.end()


@pytest.fixture(autouse=True)
def not_at_midnight():
    left = DAY - time.time() % DAY
    if left < 60:
        time.sleep(left + 1)


def test_a_stolen_password(place):
    gateway, account = place.gateway, place.veteran("shop", "--brake", "on")
    assert all(answer.startswith("250 2.0.0 accepted as ") for answer in place.send(account, place.people(20, "shop-friend")))
    assert place.review(account)["step"] == "none"

    # Slowed: what is beyond the budget is accepted, and waits.
    answers = place.send(account, place.people(1000))
    assert all(answer.startswith("250") for answer in answers)
    assert re.search(r"leaves \S+ \(in [0-9hm]+\), slowed by the brake", answers[-1]), answers[-1]
    message, leaves = re.match(r"250 2\.0\.0 accepted as (\w+); leaves (\S+)", answers[-1]).groups()
    waiting = [one["next"] for one in gateway.queue("--account", "shop") if one["message"] == message]
    assert len(waiting) == 50 and set(waiting) == {leaves}, "the queue has the time that was told"
    told = place.review(account)
    assert (told["step"], told["mode"], told["held"]) == ("slow", "enforce", 0)
    first = told["budgets"]["first-time"]
    assert (first["used"], first["budget"], first["exceeded"]) == (1000, 200, True)
    (warned,) = place.events(account)
    assert "mail is slowed to 60 recipients an hour" in warned["text"] and "first-time recipients today" in warned["text"]
    assert warned["numbers"]["first_time"] == 250 and warned["numbers"]["first_time_budget"] == 200
    wait_until(lambda: len(place.arrived("new")) >= 200, "what was within the budget is delivered")

    assert any("slowed by the brake until" in e["text"] for e in gateway.log("--account", "shop", "--event", "accepted"))

    # Held, ten minutes later: nothing of it is lost, and none leaves.
    place.go_back(601, account)
    answer = attempt_as(gateway, account, FROM, place.people(100, "held"))
    assert answer.startswith("250") and "; held for the operator's review" in answer
    (held,) = place.events(account, "held")
    assert "new mail is held: " in held["text"]
    assert len(gateway.queue("--account", "shop", "--state", "held")) == 100
    (one, *_) = gateway.queue("--account", "shop", "--state", "held")
    assert "sendoff account review shop" in gateway.sendoff("why", one["message"])
    shown = gateway.sendoff("account", "show", "shop")
    assert re.search(r"^brake step +hold, since ", shown, re.M), shown

    # Suspended, an hour later.
    place.go_back(3601, account)
    assert attempt_as(gateway, account, FROM, place.people(100, "last")).startswith("250")
    told = place.review(account)
    assert (told["step"], told["held"]) == ("suspend", 200)
    with dialogue(gateway, None) as talk:
        talk.start_tls()
        talk.say("EHLO client.example")
        talk.say(f"AUTH PLAIN {plain(account.name, account.password)}")
        wait_until(lambda: talk.say(f"MAIL FROM:<{FROM}>").startswith("5") or talk.say("RSET") is None, "it is refused")
    text = gateway.sendoff("account", "review", "shop")
    assert "FAR EXCEEDED" in text and "sendoff account trust shop" in text
    since = re.search(r"sendoff queue drop --account shop --since \"([^\"]+)\"", text).group(1)
    # What it slowed before still waits; the two commands of the review.
    assert len(gateway.queue("--account", "shop")) > 700
    assert len(place.arrived("new")) <= 320, "it let too much out"
    gateway.sendoff("account", "password", "shop")
    gateway.sendoff("queue", "drop", "--account", "shop", "--since", since, "--yes")
    assert gateway.queue("--account", "shop") == []
    assert "not suspended" in gateway.sendoff("account", "trust", "shop", "--forget")
    told = place.review(account)
    assert (told["step"], told["budgets"]["first-time"]["used"], told["budgets"]["first-time"]["budget"]) == ("none", 0, 200)


def test_trust_ends_it(place):
    gateway, account = place.gateway, place.veteran("growing", "--brake", "on")
    place.send(account, place.people(700, "customer"))
    place.go_back(601, account)
    assert "held" in attempt_as(gateway, account, FROM, place.people(2, "patient"))
    told = gateway.sendoff("account", "trust", "growing")
    assert "not braked" in told
    assert place.review(account)["step"] == "none"
    assert place.review(account)["budgets"]["first-time"]["budget"] == 4 * 702
    (released,) = place.events(account, "released")
    assert "usual" in released["text"]
    # At once, without a restart; what is held stays so until it is released.
    answer = attempt_as(gateway, account, FROM, place.people(3, "next"))
    assert re.fullmatch(r"250 2\.0\.0 accepted as \w+", answer), answer
    assert len(gateway.queue("--account", "growing", "--state", "held")) == 2
    assert gateway.sendoff.json("queue", "release", "--account", "growing", "--since", "1h", "--yes")[0]["changed"] == 2
    wait_until(lambda: any("patient0" in r for m in place.host.arrivals for r in m.recipients), "it is delivered")


def test_trust_of_what_was_not_braked(place):
    """Nothing has ended, so that there is nothing to log."""
    account = place.gateway.add_account("calm", "--brake", "on")
    assert place.gateway.sendoff("account", "trust", "calm") == "calm was not braked; what it has sent counts as usual from now on\n"
    assert place.gateway.sendoff.json("account", "trust", "calm") == [{"account": "calm", "was_braked": False, "resumed": False}]
    assert place.events(account, "released") == []


def test_observing_only_says_so(place):
    gateway, account = place.gateway, place.veteran("watched")
    answers = place.send(account, place.people(1000, "w"))
    assert all(re.fullmatch(r"250 2\.0\.0 accepted as \w+", answer) for answer in answers), answers
    (warned,) = place.events(account)
    assert "mail would be slowed" in warned["text"]
    place.go_back(601, account)
    place.send(account, place.people(100, "x"))
    assert [("would be slowed" in e["text"], "would be held" in e["text"]) for e in place.events(account)] == [
        (True, False),
        (False, True),
    ]
    assert gateway.queue("--account", "watched", "--state", "held") == []
    assert "nothing was done" in gateway.sendoff("account", "review", "watched")
    wait_until(lambda: not gateway.queue("--account", "watched"), "all of it is delivered", timeout=60)
    # Switched on, it begins at the beginning: nothing is held for what was only observed.
    gateway.sendoff("account", "set", "watched", "--brake", "on")
    assert "held" not in attempt_as(gateway, account, FROM, place.people(1, "y"))
    assert place.review(account)["step"] == "slow"


def test_off(place):
    account = place.veteran("free", "--brake", "off")
    assert all(re.fullmatch(r"250 2\.0\.0 accepted as \w+", answer) for answer in place.send(account, place.people(600, "f")))
    assert place.events(account) == []
    assert place.review(account)["budgets"]["volume"]["used"] == 600  # counted all the same


def test_a_new_account_can_work(place):
    account = place.gateway.add_account("newcomer", "--brake", "on")
    assert all(re.fullmatch(r"250 2\.0\.0 accepted as \w+", answer) for answer in place.send(account, place.people(900, "n")))
    told = place.review(account)
    assert told["step"] == "none" and told["new"] and told["known_recipients"] == 900


def test_bounces_of_a_next_hop(lab, place):
    """A list that was bought: a fifth of it does not exist."""
    gateway = place.gateway
    host = lab.exchanger(lab.new_domain())
    host.replies["RCPT"] = lambda address: "550 5.1.1 User unknown" if address.startswith("gone") else None
    account = gateway.add_account("list", "--brake", "on")
    everybody = [f"{'gone' if i % 5 == 0 else 'here'}{i}@{host.domain}" for i in range(200)]
    place.send(account, everybody)
    gateway.wait_event("bounced", "--account", "list", count=40)
    wait_until(lambda: not gateway.queue("--account", "list"), "all outcomes are known", timeout=60)
    assert place.review(account)["step"] == "none"  # a step is taken with a message
    attempt_as(gateway, account, FROM, [f"here@{host.domain}"])
    told = place.review(account)
    bounces = told["budgets"]["bounces"]
    assert bounces["recipients"] in (200, 201)  # the last one may be there by now
    assert (bounces["used"] // 10 in (19, 20), bounces["exceeded"], told["step"]) == (True, True, "slow")
    (warned,) = place.events(account)
    assert "bounces 20.0 % of 200 recipients in 7 days" in warned["text"]
    place.go_back(601, account)
    assert "held" in attempt_as(gateway, account, FROM, [f"here@{host.domain}"])


def from_abroad(place, account, client, recipients):
    header = f"PROXY TCP4 {client} 198.51.100.1 55300 587\r\n".encode()
    with Dialogue((place.gateway.address, place.port), source=place.balancer, before=header) as talk:
        assert talk.reply().startswith("220")
        talk.say("EHLO client.example")
        talk.start_tls()
        talk.say("EHLO client.example")
        talk.login(account.name, account.password)
        return attempt(talk, FROM, recipients)


def test_a_network_far_outside(place):
    account = place.veteran("traveller", "--brake", "on")
    friends = place.people(20, "traveller-friend")
    for _ in range(2):
        assert "slowed" not in from_abroad(place, account, HOME, friends)
        assert "slowed" not in from_abroad(place, account, ABROAD, friends)
    told = place.review(account)
    assert told["budgets"]["network"]["used"] == 40 and told["step"] == "none"
    from_abroad(place, account, ABROAD, friends)
    told = place.review(account)
    assert told["budgets"]["network"]["used"] == 60 and told["step"] == "slow"
    (warned,) = place.events(account)
    assert "60 recipients today from networks far outside the usual ones" in warned["text"]
    assert {n["network"]: n["usual"] for n in told["networks"]} == {"192.0.2.0/24": True, "203.0.113.0/24": False}
    place.go_back(601, account)
    assert "held" not in from_abroad(place, account, ABROAD, friends)  # a network alone holds nobody's mail


def test_what_is_known_survives_a_kill(place):
    gateway, account = place.gateway, place.veteran("steady", "--brake", "on")
    place.send(account, place.people(300, "k"))
    before = place.review(account)
    assert before["step"] == "slow"
    gateway.kill()
    gateway.start()
    assert place.review(account) == before
    answer = attempt_as(gateway, account, FROM, place.people(300, "k")[:50])
    after = place.review(account)
    assert "slowed by the brake" in answer and after["budgets"]["first-time"]["used"] == before["budgets"]["first-time"]["used"]


def test_commands_that_go_wrong(place):
    sendoff = place.gateway.sendoff
    for verb in ("review", "trust"):
        result = sendoff.run("account", verb, "nobody")
        assert result.status == 1 and "there is no account nobody" in result.err
    assert sendoff.run("queue", "drop", "--account", "shop", "--since", "soon", "--yes").status == 2
    assert "brake" in sendoff("policy", "list")
