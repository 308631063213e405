"""Every queued recipient has one reason why it is not being sent right now, whatever its sites and its operators do; and
when all is well again, the queue drains and nothing is lost."""

import asyncio
import collections
import itertools
import random
import re
import time

import pytest

from sendoff_test.client import connect
from sendoff_test.letters import letter, marker
from sendoff_test.mx import DROP
from sendoff_test.processes import wait_until

FROM = "a@example.com"
OF_ATTEMPT = {"slot", "share", "pace", "token", "store", "probe", "attempt"}
PASSING = {"read", "room"}  # each ends by itself
LONGEST = 20  # seconds that a recipient may be without an attempt for such a reason, on a busy machine
STEPS = 60


class Site:
    """One exchanger and its moods."""

    def __init__(self, lab, n):
        self.mx = lab.exchanger(lab.new_domain(), site=f"mood{n}")
        self.well = True

    async def _when_well(self, _=None):
        while not self.well:
            await asyncio.sleep(0.05)

    def mood(self, chosen):
        replies = self.mx.replies
        replies.clear()
        self.well = chosen == "well"
        if chosen == "later":
            replies["RCPT"] = "450 4.2.1 try again"
        elif chosen == "busy":
            replies["GREETING"] = "421 4.3.2 too many connections"
        elif chosen == "cuts":
            replies["CONTENT"] = lambda _: "451 4.3.0 not now"
        elif chosen == "drops":
            replies["GREETING"] = DROP
        elif chosen == "picky":
            replies["RCPT"] = lambda to: "452 4.5.3 too many" if to.startswith("r1") else None
        elif chosen == "silent":
            replies["GREETING"] = replies["MAIL"] = self._when_well
        elif chosen == "slow":
            replies["CONTENT"] = lambda _: asyncio.sleep(0.2)


MOODS = ["well", "well", "later", "busy", "cuts", "drops", "picky", "silent", "slow"]


class Walk:
    """Random operations, and what must be true of the queue after each."""

    def __init__(self, lab, gateway, seed):
        self.random = random.Random(seed)
        self.gateway = gateway
        self.sites = [Site(lab, f"{seed}x{n}") for n in range(4)]
        self.accounts = [gateway.add_account(f"app{seed}x{n}") for n in range(3)]
        self.sent = set()  # each recipient is of one message
        self.waiting_since = {}  # (message, recipient) -> since when it waits for something that passes
        self.seen = collections.Counter()
        self.number = itertools.count()

    # What is done.

    def send(self):
        extra = "X-Sendoff-Stream: bulk\r\n" if self.random.random() < 0.3 else ""
        with connect(self.gateway, self.random.choice(self.accounts)) as session:
            for _ in range(self.random.randint(1, 5)):
                sites = self.random.sample(self.sites, self.random.randint(1, 3))
                to = [f"r{next(self.number)}@{s.mx.domain}" for s in sites for _ in range(self.random.randint(1, 3))]
                assert not session.sendmail(FROM, to, letter(FROM, to[0], marker(), extra=extra))
                self.sent.update(to)

    def mood(self):
        self.random.choice(self.sites).mood(self.random.choice(MOODS))

    def queue_command(self):
        what = self.random.choice(["hold", "release", "retry", "retry"])
        which = self.random.choice([["--account", self.random.choice(self.accounts).name], ["--to", "*"]])
        self.gateway.sendoff.run("queue", what, *which, "--yes")

    def site_command(self):
        shown = [s["site"] for s in self.gateway.sendoff.json("site", "list")]
        if not shown:
            return
        name = self.random.choice(shown)
        if self.random.random() < 0.5:
            self.gateway.sendoff("site", "pause", name, "--until", "2s")
        else:
            self.gateway.sendoff("site", "resume", name)

    def again(self):
        self.gateway.restart()

    def step(self):
        operations = [self.send] * 5 + [self.mood] * 4 + [self.queue_command] * 3 + [self.site_command] * 2
        self.random.choice(operations if self.random.random() < 0.95 else [self.again])()

    # What must be true.

    def check(self):
        before = time.time()
        rows = self.gateway.queue("--limit", "0")
        here = set()
        for row in rows:
            reason, key = row["waits"]["for"], (row["message"], row["to"])
            self.seen[reason] += 1
            assert (reason in OF_ATTEMPT) == (row["under_way"] is not None), row
            if row["under_way"]:
                continue
            assert (reason == "held") == (row["state"] == "held"), row
            assert reason in {"held", "time", "pause"} | PASSING, row
            if reason in ("time", "pause"):
                assert row["waits"]["until"] >= stamp(before - 1), row
            if reason in PASSING:
                here.add(key)
                since = self.waiting_since.setdefault(key, before)
                assert before - since < LONGEST, f"stuck for {before - since:.0f} s: {row}"
        self.waiting_since = {key: since for key, since in self.waiting_since.items() if key in here}
        return rows

    def heal(self):
        for site in self.sites:
            site.mood("well")

    def drained(self):
        for command in ("release", "retry"):
            self.gateway.sendoff.run("queue", command, "--to", "*", "--yes")
        for shown in self.gateway.sendoff.json("site", "list"):
            if shown["paused_until"] or shown["held_until"]:
                self.gateway.sendoff("site", "resume", shown["site"])
        return not self.check()

    def all_came(self):
        """Each recipient has one end, and its mail has arrived; twice only where the gateway was killed or a reply was lost."""
        delivered = [event["to"] for event in self.gateway.log("--event", "delivered", "--limit", "0")]
        assert sorted(delivered) == sorted(self.sent)
        arrived = {to for s in self.sites for a in s.mx.arrivals for to in a.recipients}
        assert arrived == self.sent


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_walk(lab, seed):
    gateway = lab.new_gateway().configure(retry=["1s", "2s", "3s"], expire="1h").start()
    walk = Walk(lab, gateway, seed)
    for _ in range(STEPS):
        walk.step()
        walk.check()
    walk.heal()
    wait_until(walk.drained, "the queue drains", timeout=90)
    walk.all_came()
    assert {"time", "attempt"} <= set(walk.seen), walk.seen
    gateway.stop()


def test_the_reasons_are_said(lab):
    gateway = lab.new_gateway().configure(retry=["1h"]).start()
    account = gateway.add_account("reasons")
    later, busy = (lab.exchanger(lab.new_domain()) for _ in range(2))
    later.replies["RCPT"] = "450 4.2.1 greylisted"
    busy.replies["GREETING"] = lambda _: asyncio.sleep(3600)
    with connect(gateway, account) as session:
        for mx in (later, busy):
            session.sendmail(FROM, [f"r@{mx.domain}"], letter(FROM, "r@example.net", marker()))
    gateway.wait_event("deferred")

    def reason(mx):
        (row,) = gateway.queue("--to", f"*@{mx.domain}")
        return row["waits"]

    assert reason(later)["for"] == "time" and reason(later)["until"] > stamp(time.time() + 1000)
    wait_until(lambda: reason(busy)["for"] == "attempt", "it waits for the greeting")
    gateway.sendoff("queue", "hold", "--to", f"*@{later.domain}", "--yes")
    assert reason(later)["for"] == "held"
    gateway.stop()
    # Nobody sends what is due.
    gateway.sendoff("queue", "release", "--to", f"*@{later.domain}", "--yes")
    gateway.sendoff("queue", "retry", "--to", f"*@{later.domain}", "--yes")
    assert reason(later)["for"] == "gateway", reason(later)
    shown = gateway.sendoff("queue", "list", "--to", f"*@{later.domain}")
    assert re.search(r"gateway .*not running; start it with: sendoff serve", shown), shown
