"""What the gateway learns of a site: how long it greylists, which source it takes mail from; what it makes of that, and what
shows it."""

import asyncio
import collections
import datetime
import json
import time

from sendoff_test.client import submit_marked
from sendoff_test.processes import wait_until

FROM = "a@example.com"
RETRY = 5  # seconds, as the schedule has it; it adds to that, and never comes earlier
DELAY = 2.5  # what the site asks for
EARLY = RETRY - 0.5
ONE, TWO = "127.0.0.2", "127.0.0.3"
ROUNDS = 10


class Greylister:
    """Puts every recipient off until DELAY after its first attempt."""

    def __init__(self, lab):
        self.host = lab.exchanger(lab.new_domain())
        self.site = ".".join(self.host.name.split(".")[-2:])
        self.attempts = collections.defaultdict(list)
        self.host.replies["RCPT"] = self.rcpt
        self.sent = 0

    def rcpt(self, address):
        times = self.attempts[address]
        times.append(time.monotonic())
        return "451 4.7.1 later" if times[-1] - times[0] < DELAY else None

    def waits(self, addresses):
        """Seconds between the first attempt and the second at each."""
        return [times[1] - times[0] for times in (self.attempts[a] for a in addresses)]

    def round(self, gateway, account, count=6):
        """Messages to recipients of their own, until they have arrived; how long each was made to wait."""
        addresses = [f"r{self.sent + n}@{self.host.domain}" for n in range(count)]
        self.sent += count
        marks = [submit_marked(gateway, account, FROM, [address]) for address in addresses]
        for mark in marks:
            self.host.wait_for(mark, timeout=60)
        return self.waits(addresses)


def shown(gateway, site):
    """What is learnt of it, from the one source."""
    result = gateway.sendoff.run("--json", "site", "show", site)
    if result.status:
        assert "there is no site" in result.err, result
        return None
    (line,) = [json.loads(line) for line in result.out.splitlines()]
    return line.get("learnt")


def learnt_delay(gateway, site):
    learnt = shown(gateway, site)
    return learnt["greylisting"]["taken_after_seconds"] if learnt else None


def new_gateway(lab, **options):
    gateway = lab.new_gateway().configure(retry=[f"{RETRY}s"], **options)
    return gateway.start()


def test_greylisting_is_learnt_and_mail_comes_back_in_time(lab):
    gateway, site = new_gateway(lab), Greylister(lab)
    account = gateway.add_account("app")
    waits = site.round(gateway, account)
    assert min(waits) >= RETRY, waits  # nothing was known
    known = wait_until(lambda: learnt_delay(gateway, site.site), "the delay is known")
    assert known >= RETRY, known
    for _ in range(ROUNDS):
        site.round(gateway, account, 24)
        if learnt_delay(gateway, site.site) < RETRY:
            break
    assert DELAY - 1 < learnt_delay(gateway, site.site) < RETRY, shown(gateway, site.site)
    for _ in range(ROUNDS):
        if any(wait < EARLY for wait in site.round(gateway, account)):
            break
    else:
        raise AssertionError("no message came earlier than the schedule")

    learnt = shown(gateway, site.site)
    greylisting = learnt["greylisting"]
    assert greylisting["put_off"] == greylisting["first_attempts"] >= 18, learnt
    assert sum(slot["taken"] for slot in greylisting["later_attempts"]) >= 18
    assert learnt["delivery"]["messages"] >= 18 and learnt["delivery"]["half_within_ms"] >= 2000
    assert learnt["transaction"]["messages"] >= 36
    assert learnt["this_source"]["taken"] == learnt["this_source"]["messages"] and not any(
        hour["put_off"] for hour in learnt["hours"] if hour["answers"] > 60
    )
    text = gateway.sendoff("site", "show", site.site)
    assert "first attempts put off; taken after" in text and "nine of ten within" in text, text
    assert "100% of its weight" in text, text

    # explain: what a new message can expect.
    question = ("explain", "--account", account.name, "--from", FROM, "--to", f"new@{site.host.domain}")
    (explained,) = gateway.sendoff.json(*question)
    (expected,) = explained["expected"]
    assert explained["site"] == site.site
    assert expected["taken_after_seconds"] == learnt_delay(gateway, site.site) and expected["messages"] >= 18
    assert "what is put off is taken after" in gateway.sendoff(*question)

    # A stop and a start later it is still known, without a gateway as well.
    before = learnt_delay(gateway, site.site)
    gateway.stop()
    assert learnt_delay(gateway, site.site) == before
    gateway.start()
    assert learnt_delay(gateway, site.site) == before
    for _ in range(ROUNDS):
        if any(wait < EARLY for wait in site.round(gateway, account)):
            break
    else:
        raise AssertionError("it was forgotten")

    # Forgotten by command, also in the store.
    gateway.sendoff("site", "forget", site.site)
    assert shown(gateway, site.site) is None
    gateway.stop()
    assert shown(gateway, site.site) is None

    # Switched off, nothing is known, learnt or shown.
    gateway.start()
    site.round(gateway, account)
    wait_until(lambda: learnt_delay(gateway, site.site), "it is learnt again")
    gateway.stop()
    gateway.configure(retry=[f"{RETRY}s"], delivery="learning = no").start()
    waits = site.round(gateway, account, 8)
    assert min(waits) >= RETRY, waits
    assert shown(gateway, site.site) is None
    (explained,) = gateway.sendoff.json(*question)
    assert explained["expected"] == []
    gateway.stop()


def test_the_queue_says_when_delivery_is_expected(lab):
    gateway = lab.new_gateway().configure().start()
    account = gateway.add_account("app")
    host = lab.exchanger(lab.new_domain())

    def show():
        return [row["under_way"] for row in gateway.queue() if row["under_way"] and row["under_way"]["stage"] == "dot"]

    def send(seconds):
        host.replies["CONTENT"] = lambda _: asyncio.sleep(seconds)
        return submit_marked(gateway, account, FROM, [f"r@{host.domain}"])

    mark = send(6)
    (row,) = wait_until(show, "the message is at the host")
    assert row["delivery_expected"] is None
    host.wait_for(mark)
    gateway.wait_empty()
    begun = time.time()
    mark = send(60)
    (row,) = wait_until(show, "the next one is there")
    text = gateway.sendoff("queue", "list")
    if time.time() < begun + 8:  # 6 seconds are a step of up to 10
        expected = datetime.datetime.fromisoformat(row["delivery_expected"].replace("Z", "+00:00")).timestamp()
        assert begun + 9 < expected < time.time() + 11, row
        assert "; delivered in about " in text, text
    gateway.end()


def test_the_time_in_a_reply_is_kept_to(lab, tmp_path):
    table = tmp_path / "shaping.conf"
    table.write_text('rule { code = 45 reply = "try again in" action = "greylist" example = "450 try again in 5 seconds" }')
    table.chmod(0o644)
    gateway, site = new_gateway(lab, delivery=f'shaping = "{table}"'), Greylister(lab)
    account = gateway.add_account("app")
    asks = iter(range(10**6))

    def rcpt(address):
        reply = Greylister.rcpt(site, address)
        return reply and f"451 4.7.1 try again in 4 seconds ({next(asks)})"

    site.host.replies["RCPT"] = rcpt
    for _ in range(3):
        waits = site.round(gateway, account)
        assert min(waits) >= 4, waits
    assert learnt_delay(gateway, site.site) >= 4
    gateway.stop()


def test_a_site_that_refuses_a_source_gets_its_mail_from_the_other(lab):
    gateway = lab.new_gateway().configure(retry=["1s"]).start()
    for number, source in enumerate((ONE, TWO)):
        gateway.sendoff("source", "add", source, "--helo", f"s{number}.example.com")
    account = gateway.add_account("app")
    host, other = (lab.exchanger(lab.new_domain()) for _ in range(2))
    site = ".".join(host.name.split(".")[-2:])
    normally = host.stage

    async def stage(server, stage, argument):
        if stage == "MAIL" and server.session.peer[0] == ONE:
            return "550 5.7.1 no mail from this address"
        return await normally(server, stage, argument)

    host.stage = stage

    def send(to, count):
        for n in range(count):
            submit_marked(gateway, account, FROM, [f"r{n}@{to.domain}"])
        gateway.wait_empty()
        events = gateway.log("--to", f"*@{to.domain}")
        return collections.Counter(e["source"] for e in events if e["event"] in ("delivered", "bounced"))

    def weights():
        lines = gateway.sendoff("--json", "site", "show", site).splitlines()
        sources = {line["source"]: line.get("learnt") for line in map(json.loads, lines)}
        return {source: learnt and learnt["this_source"] for source, learnt in sources.items()}

    first = send(host, 40)
    assert first[ONE] >= 10 and first[TWO] >= 10, first  # by weight alone
    known = wait_until(lambda: weights() if len(weights()) == 2 else None, "both are known")
    assert known[ONE]["weight_percent"] == 5 and known[TWO]["weight_percent"] == 100, known
    assert known[ONE]["taken"] == 0 and known[TWO]["taken"] == known[TWO]["messages"] == first[TWO], known
    time.sleep(2.5)  # the dispatcher gets a report each second
    later = send(host, 60) - first
    assert later[TWO] >= 48, later  # 57 of 60 on average; 46 would be six standard deviations away
    elsewhere = send(other, 40)
    assert elsewhere[ONE] >= 8 and elsewhere[TWO] >= 8, elsewhere  # it is that site's choice alone
    gateway.stop()
