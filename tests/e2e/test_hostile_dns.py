"""DNS servers that answer as none should, asked for SPF and DMARC: mail is neither refused for it nor kept waiting, and
the log says what was not known. Loops, a thousand records and slow answers are in unit/policy/spf/spf_hostile."""

import time

import pytest

from sendoff_test import hostile_dns
from sendoff_test.attempts import attempt_as
from sendoff_test.dns import txt
from sendoff_test.hostile_dns import HostileDns
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker

TO = "r@dest.example.net"
PATIENCE = 15  # a session waits for DNS for 8 seconds
SPOILT = [hostile_dns.truncated, hostile_dns.cut, hostile_dns.empty, hostile_dns.another]


@pytest.fixture(scope="module")
def hostile(lab):
    made = HostileDns(lab.block, lab.dns)
    yield made
    made.close()


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def gateway(lab, hostile):
    """It trusts no key: what is spoilt is not to be told by its signature."""
    made = lab.new_gateway().configure(servers=[hostile.server])
    with open(made.config) as config:
        text = config.read()
    with open(made.config, "w") as config:
        config.write(text.replace(f'trust_anchor = "{lab.dns.trust_anchor}"', ""))
    made.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def account(gateway, recipient):
    return gateway.add_account("dns", senders=["*"])


def sending_domain(lab, gateway, spf_mode, dmarc_mode):
    domain = lab.new_domain("hostile")
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", domain, "--spf", spf_mode, "--dmarc", dmarc_mode)
    lab.dns.update({(domain, "TXT"): [txt("v=spf1 -all")], (f"_dmarc.{domain}", "TXT"): [txt("v=DMARC1; p=reject")]})
    return domain


def sends(gateway, account, domain):
    begin, sender = time.monotonic(), f"a@{domain}"
    answer = attempt_as(gateway, account, sender, [TO], letter(sender, TO, marker() + "\r\n"))
    assert time.monotonic() - begin < PATIENCE
    return answer


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_spf(lab, gateway, account, hostile, spoil):
    domain = sending_domain(lab, gateway, "enforce", "off")
    hostile.spoilt[domain] = spoil
    assert sends(gateway, account, domain).startswith("250")
    assert domain in hostile.questions
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    assert event["spf"] == "temperror" and event["spf_reason"].startswith("DNS did not answer"), event


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_dmarc(lab, gateway, account, hostile, spoil):
    domain = sending_domain(lab, gateway, "observe", "enforce")
    hostile.spoilt[f"_dmarc.{domain}"] = spoil
    assert sends(gateway, account, domain).startswith("250")
    assert f"_dmarc.{domain}" in hostile.questions
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    assert "would refuse" not in event.get("checks", {}).get("dmarc", ""), event


def test_what_is_not_spoilt_counts(lab, gateway, account):
    """So it was the spoiling that let the others pass."""
    assert sends(gateway, account, sending_domain(lab, gateway, "enforce", "off")).startswith("550 5.7.23")
    assert sends(gateway, account, sending_domain(lab, gateway, "observe", "enforce")).startswith("550 5.7.26")


@pytest.mark.parametrize("others", [30, 200])
def test_many_records_come_over_tcp(lab, recipient, others):
    """More than a UDP answer holds: it is asked for again over TCP (RFC 7766), and the one that counts is found."""
    own = lab.gateway()
    sender = own.add_account("dns", senders=["*"])
    for spf_mode, dmarc_mode, code in [("enforce", "off", "550 5.7.23"), ("observe", "enforce", "550 5.7.26")]:
        domain = sending_domain(lab, own, spf_mode, dmarc_mode)
        noise = [txt(f"verification={n}-" + "x" * 230) for n in range(others)]
        lab.dns.set(domain, "TXT", *noise, txt("v=spf1 -all"))
        lab.dns.set(f"_dmarc.{domain}", "TXT", *noise, txt("v=DMARC1; p=reject"))
        answer = sends(own, sender, domain)
        assert answer.startswith(code), answer
    own.stop()
