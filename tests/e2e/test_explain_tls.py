"""What `explain` says of the TLS that a recipient's next hops must have, and of sources that warm up: before any mail, as
delivery then does it."""

import time

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.dns import BROKEN, SIGNED
from sendoff_test.lab import SOURCE
from sendoff_test.policy_server import PolicyServer, policy
from sendoff_test.signed_zone import SignedZone
from sendoff_test.tlsa import publish, tlsa

FROM = "a@example.com"
BY_DANE = "required, with a certificate that matches its TLSA records (DANE)"
BY_STS = "required, with an authority's certificate for the host's name (MTA-STS)"
OPPORTUNISTIC = "opportunistic: where the host offers it, with whoever it is"


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(delivery=f'trust = "{lab.authority.roots}"  https_trust = "{lab.authority.roots}"')


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("shop")


@pytest.fixture(scope="module")
def web(lab):
    return PolicyServer(lab)


@pytest.fixture(scope="module")
def own(lab):
    """The certificate that tls="good" shows."""
    return lab.certificate()[0]


def explain(gateway, domain, *options):
    words = ["explain", "--account", "shop", "--from", FROM, "--to", f"r@{domain}", *options]
    (said,) = gateway.sendoff.json(*words)
    return said, gateway.sendoff(*words)


def tls_of(gateway, domain):
    """Of its one host: what scripts get, when people get the same."""
    said, text = explain(gateway, domain)
    (hop,) = said["next_hops"]
    tls = hop["tls"]
    assert f"\n    TLS   {tls['text']}\n    DANE  {tls['dane_text']}\n" in text, text
    return tls


# DANE.


def test_usable_records(lab, gateway, account, own):
    mx = lab.exchanger(lab.new_domain(), tls="good")
    publish(lab, mx.name, tlsa(3, 1, 1, own), tlsa(2, 0, 1, lab.authority.roots), tlsa(1, 1, 1, own))
    tls = tls_of(gateway, mx.domain)
    assert (tls["by"], tls["required"], tls["verified"], tls["used"]) == ("dane", True, "dane", True)
    assert tls["dane"] == "usable" and tls["tlsa"] == ["2 0 1", "3 1 1"] and tls["text"] == BY_DANE
    assert tls["dane_text"] == f"usable TLSA records at _{lab.delivery_port}._tcp.{mx.name}: 2 0 1, 3 1 1"
    mx.wait_for(submit_marked(gateway, account, FROM, [f"r@{mx.domain}"]))
    assert gateway.wait_event("delivered", "--to", f"r@{mx.domain}")[0]["verified"] == "dane"


def test_records_that_are_not_usable(lab, gateway, account, own):
    mx = lab.exchanger(lab.new_domain())
    publish(lab, mx.name, tlsa(1, 1, 1, own))
    tls = tls_of(gateway, mx.domain)
    assert (tls["by"], tls["required"], tls["verified"], tls["dane"]) == ("dane", True, "no", "unusable")
    assert "none of its TLSA records is usable" in tls["text"] and tls["tlsa"] == []


def test_no_records(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain())
    tls = tls_of(gateway, mx.domain)
    assert (tls["by"], tls["required"], tls["dane"], tls["text"]) == ("none", False, "none", OPPORTUNISTIC)


def test_records_that_dnssec_does_not_confirm(lab, gateway, account, own):
    zone, address = SignedZone(SIGNED), lab.block.new_address()
    host, domain = f"mx.{SIGNED}", lab.new_domain()
    at = f"_{lab.delivery_port}._tcp.{host}"
    records = {(host, "A"): [address], (at, "TLSA"): [tlsa(3, 1, 1, own)]}
    lab.dns.set(domain, "MX", f"10 {host}.")
    lab.dns.serve_signed(zone.text(records, {(at, "TLSA"): [tlsa(3, 1, 1, own, wrong=True)]}), zone.ds)
    tls = tls_of(gateway, domain)
    assert (tls["dane"], tls["used"]) == ("bogus", False) and "the host is not used" in tls["text"]
    assert tls["dane_text"] == f"{at}: DNSSEC does not confirm the answer"
    lab.dns.serve_signed(zone.text(records), zone.ds)
    assert tls_of(gateway, domain)["dane"] == "usable", "each time a resolver of its own"


def test_records_that_dns_does_not_give(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain())
    lab.dns.set(f"_{lab.delivery_port}._tcp.{mx.name}", "CNAME", f"nobody.{BROKEN}.")
    tls = tls_of(gateway, mx.domain)
    assert (tls["dane"], tls["used"]) == ("failed", False) and "DNS did not answer" in tls["dane_text"]


def test_zones_that_are_not_signed(lab, gateway, account, web):
    """Only after the test that wants that zone broken: first of the MX records, then of the host's addresses. A policy that
    is announced, and that the gateway does not know yet, is said to be."""
    mx = lab.exchanger(tls="good")
    host = f"mx.{BROKEN}"
    lab.dns.fix(
        {
            (BROKEN, "MX"): f"10 {mx.name}.",
            (host, "A"): mx.address,
            (f"_mta-sts.{BROKEN}", "TXT"): '"v=STSv1; id=new1"',
        }
    )
    said, text = explain(gateway, BROKEN, "--requiretls")
    assert said["next_hops"][0]["tls"]["dane"] == "mx-insecure" and said["requiretls"]["possible"] is False
    assert "REQUIRETLS: comes back (5.7.10): neither DNSSEC nor MTA-STS" in text
    expected = {"domain": BROKEN, "mode": None, "id": None, "until": None, "announced": "new1"}
    assert said["mta_sts"] == expected and f"{BROKEN} announces a policy, id new1" in text
    domain = lab.new_domain()
    lab.dns.set(domain, "MX", f"10 {host}.")
    tls = tls_of(gateway, domain)
    assert (tls["by"], tls["dane"]) == ("none", "address-insecure")


# MTA-STS.


@pytest.mark.parametrize("mode", ["enforce", "testing", "none"])
@pytest.mark.parametrize("named", [True, False])
def test_a_policy_that_is_known(lab, gateway, account, web, mode, named):
    mx = web.exchanger(mode=mode, named=named)
    submit_marked(gateway, account, FROM, [f"r@{mx.domain}"])
    event = "deferred" if (mode, named) == ("enforce", False) else "delivered"
    gateway.wait_event(event, "--to", f"r@{mx.domain}", timeout=60)
    said, text = explain(gateway, mx.domain)
    known, tls = said["mta_sts"], tls_of(gateway, mx.domain)
    assert (known["domain"], known["mode"]) == (mx.domain, mode) and known["id"] == known["announced"]
    assert f"the policy of {mx.domain}, {mode}, is known until 20" in text and f", id {known['id']}\n" in text
    assert "another is announced" not in text
    enforced = mode == "enforce"
    assert (tls["by"], tls["required"]) == (("mta-sts", True) if enforced else ("none", False))
    assert tls["used"] == (named or not enforced) and said["next_hops"][0]["mta_sts"] == (named or mode == "none")
    expected = {
        ("enforce", True): BY_STS,
        ("enforce", False): "the host is not used: the MTA-STS policy does not name it",
        ("testing", True): f"{OPPORTUNISTIC}; MTA-STS, in testing, would require an authority's certificate",
        ("testing", False): f"{OPPORTUNISTIC}; MTA-STS, in testing, does not name the host",
    }
    assert tls["text"] == expected.get((mode, named), OPPORTUNISTIC)
    web.announce(mx.domain, "another")
    said, text = explain(gateway, mx.domain)
    assert said["mta_sts"]["announced"] == "another" and "another is announced, id another" in text


def test_dane_goes_before_a_policy(lab, gateway, account, web, own):
    mx = web.exchanger(tls="good")
    publish(lab, mx.name, tlsa(3, 1, 1, own))
    mx.wait_for(submit_marked(gateway, account, FROM, [f"r@{mx.domain}"]))
    tls = tls_of(gateway, mx.domain)
    assert (tls["by"], tls["verified"]) == ("dane", "dane")


# Routes, and what a message asks for.


@pytest.mark.parametrize(
    "options, required, verified, text",
    [
        (["--tls", "verify"], True, "ca", "(route, --tls verify)"),
        (["--tls", "none"], False, "no", "none (route, --tls none)"),
        (["--implicit-tls"], True, "no", "TLS from the start"),
    ],
)
def test_a_route(lab, gateway, account, options, required, verified, text):
    domain = lab.new_domain()
    mx = lab.exchanger()
    gateway.sendoff("route", "add", domain, mx.name, *options)
    tls = tls_of(gateway, domain)
    assert (tls["by"], tls["required"], tls["verified"]) == ("route", required, verified) and text in tls["text"]
    assert tls["dane"] == ("none" if "--implicit-tls" in options else "route")


def test_requiretls(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain())
    said, text = explain(gateway, mx.domain, "--requiretls")
    assert said["requiretls"]["possible"] is True and "REQUIRETLS: goes to a host that offers REQUIRETLS" in text
    said, text = explain(gateway, mx.domain)
    assert said["requiretls"] is None and "REQUIRETLS" not in text


def test_dane_and_mta_sts_switched_off(lab):
    gateway = lab.gateway(delivery="dane = no  mta_sts = no")
    gateway.add_account("shop")
    mx = lab.exchanger(lab.new_domain())
    tls = tls_of(gateway, mx.domain)
    assert (tls["by"], tls["dane"], tls["dane_text"]) == ("none", "off", "switched off (delivery { dane = no })")
    gateway.stop()


# Warm-up.


def test_a_source_that_warms_up(lab, gateway, account, tmp_path):
    left = 86400 - time.time() % 86400
    if left < 60:  # a new day gives another amount
        time.sleep(left)
    path = tmp_path / "plan.conf"
    path.write_text("days = {30, 60, 120}\n")
    mx = lab.exchanger(lab.new_domain())
    said, text = explain(gateway, mx.domain)
    assert said["sources"][0]["warmup"] is None and "warm-up" not in text
    gateway.sendoff("source", "set", SOURCE, "--warmup", str(path))
    said, text = explain(gateway, mx.domain)
    warmup = said["sources"][0]["warmup"]
    assert (warmup["provider"], warmup["day"], warmup["amount"], warmup["used"]) == ("others", 1, 30, 0)
    assert warmup["held"] is False and warmup["warm"] is False and warmup["room"] >= 20
    assert "    warm-up, others: day 1 of 3, 0 of 30 recipients used today, room for " in text
    for _ in range(2):
        mx.wait_for(submit_marked(gateway, account, FROM, [f"r@{mx.domain}"]))
    gateway.stop()  # which keeps what was used
    said, text = explain(gateway, mx.domain)
    assert said["sources"][0]["warmup"]["used"] == 2 and "2 of 30 recipients used today" in text
    gateway.start()
    gateway.sendoff("route", "add", "by-host.example.net", mx.name)
    said, _ = explain(gateway, "by-host.example.net")
    assert said["sources"][0]["warmup"] is None, "what goes to a host by a route is not counted"
