"""Records that DNSSEC confirms count, and those that it does not (bogus) are as if DNS had not answered: they refuse
nothing, let nothing pass, and the log says why."""

import contextlib

import pytest

from sendoff_test.attempts import attempt_as
from sendoff_test.client import submit
from sendoff_test.dns import SIGNED, txt
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker
from sendoff_test.signed_zone import SignedZone

TO = "r@dest.example.net"
PASSES = txt(f"v=spf1 ip4:{SOURCE} -all")
FAILS = txt("v=spf1 ip4:192.0.2.1 -all")
REJECT, NONE = txt("v=DMARC1; p=reject"), txt("v=DMARC1; p=none")
BOGUS = "DNSSEC does not confirm the answer for"


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def account(gateway, recipient):
    return gateway.add_account("dnssec", senders=["*"])


class Names:
    """A name of the signed zone for each test; all that were given stay."""

    def __init__(self, lab):
        self._lab, self._zone, self._count = lab, SignedZone(SIGNED), 0
        self._records, self._forged = {}, {}

    def new(self):
        self._count += 1
        return f"n{self._count}.{SIGNED}"

    def publish(self, name, kind, rdata, forged=None):
        """Signed; `forged` is what is served instead."""
        self._records[name, kind] = [rdata]
        self._forged.pop((name, kind), None)
        if forged:
            self._forged[name, kind] = [forged]
        self._lab.dns.serve_signed(self._zone.text(self._records, self._forged), self._zone.ds)


@pytest.fixture(scope="module")
def names(lab):
    return Names(lab)


def sending_domain(gateway, names, spf_mode, dmarc_mode):
    domain = names.new()
    gateway.add_domain(domain, "--key", "rsa2048", publish=False)
    gateway.sendoff("domain", "set", domain, "--spf", spf_mode, "--dmarc", dmarc_mode)
    return domain


def sends(gateway, account, domain):
    sender = f"a@{domain}"
    return attempt_as(gateway, account, sender, [TO], letter(sender, TO, marker() + "\r\n"))


def explained(gateway, domain, status=0):
    """What `sendoff explain` says of mail from there."""
    words = ["explain", "--account", "dnssec", "--from", f"a@{domain}", "--to", TO]
    result = gateway.sendoff.run(*words)
    assert result.status == status, result
    return result.out


def test_spf_that_is_confirmed_counts(gateway, account, names):
    domain = sending_domain(gateway, names, "enforce", "off")
    names.publish(domain, "TXT", FAILS)
    answer = sends(gateway, account, domain)
    assert answer.startswith("550 5.7.23"), answer
    explained(gateway, domain, status=1)
    domain = sending_domain(gateway, names, "enforce", "off")
    names.publish(domain, "TXT", PASSES)
    assert sends(gateway, account, domain).startswith("250")
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    assert event["spf"] == "pass", event


@pytest.mark.parametrize("signed, served", [(PASSES, FAILS), (FAILS, PASSES), (FAILS, txt("v=spf1 -all"))])
def test_bogus_spf_refuses_nothing_and_proves_nothing(gateway, account, names, signed, served):
    domain = sending_domain(gateway, names, "enforce", "off")
    names.publish(domain, "TXT", signed, forged=served)
    assert sends(gateway, account, domain).startswith("250")
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    assert event["spf"] == "temperror", event
    assert event["spf_reason"] == f"{BOGUS} {domain}: whether {domain} lists {SOURCE} is not known", event
    assert f"{BOGUS} {domain}" in explained(gateway, domain)


def test_a_bogus_include_is_no_fail(gateway, account, names):
    domain, included = sending_domain(gateway, names, "enforce", "off"), names.new()
    names.publish(included, "TXT", PASSES, forged=FAILS)
    names.publish(domain, "TXT", txt(f"v=spf1 include:{included} -all"))
    assert sends(gateway, account, domain).startswith("250")
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    assert event["spf"] == "temperror" and event["spf_reason"].startswith(f"{BOGUS} {included}: "), event


def test_dmarc_that_is_confirmed_counts(gateway, account, names):
    domain = sending_domain(gateway, names, "observe", "enforce")
    names.publish(domain, "TXT", FAILS)
    names.publish(f"_dmarc.{domain}", "TXT", REJECT)
    answer = sends(gateway, account, domain)
    assert answer.startswith("550 5.7.26") and "p=reject" in answer, answer
    assert "refused by the check dmarc" in explained(gateway, domain, status=1)


def test_bogus_dmarc_refuses_nothing(gateway, account, names):
    domain = sending_domain(gateway, names, "observe", "enforce")
    names.publish(domain, "TXT", FAILS)
    names.publish(f"_dmarc.{domain}", "TXT", NONE, forged=REJECT)
    assert sends(gateway, account, domain).startswith("250")
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    why = f"whether this mail would pass the DMARC policy of {domain} is not known: {BOGUS} _dmarc.{domain}"
    assert event["checks"]["dmarc"] == f"pass: {why}", event
    assert event["dmarc"] == "temperror", event
    assert f"dmarc pass: {why}" in gateway.sendoff("log", "show", event["message"])
    assert f"is not known: {BOGUS} _dmarc.{domain}" in explained(gateway, domain)


def test_what_dmarc_rests_on_may_be_bogus(gateway, account, names):
    """A policy that is confirmed, and an SPF record or a key that is not: whether mail passes is not known."""
    domain = sending_domain(gateway, names, "observe", "enforce")
    names.publish(domain, "TXT", PASSES, forged=FAILS)
    names.publish(f"_dmarc.{domain}", "TXT", REJECT)
    assert sends(gateway, account, domain).startswith("250")
    assert f"is not known: {BOGUS} {domain}" in explained(gateway, domain)
    domain = sending_domain(gateway, names, "observe", "enforce")
    names.publish(domain, "TXT", FAILS)
    names.publish(f"_dmarc.{domain}", "TXT", REJECT)
    (key,) = [r for r in gateway.sendoff.json("domain", "records", domain) if "_domainkey" in r["name"]]
    names.publish(key["name"].rstrip("."), "TXT", txt(key["value"]), forged=txt("v=DKIM1; k=rsa; p="))
    assert sends(gateway, account, domain).startswith("250")
    said = explained(gateway, domain)
    assert f"is not known: {BOGUS} {key['name'].rstrip('.')}" in said and "published key unknown" in said, said


def test_bogus_mx_records_are_tried_again(lab, gateway, account, names, recipient):
    """They lead nobody anywhere, and they bounce nothing; once they are confirmed, the mail goes."""
    domain, mark = names.new(), marker()
    names.publish(domain, "MX", f"10 {recipient.name}.", forged="10 evil.example.net.")
    submit(gateway, account, "a@example.com", [f"r@{domain}"], letter("a@example.com", "r@x", subject=mark))
    event = gateway.wait_event("deferred", "--to", f"r@{domain}")[0]
    assert f"DNSSEC does not confirm the MX records of {domain}" in event["text"] and event["enhanced"] == "4.4.3", event
    assert "DNSSEC does not confirm" in gateway.sendoff("why", event["message"])
    assert f"{domain}: DNSSEC does not confirm the answer" in gateway.sendoff(
        "explain", "--account", "dnssec", "--from", "a@example.com", "--to", f"r@{domain}"
    )
    names.publish(domain, "MX", f"10 {recipient.name}.")
    gateway.restart()  # libunbound believes for a minute that it is bogus
    recipient.wait_for(mark)


def test_who_trusts_no_key_believes_what_is_served(lab, names):
    """The same forgery, with an anchor that leads nowhere: so it is DNSSEC that stopped it above."""
    anchor = f"{lab.folder}/elsewhere.key"
    with open(lab.dns.trust_anchor) as real, open(anchor, "w") as other:
        other.write(real.read().replace(". ", "elsewhere.example. ", 1))
    gateway = lab.new_gateway().configure(anchor=anchor)
    gateway.add_domain("example.com", "--key", "ed25519")
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    gateway.start()
    account = gateway.add_account("dnssec", senders=["*"])
    domain = sending_domain(gateway, names, "enforce", "off")
    names.publish(domain, "TXT", PASSES, forged=FAILS)
    assert sends(gateway, account, domain).startswith("550 5.7.23")
    gateway.stop()


def test_an_anchor_that_is_not_there_stops_the_start(lab):
    gateway = lab.new_gateway().configure(anchor="/nonexistent/root.key")
    with contextlib.suppress(AssertionError):
        gateway.start()
    assert not gateway.running() and gateway.status() == 1
    assert "trust anchor /nonexistent/root.key: No such file or directory" in gateway.output()
