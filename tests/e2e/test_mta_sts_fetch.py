"""How MTA-STS policies are had (RFC 8461 3), and how long they count (5.1)."""

import time

import pytest

from sendoff_test.certificate import make_certificate
from sendoff_test.policy_server import PolicyServer, policy, policy_events
from sendoff_test.processes import wait_until
from sendoff_test.sts import account, deferred, delivered, gateway, send, settings, web  # noqa: F401 (fixtures)

# Where there is none to be had.

GOOD = policy("other.host")
LARGE = "x_filler: " + 65536 * "x"
FAILURES = {
    "404": ("sts-policy-fetch-error", {"status": 404}),
    "204": ("sts-policy-fetch-error", {"status": 204, "text": ""}),
    "206": ("sts-policy-fetch-error", {"status": 206}),
    "500": ("sts-policy-fetch-error", {"status": 500}),
    "html": ("sts-policy-fetch-error", {"kind": "text/html"}),
    "octets": ("sts-policy-fetch-error", {"kind": "application/octet-stream"}),
    "another plain": ("sts-policy-fetch-error", {"kind": "text/plainer"}),
    "no type": ("sts-policy-fetch-error", {"kind": None}),
    "no policy": ("sts-policy-invalid", {"text": "<html>"}),
    "nothing": ("sts-policy-invalid", {"text": ""}),
    "no version": ("sts-policy-invalid", {"text": GOOD.replace("version: STSv1\r\n", "")}),
    "another version": ("sts-policy-invalid", {"text": GOOD.replace("STSv1", "STSv2")}),
    "mode": ("sts-policy-invalid", {"text": policy("x.host", mode="whatever")}),
    "no mx": ("sts-policy-invalid", {"text": policy()}),
    "mx": ("sts-policy-invalid", {"text": policy("*.*.host")}),
    "no max_age": ("sts-policy-invalid", {"text": GOOD.replace("max_age", "x_age")}),
    "max_age": ("sts-policy-invalid", {"text": policy("x.host", max_age=31557601)}),
    "no octets of text": ("sts-policy-invalid", {"text": b"\xff\xfe" + GOOD.encode("utf-16-le")}),
    "header": ("sts-policy-invalid", {"x_filler": 60000 * "x", "x_more": 60000 * "x"}),
    "too large": ("sts-policy-invalid", {"text": GOOD + LARGE}),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_policy_that_cannot_be_fetched_is_none(lab, gateway, account, web, what):
    result, answer = FAILURES[what]
    mx = lab.exchanger(lab.new_domain())
    web.publish(mx.domain, **({"text": GOOD} | answer))
    for _ in range(2):
        mx.wait_for(send(gateway, account, mx.domain))
    (failed,) = policy_events(gateway, "mta-sts fetch failed", mx.domain)
    assert f"result={result}" in failed, failed
    assert web.asked.count(mx.domain) == 1  # not again within five minutes (3.3)
    if what == "404":  # what is announced anew is fetched at once, and mail goes on meanwhile
        web.publish(mx.domain, policy("other.host"))
        def found():
            return send_and_see(gateway, account, mx.domain, "mta-sts policy found")

        wait_until(found, "the new policy is followed", timeout=30)


def send_and_see(gateway, account, domain, event):
    """Has this happened, with all the mail that there was?"""
    send(gateway, account, domain)
    return policy_events(gateway, event, domain)


def send_and_find(gateway, account, domain, event):
    """The same, of the delivery log."""
    send(gateway, account, domain)
    return gateway.log("--to", f"r@{domain}", "--event", event)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(lab, gateway, account, web, status):
    """RFC 8461 3.3. Though where it leads there is a policy to be had, from somebody whom an authority vouches for."""
    mx, elsewhere = lab.exchanger(lab.new_domain()), lab.new_domain()
    web.publish(elsewhere, GOOD)
    location = f"https://mta-sts.{elsewhere}/.well-known/mta-sts.txt"
    web.publish(mx.domain, GOOD, status=status, location=location)
    mx.wait_for(send(gateway, account, mx.domain))
    (failed,) = policy_events(gateway, "mta-sts fetch failed", mx.domain)
    assert "result=sts-policy-fetch-error" in failed and f"answers {status}" in failed, failed
    assert mx.domain in web.asked and elsewhere not in web.asked


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "Text/Plain"])
def test_what_is_plain_text(lab, gateway, account, web, kind):
    """Up to 64 KB of it, with fields that nobody knows (RFC 8461 3.2, 3.3)."""
    mx = lab.exchanger(lab.new_domain(), tls="verified")
    text = policy(mx.name)
    filler = "x_filler: " + (65536 - len(text) - len("x_filler: ")) * "x"
    web.publish(mx.domain, text + filler, kind=kind)
    mx.wait_for(send(gateway, account, mx.domain))
    assert delivered(gateway, mx.domain)["policy"] == "mta-sts"


@pytest.mark.parametrize("certificate", ["self-signed", "another name", "the domain's", "expired"])
def test_a_web_server_that_nobody_vouches_for(lab, gateway, account, web, certificate):
    mx = lab.exchanger(lab.new_domain())
    host = f"mta-sts.{mx.domain}"
    made = {
        "self-signed": lambda: make_certificate(lab.folder, host, "self-signed"),
        "another name": lambda: lab.authority.certificate(f"mta-sts.{lab.new_domain()}"),
        "the domain's": lambda: lab.authority.certificate(mx.domain),
        "expired": lambda: lab.authority.certificate(host, days=-1),
    }
    paths = made[certificate]()
    web.publish(mx.domain, policy("other.host"), certificate=paths)
    mx.wait_for(send(gateway, account, mx.domain))
    (failed,) = policy_events(gateway, "mta-sts fetch failed", mx.domain)
    assert "result=sts-webpki-invalid" in failed and not web.asked.count(mx.domain), failed


@pytest.mark.parametrize("what", ["no address", "nobody listens"])
def test_a_web_server_that_is_not_there(lab, gateway, account, web, what):
    mx = lab.exchanger(lab.new_domain())
    lab.dns.update(web.record(mx.domain))
    if what == "nobody listens":
        lab.dns.set(f"mta-sts.{mx.domain}", "A", lab.block.new_address())
    mx.wait_for(send(gateway, account, mx.domain))
    (failed,) = policy_events(gateway, "mta-sts fetch failed", mx.domain)
    assert "result=sts-policy-fetch-error" in failed and "goes without a policy" in failed


def test_a_slow_web_server(lab, gateway, account, web):
    """The first message waits, but not for ever; others do not."""
    mx = lab.exchanger(lab.new_domain())
    web.publish(mx.domain, policy("other.host"))
    web.delay[mx.domain] = 40
    began = time.monotonic()
    mark = send(gateway, account, mx.domain)
    other = lab.exchanger(lab.new_domain())
    other.wait_for(send(gateway, account, other.domain))
    assert not mx.arrivals
    mx.wait_for(mark, timeout=60)
    assert time.monotonic() - began > 15
    assert "result=sts-policy-fetch-error" in policy_events(gateway, "mta-sts fetch failed", mx.domain)[0]


@pytest.mark.parametrize("texts", [['"v=STSv1; id=1"', '"v=STSv1; id=2"'], ['"v=STSv1; id=not-one"'], ['"v=STSv2; id=1"']])
def test_a_record_that_is_none(lab, gateway, account, web, texts):
    mx = lab.exchanger(lab.new_domain())
    web.publish(mx.domain, policy("other.host"))
    lab.dns.set(f"_mta-sts.{mx.domain}", "TXT", *texts)
    mx.wait_for(send(gateway, account, mx.domain))
    assert mx.domain not in web.asked
    assert bool(policy_events(gateway, "mta-sts record not used", mx.domain)) == ("STSv1" in texts[0])


def test_a_record_by_an_alias_and_beside_others(lab, gateway, account, web):
    mx = web.exchanger()
    (text,) = web.record(mx.domain).values()
    other = f"sts-record.{mx.domain}"
    at = f"_mta-sts.{mx.domain}"
    lab.dns.update({(at, "TXT"): [], (at, "CNAME"): [f"{other}."], (other, "TXT"): ['"v=spf1 -all"', *text]})
    mx.wait_for(send(gateway, account, mx.domain))
    assert delivered(gateway, mx.domain)["policy"] == "mta-sts"


# Over time.


def test_what_is_known_holds_while_its_server_is_down(lab, gateway, account):
    """RFC 8461 3.3, 5.1: nobody can take a policy away by taking the web server away, and the exchanger must still be as it
    says."""
    web = PolicyServer(lab)
    mx = web.exchanger()
    mx.wait_for(send(gateway, account, mx.domain))
    web.close()
    web.announce(mx.domain)
    wait_until(lambda: send_and_see(gateway, account, mx.domain, "mta-sts fetch failed"), "it is missed", timeout=60)
    (failed,) = policy_events(gateway, "mta-sts fetch failed", mx.domain)
    assert "goes by the policy that is known" in failed and "result=sts-policy-fetch-error" in failed
    gateway.wait_delivered()
    assert all(event["policy"] == "mta-sts" for event in gateway.log("--to", f"r@{mx.domain}", "--event", "delivered"))
    other = lab.exchanger(tls="verified")  # whom DNS names instead
    lab.dns.set(mx.domain, "MX", f"10 {other.name}.")
    wait_until(lambda: send_and_find(gateway, account, mx.domain, "deferred"), "the policy does not name it", timeout=60)
    assert deferred(gateway, mx.domain)["rule"] == "mta-sts" and not other.arrivals



def test_what_is_known_holds_without_its_record_and_its_server(lab, settings, web):
    """Also beyond a restart, and for somebody else who is the domain's exchanger suddenly."""
    gateway = lab.gateway(delivery=settings)
    account = gateway.add_account("kept")
    mx = web.exchanger()
    mx.wait_for(send(gateway, account, mx.domain))
    web.serve(mx.domain, "gone", status=503)
    web.announce(mx.domain)
    wait_until(lambda: send_and_see(gateway, account, mx.domain, "mta-sts fetch failed"), "it is missed", timeout=30)
    (failed,) = policy_events(gateway, "mta-sts fetch failed", mx.domain)
    assert "goes by the policy that is known" in failed and 'level=warn event="mta-sts fetch failed"' in gateway.output()
    other, asked = lab.exchanger(), web.asked.count(mx.domain)
    record, exchangers = (f"_mta-sts.{mx.domain}", "TXT"), (mx.domain, "MX")
    lab.dns.update({record: [], exchangers: [f"5 {other.name}.", f"10 {mx.name}."]})
    gateway.restart()
    mx.wait_for(send(gateway, account, mx.domain), timeout=60)
    gateway.wait_delivered()
    event = gateway.log("--to", f"r@{mx.domain}", "--event", "delivered")[0]
    assert event["policy"] == "mta-sts" and not other.arrivals and web.asked.count(mx.domain) == asked


def test_a_policy_counts_for_a_minute_at_least(gateway, account, web):
    mx = web.exchanger(max_age=0)
    mx.wait_for(send(gateway, account, mx.domain))
    assert delivered(gateway, mx.domain)["policy"] == "mta-sts"


def test_a_gateway_that_stops_does_not_wait_for_it(lab, settings, web):
    gateway = lab.gateway(delivery=settings)
    account = gateway.add_account("stopped")
    mx = lab.exchanger(lab.new_domain())
    web.publish(mx.domain, policy(mx.name))
    web.delay[mx.domain] = 40
    send(gateway, account, mx.domain)
    wait_until(lambda: mx.domain in web.asked, "it is asked")
    began = time.monotonic()
    gateway.stop()
    assert time.monotonic() - began < 12
    web.delay.pop(mx.domain)
    gateway.start()
    gateway.sendoff("queue", "retry", "--to", f"r@{mx.domain}", "--yes")
    deferred(gateway, mx.domain)
    assert not mx.arrivals
