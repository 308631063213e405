"""The names of sources: PTR, forward-confirmed, of the HELO name's organization (docs/sources.md). The global addresses are
on the loopback interface of a network of this test's own."""

import ipaddress

import pytest

from sendoff_test.attempts import attempt_as
from sendoff_test.client import submit_marked
from sendoff_test.dns import txt
from sendoff_test.lab import Lab
from sendoff_test.letters import marker
from sendoff_test.own_network import OwnNetwork
from sendoff_test.processes import wait_until

FROM = "a@example.com"
HELO = "smtp.example.com"
FOUR, SIX, OTHER_SIX = "193.0.2.25", "2a00:5f:1::25", "2a00:5f:1::26"


@pytest.fixture(scope="module")
def lab():
    network = OwnNetwork(f"{FOUR}/32", f"{SIX}/128", f"{OTHER_SIX}/128")
    made = Lab()
    yield made
    made.close()
    network.close()


def set_ptr(lab, address, *names):
    lab.dns.set(ipaddress.ip_address(address).reverse_pointer, "PTR", *(f"{name}." for name in names))


def set_addresses(lab, name, *addresses):
    lab.dns.set(name, "A", *(a for a in addresses if ":" not in a))
    lab.dns.set(name, "AAAA", *(a for a in addresses if ":" in a))


@pytest.fixture(autouse=True)
def good_names(lab):
    """What a test does not change is right."""
    for address in (FOUR, SIX, OTHER_SIX):
        set_ptr(lab, address, HELO)
    set_addresses(lab, HELO, FOUR, SIX, OTHER_SIX)
    lab.dns.set(HELO, "TXT")


@pytest.fixture
def gateway(lab):
    made = lab.new_gateway().configure(retry=["1s"]).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def six_only(lab):
    """A destination that has nothing but an IPv6 address."""
    host = lab.exchanger(lab.new_domain())
    set_addresses(lab, host.name, "::1")
    lab._exchangers.listen(host, "::1", lab.delivery_port)
    return host


def add(gateway, *addresses, pool="default"):
    for address in addresses:
        gateway.sendoff("source", "add", address, "--helo", HELO, "--pool", pool)


def source(gateway, address):
    return next(one for one in gateway.sendoff.json("source", "list") if one["address"] == address)


def checked(gateway, address, confirmed):
    def found():
        one = source(gateway, address)
        return one if one["confirmed"] is confirmed else None

    return wait_until(found, f"{address} is {'' if confirmed else 'not '}confirmed", 20)


def send(gateway, account, host):
    return submit_marked(gateway, account, FROM, [f"r@{host.domain}"])


def test_what_source_list_shows(lab, gateway):
    set_ptr(lab, OTHER_SIX)
    set_ptr(lab, FOUR, "host.provider.example")
    add(gateway, FOUR, SIX, OTHER_SIX, "127.0.0.2")
    good = checked(gateway, SIX, True)
    assert good["ptr"] == HELO and good["checked"] and good["usable"] and good["text"] == ""
    bare = checked(gateway, OTHER_SIX, False)
    assert bare["ptr"] is None and bare["checked"] and not bare["usable"]
    assert bare["text"].startswith(f"it has no PTR record: have one made that says {HELO}")
    warned = checked(gateway, FOUR, False)
    assert warned["ptr"] == "host.provider.example" and warned["usable"]
    local = source(gateway, "127.0.0.2")
    assert (local["ptr"], local["confirmed"], local["checked"], local["usable"]) == (None, None, None, True)
    table = gateway.sendoff("source", "list")
    assert "not used: name not confirmed" in table and "usable, name not confirmed" in table
    assert f"{OTHER_SIX}: it has no PTR record" in table
    lines = [line for line in gateway.output().splitlines() if "source name not confirmed" in line]
    assert sum(f"source={FOUR} " in line for line in lines) == sum(f"source={OTHER_SIX} " in line for line in lines) == 1


def test_ipv6_without_a_name_is_not_used(lab, gateway, six_only):
    set_ptr(lab, SIX)
    add(gateway, SIX, pool="six")
    account = gateway.add_account("app", "--pool", "six")
    checked(gateway, SIX, False)
    mark = send(gateway, account, six_only)
    wait_until(lambda: any("no PTR" in e["text"] for e in gateway.log("--event", "deferred")), "it is deferred for that")
    event = gateway.log("--event", "deferred")[-1]
    assert event["text"].startswith(f"no mail leaves from {SIX}: it has no PTR record: have one made that says {HELO}")
    assert f"publish {HELO} AAAA {SIX}" in event["text"]
    assert (event["code"], event["enhanced"], event["rule"]) == (451, "4.3.5", "source")
    assert "PTR" in gateway.sendoff("why", event["message"])
    # Published; another HELO name is asked about at once.
    set_ptr(lab, SIX, "mail.example.com")
    set_addresses(lab, "mail.example.com", SIX)
    gateway.sendoff("source", "set", SIX, "--helo", "mail.example.com")
    checked(gateway, SIX, True)
    six_only.wait_for(mark)
    assert gateway.wait_event("delivered")[0]["source"] == SIX


def test_what_is_not_used_does_not_pass_spf(lab, gateway):
    """The record lists the IPv6 source alone, which no mail leaves from: what is left of the pool would fail."""
    domain = lab.new_domain("spf")
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", domain, "--spf", "enforce")
    lab.dns.set(domain, "TXT", txt(f"v=spf1 ip6:{SIX} -all"))
    set_ptr(lab, SIX)
    add(gateway, FOUR, SIX)
    account = gateway.add_account("app", senders=[domain])
    checked(gateway, SIX, False)

    def answer():
        return attempt_as(gateway, account, f"a@{domain}", [f"{marker()}@dest.example.net"])

    refused = f"550 5.7.23 {domain} does not list {FOUR}"
    wait_until(lambda: answer().startswith(refused), "the running gateway knows it", 10)
    words = ["explain", "--account", "app", "--from", f"a@{domain}", "--to", "r@dest.example.net"]
    assert "not used, its name is not confirmed" in gateway.sendoff.run(*words).out
    set_ptr(lab, SIX, HELO)
    gateway.sendoff("source", "set", SIX, "--helo", "mail.example.com")  # asked about at once
    checked(gateway, SIX, True)
    wait_until(lambda: answer().startswith("250"), "its name is confirmed", 10)


def test_the_others_of_the_pool_are_used(lab, gateway):
    """A destination with addresses of both families: what would have left over IPv6 leaves over IPv4."""
    set_ptr(lab, SIX)
    set_addresses(lab, HELO, FOUR)
    add(gateway, FOUR, SIX, OTHER_SIX)
    account = gateway.add_account("app")
    for address in (SIX, OTHER_SIX):
        checked(gateway, address, False)
    for _ in range(6):
        host = lab.exchanger(lab.new_domain())
        set_addresses(lab, host.name, host.address, "::1")
        host.wait_for(send(gateway, account, host))
    assert {event["source"] for event in gateway.wait_event("delivered", count=6)} == {FOUR}
    assert gateway.log("--event", "deferred") == []


def test_spf_of_the_helo_name(lab, gateway):
    lab.dns.set(HELO, "TXT", txt(f"v=spf1 ip4:{FOUR} -all"))
    add(gateway, FOUR, SIX)
    assert "SPF says fail for its name" in checked(gateway, SIX, False)["text"]
    checked(gateway, FOUR, True)


def test_dns_that_is_silent_changes_nothing(lab, six_only):
    gateway = lab.new_gateway().configure().start()
    add(gateway, SIX)
    before = checked(gateway, SIX, True)
    gateway.kill()
    gateway.configure(servers=[lab.black_hole().server]).start()
    wait_until(lambda: "source name not checked" in gateway.output(), "DNS was asked in vain", 30)
    assert source(gateway, SIX) == before
    gateway.stop()


def test_a_name_that_is_missing_is_said_of_bulk_mail(lab, gateway):
    set_ptr(lab, FOUR)
    gateway.add_domain("example.com", "--key", "ed25519")
    add(gateway, FOUR)
    account = gateway.add_account("news", "--stream", "bulk")
    checked(gateway, FOUR, False)
    host = lab.exchanger(lab.new_domain())

    def said():
        host.wait_for(send(gateway, account, host))
        checks = gateway.log("--event", "accepted")[-1].get("checks", {})
        return "lacks a forward-confirmed name of the source" in checks.get("bulk-rules", "")

    wait_until(said, "the gateway has the new directory", 20)
