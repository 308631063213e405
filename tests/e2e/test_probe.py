"""A host that takes no connection gets one probe, and not a try by each message; its mail goes at once when it answers."""

import time

import pytest

from sendoff_test.client import submit_marked, submit_with
from sendoff_test.letters import letter
from sendoff_test.mx import DROP
from sendoff_test.processes import wait_until

FROM = "a@example.com"
DOMAINS, EACH = 20, 3


@pytest.fixture
def gateway(lab):
    """Its first probe is seconds away, the others are not."""
    made = lab.new_gateway().configure(retry=["2s", "1h"], expire="1d").start()
    yield made
    made.stop()


@pytest.fixture
def account(gateway):
    return gateway.add_account("app")


def dead(lab, count=1):
    """An exchanger that closes every connection, and counts them; domains that are all there."""
    made = lab.exchanger()
    made.replies["GREETING"] = DROP
    names = [lab.new_domain("down") for _ in range(count)]
    lab.dns.update({(name, "MX"): [f"10 {made.name}."] for name in names})
    return made, names


def heal(made):
    del made.replies["GREETING"]


def send(gateway, account, name, recipient="r"):
    return submit_marked(gateway, account, FROM, [f"{recipient}@{name}"])


def deferred(gateway, *options):
    return gateway.log("--event", "deferred", "--limit", "0", *options)


def test_one_probe_for_all_mail_of_all_domains(lab, gateway, account):
    made, names = dead(lab, DOMAINS)
    marks = [send(gateway, account, name) for _ in range(EACH) for name in names]
    wait_until(lambda: len({(e["message"], e["to"]) for e in deferred(gateway)}) == len(marks), "each has its reason")
    time.sleep(3)  # the second probe, and the third is half an hour away
    # Each of the few walks that there were before the first had come to nothing, and one probe.
    assert made.connections < DOMAINS / 2, f"{made.connections} connections"
    events = deferred(gateway)
    assert len(events) <= len(marks) + made.connections, f"{len(events)} events"
    waiting = [event for event in events if event["rule"] == "probe"]
    assert waiting and all("waiting for the probe of " + made.name in event["text"] for event in waiting), events
    assert gateway.shown_status()["sites_unreachable"] == 1
    rows = gateway.queue("--limit", "0")
    assert sum(row["attempts"] == 0 for row in rows) >= len(waiting) - made.connections, "waiting is no attempt"
    before = made.connections
    heal(made)
    gateway.sendoff("queue", "retry", rows[0]["message"])  # which is the probe; the others wait for its time
    for mark in marks:
        made.wait_for(mark, timeout=30)
    gateway.wait_empty()
    assert gateway.shown_status()["sites_unreachable"] == 0
    assert made.connections - before < DOMAINS * EACH / 2, f"{made.connections - before} connections for all of it"


def test_what_is_new_waits_too_and_says_so(lab, gateway, account):
    made, (name, other) = dead(lab, 2)
    send(gateway, account, name)
    wait_until(lambda: made.connections == 2 and len(deferred(gateway)) == 2, "the first probe came to nothing")
    mark = send(gateway, account, other, "new")
    (event,) = gateway.wait_event("deferred", "--to", f"new@{other}")
    assert event["rule"] == "probe" and event["code"] == 450 and event["enhanced"] == "4.4.1", event
    assert made.name in event["text"] and "closed" in event["text"], event
    (row,) = gateway.queue("--to", f"new@{other}")
    assert row["attempts"] == 0, row
    assert made.connections == 2
    table = gateway.sendoff("queue", "list", "--to", f"new@{other}")
    assert f"waiting for the probe of the host of {other}, in" in table, table
    assert row["under_way"]["stage"] == "probe" and row["under_way"]["until"], row
    why = gateway.sendoff("why", event["message"])
    assert "One message at a time" in why, why
    heal(made)
    gateway.sendoff("queue", "retry", "--to", f"r@{name}", "--yes")
    made.wait_for(mark)


def test_after_a_restart_one_finds_out(lab, gateway, account):
    made, names = dead(lab, DOMAINS)
    marks = [send(gateway, account, name) for name in names]
    wait_until(lambda: len({e["to"] for e in deferred(gateway)}) == len(marks), "each has its reason")
    events, connections = len(deferred(gateway)), made.connections
    gateway.restart()
    time.sleep(4)  # what was put off by two seconds is due
    assert made.connections - connections < DOMAINS / 2
    assert len(deferred(gateway)) - events < DOMAINS / 2
    heal(made)
    gateway.sendoff("queue", "retry", "--to", f"r@{names[0]}", "--yes")
    for mark in marks:
        made.wait_for(mark, timeout=30)


def test_what_waits_expires_and_warns(lab):
    gateway = lab.new_gateway().configure(retry=["1h"], expire="15s", delivery='delay_notice = "6s"').start()
    account = gateway.add_account("app")
    made, names = dead(lab, 2)
    box = lab.exchanger("example.com")
    send(gateway, account, names[0])
    gateway.wait_event("deferred", "--to", f"r@{names[0]}")
    content = letter(FROM, f"r@{names[1]}", b"text")
    submit_with(gateway, account, FROM, [f"r@{names[1]}"], content, rcpt=["NOTIFY=FAILURE,DELAY"])
    gateway.wait_event("deferred", "--to", f"r@{names[1]}")
    wait_until(lambda: any("delayed" in str(a.message) for a in box.arrivals), "the warning", 30)
    expired = [event for name in names for event in gateway.wait_event("expired", "--to", f"r@{name}", timeout=30)]
    assert "waiting for the probe" in expired[1]["text"], expired
    assert made.connections == 1
    gateway.stop()


def test_a_host_that_refuses_in_words_is_not_down(lab, gateway, account):
    """That is its pace: docs/pace.md."""
    made, (name,) = dead(lab)
    made.replies["GREETING"] = "421 4.3.2 busy"
    send(gateway, account, name)
    (event,) = gateway.wait_event("deferred", "--to", f"r@{name}")
    assert event["rule"] == "remote-reply", event
    assert "site unreachable" not in gateway.output()
