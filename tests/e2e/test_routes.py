"""Where mail goes: MX and address records, their order, and the answers that mean there is no way."""

import pytest

from sendoff_test.client import send_to
from sendoff_test.dns import BROKEN
from sendoff_test.letters import report
from sendoff_test.processes import wait_until

FROM = "a@example.com"


@pytest.fixture(scope="module")
def gateway(lab, mailbox):
    """It also listens on the delivery port, as an exchanger would; so it can be found by its own deliveries."""
    here = f'listen "{lab.block.address(1)}:{lab.delivery_port}" {{ tls = "optional" }}'
    return lab.gateway(more=here)


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("routes")


@pytest.fixture(scope="module")
def mailbox(lab):
    """Where the sender reads what came back."""
    return lab.exchanger("example.com")


def bounced(gateway, mailbox, domain, mark):
    """The notification that the sender got, and the log's event."""
    back = mailbox.wait_for(mark)
    assert back.sender == "" and back.recipients == [FROM]
    (event,) = gateway.wait_event("bounced", "--to", f"r@{domain}")
    (recipient,) = report(back.content)["recipients"]
    assert recipient["final-recipient"].endswith(f"r@{domain}") and recipient["action"] == "failed"
    return recipient, event


def test_null_mx_bounces_at_once(lab, gateway, account, mailbox):
    domain = lab.new_domain()
    lab.dns.set(domain, "MX", "0 .")
    recipient, event = bounced(gateway, mailbox, domain, send_to(gateway, account, domain))
    assert recipient["status"] == "5.1.10" and event["enhanced"] == "5.1.10"
    assert gateway.queue("--to", f"r@{domain}") == []


def test_unknown_domain_bounces_at_once(lab, gateway, account, mailbox):
    domain = lab.new_domain()
    recipient, event = bounced(gateway, mailbox, domain, send_to(gateway, account, domain))
    assert recipient["status"] == "5.1.2", recipient


def test_domain_without_addresses_bounces(lab, gateway, account, mailbox):
    domain = lab.new_domain()
    lab.dns.set(domain, "TXT", '"here, but no mail"')
    recipient, _ = bounced(gateway, mailbox, domain, send_to(gateway, account, domain))
    assert recipient["status"] in ("5.1.2", "5.4.4"), recipient


def test_way_back_to_ourselves_bounces(lab, gateway, account, mailbox):
    domain = lab.new_domain()
    lab.dns.update({(domain, "MX"): ["10 self.example.net."], ("self.example.net", "A"): [gateway.address]})
    recipient, _ = bounced(gateway, mailbox, domain, send_to(gateway, account, domain))
    assert recipient["status"] == "5.4.6", recipient


def test_worse_exchanger_than_ourselves_is_not_used(lab, gateway, account, mailbox):
    """RFC 5321 5.1: our own preference and worse ones are left out."""
    other = lab.exchanger()
    domain = lab.new_domain()
    lab.dns.update(
        {("self.example.net", "A"): [gateway.address], (domain, "MX"): ["10 self.example.net.", f"20 {other.name}."]}
    )
    recipient, _ = bounced(gateway, mailbox, domain, send_to(gateway, account, domain))
    assert recipient["status"] == "5.4.6" and not other.arrivals


def test_best_exchanger_is_taken(lab, gateway, account):
    worse, best = lab.exchanger(), lab.exchanger()
    domain = lab.new_domain()
    lab.dns.set(domain, "MX", f"20 {worse.name}.", f"10 {best.name}.")
    for _ in range(4):
        best.wait_for(send_to(gateway, account, domain))
    assert not worse.arrivals


@pytest.mark.parametrize("trouble", ["closed", "421 4.3.2 not now", "554 5.3.2 no mail here"])
def test_second_exchanger_takes_over(lab, gateway, account, trouble):
    first, second = lab.exchanger(), lab.exchanger()
    if trouble == "closed":
        lab.silence(first)
    else:
        first.replies["GREETING"] = trouble
    domain = lab.new_domain()
    lab.dns.set(domain, "MX", f"10 {first.name}.", f"20 {second.name}.")
    second.wait_for(send_to(gateway, account, domain))


def test_exchanger_without_address_is_passed_over(lab, gateway, account):
    good = lab.exchanger()
    domain = lab.new_domain()
    lab.dns.set(domain, "MX", "5 nowhere.example.net.", f"10 {good.name}.")
    good.wait_for(send_to(gateway, account, domain))


def test_equal_exchangers_share(lab, gateway, account):
    """RFC 5321 5.1: at random, so that of so many connections each has some."""
    one, two = (lab.exchanger(offers=["LIMITS MAILMAX=1"]) for _ in range(2))
    domain = lab.new_domain()
    lab.dns.set(domain, "MX", f"10 {one.name}.", f"10 {two.name}.")
    for _ in range(24):
        send_to(gateway, account, domain)
    wait_until(lambda: len(one.arrivals + two.arrivals) == 24, "all arrive")
    assert one.arrivals and two.arrivals


def test_address_record_without_mx(lab, gateway, account):
    alone = lab.exchanger()
    domain = lab.new_domain()
    lab.dns.set(domain, "A", alone.address)
    alone.wait_for(send_to(gateway, account, domain))


def test_cname_is_followed(lab, gateway, account):
    real = lab.exchanger(lab.new_domain())
    alias = lab.new_domain()
    lab.dns.set(alias, "CNAME", f"{real.domain}.")
    assert real.wait_for(send_to(gateway, account, alias)).recipients == [f"r@{alias}"]


def test_a_better_exchanger_that_cannot_be_looked_up_is_waited_for(lab, gateway, account):
    """We are its backup, and must not return the mail while the better one may come back."""
    domain = lab.new_domain()
    lab.dns.update(
        {
            (domain, "MX"): [f"10 better.{BROKEN}.", "20 self.example.net."],
            ("self.example.net", "A"): [gateway.address],
        }
    )
    send_to(gateway, account, domain)
    (event,) = gateway.wait_event("deferred", "--to", f"r@{domain}")[:1]
    assert event["enhanced"] == "4.4.3" and f"better.{BROKEN}" in event["text"]
    gateway.sendoff("queue", "drop", "--to", f"r@{domain}", "--yes")


def test_dns_failure_defers_and_recovers(lab, gateway, account):
    domain = f"later.{BROKEN}"
    mark = send_to(gateway, account, domain)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{domain}")
    assert event["enhanced"] == "4.4.3", event
    (waiting,) = gateway.queue("--to", f"r@{domain}")
    assert waiting["state"] == "queued"
    arrived = lab.exchanger()
    lab.dns.fix({(domain, "MX"): f"10 {arrived.name}."})
    arrived.wait_for(mark, timeout=60)  # the resolver remembers a SERVFAIL for five seconds


def test_silent_dns_defers(lab):
    """No answer at all is not an answer: the mail waits."""
    gateway = lab.gateway(servers=[lab.black_hole().server])
    account = gateway.add_account("silent")
    send_to(gateway, account, "dest.example.net")
    (event, *_) = gateway.wait_event("deferred", "--to", "r@dest.example.net", timeout=40)
    assert event["enhanced"] == "4.4.3", event
    gateway.stop()


def test_forged_dns_defers(lab):
    """With a trust anchor that does not fit, every answer is bogus; bogus is a failure, never NXDOMAIN or a route."""
    anchor = f"{lab.folder}/other-root.key"
    with open(anchor, "w") as other:
        other.write(". 3600 IN DS 12345 13 2 " + "ab" * 32 + "\n")
    gateway = lab.gateway(anchor=anchor)
    account = gateway.add_account("forged")
    target = lab.exchanger(lab.new_domain())
    send_to(gateway, account, target.domain)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{target.domain}", timeout=40)
    assert event["enhanced"] == "4.4.3" and not target.arrivals
    gateway.stop()


# Addresses that no mail goes to, whatever DNS says. The gateway of these tests has no local_next_hops, as none should have
# that serves real mail; so what comes back to the sender is read in the log.


@pytest.fixture(scope="module")
def strict(lab):
    """It listens on the delivery port, as the exchanger of its own domains would."""
    gateway = lab.new_gateway(address=lab.block.new_address())
    gateway.configure(more=f'listen "{gateway.address}:{lab.delivery_port}" {{ tls = "optional" }}', local="no")
    gateway.add_domain("example.com", "--key", "ed25519")
    return gateway.start()


@pytest.fixture(scope="module")
def strict_account(strict):
    return strict.add_account("strict")


def received(gateway):
    return [e for e in gateway.log("--event", "accepted", "--limit", "0") if e["from"]]


def test_our_own_domain_comes_back_at_once_as_a_mail_loop(lab, strict, strict_account):
    domain = lab.new_domain()
    lab.dns.update({(domain, "MX"): ["10 self.example.net."], ("self.example.net", "A"): [strict.address]})
    before = len(received(strict))
    send_to(strict, strict_account, domain)
    (event,) = strict.wait_event("bounced", "--to", f"r@{domain}")
    assert (event["code"], event["enhanced"], event["rule"]) == (554, "5.4.6", "mail-loop")
    assert event["text"] == (
        f"mail for {domain} loops back to this gateway: self.example.net has the address {strict.address}, which is ours"
    )
    assert len(received(strict)) == before + 1, "one submission became several"
    assert strict.queue("--to", f"r@{domain}") == []
    assert "mail exchanger is this gateway itself" in strict.sendoff("why", event["message"])


@pytest.mark.parametrize(
    "kind, address, what",
    [
        ("A", "0.0.0.0", "an unspecified address"),
        ("AAAA", "::", "an unspecified address"),
        ("AAAA", "::ffff:0.0.0.0", "an unspecified address"),
        ("A", "127.0.0.1", "a loopback address"),
        ("AAAA", "::1", "a loopback address"),
        ("AAAA", "::ffff:127.0.0.1", "a loopback address"),
        ("A", "169.254.169.254", "a link-local address"),
        ("A", "255.255.255.255", "a reserved address"),
        ("A", "224.0.0.1", "a multicast address"),
    ],
)
def test_addresses_that_no_mail_goes_to(lab, strict, strict_account, kind, address, what):
    domain = lab.new_domain()
    lab.dns.update({(domain, "MX"): [f"10 mx.{domain}."], (f"mx.{domain}", kind): [address]})
    send_to(strict, strict_account, domain)
    (event,) = strict.wait_event("bounced", "--to", f"r@{domain}")
    assert (event["enhanced"], event["rule"]) == ("5.4.4", "no-address"), event
    assert f"mx.{domain} has the address" in event["text"] and event["text"].endswith(what)


def test_a_literal_of_loopback_is_no_way_in_either(lab, strict, strict_account):
    send_to(strict, strict_account, "[127.0.0.1]")
    (event,) = strict.wait_event("bounced", "--to", "r@[127.0.0.1]")
    assert event["rule"] == "no-address" and "a loopback address" in event["text"]


def test_a_better_exchanger_that_is_loopback_is_passed_over(lab, gateway, account):
    """With local_next_hops, so that the other one can be reached here; 0.0.0.0 is never connected to."""
    good = lab.exchanger()
    domain = lab.new_domain()
    lab.dns.update(
        {(domain, "MX"): [f"10 mx.{domain}.", f"20 {good.name}."], (f"mx.{domain}", "A"): ["0.0.0.0", "224.0.0.1"]}
    )
    good.wait_for(send_to(gateway, account, domain))
    assert gateway.log("--event", "deferred", "--to", f"r@{domain}") == []
