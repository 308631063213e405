"""Pools of sources: shares by weight, a source that is kept for a message's life, addresses that go away and come back, the
address behind NAT, and mail that is moved to another pool. The addresses are on the loopback interface of a network of this
test's own."""

import collections
import subprocess

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.dns import txt
from sendoff_test.lab import Lab
from sendoff_test.own_network import OwnNetwork
from sendoff_test.processes import wait_until

ONE, TWO, THREE = "10.66.0.1", "10.66.0.2", "10.66.0.3"
PUBLIC = "198.51.100.7"
LATER = "450 4.2.1 not yet"


def ip(*words):
    subprocess.run(["ip", "addr", *words, "dev", "lo"], check=True)


@pytest.fixture(scope="module")
def lab():
    network = OwnNetwork(*(f"{address}/32" for address in (ONE, TWO, THREE)))
    made = Lab()
    yield made
    made.close()
    network.close()


@pytest.fixture
def gateway(lab):
    made = lab.new_gateway().configure(retry=["1s"]).start()
    yield made
    made.stop()


def add(gateway, address, *options):
    gateway.sendoff("source", "add", address, "--helo", "smtp.example.com", *options)


def send(gateway, account, host, count, sender="a@example.com"):
    return [submit_marked(gateway, account, sender, [f"r@{host.name}"]) for _ in range(count)]


def used(host):
    return collections.Counter(arrival.peer[0] for arrival in host.arrivals)


def listed(gateway):
    return {source["address"]: source for source in gateway.sendoff.json("source", "list")}


def lines(gateway, event, source):
    return [line for line in gateway.output().splitlines() if f'event="{event}"' in line and f"source={source}" in line]


def test_mail_is_shared_by_weight(lab, gateway):
    """To one site, which would otherwise see one source alone."""
    add(gateway, ONE, "--weight", "3")
    add(gateway, TWO)
    account, host = gateway.add_account("app"), lab.exchanger()
    assert {address: source["weight"] for address, source in listed(gateway).items()} == {ONE: 3, TWO: 1}
    for mark in send(gateway, account, host, 60):
        host.wait_for(mark)
    assert set(used(host)) == {ONE, TWO}
    assert used(host)[ONE] > used(host)[TWO]  # 45 to 15 is to be expected, with a deviation of 3.4
    # What is drained takes no new mail, and what is left takes it all.
    gateway.sendoff("source", "set", ONE, "--weight", "0")
    before = used(host)[ONE]
    for mark in send(gateway, account, host, 10):
        host.wait_for(mark)
    assert used(host)[ONE] == before
    gateway.sendoff("source", "remove", TWO, "--yes")
    (mark,) = send(gateway, account, host, 1)
    assert host.wait_for(mark).peer[0] == ONE


def test_a_message_keeps_its_source(lab, gateway):
    """What a greylisting receiver has seen comes again from the same address, also after others have joined the pool, and
    after a restart."""
    add(gateway, ONE)
    account, host = gateway.add_account("app"), lab.exchanger()
    host.replies["RCPT"] = LATER
    marks = send(gateway, account, host, 8)
    wait_until(lambda: all(entry["attempts"] for entry in gateway.queue()), "all were tried")
    assert {entry["source"] for entry in gateway.queue()} == {ONE}
    for address in (TWO, THREE):
        add(gateway, address, "--weight", "1000")
    gateway.stop()
    gateway.start()
    host.replies.clear()
    assert {host.wait_for(mark).peer[0] for mark in marks} == {ONE}
    fresh = [host.wait_for(mark).peer[0] for mark in send(gateway, account, host, 8)]
    assert set(fresh) & {TWO, THREE}


def test_an_address_that_goes_away_and_comes_back(lab, gateway):
    add(gateway, ONE)
    add(gateway, TWO)
    account, host = gateway.add_account("app"), lab.exchanger()
    for mark in send(gateway, account, host, 20):
        host.wait_for(mark)
    assert set(used(host)) == {ONE, TWO}
    # It is noticed without mail, said once, and the other one does its work.
    ip("del", f"{ONE}/32")
    try:
        shown = listed(gateway)
        assert (shown[ONE]["usable"], shown[ONE]["here"], shown[ONE]["state"]) == (False, False, "not on this machine")
        assert shown[TWO]["usable"] and "not on this machine" in gateway.sendoff("source", "list")
        wait_until(lambda: lines(gateway, "source unusable", ONE), "it is in the log")
        assert gateway.shown_status()["sources_away"] == 1
        before = used(host)[ONE]
        for mark in send(gateway, account, host, 10):
            host.wait_for(mark)
        assert used(host)[ONE] == before
        # Nothing is left: the mail waits, and says why.
        ip("del", f"{TWO}/32")
        wait_until(lambda: gateway.shown_status()["sources_away"] == 2, "both are away")
        (waits,) = send(gateway, account, host, 1)
        event = gateway.wait_event("deferred")[-1]
        assert (event["rule"], event["enhanced"]) == ("source", "4.3.5")
        assert "is not an address of this machine" in event["text"]
        wait_until(lambda: gateway.queue()[0]["attempts"] > 1, "it is tried again")
    finally:
        ip("add", f"{ONE}/32")
    assert host.wait_for(waits).peer[0] == ONE
    wait_until(lambda: lines(gateway, "source usable again", ONE), "it is in the log")
    assert len(lines(gateway, "source unusable", ONE)) == 1
    assert len(lines(gateway, "source unusable", TWO)) == 1
    ip("add", f"{TWO}/32")
    wait_until(lambda: gateway.shown_status()["sources_away"] == 0, "all are back")
    assert set(used(host)) == {ONE, TWO}


def test_what_waits_for_a_source_that_went_moves_to_another(lab, gateway):
    add(gateway, ONE)
    account, host = gateway.add_account("app"), lab.exchanger()
    host.replies["RCPT"] = LATER
    marks = send(gateway, account, host, 5)
    wait_until(lambda: all(entry["source"] == ONE for entry in gateway.queue()), "all were tried")
    add(gateway, TWO)
    # The connection that is open is of no use any more: nothing may wait for an answer on it.
    ip("del", f"{ONE}/32")
    try:
        host.replies.clear()
        assert {host.wait_for(mark).peer[0] for mark in marks} == {TWO}
    finally:
        ip("add", f"{ONE}/32")


def test_the_public_address_is_what_spf_is_asked_about(lab, gateway):
    add(gateway, ONE, "--public", PUBLIC)
    account, host = gateway.add_account("app", senders=["*"]), lab.exchanger()
    domain = lab.new_domain("nat")
    (record,) = [r for r in gateway.add_domain(domain, "--key", "ed25519", publish=False) if "v=spf1" in r["value"]]
    assert record["value"] == f"v=spf1 ip4:{PUBLIC} -all"
    gateway.sendoff("domain", "set", domain, "--spf", "enforce")
    lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{PUBLIC} -all"))
    (mark,) = send(gateway, account, host, 1, f"a@{domain}")
    assert host.wait_for(mark).peer[0] == ONE
    foretold = gateway.sendoff("explain", "--account", "app", "--from", f"a@{domain}", "--to", f"r@{host.name}")
    assert "SPF pass: used" in foretold, foretold
    assert f"{ONE} ({PUBLIC})" in gateway.sendoff("source", "list")
    # Another domain lists the private address, which nobody sees.
    wrong = lab.new_domain("nat")
    gateway.add_domain(wrong, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", wrong, "--spf", "enforce")
    lab.dns.set(wrong, "TXT", txt(f"v=spf1 ip4:{ONE} -all"))
    with pytest.raises(Exception) as refused:
        send(gateway, account, host, 1, f"a@{wrong}")
    assert PUBLIC in str(refused.value)
    gateway.sendoff("source", "set", ONE, "--public", "none")
    assert listed(gateway)[ONE]["public"] == ONE


def reroute(gateway, *words):
    (said,) = gateway.sendoff.json("queue", "reroute", *words)
    return said


def test_reroute(lab, gateway):
    add(gateway, ONE)
    add(gateway, TWO, "--pool", "second")
    account, other = gateway.add_account("app"), gateway.add_account("other")
    host, still = lab.exchanger(), lab.exchanger()
    host.replies["RCPT"] = still.replies["RCPT"] = LATER
    marks = send(gateway, account, host, 3)
    send(gateway, account, still, 1)
    (stays,) = send(gateway, other, host, 1)
    wait_until(lambda: len(gateway.queue()) == 5 and all(e["attempts"] for e in gateway.queue()), "all were tried")
    which = ["--account", "app", "--to", f"*@{host.name}", "--to-pool", "second"]
    said = reroute(gateway, *which, "--dry-run")
    assert said["dry_run"] and said["changed"] == 0
    assert said["pools"] == [{"pool": "default", "messages": 3, "recipients": 3}]
    assert {entry["pool"] for entry in gateway.queue()} == {"default"}
    text = gateway.sendoff("queue", "reroute", *which, "--yes")
    assert text.strip() == "3 messages, 3 recipients moved from the pool default to the pool second"
    assert sorted(entry["pool"] for entry in gateway.queue()) == ["default"] * 2 + ["second"] * 3
    gateway.stop()
    gateway.start()
    host.replies.clear()
    assert {host.wait_for(mark).peer[0] for mark in marks} == {TWO}
    assert host.wait_for(stays).peer[0] == ONE
    for event in gateway.wait_event("rerouted", count=3):
        assert event["text"].startswith("moved from the pool default to the pool second, by command (")
        assert event["rule"] == "command" and "rerouted" in gateway.story(event["message"])
        assert "to the pool second, by command" in gateway.sendoff("why", event["message"])
    # By its id; and what is wrong.
    (left,) = gateway.queue()
    assert reroute(gateway, left["message"], "--to-pool", "second")["changed"] == 1
    for words, status, text in (
        ([left["message"], "--to-pool", "second"], 1, "in the pool second already"),
        ([left["message"], "--to-pool", "empty"], 1, "sendoff source add ADDRESS --helo NAME --pool empty"),
        ([left["message"], "--to-pool", "empty", "--dry-run"], 1, "the pool empty has no source"),
        ([left["message"]], 2, "--to-pool"),
        (["--to-pool", "second"], 2, "say which"),
    ):
        result = gateway.sendoff.run("queue", "reroute", *words)
        assert result.status == status and text in result.err, result


def test_reroute_breaks_no_dmarc_in_silence(lab, gateway):
    """The domain passes DMARC by SPF alone, which lists the sources of one pool; the mail of the other one is signed."""
    add(gateway, ONE)
    add(gateway, TWO, "--pool", "second")
    account, host = gateway.add_account("app", senders=["*"]), lab.exchanger()
    host.replies["RCPT"] = LATER
    by_spf, signed = lab.new_domain("spf"), lab.new_domain("signed")
    for domain in (by_spf, signed):
        gateway.add_domain(domain, "--key", "ed25519", publish=domain == signed)
        lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{ONE} -all"))
        lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"))
        gateway.sendoff("domain", "set", domain, "--dmarc", "enforce", "--spf", "observe")
        send(gateway, account, host, 1, f"a@{domain}")
    wait_until(lambda: len(gateway.queue()) == 2 and all(e["attempts"] for e in gateway.queue()), "both were tried")
    result = gateway.sendoff.run("queue", "reroute", "--to", "*", "--to-pool", "second", "--yes")
    assert result.status == 0 and "1 message, 1 recipient moved" in result.out, result
    assert "1 recipient in 1 message stay: the mail rests on SPF" in result.err, result
    assert {e["from"].partition("@")[2]: e["pool"] for e in gateway.queue()} == {by_spf: "default", signed: "second"}
    result = gateway.sendoff.run("queue", "reroute", "--to", "*", "--to-pool", "second", "--yes")
    assert result.status == 1 and "rests on SPF" in result.err, result
    result = gateway.sendoff.run("queue", "reroute", "--to", "*", "--to-pool", "second", "--despite-spf", "--yes")
    assert result.status == 0 and "receivers may refuse it" in result.err, result
    assert {e["pool"] for e in gateway.queue()} == {"second"}
    host.replies.clear()
    gateway.wait_empty()
    assert set(used(host)) == {TWO}
