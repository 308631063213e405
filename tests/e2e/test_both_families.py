"""Addresses that swallow what is sent to them (RFC 8305): another address of the host is tried after 250 ms, and the one that
does not answer is remembered. The network is the test's own; what is sent to 10.66.9.0/24 and 2001:db8:9::/64 is lost."""

import time

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.lab import Lab, exchanger_name
from sendoff_test.own_network import OwnNetwork

FROM = "a@example.com"
DEAD_FOUR, DEAD_SIX = ([prefix + str(n) for n in range(5, 10)] for prefix in ("10.66.9.", "2001:db8:9::"))  # a pair a test
LIVE_SIX = [f"fd66::{n}" for n in range(1, 5)]
IDLE = 5.5  # then the connection that a message left has gone
CONNECT = 30  # the time that a connection is waited for
LOUD = ("sh", "-c", 'exec "$@" --log-level debug', "sh")
LOST = "another address was faster"


@pytest.fixture(scope="module")
def lab():
    network = OwnNetwork(*(f"{address}/128" for address in LIVE_SIX))
    network.swallow("10.66.9.1/24", "2001:db8:9::1/64")
    made = Lab()
    yield made
    made.close()
    network.close()


@pytest.fixture(scope="module")
def gateway(lab):
    """Without a source of its own: the system chooses one of either family."""
    made = lab.new_gateway().configure(retry=["1h"], expire="1d").start(wrapper=LOUD)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("both")


def listen(lab, made, live, *dead):
    """It has these addresses, of which it listens at some."""
    for address in live:
        if address != made.address:
            lab._exchangers.listen(made, address, lab.delivery_port)
    addresses = [*dead, *live]
    lab.dns.set(made.name, "A", *(a for a in addresses if "." in a))
    lab.dns.set(made.name, "AAAA", *(a for a in addresses if ":" in a))
    return made


def send(gateway, account, domain):
    """How long it took until it was there."""
    began = time.monotonic()
    return began, submit_marked(gateway, account, FROM, [f"r@{domain}"])


def deliver(gateway, account, made, domain=None, timeout=CONNECT - 5):
    began, mark = send(gateway, account, domain or made.domain)
    made.wait_for(mark, timeout=timeout)
    return time.monotonic() - began


def lost(gateway):
    return sum(LOST in line for line in gateway.output().splitlines())


def test_a_dead_family_costs_a_moment_once(lab, gateway, account):
    """IPv4 is the first here, so it is the dead one."""
    made = listen(lab, lab.exchanger(lab.new_domain()), [LIVE_SIX[0]], DEAD_FOUR[0])
    before = lost(gateway)
    took = deliver(gateway, account, made)
    assert lost(gateway) == before + 1
    (event,) = gateway.wait_event("delivered", "--to", f"r@{made.domain}")
    assert f"[{LIVE_SIX[0]}]" in event["host"], event
    time.sleep(IDLE)
    again = deliver(gateway, account, made)
    print(f"{took:.2f} s, then {again:.2f} s")
    assert lost(gateway) == before + 1, "the dead address was tried first again"
    assert made.connections == 2
    assert not gateway.log("--to", f"r@{made.domain}", "--event", "deferred")


def test_a_dead_address_of_the_same_family(lab, gateway, account):
    made = lab.exchanger(lab.new_domain())
    listen(lab, made, [made.address], DEAD_FOUR[1])
    before = lost(gateway)
    for _ in range(12):  # their order is random
        deliver(gateway, account, made)
        time.sleep(IDLE)
        if lost(gateway) > before:
            break
    assert lost(gateway) == before + 1
    deliver(gateway, account, made)
    assert lost(gateway) == before + 1, "the dead address was tried first again"


def test_a_live_host_is_connected_to_once(lab, gateway, account):
    """However many addresses it has: what answers at once is not raced."""
    made = lab.exchanger(lab.new_domain())
    listen(lab, made, [made.address, LIVE_SIX[1]])
    before = lost(gateway)
    deliver(gateway, account, made)
    assert made.connections == 1 and lost(gateway) == before


def test_a_worse_host_is_not_raced_and_a_dead_better_one_is_remembered(lab, gateway, account):
    domain, better = lab.new_domain(), exchanger_name(DEAD_FOUR[2])
    worse = lab.exchanger()
    lab.dns.update({(better, "A"): [DEAD_FOUR[2]], (better, "AAAA"): [DEAD_SIX[2]]})
    lab.dns.set(domain, "MX", f"10 {better}.", f"20 {worse.name}.")
    began, mark = send(gateway, account, domain)
    worse.wait_for(mark, timeout=2 * CONNECT)
    assert time.monotonic() - began >= CONNECT - 1, "the better one still had its time"
    time.sleep(IDLE)
    deliver(gateway, account, worse, domain)
    (first, second) = gateway.wait_event("delivered", "--to", f"r@{domain}", count=2)
    assert worse.name in first["host"] and worse.name in second["host"]


def test_every_address_that_failed_is_named(lab, gateway, account):
    """One that refuses, and two that swallow, at once."""
    domain, name = lab.new_domain(), exchanger_name(lab.block.new_address())
    refusing = lab.block.new_address()
    lab.dns.update({(name, "A"): [refusing, DEAD_FOUR[3]], (name, "AAAA"): [DEAD_SIX[3]]})
    lab.dns.set(domain, "MX", f"10 {name}.")
    send(gateway, account, domain)
    (event,) = gateway.wait_event("deferred", "--to", f"r@{domain}", timeout=3 * CONNECT)
    said = f"{event['host']} {event['text']}"
    for address in (refusing, DEAD_FOUR[3], DEAD_SIX[3]):
        assert f"[{address}]" in said, event


def test_a_pool_with_both_families_goes_by_the_one_that_works(lab):
    """The source of a message is of one family. Where its family is dead, it goes by the other, in the same attempt."""
    gateway = lab.new_gateway().configure(retry=["1h"], expire="1d").start()
    for source in ("127.0.0.2", "2001:db8:9::1"):
        gateway.sendoff("source", "add", source, "--helo", "smtp.example.com")
    account = gateway.add_account("pool")
    made = lab.exchanger(lab.new_domain())
    listen(lab, made, [made.address], DEAD_SIX[4])
    began = time.monotonic()
    marks = [submit_marked(gateway, account, FROM, [f"r{n}@{made.domain}"]) for n in range(20)]
    for mark in marks:
        made.wait_for(mark, timeout=CONNECT - 5)
    print(f"20 messages in {time.monotonic() - began:.1f} s")
    assert "site unreachable" in gateway.output(), "some had the source that leads nowhere"
    assert not gateway.log("--event", "deferred")
    assert {event["source"] for event in gateway.wait_event("delivered", count=20)} == {"127.0.0.2"}
    gateway.stop()
