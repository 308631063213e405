"""SPF before sending: would the recipient's check pass for the address that this mail will leave from?"""

import pytest

from sendoff_test.attempts import attempt_as, explained
from sendoff_test.dns import BROKEN, txt
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

TO = "r@dest.example.net"


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("spf", senders=["*"])


def sends(gateway, account, recipient, domain):
    mark = marker()
    sender = f"a@{domain}"
    answer = attempt_as(gateway, account, sender, [TO], letter(sender, TO, mark + "\r\n"))
    if answer.startswith("250"):
        recipient.wait_for(mark)
    return answer


def sending_domain(lab, gateway, mode, record=None):
    domain = lab.new_domain("spf")
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", domain, "--spf", mode)
    if record:
        lab.dns.set(domain, "TXT", txt(record))
    return domain


def test_enforce_refuses_what_would_fail(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "enforce", "v=spf1 ip4:192.0.2.1 -all")
    answer = sends(gateway, account, recipient, domain)
    assert answer.startswith("550 5.7.23"), answer
    assert domain in answer and SOURCE in answer, answer
    told = explained(gateway, answer)
    assert f"ip4:{SOURCE}" in told, "the record to publish is not told"
    assert gateway.log("--from", f"a@{domain}", "--event", "refused")


def test_observe_lets_it_pass_and_writes_it_down(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "observe", "v=spf1 ip4:192.0.2.1 -all")
    assert sends(gateway, account, recipient, domain).startswith("250")
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    assert event["spf"] == "fail", event


def test_observe_is_what_a_new_domain_does(lab, gateway):
    domain = lab.new_domain("spf")
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    (shown,) = gateway.sendoff.json("domain", "show", domain)
    assert shown["spf"] == "observe"


def test_off_does_not_look(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "off", "v=spf1 -all")
    assert sends(gateway, account, recipient, domain).startswith("250")


@pytest.mark.parametrize(
    "record",
    [
        f"v=spf1 ip4:{SOURCE} -all",
        "v=spf1 ip4:127.0.0.0/8 -all",
        "v=spf1 ~all",
        "v=spf1 ?all",
        "v=spf1 include:include.example.org -all",
        None,
    ],
)
def test_enforce_passes_what_does_not_fail(lab, gateway, account, recipient, record):
    lab.dns.set("include.example.org", "TXT", txt(f"v=spf1 ip4:{SOURCE} -all"))
    domain = sending_domain(lab, gateway, "enforce", record)
    assert sends(gateway, account, recipient, domain).startswith("250")


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 -ip4:192.0.2.1/0 +all",
        "v=spf1 -a:host.include.example.org/0 +all",
        "v=spf1 -a:two%_words.include.example.org +all",
        "v=spf1 -exists:%{l9}.%{v}.include.example.org +all",
    ],
)
def test_enforce_judges_what_libspf2_alone_does_not(lab, gateway, account, recipient, record):
    lab.dns.set("host.include.example.org", "A", "192.0.2.9")
    lab.dns.set(r"two\032words.include.example.org", "A", SOURCE)
    lab.dns.set("a.in-addr.include.example.org", "A", "127.0.0.2")
    domain = sending_domain(lab, gateway, "enforce", record)
    answer = sends(gateway, account, recipient, domain)
    assert answer.startswith("550 5.7.23"), answer


@pytest.mark.parametrize(
    "record, told",
    [
        ("v=spf1 -all a:192.0.2.1", "addresses need ip4:"),
        ("v=spf1 a:x1.invalid a:x2.invalid a:x3.invalid -all", "find nothing"),
    ],
)
def test_a_record_that_nobody_can_use_refuses_nothing(lab, gateway, account, recipient, record, told):
    domain = sending_domain(lab, gateway, "enforce", record)
    assert sends(gateway, account, recipient, domain).startswith("250")
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    assert event["spf"] == "permerror" and told in event["spf_reason"], event


def test_dns_trouble_never_refuses(gateway, account, recipient):
    domain = f"sender.{BROKEN}"
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", domain, "--spf", "enforce")
    assert sends(gateway, account, recipient, domain).startswith("250")
    (event,) = gateway.wait_event("accepted", "--from", f"a@{domain}")
    assert event["spf"] == "temperror", event


def test_a_repaired_record_is_seen(lab, gateway, account, recipient):
    domain = sending_domain(lab, gateway, "enforce", "v=spf1 -all")
    assert sends(gateway, account, recipient, domain).startswith("550")
    lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{SOURCE} -all"))
    wait_until(
        lambda: sends(gateway, account, recipient, domain).startswith("250"), "the new record counts", timeout=20
    )
