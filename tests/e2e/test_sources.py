"""Sources that are not on this machine: their share of the domains goes to the others of the pool."""

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.dns import txt

FROM = "a@example.com"
AWAY = ("198.51.100.1", "203.0.113.1", "2001:db8::1")  # documentation addresses: machines have none (RFC 5737, RFC 3849)
DOMAINS = 12


def send(gateway, account, to):
    return submit_marked(gateway, account, FROM, [to])


def warnings(gateway, source):
    return [line for line in gateway.output().splitlines() if "source unusable" in line and f"source={source} " in line]


def test_every_domain_leaves_from_the_source_that_is_there(lab):
    gateway = lab.new_gateway().configure().start()
    here = lab.block.new_address()
    for address in (*AWAY, here):
        gateway.sendoff("source", "add", address, "--helo", "smtp.example.com")
    account = gateway.add_account("app")
    hosts = [lab.exchanger() for _ in range(DOMAINS)]
    for host in hosts:
        host.wait_for(send(gateway, account, f"r@{host.name}"))
    events = gateway.wait_event("delivered", count=DOMAINS)
    assert {event["source"] for event in events} == {here} and gateway.log("--event", "deferred") == []
    for address in AWAY[:2]:
        assert len(warnings(gateway, address)) <= 1, gateway.output()
    assert any(warnings(gateway, address) for address in AWAY), gateway.output()
    gateway.stop()


def test_a_pool_that_has_no_other_waits_and_says_why(lab):
    gateway = lab.new_gateway().configure(retry=["1s"]).start()
    gateway.sendoff("source", "add", AWAY[0], "--helo", "smtp.example.com", "--pool", "bulk")
    account = gateway.add_account("app", "--pool", "bulk")
    host = lab.exchanger()
    mark = send(gateway, account, f"r@{host.name}")
    event = gateway.wait_event("deferred", "--to", f"r@{host.name}")[0]
    assert event["text"] == f"source {AWAY[0]} is not an address of this machine"
    assert (event["code"], event["enhanced"], event["rule"]) == (451, "4.3.5", "source")
    explained = gateway.sendoff("why", event["message"])
    assert "sendoff source list" in explained and AWAY[0] in explained
    gateway.wait_event("deferred", "--to", f"r@{host.name}", count=3)
    assert len(warnings(gateway, AWAY[0])) == 1 and not host.arrivals
    # An address that the machine has: the mail goes at its next retry, without a command.
    gateway.sendoff("source", "add", lab.block.new_address(), "--helo", "smtp.example.com", "--pool", "bulk")
    host.wait_for(mark)
    gateway.stop()


def sources_used(gateway, sender):
    return {event["source"] for event in gateway.log("--event", "delivered", "--from", sender)}


def test_sources_that_pass_spf_come_first(lab):
    """Twelve destinations, which three sources would share; the domain's record lists one of them."""
    gateway = lab.new_gateway().configure().start()
    pool = [lab.block.new_address() for _ in range(3)]
    for address in pool:
        gateway.sendoff("source", "add", address, "--helo", "smtp.example.com")
    account = gateway.add_account("app", senders=["*"])
    domains = {mode: lab.new_domain("spf") for mode in ("enforce", "observe")}
    for mode, domain in domains.items():
        gateway.add_domain(domain, "--key", "ed25519", publish=False)
        gateway.sendoff("domain", "set", domain, "--spf", mode)
        lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{pool[1]} -all"))
    hosts = [lab.exchanger() for _ in range(DOMAINS)]
    for domain in domains.values():
        for host in hosts:
            mark = submit_marked(gateway, account, f"a@{domain}", [f"r@{host.name}"])
            host.wait_for(mark)
        gateway.wait_event("delivered", "--from", f"a@{domain}", count=DOMAINS)
        assert sources_used(gateway, f"a@{domain}") == {pool[1]}
    # All of them pass: they share.
    lab.dns.set("shared.example", "TXT", txt("v=spf1 " + " ".join(f"ip4:{a}" for a in pool) + " -all"))
    for host in hosts:
        mark = submit_marked(gateway, account, "a@shared.example", [f"r@{host.name}"])
        host.wait_for(mark)
    gateway.wait_event("delivered", "--from", "a@shared.example", count=DOMAINS)
    assert len(sources_used(gateway, "a@shared.example")) > 1
    gateway.stop()


def test_a_source_that_would_fail_an_enforced_check_is_not_used(lab):
    """Also not when it is the only one that is there, and also after a restart."""
    gateway = lab.new_gateway().configure(retry=["1s"]).start()
    here = lab.block.new_address()
    for address in (here, AWAY[0]):
        gateway.sendoff("source", "add", address, "--helo", "smtp.example.com")
    account = gateway.add_account("app", senders=["*"])
    hosts = [lab.exchanger() for _ in range(2)]
    # The second passes DMARC by SPF alone: its key is not published.
    for host, spf, dmarc in zip(hosts, ("enforce", "observe"), ("off", "enforce")):
        domain = lab.new_domain("spf")
        gateway.add_domain(domain, "--key", "ed25519", publish=False)
        gateway.sendoff("domain", "set", domain, "--spf", spf, "--dmarc", dmarc)
        lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{AWAY[0]} ~all"))
        lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"))
        if spf == "enforce":
            lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{AWAY[0]} -all"))
        sender = f"a@{domain}"
        submit_marked(gateway, account, sender, [f"r@{host.name}"])
        event = gateway.wait_event("deferred", "--to", f"r@{host.name}")[0]
        assert event["rule"] == "source" and AWAY[0] in event["text"], event
        foretold = gateway.sendoff("explain", "--account", "app", "--from", sender, "--to", f"r@{host.name}")
        assert "not used, it would fail an enforced check" in foretold, foretold
    gateway.stop()
    gateway.start()
    for host in hosts:
        gateway.wait_event("deferred", "--to", f"r@{host.name}", count=2)
        assert not host.arrivals
    gateway.stop()


@pytest.mark.parametrize("address", ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "fe80::1"])
def test_addresses_that_no_mail_leaves_from(lab, address):
    gateway = lab.new_gateway()
    done = gateway.sendoff.run("source", "add", address, "--helo", "smtp.example.com")
    assert done.status == 2 and f"mail cannot leave from {address}" in done.err
    gateway.sendoff("source", "add", "127.0.0.1", "--helo", "smtp.example.com")
    done = gateway.sendoff.run("source", "set", "127.0.0.1", "--public", address)
    assert done.status == 2 and "no address that a machine can have" in done.err
    done = gateway.sendoff.run("source", "set", "127.0.0.1", "--helo", "192.0.2.1")
    assert done.status == 2 and "is no host name" in done.err
