"""Hosts with more addresses than are tried: how many are, and that one which answers is found among those that do not
(RFC 8305, RFC 5321 5.1). The network is the test's own; what is sent to 10.66.9.0/24 and 2001:db8:9::/64 is lost."""

import re
import time

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.lab import Lab, exchanger_name
from sendoff_test.own_network import OwnNetwork

FROM = "a@example.com"
LIVE_SIX = "fd66::1"
MANY = 50
DEAD_FOUR = [f"10.66.9.{n}" for n in range(10, 10 + MANY)]
DEAD_SIX = [f"2001:db8:9::{n:x}" for n in range(16, 16 + MANY)]
OF_A_HOST, IN_ALL = 8, 10
LOUD = ("sh", "-c", 'exec "$@" --log-level debug', "sh")
LOST = "another address was faster"


@pytest.fixture(scope="module")
def lab():
    network = OwnNetwork(f"{LIVE_SIX}/128")
    network.swallow("10.66.9.1/24", "2001:db8:9::1/64")
    made = Lab()
    yield made
    made.close()
    network.close()


@pytest.fixture(scope="module")
def gateway(lab):
    """Without a source of its own: the system chooses one of either family. It goes on soon, so a test may wait for it."""
    made = lab.new_gateway().configure(retry=["1s"], expire="1d").start(wrapper=LOUD)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("many")


def give(lab, name, addresses):
    lab.dns.update({(name, "A"): [a for a in addresses if "." in a], (name, "AAAA"): [a for a in addresses if ":" in a]})


def nobody(lab, count):
    """Addresses that refuse connections."""
    return [lab.block.new_address() for _ in range(count)]


def named(event):
    """The addresses that an event says something of."""
    return set(re.findall(r"\[([0-9.]+|[0-9a-f:]+)\]", f"{event['host']} {event['text']}"))


@pytest.mark.parametrize("family", [4, 6])
def test_one_family_is_dead(lab, gateway, account, family):
    """However many addresses it has: those of the two come in turn, so the second is of the other family."""
    made = lab.exchanger(lab.new_domain())
    if family == 4:
        lab._exchangers.listen(made, LIVE_SIX, lab.delivery_port)
    give(lab, made.name, [*DEAD_FOUR, LIVE_SIX] if family == 4 else [*DEAD_SIX, made.address])
    before = gateway.output().count(LOST)
    began = time.monotonic()
    made.wait_for(submit_marked(gateway, account, FROM, [f"r@{made.domain}"]), timeout=25)
    print(f"{time.monotonic() - began:.2f} s")
    assert gateway.output().count(LOST) - before <= 1
    (event,) = gateway.wait_event("delivered", "--to", f"r@{made.domain}")
    assert (LIVE_SIX if family == 4 else made.address) in named(event)
    assert not gateway.log("--to", f"r@{made.domain}", "--event", "deferred")


def test_a_dead_family_of_a_pool_with_both(lab):
    """The source of a message is of one family, and none of its addresses answers: the other's turn comes soon."""
    gateway = lab.new_gateway().configure(retry=["1h"], expire="1d").start()
    for source in ("127.0.0.2", "2001:db8:9::1"):
        gateway.sendoff("source", "add", source, "--helo", "smtp.example.com")
    account = gateway.add_account("pool")
    made = lab.exchanger(lab.new_domain())
    give(lab, made.name, [*DEAD_SIX, made.address])
    began = time.monotonic()
    marks = [submit_marked(gateway, account, FROM, [f"r{n}@{made.domain}"]) for n in range(20)]
    for mark in marks:
        made.wait_for(mark, timeout=25)
    print(f"20 messages in {time.monotonic() - began:.1f} s")
    assert "site unreachable" in gateway.output(), "some had the source that leads nowhere"
    assert not gateway.log("--event", "deferred")
    gateway.stop()


@pytest.mark.parametrize("hosts, most", [(1, OF_A_HOST), (3, IN_ALL)])
def test_how_many_are_tried(lab, hosts, most):
    """Of a host, and in one attempt."""
    gateway = lab.new_gateway().configure(retry=["1h"], expire="1d").start()
    account = gateway.add_account("refused")
    domain, names = lab.new_domain(), []
    for _ in range(hosts):
        addresses = nobody(lab, 20)
        names.append(exchanger_name(addresses[0]))
        give(lab, names[-1], addresses)
    lab.dns.set(domain, "MX", *(f"10 {name}." for name in names))
    submit_marked(gateway, account, FROM, [f"r@{domain}"])
    (event,) = gateway.wait_event("deferred", "--to", f"r@{domain}", timeout=60)
    print(event["text"])
    assert len(named(event)) == most, event
    gateway.stop()


def test_any_of_them_is_tried_in_the_end(lab, gateway, account):
    """Not the same ones each time, where there are more than are tried: the only one that answers is the last."""
    dead = nobody(lab, 11)
    made = lab.exchanger(lab.new_domain())
    assert [int(n) for n in made.address.split(".")] > [int(n) for n in dead[-1].split(".")]
    give(lab, made.name, [*dead, made.address])
    made.wait_for(submit_marked(gateway, account, FROM, [f"r@{made.domain}"]), timeout=150)
