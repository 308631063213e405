"""MTA-STS (RFC 8461 4, 5): hosts that are not as the policy says, or that it does not name, get no mail for as long as it
says so."""

import re

import pytest

from sendoff_test.mx import DROP, GARBAGE
from sendoff_test.policy_server import policy, policy_events
from sendoff_test.sts import FROM, account, deferred, delivered, gateway, send, settings, web  # noqa: F401 (fixtures)

SEVERAL = 3  # attempts: mail that has waited goes in the clear where TLS is only opportunistic
TROUBLES = ["no STARTTLS", "refused", "broken", "closed", "old", "certificate", "other name"]


def exchanger(lab, web, trouble):
    """One of a domain with a policy that is enforced, and of which this is wrong."""
    tls = {"no STARTTLS": None, "certificate": "good"}.get(trouble, "verified")
    mx = lab.exchanger(lab.new_domain(), tls=tls)
    name = mx.name
    if trouble == "other name":  # the certificate is for the exchanger's own
        name = f"alias.{mx.domain}"
        lab.dns.update({(name, "A"): [mx.address], (mx.domain, "MX"): [f"10 {name}."]})
    web.publish(mx.domain, policy(name))
    stage = {"refused": "454 4.7.0 no TLS now", "broken": GARBAGE, "closed": DROP}.get(trouble)
    if stage:
        mx.replies["STARTTLS"] = stage
    if trouble == "old":
        mx.replies["EHLO"] = "502 5.5.1 what?"
    return mx


@pytest.fixture(scope="module")
def refused(lab, gateway, account, web):
    """By trouble: an exchanger, and what marks the mail that waits for it. All at once, for each takes several attempts."""
    made = {trouble: exchanger(lab, web, trouble) for trouble in TROUBLES}
    return {trouble: (mx, send(gateway, account, mx.domain)) for trouble, mx in made.items()}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_host_that_is_not_as_the_policy_says(gateway, refused, trouble):
    mx, _ = refused[trouble]
    event = deferred(gateway, mx.domain, 1 if trouble in ("old", "refused") else SEVERAL)
    assert not mx.arrivals, event
    if trouble in ("no STARTTLS", "broken", "certificate", "other name"):
        assert event["rule"] == "mta-sts" and event["enhanced"] == "4.7.5", event
        assert "MTA-STS policy" in gateway.sendoff("why", event["message"])
    if trouble == "no STARTTLS":
        assert "requires TLS" in event["text"]


def test_a_policy_that_asks_for_less(gateway, web, refused):
    """Their operators find a way out: one with a new id."""
    for mx, _ in refused.values():
        assert not mx.arrivals
        mx.replies.pop("EHLO", None)
        web.publish(mx.domain, policy(mode="none", max_age=60))
    for trouble, (mx, mark) in refused.items():
        mx.wait_for(mark, timeout=60)
        if trouble == "old":  # as it should be, by now
            continue
        assert delivered(gateway, mx.domain).get("policy") is None
        (changed,) = policy_events(gateway, "mta-sts policy changed", mx.domain)
        assert "mode=none" in changed


def test_the_next_host_may_be_named(lab, gateway, account, web):
    domain = lab.new_domain()
    bad, good = lab.exchanger(tls="verified"), lab.exchanger(tls="verified")
    lab.dns.set(domain, "MX", f"10 {bad.name}.", f"20 {good.name}.")
    web.publish(domain, policy(good.name))
    good.wait_for(send(gateway, account, domain))
    assert delivered(gateway, domain)["policy"] == "mta-sts" and not bad.arrivals


@pytest.mark.parametrize("trouble", ["a reply", "nobody there"])
def test_who_is_not_named_is_no_reason(lab, gateway, account, web, trouble):
    """What is wrong with the host that is named is: it is tried again as without the other."""
    domain = lab.new_domain()
    named, other = lab.exchanger(tls="verified"), lab.exchanger(tls="verified")
    lab.dns.set(domain, "MX", f"10 {named.name}.", f"20 {other.name}.")
    web.publish(domain, policy(named.name))
    if trouble == "a reply":
        named.replies["RCPT"] = "450 4.7.1 greylisted"
    else:
        lab.silence(named)
    send(gateway, account, domain)
    event = deferred(gateway, domain)
    assert event["rule"] == {"a reply": "remote-reply", "nobody there": "network"}[trouble], event
    assert not other.arrivals


def test_no_host_is_named(lab, gateway, account, web):
    mx = web.exchanger(named=False)
    mark = send(gateway, account, mx.domain)
    event = deferred(gateway, mx.domain)
    assert event["rule"] == "mta-sts" and event["enhanced"] == "4.7.5" and not mx.arrivals, event
    assert f"{mx.name} is not of the hosts that the MTA-STS policy of {mx.domain} names" in event["text"]
    question = ("explain", "--account", "sts", "--from", FROM, "--to", f"r@{mx.domain}")
    foretold = gateway.sendoff(*question)
    assert f"by MTA-STS: the policy of {mx.domain}, enforce, is known until 20" in foretold
    assert re.search(rf"{mx.name}:{mx.port}, which that policy does not name$", foretold, re.MULTILINE)
    (foretold,) = gateway.sendoff.json(*question)
    assert foretold["mta_sts"]["mode"] == "enforce" and not foretold["next_hops"][0]["mta_sts"]
    web.publish(mx.domain, policy(mx.name))
    mx.wait_for(mark, timeout=60)
    assert delivered(gateway, mx.domain)["policy"] == "mta-sts"
    (foretold,) = gateway.sendoff.json(*question)
    assert foretold["next_hops"][0]["mta_sts"] and "does not name" not in gateway.sendoff(*question)


def test_a_domain_without_mx(lab, gateway, account, web):
    mx = lab.exchanger(tls="verified")
    web.publish(mx.name, policy("elsewhere.host"))
    send(gateway, account, mx.name)
    assert deferred(gateway, mx.name)["rule"] == "mta-sts" and not mx.arrivals
