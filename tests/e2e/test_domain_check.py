"""What `sendoff domain check` finds of a domain in DNS."""

import pytest

from sendoff_test.dns import BROKEN, txt
from sendoff_test.lab import SOURCE


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway()


def check(gateway, *words):
    return gateway.sendoff.run("domain", "check", *words)


def test_nothing_is_published(lab, gateway):
    domain = lab.new_domain()
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    result = check(gateway, domain)
    assert result.status == 1 and result.err == "", result
    assert f"{domain}: not all is right" in result.out
    assert "missing: there is no TXT record at s" in result.out and f"._domainkey.{domain}" in result.out
    assert f"{SOURCE}        none: {domain} publishes no SPF record" in result.out, result.out
    assert f'publish for _dmarc.{domain}: TXT "v=DMARC1; p=none"' in result.out


def test_what_is_published_is_right(lab, gateway):
    domain = lab.new_domain()
    gateway.add_domain(domain, "--key", "rsa2048")
    lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{SOURCE} -all"))
    lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"))
    (found,) = gateway.sendoff.json("domain", "check", domain)
    assert found["right"] is True and (found["dmarc"], found["dmarc_rfc7489"]) == ("pass", "pass"), found
    assert [key["published"] for key in found["keys"]] == ["matches"] and found["publish"] == [], found
    assert {source["spf"] for source in found["sources"]} == {"pass"}, found
    result = check(gateway, domain)
    assert result.status == 0 and f"{domain}: all is right" in result.out, result


def test_a_source_that_the_record_lacks(lab, gateway):
    domain = lab.new_domain()
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    lab.dns.set(domain, "TXT", txt("v=spf1 -all"))
    lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"))
    result = check(gateway, domain)
    assert result.status == 1 and f"add to the SPF record of {domain}: ip4:{SOURCE}" in result.out, result
    assert "publish for s" in result.out and "v=DKIM1; k=ed25519; p=" in result.out


def test_dns_that_does_not_answer_is_not_right(gateway):
    domain = f"checked.{BROKEN}"
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    result = check(gateway, domain)
    assert result.status == 1 and "unknown: DNS did not answer" in result.out and "temperror" in result.out, result
    gateway.sendoff("domain", "remove", domain)


def test_all_domains(gateway):
    domains = {one["domain"] for one in gateway.sendoff.json("domain", "list")}
    result = gateway.sendoff.run("domain", "check")
    assert result.status == 1 and all(f"{domain}: " in result.out for domain in domains), result
    assert check(gateway, "nowhere.example").status == 1 and check(gateway, "no domain").status == 2
