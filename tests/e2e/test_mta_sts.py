"""MTA-STS (RFC 8461): what a domain's policy says of its exchangers and their TLS is what they must have."""

import re

import pytest

from sendoff_test.client import submit_marked, submit_with
from sendoff_test.dns import BROKEN
from sendoff_test.letters import letter, marker
from sendoff_test.mx import DROP, GARBAGE
from sendoff_test.policy_server import PolicyServer, policy, policy_events
from sendoff_test.processes import wait_until
from sendoff_test.tlsa import tlsa

FROM = "a@example.com"
SEVERAL = 3  # attempts: mail that has waited goes in the clear where TLS is only opportunistic


@pytest.fixture(scope="module")
def settings(lab):
    return f'trust = "{lab.authority.roots}"  https_trust = "{lab.authority.roots}"'


@pytest.fixture(scope="module")
def gateway(lab, settings):
    return lab.gateway(delivery=settings)


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("sts")


@pytest.fixture(scope="module")
def web(lab):
    return PolicyServer(lab)


def send(gateway, account, domain, mail=None, extra=""):
    if not mail:
        return submit_marked(gateway, account, FROM, [f"r@{domain}"], extra=extra)
    mark = marker()
    submit_with(gateway, account, FROM, [f"r@{domain}"], letter(FROM, f"r@{domain}", mark + "\r\n"), mail=mail)
    return mark


def delivered(gateway, domain):
    return gateway.wait_event("delivered", "--to", f"r@{domain}")[0]


def deferred(gateway, domain, count=1):
    return gateway.wait_event("deferred", "--to", f"r@{domain}", count=count)[-1]


# A policy that is enforced.


def test_a_host_that_is_as_the_policy_says(lab, gateway, account, web):
    mx = web.exchanger()
    assert mx.wait_for(send(gateway, account, mx.domain)).tls
    event = delivered(gateway, mx.domain)
    assert (event["verified"], event["policy"]) == ("ca", "mta-sts"), event
    shown = gateway.sendoff("log", "show", event["message"])
    assert re.search(rf"^ *tls +{event['tls']} {event['cipher']}, verified by a CA \(MTA-STS\)$", shown, re.MULTILINE), shown
    assert 'verified="verified by a CA (MTA-STS)"' in gateway.output()
    (found,) = policy_events(gateway, "mta-sts policy found", mx.domain)
    assert f"mode=enforce" in found and f"mx={mx.name}" in found
    for _ in range(3):
        mx.wait_for(send(gateway, account, mx.domain))
    assert web.asked.count(mx.domain) == 1


def test_a_pattern_stands_for_one_label(lab, gateway, account, web):
    mx = lab.exchanger(lab.new_domain(), tls="verified")
    web.publish(mx.domain, policy("*.HOST"))
    mx.wait_for(send(gateway, account, mx.domain))
    assert delivered(gateway, mx.domain)["policy"] == "mta-sts"
    deep = lab.exchanger(lab.new_domain(), tls="verified", site="deep")
    web.publish(deep.domain, policy("*.host"))
    send(gateway, account, deep.domain)
    assert deferred(gateway, deep.domain)["rule"] == "mta-sts" and not deep.arrivals


@pytest.mark.parametrize("trouble", ["no STARTTLS", "refused", "broken", "closed", "old", "certificate", "other name"])
def test_a_host_that_is_not(lab, gateway, account, web, trouble):
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
    mark = send(gateway, account, mx.domain)
    event = deferred(gateway, mx.domain, 1 if trouble in ("old", "refused") else SEVERAL)
    assert not mx.arrivals, event
    if trouble in ("no STARTTLS", "broken", "certificate", "other name"):
        assert event["rule"] == "mta-sts" and event["enhanced"] == "4.7.5", event
        assert "MTA-STS policy" in gateway.sendoff("why", event["message"])
    if trouble == "no STARTTLS":
        assert "requires TLS" in event["text"]
    # Its operators find a way out: a policy that asks for less, with a new id.
    mx.replies.pop("EHLO", None)
    web.publish(mx.domain, policy(mode="none", max_age=60))
    mx.wait_for(mark, timeout=60)
    if trouble == "old":  # as it should be, by now
        return
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


# One that is not.


@pytest.mark.parametrize("trouble", ["no STARTTLS", "broken", "certificate", "unnamed", "nothing"])
def test_a_policy_in_testing_only_reports(lab, gateway, account, web, trouble):
    tls = {"no STARTTLS": None, "certificate": "good"}.get(trouble, "verified")
    mx = web.exchanger(mode="testing", tls=tls, named=trouble != "unnamed")
    if trouble == "broken":
        mx.replies["STARTTLS"] = GARBAGE
    mx.wait_for(send(gateway, account, mx.domain), timeout=60)
    event = delivered(gateway, mx.domain)
    assert event["verified" if event["tls"] != "none" else "tls"] in ("no", "none") and "policy" not in event, event
    reports = policy_events(gateway, "mta-sts would refuse", mx.domain)
    assert bool(reports) == (trouble != "nothing"), reports
    phrase = {"no STARTTLS": "no TLS", "certificate": "is not good", "unnamed": "does not name the host"}.get(trouble)
    assert not phrase or phrase in reports[0], reports


def test_a_policy_of_mode_none(lab, gateway, account, web):
    mx = web.exchanger(mode="none", tls=None, named=False)
    mx.wait_for(send(gateway, account, mx.domain))
    assert not policy_events(gateway, "mta-sts would refuse", mx.domain)
    assert web.asked.count(mx.domain) == 1


# With the other rules.


@pytest.mark.parametrize("matches", [True, False])
def test_dane_goes_before_it(lab, gateway, account, web, matches):
    """RFC 8461 2: neither is a host refused that DANE vouches for, nor one taken that it does not."""
    mx = web.exchanger(tls="good" if matches else "verified", named=not matches)
    at = f"_{lab.delivery_port}._tcp.{mx.name}"
    lab.dns.set(at, "TLSA", tlsa(3, 1, 1, lab.certificate()[0]))
    mark = send(gateway, account, mx.domain)
    if matches:
        mx.wait_for(mark)
        assert delivered(gateway, mx.domain)["verified"] == "dane"
    else:
        assert deferred(gateway, mx.domain)["rule"] == "dane" and not mx.arrivals


def test_tls_required_no_ignores_it(lab, gateway, account, web):
    mx = web.exchanger(tls=None, named=False)
    mx.wait_for(send(gateway, account, mx.domain, extra="TLS-Required: No\r\n"))
    send(gateway, account, mx.domain)
    assert deferred(gateway, mx.domain)["rule"] == "mta-sts" and len(mx.arrivals) == 1


def test_requiretls_is_satisfied_by_it(lab, gateway, account, web):
    """RFC 8689 4.2.1: in a zone that is not signed."""
    mx = lab.exchanger(tls="verified", offers=["REQUIRETLS"])
    web.serve(BROKEN, policy(mx.name))
    web.certify(BROKEN, lab.authority.certificate(f"mta-sts.{BROKEN}"))
    lab.dns.fix(
        {
            (BROKEN, "MX"): f"10 {mx.name}.",
            (f"mta-sts.{BROKEN}", "A"): web.address,
            (f"_mta-sts.{BROKEN}", "TXT"): '"v=STSv1; id=1"',
        }
    )
    assert "REQUIRETLS" in mx.wait_for(send(gateway, account, BROKEN, mail=("REQUIRETLS",))).mail
    assert delivered(gateway, BROKEN)["policy"] == "mta-sts"


def test_a_smarthost_has_a_policy_of_its_own(lab, gateway, account, web):
    """RFC 8461 3.4."""
    mx = lab.exchanger(tls="good")
    to = lab.new_domain()
    web.publish(to, policy("never.host"))
    web.publish(mx.name, policy(mx.name))
    gateway.sendoff("route", "add", to, f"{mx.name}:{mx.port}")
    send(gateway, account, to)
    event = deferred(gateway, to)
    assert event["rule"] == "mta-sts" and to not in web.asked and mx.name in web.asked, event
    gateway.sendoff("route", "set", to, f"{mx.name}:{mx.port}", "--tls", "none")  # has its own rules
    gateway.sendoff("queue", "retry", "--to", f"r@{to}")
    wait_until(lambda: mx.arrivals, "it arrives")


def test_it_can_be_switched_off(lab, settings, web):
    gateway = lab.gateway(delivery=f"{settings}  mta_sts = no")
    account = gateway.add_account("without")
    mx = web.exchanger(tls=None, named=False)
    mx.wait_for(send(gateway, account, mx.domain))
    assert mx.domain not in web.asked
