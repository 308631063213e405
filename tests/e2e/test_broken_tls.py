"""Opportunistic TLS that does not work (RFC 7435): another host first, then TLS once more, then the clear; never a bounce."""

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.mx import DROP, GARBAGE

FROM = "a@example.com"


@pytest.fixture(scope="module")
def gateway(lab):
    """Retries soon."""
    return lab.gateway()


@pytest.fixture(scope="module")
def slow(lab):
    """Does not retry: all that arrives does so in the first attempt."""
    return lab.gateway(retry=("1h",), expire="1d")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("tls")


@pytest.fixture(scope="module")
def patient(slow):
    return slow.add_account("slow")


def send(gateway, account, domain):
    return submit_marked(gateway, account, FROM, [f"r@{domain}"])


def breaks(mx, times):
    """So many handshakes come to nothing."""
    answers = iter([DROP] * times)
    mx.replies["STARTTLS"] = lambda _: next(answers, None)


def kinds(gateway, domain):
    return [event["event"] for event in gateway.log("--to", f"r@{domain}")]


def test_a_refused_starttls_goes_on_in_the_clear(lab, gateway, account):
    """RFC 3207 4: the host has answered, and the session is whole."""
    mx = lab.exchanger(lab.new_domain(), tls="good")
    mx.replies["STARTTLS"] = "454 4.7.0 no TLS now"
    assert mx.wait_for(send(gateway, account, mx.domain)).tls == ""
    assert mx.connections == 1


@pytest.mark.parametrize("answer", [GARBAGE, DROP])
def test_a_first_attempt_never_goes_in_the_clear(lab, slow, patient, answer):
    mx = lab.exchanger(lab.new_domain(), tls="good")
    mx.replies["STARTTLS"] = answer
    send(slow, patient, mx.domain)
    slow.wait_event("deferred", "--to", f"r@{mx.domain}")
    assert mx.connections == 1 and not mx.arrivals


@pytest.mark.parametrize("answer", [GARBAGE, DROP])
def test_mail_that_has_waited_goes_in_the_clear(lab, gateway, account, answer):
    mx = lab.exchanger(lab.new_domain(), tls="good")
    mx.replies["STARTTLS"] = answer
    assert mx.wait_for(send(gateway, account, mx.domain)).tls == ""
    (event,) = gateway.wait_event("delivered", "--to", f"r@{mx.domain}")
    assert "STARTTLS" in event["text"] or "TLS" in event["text"], event  # and the log says why
    assert kinds(gateway, mx.domain) == ["accepted", "deferred", "delivered"]
    assert mx.connections == 3


def test_nothing_is_remembered_of_a_passing_fault(lab, gateway, account):
    """The next attempt, and all mail after it, uses TLS again."""
    mx = lab.exchanger(lab.new_domain(), tls="good")
    breaks(mx, 2)  # also in the second attempt, which then goes in the clear
    assert mx.wait_for(send(gateway, account, mx.domain)).tls == ""
    gateway.wait_event("delivered", "--to", f"r@{mx.domain}")
    assert mx.wait_for(send(gateway, account, mx.domain)).tls.startswith("TLSv1.")


def test_one_broken_handshake_costs_an_attempt_and_no_more(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), tls="good")
    breaks(mx, 1)
    assert mx.wait_for(send(gateway, account, mx.domain)).tls.startswith("TLSv1.")


def test_another_host_is_preferred_to_the_clear(lab, slow, patient):
    broken, good = lab.exchanger(tls="good"), lab.exchanger(tls="good")
    broken.replies["STARTTLS"] = GARBAGE
    domain = lab.new_domain()
    lab.dns.set(domain, "MX", f"10 {broken.name}.", f"20 {good.name}.")
    assert good.wait_for(send(slow, patient, domain)).tls.startswith("TLSv1.")
    assert not slow.log("--to", f"r@{domain}", "--event", "deferred") and broken.connections == 1


@pytest.mark.parametrize("other", ["450 4.2.1 busy", "silence"])
def test_the_clear_when_no_other_host_takes_it(lab, gateway, account, other):
    """The second always puts it off, or is away: mail that has waited goes to the first without TLS."""
    broken, second = lab.exchanger(tls="good"), lab.exchanger()
    broken.replies["STARTTLS"] = DROP
    if other == "silence":
        lab.silence(second)
    else:
        second.replies["RCPT"] = other
    domain = lab.new_domain()
    lab.dns.set(domain, "MX", f"10 {broken.name}.", f"20 {second.name}.")
    assert broken.wait_for(send(gateway, account, domain)).tls == ""
    (event,) = gateway.wait_event("delivered", "--to", f"r@{domain}")
    assert second.name in event["text"] and broken.name in event["text"], event


@pytest.mark.parametrize("starttls", ["cut", "454 4.7.0 no TLS now"])
def test_a_host_that_demands_tls_never_gets_a_bounce_made(lab, gateway, account, starttls):
    mx = lab.exchanger(lab.new_domain(), tls="good", demand_tls=True)
    answers = iter([DROP if starttls == "cut" else starttls] * 3)
    mx.replies["STARTTLS"] = lambda _: next(answers, None)
    arrival = mx.wait_for(send(gateway, account, mx.domain), timeout=40)
    assert arrival.tls.startswith("TLSv1.")
    gateway.wait_event("delivered", "--to", f"r@{mx.domain}")
    seen = kinds(gateway, mx.domain)
    assert seen[0] == "accepted" and seen[-1] == "delivered" and set(seen[1:-1]) == {"deferred"}, seen
    told = [event["text"] for event in gateway.log("--to", f"r@{mx.domain}", "--event", "deferred")]
    assert any("STARTTLS" in text for text in told), told
