"""`sendoff domain records`: what is printed to publish, with what DNS has already kept."""

import re

import pytest

from sendoff_test.dns import BROKEN, txt
from sendoff_test.lab import SOURCE

PUBLIC, PUBLIC_PTR, HELO = "193.0.2.25", "25.2.0.193.in-addr.arpa", "smtp.example.com"


@pytest.fixture(scope="module")
def gateway(lab):
    """With a source in each of two pools; that of `bulk` is known to the world by another address."""
    made = lab.new_gateway().configure()
    made.sendoff("source", "add", SOURCE, "--helo", HELO)
    made.sendoff("source", "add", "127.0.0.3", "--helo", HELO, "--pool", "bulk", "--public", PUBLIC)
    return made


def new_domain(lab, gateway, *options, account=True):
    domain = lab.new_domain("records")
    gateway.sendoff("domain", "add", domain, "--key", "ed25519")
    if account:
        gateway.add_account(domain, *options, senders=(domain,))
    return domain


def records(gateway, domain):
    return {record["kind"]: record for record in gateway.sendoff.json("domain", "records", domain)}


def zone(gateway, domain, *options):
    return gateway.sendoff("domain", "records", domain, *options)


def test_the_first_records(lab, gateway):
    domain = new_domain(lab, gateway)
    found = records(gateway, domain)
    assert set(found) == {"dkim", "spf", "dmarc"}, found
    assert found["spf"]["value"] == f"v=spf1 ip4:{SOURCE} -all" and found["spf"]["name"] == domain
    assert found["dmarc"]["value"] == "v=DMARC1; p=none" and "p=reject" in found["dmarc"]["why"]
    assert [found[kind]["key_state"] for kind in ("dkim", "spf")] == ["active", None]
    assert all(record["optional"] is False for record in found.values())
    said = zone(gateway, domain)
    assert f"; return path: {domain} has no MX, A or AAAA record" in said, said


@pytest.mark.parametrize(
    "there, value, why",
    [
        (["v=spf1 mx -all"], f"v=spf1 mx ip4:{SOURCE} -all", f"with ip4:{SOURCE} added"),
        ([f"v=spf1 ip4:{SOURCE}/32 ~all"], f"v=spf1 ip4:{SOURCE}/32 ~all", "it is there"),
        (["v=spf1 a -all", "v=spf1 mx -all"], f"v=spf1 a mx ip4:{SOURCE} -all", "there are 2 SPF records"),
        (["v=spf1 redirect=other.example.net"], f"v=spf1 ip4:{SOURCE} redirect=other.example.net", "added"),
        (["v=spf1 ip4:1.2.3 -all"], f"v=spf1 ip4:{SOURCE} -all", "cannot be used"),
        (["google-site-verification=x"], f"v=spf1 ip4:{SOURCE} -all", "who may send"),
    ],
)
def test_an_spf_record_that_is_there(lab, gateway, there, value, why):
    domain = new_domain(lab, gateway)
    lab.dns.set(domain, "TXT", *map(txt, there))
    found = records(gateway, domain)["spf"]
    assert found["value"] == value and why in found["why"], found
    changed = there[0] if there[0].startswith("v=spf1") and there[0] != value else None
    said = zone(gateway, domain)
    assert found["replaces"] == changed and f'{domain}. IN TXT "{value}"' in said, said
    assert (f"; what is there now: {changed}\n" in said) == bool(changed), said


def test_a_source_that_an_include_lists(lab, gateway):
    domain = new_domain(lab, gateway)
    lab.dns.set(f"_spf.{domain}", "TXT", txt(f"v=spf1 ip4:{SOURCE} -all"))
    lab.dns.set(domain, "TXT", txt(f"v=spf1 include:_spf.{domain} -all"))
    found = records(gateway, domain)["spf"]
    assert found["value"] == f"v=spf1 include:_spf.{domain} -all" and "it is there" in found["why"], found


def test_too_many_lookups(lab, gateway):
    domain = new_domain(lab, gateway)
    lab.dns.set(f"many.{domain}", "TXT", txt("v=spf1 " + " ".join(f"a:h{i}.{domain}" for i in range(10)) + " -all"))
    lab.dns.set(domain, "TXT", txt(f"v=spf1 include:many.{domain} -all"))
    assert "takes 11 DNS lookups" in zone(gateway, domain)


def test_dns_does_not_answer(gateway):
    domain = f"records.{BROKEN}"
    said = gateway.sendoff("domain", "add", domain, "--key", "ed25519")
    assert f"DNS did not answer for the TXT records of {domain}" in said, said
    assert f"v=spf1 ip4:{PUBLIC} ip4:{SOURCE} -all" in said and "is made without what is there" in said
    gateway.sendoff("domain", "remove", domain, "--yes")


def test_a_dmarc_record_that_is_there(lab, gateway):
    domain = new_domain(lab, gateway)
    lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"))
    assert records(gateway, domain)["dmarc"]["value"] == "v=DMARC1; p=reject"
    below = f"sub.{domain}"
    gateway.sendoff("domain", "add", below, "--key", "ed25519")
    assert "dmarc" not in records(gateway, below)
    assert f"the DMARC record of {domain} applies to {below} (p=reject)" in zone(gateway, below).replace("sp=", "p=")
    lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"), txt("v=DMARC1; p=none"))
    assert "in place of the several" in records(gateway, domain)["dmarc"]["why"]


def test_an_address_that_the_world_knows(lab, gateway):
    """What its owner publishes is not for the domain's zone."""
    domain = new_domain(lab, gateway, "--pool", "bulk")
    found = records(gateway, domain)
    assert found["spf"]["value"] == f"v=spf1 ip4:{PUBLIC} -all"
    assert (found["ptr"]["name"], found["ptr"]["type"], found["ptr"]["value"]) == (PUBLIC_PTR, "PTR", HELO)
    assert (found["helo"]["name"], found["helo"]["type"], found["helo"]["value"]) == (HELO, "A", PUBLIC)
    assert found["ptr"]["elsewhere"] and found["helo"]["elsewhere"] and not found["spf"]["elsewhere"]
    said = zone(gateway, domain)
    assert f"; {PUBLIC_PTR}. IN PTR {HELO}." in said and f"; {HELO}. IN A {PUBLIC}" in said, said


def test_every_pool_that_accounts_use(lab, gateway):
    domain = new_domain(lab, gateway, "--pool", "bulk")
    gateway.add_account(f"{domain}-2", senders=(f"a@{domain}",))
    assert records(gateway, domain)["spf"]["value"] == f"v=spf1 ip4:{PUBLIC} ip4:{SOURCE} -all"
    nobody = new_domain(lab, gateway, account=False)
    assert records(gateway, nobody)["spf"]["value"] == f"v=spf1 ip4:{PUBLIC} ip4:{SOURCE} -all"


def test_a_domain_that_takes_mail(lab, gateway):
    domain = new_domain(lab, gateway)
    lab.dns.set(f"mx.{domain}", "A", "127.0.0.9")
    lab.dns.set(domain, "MX", f"10 mx.{domain}.")
    found = records(gateway, domain)
    assert found["mta-sts"]["optional"] and found["mta-sts"]["name"] == f"_mta-sts.{domain}"
    assert found["tls-rpt"]["value"] == f"v=TLSRPTv1; rua=mailto:postmaster@{domain}"
    said = zone(gateway, domain)
    assert re.search(rf'^; _smtp\._tls\.{domain}\. IN TXT "v=TLSRPTv1', said, re.M) and "return path" not in said, said
    lab.dns.set(f"_mta-sts.{domain}", "TXT", txt("v=STSv1; id=1"))
    assert "mta-sts" not in records(gateway, domain)


def test_a_logo_is_worth_having_where_dmarc_is_enforced(lab, gateway):
    domain = new_domain(lab, gateway)
    for policy, wanted in (("p=none", False), ("p=reject", True), ("p=quarantine", True), ("p=reject; t=y", False)):
        lab.dns.set(f"_dmarc.{domain}", "TXT", txt(f"v=DMARC1; {policy}"))
        found = records(gateway, domain)
        assert ("bimi" in found) == wanted, policy
    lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"))
    found = records(gateway, domain)["bimi"]
    assert found["optional"] and found["name"] == f"default._bimi.{domain}" and found["value"] == f"v=BIMI1; l=https://{domain}/bimi.svg"
    lab.dns.set(f"default._bimi.{domain}", "TXT", txt("v=BIMI1; l="))
    assert "bimi" not in records(gateway, domain), "there is one"


def test_names_for_a_web_form(lab, gateway):
    """With and without the zone's name: a zone of its own, found by its NS records, or the organization's."""
    lab.dns.serve("forms.example", "@ NS ns.harness.\n")
    gateway.sendoff("domain", "add", "mail.forms.example", "--key", "ed25519")
    found = records(gateway, "mail.forms.example")
    assert {record["zone"] for kind, record in found.items() if not record["elsewhere"]} == {"forms.example"}
    assert found["spf"]["relative_name"] == "mail" and found["dmarc"]["relative_name"] == "_dmarc.mail"
    said = zone(gateway, "mail.forms.example", "--format", "table")
    assert re.search(r"name +mail +\(in the zone forms\.example\)", said), said
    assert re.search(r"full name +mail\.forms\.example$", said, re.M), said
    gateway.sendoff("domain", "add", "forms.example", "--key", "rsa2048")
    found = records(gateway, "forms.example")
    assert found["spf"]["relative_name"] == "@"
    assert f"value     {found['dkim']['value']}" in zone(gateway, "forms.example", "--format", "table")
    domain = new_domain(lab, gateway)
    assert records(gateway, domain)["spf"]["zone"] == "example.net"


def test_formats(lab, gateway):
    domain = new_domain(lab, gateway)
    as_json = gateway.sendoff("domain", "records", domain, "--format", "json")
    assert as_json == gateway.sendoff("--json", "domain", "records", domain)
    result = gateway.sendoff.run("domain", "records", domain, "--format", "bind")
    assert result.status == 2 and "zone" in result.err and "table" in result.err
    lab.dns.set(f"_dmarc.{domain}", "TXT", '"v=DMARC1; p=none; x=\\"\\\\"')
    assert f'_dmarc.{domain}. IN TXT "v=DMARC1; p=none; x=\\"\\\\"' in zone(gateway, domain)
