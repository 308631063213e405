"""MTA-STS (RFC 8461): what a domain's policy says of its exchangers and their TLS is what they must have."""

import re

import pytest

from sendoff_test.dns import BROKEN
from sendoff_test.mx import GARBAGE
from sendoff_test.policy_server import policy, policy_events
from sendoff_test.processes import wait_until
from sendoff_test.sts import account, deferred, delivered, gateway, send, settings, web  # noqa: F401 (fixtures)
from sendoff_test.tlsa import tlsa


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
    gateway.sendoff("queue", "retry", "--to", f"r@{to}", "--yes")
    wait_until(lambda: mx.arrivals, "it arrives")


def test_it_can_be_switched_off(lab, settings, web):
    gateway = lab.gateway(delivery=f"{settings}  mta_sts = no")
    account = gateway.add_account("without")
    mx = web.exchanger(tls=None, named=False)
    mx.wait_for(send(gateway, account, mx.domain))
    assert mx.domain not in web.asked


def test_status_has_it(lab, settings, web):
    gateway = lab.gateway(delivery=settings)
    account = gateway.add_account("counted")
    good, unnamed, failing = web.exchanger(), web.exchanger(named=False), lab.exchanger(lab.new_domain())
    web.publish(failing.domain, "no policy")
    for mx in (good, failing):
        mx.wait_for(send(gateway, account, mx.domain))
    send(gateway, account, unnamed.domain)
    deferred(gateway, unnamed.domain, 2)

    def counted():
        status = gateway.shown_status()
        return status["mta_sts_policies"], status["mta_sts_fetches_failed"], status["mta_sts_refused"]

    known, failed, refused = wait_until(lambda: counted()[2] >= 2 and counted(), "it is counted")
    attempts = len(gateway.log("--to", f"r@{unnamed.domain}", "--event", "deferred"))
    assert (known, failed) == (2, 1) and 2 <= refused <= attempts + 1
    text = gateway.sendoff("status")
    assert re.search(r"^mta_sts_policies +2$", text, re.MULTILINE), text
    assert re.search(r"^mta_sts_fetches_failed +1$", text, re.MULTILINE), text
    assert re.search(r"^mta_sts_refused +\d+$", text, re.MULTILINE), text
    gateway.restart()
    assert counted()[:2] == (2, 0), "what is known is kept, and counts begin anew"
    gateway.stop()
