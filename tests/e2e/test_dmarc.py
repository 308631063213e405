"""DMARC before sending: would receivers reject this mail by the policy of its From domain?"""

import time

import pytest

from sendoff_test.attempts import accepted_event, attempt, attempt_as, explained
from sendoff_test.client import dialogue
from sendoff_test.dns import BROKEN, txt
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

TO = "r@dest.example.net"
PASSES = f"v=spf1 ip4:{SOURCE} -all"


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("dmarc", senders=["*"])


def sending_domain(lab, gateway, mode, policy, spf=None, publish=False, spf_mode=None):
    domain = lab.new_domain("dmarc")
    gateway.add_domain(domain, "--key", "rsa2048", "--subdomains", publish=publish)
    gateway.sendoff("domain", "set", domain, "--dmarc", mode)
    if spf_mode:
        gateway.sendoff("domain", "set", domain, "--spf", spf_mode)
    if spf:
        lab.dns.set(domain, "TXT", txt(spf))
    if policy:
        lab.dns.set(f"_dmarc.{domain}", "TXT", txt(policy))
    return domain


def sends(gateway, account, domain, envelope=None):
    sender = f"a@{domain}"
    mark = marker()
    return attempt_as(gateway, account, envelope or sender, [TO], letter(sender, TO, mark + "\r\n"))


def test_enforce_refuses_what_would_be_rejected(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "enforce", "v=DMARC1; p=reject", "v=spf1 ip4:192.0.2.1 -all")
    answer = sends(gateway, account, domain)
    assert answer.startswith("550 5.7.26"), answer
    assert domain in answer and "p=reject" in answer and len(answer) < 300, answer
    assert f"; add ip4:{SOURCE} to the SPF record of {domain}. sendoff why" in answer, answer
    told = explained(gateway, answer)
    assert "dmarc" in told and "refuse fail" in told, told
    (event,) = gateway.log("--from", f"a@{domain}", "--event", "refused")
    assert event["rule"] == "dmarc" and event["checks"]["dmarc"] == "refuse fail", event


@pytest.mark.parametrize("how", ["spf", "dkim"])
def test_enforce_passes_what_one_of_both_proves(lab, gateway, account, recipient, how):
    spf = PASSES if how == "spf" else "v=spf1 -all"
    domain = sending_domain(lab, gateway, "enforce", "v=DMARC1; p=reject", spf, publish=how == "dkim", spf_mode="observe")
    if how == "dkim":
        lab.dns.set(domain, "TXT", txt(spf))
        lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"))
    assert sends(gateway, account, domain).startswith("250")


def test_an_envelope_of_another_domain_is_not_aligned(lab, gateway, account, recipient):
    other = sending_domain(lab, gateway, "off", None, PASSES)
    domain = sending_domain(lab, gateway, "enforce", "v=DMARC1; p=quarantine", PASSES)
    answer = sends(gateway, account, domain, f"bounces@{other}")
    assert answer.startswith("550 5.7.26") and "; publish the TXT record of " in answer, answer
    assert f"_domainkey.{domain}" in answer and "sendoff domain records" in answer, answer
    assert sends(gateway, account, domain).startswith("250")


def test_a_record_that_is_not_there_is_shown(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "enforce", "v=DMARC1; p=reject")
    answer = sends(gateway, account, domain)
    assert f'; publish for {domain}: TXT "v=spf1 ip4:{SOURCE} -all". sendoff why' in answer, answer


def test_what_a_parent_signs_is_not_aligned(lab, gateway, account, recipient):
    """Of a subdomain with a record, and a parent without: no record helps, but a signature of its own."""
    parent = sending_domain(lab, gateway, "enforce", None, PASSES)
    below = f"news.{parent}"
    lab.dns.set(f"_dmarc.{below}", "TXT", txt("v=DMARC1; p=reject"))
    answer = sends(gateway, account, below, f"a@{parent}")
    assert answer.startswith("550 5.7.26"), answer
    assert f"; have it signed: sendoff domain add {below}. sendoff why" in answer and len(answer) < 300, answer


def test_a_policy_of_none_refuses_nothing(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "enforce", "v=DMARC1; p=none", "v=spf1 -all")
    assert sends(gateway, account, domain).startswith("250")


def test_no_record_refuses_nothing(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "enforce", None, "v=spf1 ~all")
    assert sends(gateway, account, domain).startswith("250")


def test_a_parents_policy_holds_below_it(lab, gateway, account, recipient):
    parent = sending_domain(lab, gateway, "enforce", "v=DMARC1; p=none; sp=reject", PASSES)
    below = f"news.{parent}"
    gateway.add_domain(below, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", below, "--dmarc", "enforce")
    assert sends(gateway, account, below).startswith("550 5.7.26")


def test_dns_trouble_never_refuses(gateway, account, recipient):
    domain = f"dmarc.{BROKEN}"
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", domain, "--dmarc", "enforce")
    gateway.sendoff("domain", "set", domain, "--spf", "observe")
    assert sends(gateway, account, domain).startswith("250")


def test_silent_dns_keeps_one_message_waiting(lab):
    gateway = lab.new_gateway().configure(servers=[lab.black_hole().server]).start()
    gateway.add_domain("example.com", "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", "example.com", "--dmarc", "enforce")
    account = gateway.add_account("silent")
    waited = []
    with dialogue(gateway, account) as talk:  # on one of the loops: each finds it out
        for _ in range(2):
            begin = time.monotonic()
            assert attempt(talk, "a@example.com", [TO]).startswith("250")
            waited.append(time.monotonic() - begin)
    assert waited[0] >= 8 > waited[1], waited
    gateway.stop()


def test_observe_warns_once_a_day(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "observe", "v=DMARC1; p=reject", "v=spf1 ip4:192.0.2.1 -all")

    def warned():
        assert sends(gateway, account, domain).startswith("250")
        return gateway.log("--from", f"a@{domain}", "--event", "warned")

    wait_until(warned, "it is known, and warned of", timeout=20)  # the first messages do not wait for the answer
    for _ in range(5):
        events = warned()
    (event,) = events
    assert event["rule"] == "dmarc" and "p=reject" in event["text"] and domain in event["text"], event
    checks = [event.get("checks", {}) for event in gateway.log("--from", f"a@{domain}", "--event", "accepted")]
    said = [check["dmarc"] for check in checks if "dmarc" in check]  # each event loop has to find it out for itself
    assert said and all(one.startswith("would refuse: ") for one in said), checks


def test_a_repaired_record_is_seen(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "enforce", "v=DMARC1; p=reject", "v=spf1 -all", spf_mode="observe")
    assert sends(gateway, account, domain).startswith("550 5.7.26")
    lab.dns.set(domain, "TXT", txt(PASSES))
    wait_until(lambda: sends(gateway, account, domain).startswith("250"), "the new record counts", timeout=30)


@pytest.fixture(scope="module")
def of_two_pools(gateway):
    gateway.sendoff("source", "add", "127.0.0.3", "--helo", "news.example.com", "--pool", "news")
    return gateway.add_account("pools", "--stream-pool", "bulk:news", senders=["*"])


def test_dmarc_is_told_where_spf_is_off(lab, gateway, account, recipient):
    """What DKIM does not settle is not known then, and said to be; nothing is refused."""
    domain = sending_domain(lab, gateway, "observe", "v=DMARC1; p=reject", "v=spf1 -all", spf_mode="off")

    def told():
        checks = accepted_event(gateway, sends(gateway, account, domain)).get("checks", {})
        return checks.get("dmarc", "")

    wait_until(lambda: "is not known: SPF: it is not checked" in told(), "the first message asks, a later one finds it known")


@pytest.mark.parametrize("behind, reply", [("RSET", "250 2.0.0 OK"), ("MAIL FROM:<>", "250 2.1.0"), ("QUIT", "221")])
@pytest.mark.parametrize("asked", ["SPF is off", "another pool"])
def test_what_comes_behind_waits_for_spf_and_dmarc(
    lab, gateway, account, of_two_pools, recipient, asked, behind, reply
):
    """Both are asked for the content, one after the other: no command is read in between."""
    off = asked == "SPF is off"
    domain = sending_domain(lab, gateway, "enforce", "v=DMARC1; p=none", PASSES, spf_mode="off" if off else None)
    sender, mark = f"a@{domain}", marker()
    with dialogue(gateway, account if off else of_two_pools) as talk:
        talk.envelope(sender, TO)
        assert talk.say("DATA").startswith("354")
        content = letter(sender, TO, mark + "\r\n", extra="" if off else "X-Sendoff-Stream: bulk\r\n")
        talk.send(content + b".\r\n" + behind.encode() + b"\r\n")
        assert talk.reply().startswith("250 2.0.0 accepted")
        assert talk.reply().startswith(reply)
    recipient.wait_for(mark)
    assert gateway.running()
