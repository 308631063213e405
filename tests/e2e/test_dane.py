"""DANE for next hops (RFC 7672): what signed TLSA records say of an exchanger's TLS is what it must have."""

import pytest

from sendoff_test.client import submit_marked, submit_with
from sendoff_test.dns import BROKEN, SIGNED
from sendoff_test.lab import exchanger_name
from sendoff_test.letters import letter, marker
from sendoff_test.mx import DROP, GARBAGE, server_context
from sendoff_test.signed_zone import SignedZone
from sendoff_test.tlsa import publish, tlsa

FROM = "a@example.com"
SEVERAL = 3  # attempts: mail that has waited goes in the clear where TLS is only opportunistic


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(delivery=f'trust = "{lab.authority.roots}"')


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("dane")


@pytest.fixture(scope="module")
def own(lab):
    """The self-signed certificate that tls="good" shows; it is for none of the exchangers."""
    return lab.certificate()[0]


def send(gateway, account, domain, mail=None):
    if not mail:
        return submit_marked(gateway, account, FROM, [f"r@{domain}"])
    mark = marker()
    submit_with(gateway, account, FROM, [f"r@{domain}"], letter(FROM, f"r@{domain}", mark + "\r\n"), mail=mail)
    return mark


def delivered(gateway, domain):
    return gateway.wait_event("delivered", "--to", f"r@{domain}")[0]


def deferred(gateway, domain, count=1):
    return gateway.wait_event("deferred", "--to", f"r@{domain}", count=count)[-1]


@pytest.mark.parametrize("numbers", [(3, 1, 1), (3, 0, 2), (3, 1, 0)])
def test_who_matches_gets_mail_whatever_its_certificate_says(lab, gateway, account, own, numbers):
    mx = lab.exchanger(lab.new_domain(), tls="good")
    publish(lab, mx.name, tlsa(*numbers, own))
    assert mx.wait_for(send(gateway, account, mx.domain)).tls == "TLSv1.3"
    event, text = delivered(gateway, mx.domain), " ".join(map(str, numbers))
    assert (event["verified"], event["tlsa"], event["tls"]) == ("dane", text, "TLSv1.3") and event["cipher"]
    shown = gateway.sendoff("log", "show", event["message"])
    assert f"tls      TLSv1.3 {event['cipher']}, verified by DANE ({text})" in shown
    assert f'verified="verified by DANE ({text})"' in gateway.output()


def test_who_does_not_match_gets_none_until_it_does(lab, gateway, account, own):
    mx = lab.exchanger(lab.new_domain(), tls="good")
    publish(lab, mx.name, tlsa(3, 1, 1, own, wrong=True))
    mark = send(gateway, account, mx.domain)
    event = deferred(gateway, mx.domain, SEVERAL)
    assert event["rule"] == "dane" and event["enhanced"] == "4.7.5" and not mx.arrivals, event
    assert f"the certificate matches none of the TLSA records of {mx.name}" in event["text"]
    assert "TLSA" in gateway.sendoff("why", event["message"])
    publish(lab, mx.name, tlsa(3, 1, 1, own))
    assert mx.wait_for(mark, timeout=60).tls


def test_the_next_host_may_match(lab, gateway, account, own):
    domain = lab.new_domain()
    bad, good = lab.exchanger(tls="good"), lab.exchanger(tls="good")
    lab.dns.set(domain, "MX", f"10 {bad.name}.", f"20 {good.name}.")
    publish(lab, bad.name, tlsa(3, 1, 1, own, wrong=True))
    publish(lab, good.name, tlsa(3, 1, 1, own, wrong=True), tlsa(3, 1, 1, own))
    good.wait_for(send(gateway, account, domain))
    assert delivered(gateway, domain)["verified"] == "dane" and not bad.arrivals


@pytest.mark.parametrize("records", ["usable", "unusable"])
@pytest.mark.parametrize("trouble", ["no STARTTLS", "refused", "broken", "closed", "old"])
def test_records_are_a_promise_of_tls(lab, gateway, account, own, records, trouble):
    mx = lab.exchanger(lab.new_domain(), tls=None if trouble == "no STARTTLS" else "good")
    publish(lab, mx.name, tlsa(3 if records == "usable" else 1, 1, 1, own))
    stage = {"refused": "454 4.7.0 no TLS now", "broken": GARBAGE, "closed": DROP}.get(trouble)
    if stage:
        mx.replies["STARTTLS"] = stage
    if trouble == "old":
        mx.replies["EHLO"] = "502 5.5.1 what?"
    send(gateway, account, mx.domain)
    event = deferred(gateway, mx.domain, 1 if trouble in ("old", "refused") else SEVERAL)
    assert not mx.arrivals, event
    if trouble in ("no STARTTLS", "broken"):
        assert event["rule"] == "dane", event


def test_without_a_usable_record_nobody_is_verified(lab, gateway, account, own):
    mx = lab.exchanger(lab.new_domain(), tls="good")
    publish(lab, mx.name, tlsa(1, 1, 1, own, wrong=True), "3 1 1 00", "3 7 1 " + 32 * "ab")
    assert mx.wait_for(send(gateway, account, mx.domain)).tls
    assert delivered(gateway, mx.domain)["verified"] == "no"


def test_without_records_tls_stays_opportunistic(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain())
    assert mx.wait_for(send(gateway, account, mx.domain)).tls == ""
    assert delivered(gateway, mx.domain)["tls"] == "none"


# Where the records are not known.


def test_an_unanswered_question_is_no_denial(lab, gateway, account):
    """SERVFAIL, as somebody might have it who would have us do without."""
    mx = lab.exchanger(lab.new_domain(), tls="good")
    lab.dns.set(f"_{lab.delivery_port}._tcp.{mx.name}", "CNAME", f"nobody.{BROKEN}.")
    send(gateway, account, mx.domain)
    event = deferred(gateway, mx.domain)
    assert event["rule"] == "dns" and event["enhanced"] == "4.4.3" and not mx.arrivals, event
    assert f"DNS does not answer for the TLSA records of {mx.name}" in event["text"]
    assert "tlsa lookup failed" in gateway.output()
    # Another host of a domain is used, though it is the worse one.
    domain, other = lab.new_domain(), lab.exchanger()
    lab.dns.set(domain, "MX", f"10 {mx.name}.", f"20 {other.name}.")
    other.wait_for(send(gateway, account, domain))


def test_bogus_records_are_none_and_no_denial(lab, gateway, account, own):
    zone, address = SignedZone(SIGNED), lab.block.new_address()
    host, domain = f"mx.{SIGNED}", lab.new_domain()
    mx = lab.exchanger(tls="good", address=address)
    at = f"_{lab.delivery_port}._tcp.{host}"
    records = {(host, "A"): [address], (at, "TLSA"): [tlsa(3, 1, 1, own)]}
    text = zone.text(records, {(at, "TLSA"): [tlsa(3, 1, 1, own, wrong=True)]})
    lab.dns.serve_signed(text, zone.ds)
    lab.dns.set(domain, "MX", f"10 {host}.")
    send(gateway, account, domain)
    event = deferred(gateway, domain)
    assert f"DNSSEC does not confirm the TLSA records of {host}" in event["text"] and event["rule"] == "dns", event
    assert not mx.arrivals
    lab.dns.serve_signed(zone.text(records), zone.ds)
    gateway.restart()  # libunbound believes for a minute that it is bogus
    gateway.sendoff.run("queue", "retry", "--to", f"r@{domain}", "--yes")  # it may have gone by itself
    assert delivered(gateway, domain)["verified"] == "dane"


# Aliases (RFC 7672 2.2.2, 2.2.3), and the name for SNI (8.1).


def alias_of(lab, target, domain):
    name = f"alias-{target.split('.')[0]}.{domain}"
    lab.dns.update({(name, "CNAME"): [f"{target}."], (domain, "MX"): [f"10 {name}."]})
    return name


def listening(lab, **manner):
    """An exchanger, and the names that clients ask it for."""
    context, asked = server_context(*lab.certificate()), []
    context.sni_callback = lambda _, name, __: asked.append(name)
    return lab.exchanger(tls=context, **manner), asked


@pytest.mark.parametrize("where", ["both", "its end", "its beginning"])
def test_an_alias_that_is_signed(lab, gateway, account, own, where):
    mx, asked = listening(lab)
    domain = lab.new_domain()
    alias = alias_of(lab, mx.name, domain)
    if where != "its beginning":
        publish(lab, mx.name, tlsa(3, 1, 1, own))
    if where != "its end":
        publish(lab, alias, tlsa(3, 1, 1, own, wrong=where == "both"))
    mx.wait_for(send(gateway, account, domain))
    assert delivered(gateway, domain)["verified"] == "dane"
    assert asked == [alias if where == "its beginning" else mx.name]


def test_an_alias_into_a_zone_that_is_not_signed(lab, gateway, account, own):
    """Only after the test that wants that zone broken."""
    mx, asked = listening(lab)
    domain, target = lab.new_domain(), f"mx.{BROKEN}"
    records = {(target, "A"): mx.address, (f"_{lab.delivery_port}._tcp.{target}", "TLSA"): tlsa(3, 1, 1, own, wrong=True)}
    insecure = {(BROKEN, "MX"): f"10 {exchanger_name(mx.address)}."}
    lab.dns.fix(records | insecure)
    alias = alias_of(lab, target, domain)
    publish(lab, alias, tlsa(3, 1, 1, own))
    mx.wait_for(send(gateway, account, domain))
    assert delivered(gateway, domain)["verified"] == "dane" and asked == [alias]
    # The host itself there: its records are not signed, so they are none.
    other = lab.new_domain()
    lab.dns.set(other, "MX", f"10 {target}.")
    mx.wait_for(send(gateway, account, other))
    assert delivered(gateway, other)["verified"] == "no"
    # MX records there: who wrote them is not known, so the host's records do not count.
    publish(lab, mx.name, tlsa(3, 1, 1, own, wrong=True))
    mx.wait_for(send(gateway, account, BROKEN))
    assert delivered(gateway, BROKEN)["verified"] == "no"


# DANE-TA: a CA of the domain's own, and a name.


@pytest.mark.parametrize("numbers", [(2, 0, 1), (2, 1, 2), (2, 0, 0)])
@pytest.mark.parametrize("name", ["host", "next hop", "another"])
def test_a_ca_of_ones_own(lab, gateway, account, numbers, name):
    address, domain = lab.block.new_address(), lab.new_domain()
    host = exchanger_name(address)
    made = lab.authority.certificate if numbers == (2, 0, 0) else lab.authority.chain
    certificate = made({"host": host, "next hop": domain, "another": "other.example.com"}[name])
    mx = lab.exchanger(domain, address=address, tls=server_context(*certificate))
    publish(lab, host, tlsa(*numbers, lab.authority.roots))
    mark = send(gateway, account, domain)
    if name == "another":
        event = deferred(gateway, domain)
        assert f"neither for {host} nor for {domain}" in event["text"] and event["rule"] == "dane" and not mx.arrivals
        return
    mx.wait_for(mark)
    assert delivered(gateway, domain)["tlsa"] == " ".join(map(str, numbers))


def test_a_certificate_for_one_domain_is_for_no_other(lab, gateway, account):
    """Both have the same exchanger; a connection that is open for the first is not the second's."""
    address, first, second = lab.block.new_address(), lab.new_domain(), lab.new_domain()
    mx = lab.exchanger(first, address=address, tls=server_context(*lab.authority.chain(first)))
    lab.dns.set(second, "MX", f"10 {mx.name}.")
    publish(lab, mx.name, tlsa(2, 0, 1, lab.authority.roots))
    mx.wait_for(send(gateway, account, first))
    send(gateway, account, second)
    assert deferred(gateway, second)["rule"] == "dane"
    assert len(mx.arrivals) == 1


# Beside other rules.


def test_broken_tls_of_one_host_is_no_reason_at_another(lab, gateway, account, own):
    """Mail that has waited goes without TLS to a host whose TLS is broken, but to no host that has TLSA records."""
    domain = lab.new_domain()
    broken, promised = lab.exchanger(tls="good"), lab.exchanger()
    broken.replies.update({"STARTTLS": GARBAGE, "MAIL": "451 4.3.0 not now"})
    lab.dns.set(domain, "MX", f"10 {broken.name}.", f"20 {promised.name}.")
    publish(lab, promised.name, tlsa(3, 1, 1, own))
    send(gateway, account, domain)
    deferred(gateway, domain, SEVERAL)
    assert not promised.arrivals and not broken.arrivals


def test_requiretls_is_satisfied_by_dane(lab, gateway, account, own):
    mx = lab.exchanger(lab.new_domain(), tls="good", offers=["REQUIRETLS"])
    publish(lab, mx.name, tlsa(3, 1, 1, own))
    assert "REQUIRETLS" in mx.wait_for(send(gateway, account, mx.domain, mail=["REQUIRETLS"])).mail
    assert delivered(gateway, mx.domain)["verified"] == "dane"


def test_requiretls_and_another_certificate_waits(lab, gateway, account, own):
    mx = lab.exchanger(lab.new_domain(), tls="verified", offers=["REQUIRETLS"])
    publish(lab, mx.name, tlsa(3, 1, 1, own))
    send(gateway, account, mx.domain, mail=["REQUIRETLS"])
    assert deferred(gateway, mx.domain)["rule"] == "dane" and not mx.arrivals


def test_requiretls_wants_more_than_records_that_are_not_usable(lab, gateway, account, own):
    mx = lab.exchanger(lab.new_domain(), tls="verified", offers=["REQUIRETLS"])
    publish(lab, mx.name, tlsa(1, 1, 1, own))
    mx.wait_for(send(gateway, account, mx.domain, mail=["REQUIRETLS"]))
    assert delivered(gateway, mx.domain)["verified"] == "ca"


def test_a_sender_may_ask_that_it_be_ignored(lab, gateway, account, own):
    """TLS-Required: No (RFC 8689 3): TLS as far as it goes. REQUIRETLS goes before it."""
    other, clear = lab.exchanger(lab.new_domain(), tls="good", offers=["REQUIRETLS"]), lab.exchanger(lab.new_domain())
    for mx in (other, clear):
        publish(lab, mx.name, tlsa(3, 1, 1, own, wrong=True))
        to = f"r@{mx.domain}"
        mark = submit_marked(gateway, account, FROM, [to], extra="TLS-Required: No\r\n")
        assert bool(mx.wait_for(mark).tls) == (mx is other)
        assert delivered(gateway, mx.domain)["verified"] == "no"
        content = letter(FROM, to, "x\r\n", extra="TLS-Required: No\r\n")
        submit_with(gateway, account, FROM, [to], content, mail=["REQUIRETLS"])
        assert deferred(gateway, mx.domain)["rule"] == "dane" and len(mx.arrivals) == 1


@pytest.mark.parametrize("rule, verified", [("none", "no"), ("verify", "ca"), ("may", None)])
def test_a_routes_own_rules_come_first(lab, gateway, account, own, rule, verified):
    mx, port = lab.exchanger(tls="verified", port=lab.block.new_port()), None
    port = mx.port
    publish(lab, mx.name, tlsa(3, 1, 1, own), port=port)
    to = lab.new_domain()
    gateway.sendoff("route", "add", to, f"{mx.name}:{port}", "--tls", rule)
    mark = send(gateway, account, to)
    if not verified:
        assert deferred(gateway, to)["rule"] == "dane" and not mx.arrivals
        return
    mx.wait_for(mark)
    assert delivered(gateway, to)["verified"] == verified


def test_a_route_is_to_whom_its_port_names(lab, gateway, account, own):
    port = lab.block.new_port()
    mx, to = lab.exchanger(tls="good", port=port, implicit=True), lab.new_domain()
    publish(lab, mx.name, tlsa(3, 1, 1, own), port=port)
    publish(lab, mx.name, tlsa(3, 1, 1, own, wrong=True))
    gateway.sendoff("route", "add", to, f"{mx.name}:{port}", "--implicit-tls")
    mx.wait_for(send(gateway, account, to))
    assert delivered(gateway, to)["verified"] == "dane"


def test_it_can_be_switched_off(lab, own):
    gateway = lab.gateway(delivery="dane = no")
    account = gateway.add_account("dane")
    mx = lab.exchanger(lab.new_domain())
    publish(lab, mx.name, tlsa(3, 1, 1, own))
    mx.wait_for(send(gateway, account, mx.domain))
    gateway.stop()
