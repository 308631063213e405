"""TLS to next hops by command: --tls none, may, verify and --implicit-tls. Nothing enforced ever goes in the clear."""

import pytest

from sendoff_test.client import send_to, submit_with
from sendoff_test.lab import exchanger_name
from sendoff_test.letters import letter, marker
from sendoff_test.mx import DROP, GARBAGE, HANG, server_context

FROM = "a@example.com"


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(delivery=f'trust = "{lab.authority.roots}"')


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("routed")


def add(gateway, lab, host, *words):
    to = lab.new_domain()
    gateway.sendoff("route", "add", to, host, *words)
    return to


def test_verify_takes_a_certificate_for_the_hosts_name(lab, gateway, account):
    host = lab.exchanger(tls="verified")
    to = add(gateway, lab, host.name, "--tls", "verify")
    assert host.wait_for(send_to(gateway, account, to)).tls.startswith("TLSv1.")
    (event,) = gateway.wait_event("delivered", "--to", f"r@{to}")
    assert event["verified"] == "ca"


def test_verify_of_direct_and_of_mx_asks_the_exchangers_name(lab, gateway, account):
    good, bad = lab.exchanger(lab.new_domain(), tls="verified"), lab.exchanger(lab.new_domain(), tls="good")
    gateway.sendoff("route", "add", good.domain, "direct", "--tls", "verify")
    gateway.sendoff("route", "add", bad.domain, "direct", "--tls", "verify")
    to = add(gateway, lab, f"mx:{good.domain}", "--tls", "verify")
    good.wait_for(send_to(gateway, account, to))
    good.wait_for(send_to(gateway, account, good.domain))
    send_to(gateway, account, bad.domain)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{bad.domain}")
    assert event["rule"] == "tls-enforced" and not bad.arrivals


@pytest.mark.parametrize("trouble", ["no STARTTLS", "refused", "broken", "closed", "self-signed", "other name", "expired", "old"])
def test_verify_defers_and_never_goes_without(lab, gateway, account, port, trouble):
    """Over several attempts, since mail that has waited goes in the clear where TLS is only opportunistic."""
    tls, address = {"no STARTTLS": None, "self-signed": "good"}.get(trouble, "verified"), lab.block.new_address()
    name = exchanger_name(address)
    if trouble == "expired":
        tls = server_context(*lab.authority.certificate(name, days=-1))
    host = lab.exchanger(tls=tls, address=address, port=port)
    if trouble == "other name":
        name = f"mx-alias{port}.host"
        lab.dns.set(name, "A", host.address)
    stage = {"refused": "454 4.7.0 no TLS now", "broken": GARBAGE, "closed": DROP}.get(trouble)
    if stage:
        host.replies["STARTTLS"] = stage
    if trouble == "old":
        host.replies["EHLO"] = "502 5.5.1 what?"
    to = add(gateway, lab, f"{name}:{port}", "--tls", "verify")
    mark = send_to(gateway, account, to)
    several = 1 if trouble == "old" else 3  # a site that refuses is left alone for longer each time
    events = gateway.wait_event("deferred", "--to", f"r@{to}", count=several)
    assert not host.arrivals and all(e["code"] // 100 != 2 for e in events)
    wanted = {
        "no STARTTLS": "the route requires TLS, and the host does not offer it",
        "refused": "no TLS now",
        "self-signed": "certificate",
        "other name": f"the certificate for {name} is not good",
        "expired": f"the certificate for {name} is not good",
    }
    assert wanted.get(trouble, "") in events[-1]["text"], events[-1]
    if trouble in ("no STARTTLS", "self-signed", "other name", "expired"):
        assert events[-1]["rule"] == "tls-enforced" and events[-1]["enhanced"].startswith("4.7.")
        assert "route" in gateway.sendoff("why", events[-1]["message"])
    host.replies.clear()
    if stage or trouble == "old":  # the host is well again
        gateway.sendoff("site", "resume", f"{name}:{port}")
        gateway.sendoff.run("queue", "retry", "--to", f"r@{to}", "--yes")  # its own next try may have come before
        assert host.wait_for(mark, timeout=30).tls
    else:  # or the operator does without
        gateway.sendoff("route", "set", to, f"{name}:{port}", "--tls", "may")
        host.wait_for(mark, timeout=30)


def test_may_uses_what_is_there(lab, gateway, account, port):
    with_tls, without = lab.exchanger(tls="good", port=port), lab.exchanger(port=port)
    for host, protected in ((with_tls, True), (without, False)):
        to = add(gateway, lab, f"{host.name}:{port}")
        assert bool(host.wait_for(send_to(gateway, account, to)).tls) == protected


def test_none_never_says_starttls(lab, gateway, account, port):
    host = lab.exchanger(tls="good", port=port)
    said = []
    host.replies["STARTTLS"] = lambda argument: said.append(argument)
    to = add(gateway, lab, f"{host.name}:{port}", "--tls", "none")
    assert host.wait_for(send_to(gateway, account, to)).tls == "" and not said


def test_requiretls_is_more_than_the_routes_none(lab, gateway, account, port):
    host = lab.exchanger(tls="verified", port=port, offers=["REQUIRETLS"])
    to = add(gateway, lab, f"{host.name}:{port}", "--tls", "none")
    mark = marker()
    submit_with(gateway, account, FROM, [f"r@{to}"], letter(FROM, f"r@{to}", mark + "\r\n"), mail=["REQUIRETLS"])
    assert host.wait_for(mark).tls


@pytest.mark.parametrize("words, tls", [(("--tls", "verify"), "verified"), ((), "good")])
def test_implicit_tls(lab, gateway, account, port, words, tls):
    host = lab.exchanger(tls=tls, port=port, implicit=True)
    to = add(gateway, lab, f"{host.name}:{port}", "--implicit-tls", *words)
    for _ in range(2):
        assert host.wait_for(send_to(gateway, account, to)).tls
    assert host.connections == 1
    (event, _) = gateway.wait_event("delivered", "--to", f"r@{to}", count=2)
    assert event["verified"] == ("ca" if words else "no")


@pytest.mark.parametrize("what", ["self-signed", "no TLS", "silent"])
def test_implicit_tls_that_is_not_good_defers(lab, gateway, account, port, what):
    host = lab.exchanger(tls="good" if what == "self-signed" else None, port=port, implicit=what == "self-signed")
    if what == "silent":
        host.replies["GREETING"] = HANG
        to = add(gateway, lab, f"{host.name}:{port}", "--implicit-tls")
        send_to(gateway, account, to)
        return  # it ends with the gateway: a handshake may take a minute
    to = add(gateway, lab, f"{host.name}:{port}", "--implicit-tls", "--tls", "verify")
    send_to(gateway, account, to)
    event = gateway.wait_event("deferred", "--to", f"r@{to}", count=3)[-1]
    assert event["rule"] == "tls-enforced" and "TLS" in event["text"] and not host.arrivals, event


def test_routes_with_other_tls_share_no_connection(lab, gateway, account, port):
    host = lab.exchanger(tls="verified", port=port)
    first, second = add(gateway, lab, f"{host.name}:{port}", "--tls", "verify"), add(gateway, lab, f"{host.name}:{port}")
    host.wait_for(send_to(gateway, account, first))
    host.wait_for(send_to(gateway, account, second))
    assert [a.connection for a in host.arrivals] == [1, 2]
