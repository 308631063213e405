"""Signing keys rotate (dkim/rotation.h): by the zone's own servers, through every state, whatever ends the gateway meanwhile."""

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.processes import wait_until
from sendoff_test.rotation import Zone, age, events, in_state, keys, rotate, send, sent_by, signed_by, states
from sendoff_test.verify import verified


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway()


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("rotates", senders=["*"])


@pytest.fixture(scope="module")
def box(lab):
    return lab.exchanger(lab.new_domain())


@pytest.fixture
def zone(lab, gateway):
    made = Zone(lab)
    gateway.sendoff("domain", "add", made.name, "--key", "both")
    made.serve(gateway.sendoff.json("domain", "records", made.name))
    return made


def test_every_server_must_have_it(lab, gateway, account, box, zone):
    before, new = rotate(gateway, zone)
    assert len(new) == 2 and in_state(gateway, zone, "waiting") == sorted(r["name"].split(".")[0] for r in new)
    waiting = in_state(gateway, zone, "waiting")

    def found(text):
        rows = keys(gateway, zone)
        return all(rows[s]["found"] and text in rows[s]["found"] for s in waiting)

    everything = gateway.sendoff.json("domain", "records", zone.name)
    wait_until(lambda: found("there is no TXT record"), "it was looked for", 30)
    assert signed_by(send(gateway, account, zone, box)) == before
    zone.serve(everything, at=[0])
    wait_until(lambda: found("ns2." + zone.name), "the second has it not", 60)
    assert signed_by(send(gateway, account, zone, box)) == before
    zone.serve(everything)
    wait_until(lambda: in_state(gateway, zone, "active") == waiting, "both sign", 90)
    assert in_state(gateway, zone, "old") == before
    arrival = wait_until(lambda: sent_by(gateway, account, zone, box, waiting), "mail is signed by both")
    assert {d for d, _ in verified(arrival.content, lab.dns)} == {zone.name}
    said = events(gateway, zone)
    for old, now in zip(before, waiting):
        assert f"{now} waiting: its record is to be published" in said
        assert any(line.startswith(f"{now} active: DNS has its record everywhere") for line in said)
        assert f"{old} old: its successor signs" in said


def test_a_wrong_record_is_none(gateway, account, box, zone):
    before, new = rotate(gateway, zone)
    wrong = {r["name"]: {**r, "value": r["value"].replace("p=", "p=AAAA", 1)} for r in new}
    zone.serve([wrong.get(r["name"], r) for r in gateway.sendoff.json("domain", "records", zone.name)])
    waiting = in_state(gateway, zone, "waiting")
    wait_until(lambda: all(keys(gateway, zone)[s]["checked"] for s in waiting), "it was looked at", 30)
    wait_until(lambda: all("is not the one" in (keys(gateway, zone)[s]["found"] or "") for s in waiting), "it is wrong", 60)
    assert signed_by(send(gateway, account, zone, box)) == before
    for selector in waiting:  # given up
        gateway.sendoff("dkim", "retire", zone.name, selector)
    assert set(states(gateway, zone).values()) == {"active"}


def test_the_servers_are_ahead_of_the_resolver(gateway, zone):
    rotate(gateway, zone)
    waiting = in_state(gateway, zone, "waiting")
    everything = gateway.sendoff.json("domain", "records", zone.name)
    zone.serve(everything, resolver=False)
    wait_until(lambda: all("the resolver not yet" in (keys(gateway, zone)[s]["found"] or "") for s in waiting), "only they have it", 60)
    zone.serve(everything)
    wait_until(lambda: in_state(gateway, zone, "active") == waiting, "both sign", 90)


def test_force(gateway, account, box, zone):
    before, _ = rotate(gateway, zone)
    waiting = in_state(gateway, zone, "waiting")
    gateway.sendoff("dkim", "rotate", zone.name, "--force")
    assert in_state(gateway, zone, "active") == waiting and in_state(gateway, zone, "old") == before
    assert signed_by(send(gateway, account, zone, box)) == waiting


def test_an_old_key_stays_for_its_mail(lab, gateway, account, box, zone):
    slow = lab.exchanger(lab.new_domain())
    slow.replies["RCPT"] = "451 4.3.0 not now"
    submit_marked(gateway, account, f"a@{zone.name}", [f"r@{slow.domain}"])
    gateway.wait_event("deferred", "--to", f"r@{slow.domain}")
    (message,) = {row["message"] for row in gateway.queue("--account", account.name) if row["to"] == f"r@{slow.domain}"}
    gateway.sendoff("queue", "hold", message)
    before, _ = rotate(gateway, zone)
    gateway.sendoff("dkim", "rotate", zone.name, "--force")
    wait_until(lambda: all(keys(gateway, zone)[s]["checked"] for s in before), "the queue was looked at", 30)
    age(gateway, zone, 100, "old")
    wait_until(lambda: all(keys(gateway, zone)[s]["checked"] for s in before), "and again", 30)
    assert in_state(gateway, zone, "old") == before
    refused = gateway.sendoff.run("dkim", "retire", zone.name, before[0])
    assert refused.status == 1 and "mail that " + before[0] + " has signed is still queued" in refused.err
    gateway.sendoff("queue", "drop", message)
    refused = gateway.sendoff.run("dkim", "retire", zone.name, in_state(gateway, zone, "active")[0])
    assert refused.status == 1 and "first let another sign" in refused.err
    age(gateway, zone, 1, "old")  # it looks again
    wait_until(lambda: all(keys(gateway, zone)[s]["left"] for s in before), "the mail has gone", 60)
    assert in_state(gateway, zone, "old") == before, "a week is left"
    age(gateway, zone, 7, "old")
    wait_until(lambda: in_state(gateway, zone, "retired") == before, "it can go", 60)
    for selector in before:
        assert "can be taken out of DNS" in gateway.sendoff("dkim", "retire", zone.name, selector)
    assert set(states(gateway, zone).values()) == {"active"}


def test_by_itself(gateway, zone):
    gateway.sendoff("domain", "set", zone.name, "--rotate", "90d")
    before = in_state(gateway, zone, "active")
    age(gateway, zone, 89, "active")
    assert not in_state(gateway, zone, "waiting")
    age(gateway, zone, 1, "active")
    wait_until(lambda: len(in_state(gateway, zone, "waiting")) == 2, "the next are made", 60)
    assert sorted(keys(gateway, zone)[s]["replaces"] for s in in_state(gateway, zone, "waiting")) == before
    assert any("made in time to replace " + before[0] in line for line in events(gateway, zone))
    zone.serve(gateway.sendoff.json("domain", "records", zone.name))
    waiting = in_state(gateway, zone, "waiting")
    wait_until(lambda: in_state(gateway, zone, "active") == waiting, "both sign", 90)
    assert len(keys(gateway, zone)) == 4, "and nothing more is made"


@pytest.mark.parametrize("state", ["waiting", "active", "old", "retired"])
def test_killed_in_any_state(lab, state):
    gateway = lab.gateway()
    zone = Zone(lab, servers=1)
    gateway.sendoff("domain", "add", zone.name)
    zone.serve(gateway.sendoff.json("domain", "records", zone.name))
    steps = {"waiting": lambda: None, "active": lambda: None, "old": lambda: age(gateway, zone, 8, "old"), "retired": lambda: None}

    def kill():
        gateway.kill()
        gateway.start()

    before, _ = rotate(gateway, zone)
    if state == "waiting":
        kill()
    zone.serve(gateway.sendoff.json("domain", "records", zone.name))
    wait_until(lambda: in_state(gateway, zone, "old") == before, "it signs", 90)
    if state in ("active", "old"):
        kill()
    wait_until(lambda: keys(gateway, zone)[before[0]]["left"], "the queue was looked at", 60)
    steps["old"]()
    if state == "old":
        kill()
    wait_until(lambda: in_state(gateway, zone, "retired") == before, "it can go", 60)
    if state == "retired":
        kill()
    gateway.sendoff("dkim", "retire", zone.name, before[0])
    assert list(states(gateway, zone).values()) == ["active"]
    gateway.stop()


def test_counted_in_the_status(lab):
    gateway, zone = lab.gateway(), Zone(lab, servers=1)
    gateway.sendoff("domain", "add", zone.name)

    def counted(**expected):
        (status,) = gateway.sendoff.json("status")
        now = {state: status[f"keys_{state}"] for state in ("waiting", "old", "retired")}
        return now == {"waiting": 0, "old": 0, "retired": 0, **expected}

    assert counted()
    before, _ = rotate(gateway, zone)
    wait_until(lambda: counted(waiting=1), "the next key waits", 30)
    gateway.sendoff("dkim", "rotate", zone.name, "--force")
    wait_until(lambda: counted(old=1), "the key before it is old", 30)
    wait_until(lambda: keys(gateway, zone)[before[0]]["left"], "the queue was looked at", 60)
    age(gateway, zone, 8, "old")
    wait_until(lambda: counted(retired=1), "its record can go", 60)
    gateway.sendoff("dkim", "retire", zone.name, before[0])
    wait_until(lambda: counted(), "it is gone", 30)
    gateway.stop()


def test_what_is_refused(gateway, zone):
    (selector, *_) = in_state(gateway, zone, "active")
    for words, says in (
        (("rotate", "nobody.example"), "there is no domain nobody.example"),
        (("retire", zone.name, "nobody"), f"{zone.name} has no key nobody"),
        (("retire", zone.name, selector), "first let another sign"),
    ):
        refused = gateway.sendoff.run("dkim", *words)
        assert refused.status == 1 and says in refused.err, refused
