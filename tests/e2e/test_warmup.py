"""Sources that warm up: a day's amount and no more, the rest to the pool's others or later, and what a restart, a
refusal and the end of a plan do to that. A day is made to pass by moving what the store knows into the past."""

import collections
import time

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.lab import Lab
from sendoff_test.own_network import OwnNetwork
from sendoff_test.processes import wait_until
from sendoff_test.stored import edit

WARM, NEW = "10.66.0.1", "10.66.0.2"
LATER, REFUSED = "450 4.2.1 not yet", "554 5.7.1 your address has a poor reputation"
THREE = "days = {3, 6, 12}\n"


@pytest.fixture(scope="module")
def lab():
    network = OwnNetwork(*(f"{address}/32" for address in (WARM, NEW)))
    made = Lab()
    yield made
    made.close()
    network.close()


@pytest.fixture
def gateway(lab):
    left = 86400 - time.time() % 86400
    if left < 90:  # a new day would give new amounts
        time.sleep(left)
    made = lab.new_gateway().configure(retry=["1h"], more="loops = 2").start()
    yield made
    made.stop()


def add(gateway, address, *options):
    gateway.sendoff("source", "add", address, "--helo", "smtp.example.com", *options)


def plan(tmp_path, text=THREE):
    path = tmp_path / "plan.conf"
    path.write_text(text)
    return str(path)


def send(gateway, account, host, count, recipients=1, name="r"):
    to = [f"{name}{n}@{host.name}" for n in range(recipients)]
    return [submit_marked(gateway, account, "a@example.com", to) for _ in range(count)]


def used(*hosts):
    return collections.Counter(arrival.peer[0] for host in hosts for arrival in host.arrivals)


def warming(gateway, provider="others"):
    """What `source list` says of it; the gateway keeps it every few seconds."""
    (source,) = [s for s in gateway.sendoff.json("source", "list") if s["address"] == NEW]
    found = [p for p in source["warmup"]["providers"] if p["provider"] == provider]
    return found[0] if found else {}


def kept(gateway, **values):
    wait_until(lambda: all(warming(gateway).get(name) == value for name, value in values.items()), f"kept: {values}")
    return warming(gateway)


def put_off(gateway):
    return [event for event in gateway.log("--event", "deferred") if event["rule"] == "warm-up"]


def days_pass(gateway, days=1):
    gateway.stop()
    edit(gateway, f"UPDATE warmup_states SET day = day - {days}, used_on = used_on - {days}")
    gateway.start()


def lines(gateway, event):
    return [line for line in gateway.output().splitlines() if f'event="{event}"' in line]


def test_the_overflow_goes_to_the_warm_source(lab, gateway, tmp_path):
    add(gateway, WARM)
    add(gateway, NEW, "--weight", "1000", "--warmup", plan(tmp_path))
    account, host = gateway.add_account("app"), lab.exchanger()
    for mark in send(gateway, account, host, 10):
        host.wait_for(mark)
    assert used(host) == {NEW: 3, WARM: 7}
    shown = kept(gateway, used=3)
    assert (shown["day"], shown["days"], shown["amount"], shown["held"]) == (1, 3, 3, False)
    table = gateway.sendoff("source", "list")
    assert "day 1 of 3" in table and "day 1 of 3, 3 of 3 today" in table and "by the plan plan.conf since" in table
    assert len(lines(gateway, "warm-up began")) == 1
    # The next day has more, and the day after a day without mail has not.
    days_pass(gateway)
    assert len(lines(gateway, "warm-up grew")) == 1
    kept(gateway, day=2, amount=6)
    days_pass(gateway)
    assert kept(gateway, day=2, used=0)["amount"] == 6
    for mark in send(gateway, account, host, 10):
        host.wait_for(mark)
    assert used(host) == {NEW: 3 + 6, WARM: 7 + 4}


def test_alone_it_waits_and_says_why(lab, gateway, tmp_path):
    add(gateway, NEW, "--warmup", plan(tmp_path))
    account, host = gateway.add_account("app"), lab.exchanger()
    for mark in send(gateway, account, host, 3):
        host.wait_for(mark)
    marks = send(gateway, account, host, 2)
    wait_until(lambda: len(put_off(gateway)) == 2, "both wait")
    event = put_off(gateway)[0]
    assert f"warm-up of {NEW}: 3 of 3 recipients to others used today, next at " in event["text"]
    assert (event["code"], event["enhanced"]) == (450, "4.4.5")
    entry = gateway.queue()[0]
    assert entry["attempts"] == 0 and "warm-up of" in gateway.sendoff("queue", "show", entry["message"])
    assert "--warmup none" in gateway.sendoff("why", entry["message"])
    # It is in the log once, however often it is tried.
    gateway.sendoff("queue", "retry", "--account", "app", "--yes")
    kept(gateway, used=3)
    gateway.stop()
    gateway.start()
    gateway.sendoff("queue", "retry", "--account", "app", "--yes")
    marks += send(gateway, account, host, 1)
    wait_until(lambda: len(put_off(gateway)) == 3, "what was used is known after a restart")
    assert used(host) == {NEW: 3}
    # Its end lets everything go.
    gateway.sendoff("source", "set", NEW, "--warmup", "none")
    for mark in marks:
        host.wait_for(mark)
    assert len(put_off(gateway)) == 3
    assert gateway.sendoff.json("source", "list")[0]["warmup"] is None
    wait_until(lambda: lines(gateway, "warm-up ended"), "it is in the log")


def test_what_was_used_in_the_last_seconds_is_kept_at_the_stop(lab, gateway, tmp_path):
    add(gateway, NEW, "--warmup", plan(tmp_path))
    account, host = gateway.add_account("app"), lab.exchanger()
    for mark in send(gateway, account, host, 2):
        host.wait_for(mark)
    gateway.stop()
    assert warming(gateway)["used"] == 2
    gateway.start()
    send(gateway, account, host, 2)
    wait_until(lambda: put_off(gateway), "the second of them waits")
    assert used(host) == {NEW: 3}


def test_a_message_to_more_than_there_is_room_for(lab, gateway, tmp_path):
    add(gateway, NEW, "--warmup", plan(tmp_path))
    account, host = gateway.add_account("app"), lab.exchanger()
    (mark,) = send(gateway, account, host, 1, recipients=5)
    assert len(host.wait_for(mark).recipients) == 3
    wait_until(lambda: len(put_off(gateway)) == 2, "two wait")
    add(gateway, WARM)
    gateway.sendoff("queue", "retry", "--account", "app", "--yes")
    wait_until(lambda: not gateway.queue(), "they go from the other one")
    assert used(host) == {NEW: 1, WARM: 1}


def test_two_loops_use_no_more_than_the_amount(lab, gateway, tmp_path):
    """To many sites, which are on both loops: together they are `others`."""
    add(gateway, WARM)
    add(gateway, NEW, "--weight", "1000", "--warmup", plan(tmp_path, "days = {20}\n"))
    account, hosts = gateway.add_account("app"), [lab.exchanger() for _ in range(8)]
    marks = [(host, mark) for _ in range(6) for host in hosts for mark in send(gateway, account, host, 1)]
    for host, mark in marks:
        host.wait_for(mark)
    assert used(*hosts) == {NEW: 20, WARM: 28}
    kept(gateway, used=20)


def test_mail_keeps_its_source_and_waits_for_it(lab, gateway, tmp_path):
    add(gateway, NEW, "--warmup", plan(tmp_path))
    account, host = gateway.add_account("app"), lab.exchanger()
    host.replies["RCPT"] = LATER
    (bound,) = send(gateway, account, host, 1)
    wait_until(lambda: gateway.queue()[0]["attempts"] == 1, "it was put off")
    host.replies.clear()
    add(gateway, WARM, "--weight", "0")
    # What was put off has given its place back.
    for mark in send(gateway, account, host, 4):
        host.wait_for(mark)
    assert used(host) == {NEW: 3, WARM: 1}
    gateway.sendoff("queue", "retry", "--account", "app", "--yes")
    wait_until(lambda: put_off(gateway), "it waits for its source")
    assert gateway.queue()[0]["source"] == NEW
    days_pass(gateway)
    gateway.sendoff("queue", "retry", "--account", "app", "--yes")
    assert host.wait_for(bound).peer[0] == NEW


def test_refusals_hold_it_back_until_they_end(lab, gateway, tmp_path):
    add(gateway, NEW, "--warmup", plan(tmp_path, "days = {40, 80, 160}\n"))
    account, host = gateway.add_account("app"), lab.exchanger()
    for mark in send(gateway, account, host, 8):
        host.wait_for(mark)
    # That a mailbox is not there says nothing of the source.
    host.replies["RCPT"] = "550 5.1.1 no such user"
    send(gateway, account, host, 3, name="gone")
    wait_until(lambda: len(gateway.log("--event", "bounced")) == 3, "they have bounced")
    kept(gateway, used=11, held=False)
    assert not lines(gateway, "warm-up held back")
    host.replies["RCPT"] = REFUSED
    send(gateway, account, host, 3)
    shown = kept(gateway, used=14, held=True)
    assert (shown["against"], shown["attempts"]) == (3, 14)
    assert len(lines(gateway, "warm-up held back")) == 1
    assert gateway.shown_status()["warmups_held"] == 1
    table = gateway.sendoff("source", "list")
    assert "day 1 of 3, held" in table
    assert "held back: 3 of 14 recipients refused or deferred, above 0.50 %" in table
    # A used day does not grow while it is, and the day after a good one it does.
    host.replies.clear()
    gateway.stop()
    edit(gateway, "UPDATE warmup_states SET used = 40, day = day - 1, used_on = used_on - 1")
    gateway.start()
    assert kept(gateway, used=0, held=True)["day"] == 1
    for mark in send(gateway, account, host, 20):
        host.wait_for(mark)
    kept(gateway, used=20)
    days_pass(gateway)
    assert kept(gateway, used=0, held=False)["day"] == 1
    assert len(lines(gateway, "warm-up resumed")) == 1
    for mark in send(gateway, account, host, 20):
        host.wait_for(mark)
    kept(gateway, used=20)
    days_pass(gateway)
    assert kept(gateway, used=0)["day"] == 2


def test_each_provider_is_at_its_own_day(lab, gateway, tmp_path):
    """One of the table, whatever its hosts; a site that the plan names; and everybody else together."""
    table = tmp_path / "shaping.conf"
    table.write_text('provider "big" {\n mx = {"big.host"}\n}\n')
    table.chmod(0o644)
    gateway.stop()
    gateway.configure(retry=["1h"], delivery=f'shaping = "{table}"', more="loops = 2").start()
    add(gateway, WARM)
    days = 'days = {3}\nprovider "big" {\n days = {4, 9}\n}\nprovider "own.host" {\n days = {2, 9}\n}\n'
    add(gateway, NEW, "--weight", "1000", "--warmup", plan(tmp_path, days))
    account = gateway.add_account("app")
    big, own, others = ([lab.exchanger(site=site) for _ in range(2)] for site in ("big", "own", None))
    marks = [(host, mark) for host in big + own + others for mark in send(gateway, account, host, 5)]
    for host, mark in marks:
        host.wait_for(mark)
    assert used(*big) == {NEW: 4, WARM: 6}
    assert used(*own) == {NEW: 2, WARM: 8}
    assert used(*others) == {NEW: 3, WARM: 7}
    for provider, amount in (("big", 4), ("own.host", 2), ("others", 3)):
        wait_until(lambda: warming(gateway, provider).get("used") == amount, f"{provider} is kept")
    # Each goes on by itself: the days of `others` are over.
    days_pass(gateway)
    wait_until(lambda: warming(gateway)["warm"], "others are warm")
    assert warming(gateway, "big")["day"] == warming(gateway, "own.host")["day"] == 2
    assert "warm, 0 today" in gateway.sendoff("source", "list")
    assert [line.count("provider=others") for line in lines(gateway, "warm-up ended")] == [1]


def test_a_refused_connection_uses_nothing_and_counts_once(lab, gateway, tmp_path):
    add(gateway, NEW, "--warmup", plan(tmp_path, "days = {40}\n"))
    account, host = gateway.add_account("app"), lab.exchanger()
    host.replies["GREETING"] = "554 5.7.1 blocked"
    send(gateway, account, host, 5)
    wait_until(lambda: [e for e in gateway.log("--event", "deferred") if e["code"] == 554], "it was refused")
    shown = kept(gateway, used=0, attempts=1)
    assert (shown["against"], shown["held"]) == (1, False)
    assert not put_off(gateway)


def test_a_plan_with_a_mistake_is_not_taken(gateway, tmp_path):
    add(gateway, NEW)
    for text, says in (("days = {3, 2}\n", "amounts grow"), ("day = {3}\n", ":1: no such option 'day'")):
        done = gateway.sendoff.run("source", "set", NEW, "--warmup", plan(tmp_path, text))
        assert done.status == 2 and says in done.err
    assert gateway.sendoff.json("source", "list")[0]["warmup"] is None
    gateway.sendoff("source", "set", NEW, "--warmup", "default")
    assert gateway.sendoff.json("source", "list")[0]["warmup"]["days"] == 30
