"""The gateway looks at its domains' records every day: what stops being right is an alarm, until it is right again."""

import pytest

from sendoff_test import stored
from sendoff_test.processes import wait_until
from sendoff_test.rotation import Zone

DAY_US = 86400 * 1000000


@pytest.fixture
def gateway(lab):
    made = lab.gateway()
    yield made
    made.stop()


@pytest.fixture
def zone(lab, gateway):
    made = Zone(lab, servers=2)
    gateway.sendoff("domain", "add", made.name)
    made.serve(records(gateway, made))
    return made


def records(gateway, zone):
    return [r for r in gateway.sendoff.json("domain", "records", zone.name) if not r["optional"] and not r["elsewhere"]]


def a_day_passes(gateway):
    """All that is known was found a day ago."""
    gateway.kill()
    stored.edit(gateway, "UPDATE domains SET created_us = created_us - ?", DAY_US)
    stored.edit(gateway, "UPDATE domain_notes SET checked_us = checked_us - ?1, since_us = since_us - ?1", DAY_US)
    gateway.start()


def alarms(gateway, zone):
    return [a for a in gateway.shown_status()["domain_alarms"] if a["domain"] == zone.name]


def events(gateway, zone):
    return [e["text"] for e in gateway.log("--event", "domain") if e["domain"] == zone.name]


def looked(gateway, zone):
    """How many of its records are known."""
    return stored.edit(gateway, "UPDATE domain_notes SET kind = kind WHERE domain = ? AND checked_us > 0", zone.name)


def test_what_stops_being_right(gateway, zone):
    a_day_passes(gateway)
    wait_until(lambda: looked(gateway, zone), "it was looked at", 60)
    assert not alarms(gateway, zone) and not events(gateway, zone), "it is as it should be, and nothing has changed"
    without = [r for r in records(gateway, zone) if r["kind"] != "dkim"]
    zone.serve(without)
    a_day_passes(gateway)
    (alarm,) = wait_until(lambda: alarms(gateway, zone), "an alarm", 60)
    assert alarm["kind"] == "dkim" and alarm["state"] == "missing" and "no TXT record" in alarm["text"]
    shown = gateway.sendoff("status")
    assert "sendoff domain check DOMAIN" in shown and f"{zone.name}: dkim missing" in shown
    assert 'level=error event="domain record"' in gateway.output()
    (line,) = events(gateway, zone)
    assert line.startswith(f"dkim {alarm['name']} missing: ")
    zone.serve(records(gateway, zone))
    a_day_passes(gateway)
    wait_until(lambda: len(events(gateway, zone)) == 2, "it is right again", 60)
    assert events(gateway, zone)[-1].startswith(f"dkim {alarm['name']} right")
    wait_until(lambda: not alarms(gateway, zone), "the alarm is over", 30)


def test_what_was_never_right_is_no_alarm(gateway, zone):
    zone.serve([r for r in records(gateway, zone) if r["kind"] != "dmarc"])
    a_day_passes(gateway)
    wait_until(lambda: looked(gateway, zone), "it was looked at", 60)
    a_day_passes(gateway)
    assert not alarms(gateway, zone)


def test_a_domain_that_is_removed(gateway, zone):
    a_day_passes(gateway)
    wait_until(lambda: looked(gateway, zone), "it was looked at", 60)
    gateway.sendoff("domain", "remove", zone.name, "--yes")
    assert looked(gateway, zone) == 0
