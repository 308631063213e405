"""More sites than there may be connections: those that are idle give way, and mail does not wait until they time out."""

import asyncio
import time

import pytest
from sendoff_test.client import submit_marked
from sendoff_test.processes import wait_until

FROM = "a@example.com"
CONNECTIONS = 8  # of the gateway
OF_AN_ACCOUNT = 6  # of them, to sites that answer (next-hops.md)
SITES = 24
MESSAGES = 5  # to a site: more than one keeps waiting that does not answer (starved.h), once it
KEPT_SECONDS = 5  # has had so long


@pytest.fixture
def gateway(lab):
    return lab.gateway(more="loops = 1", limits=f"max_connections = {CONNECTIONS}")


@pytest.fixture
def said_quit():
    """The sites that were told QUIT, in order."""
    return []


def new_sites(lab, count, said_quit):
    made = [lab.exchanger(lab.new_domain()) for _ in range(count)]
    for mx in made:
        mx.replies["QUIT"] = lambda _, name=mx.name: said_quit.append(name)
    return made


def until(condition):
    """An answer that comes only then."""

    async def answer(_):
        while not condition():
            await asyncio.sleep(0.05)

    return answer


def test_idle_connections_give_way(lab, gateway, said_quit):
    """Each ends as soon as it has nothing to send while others wait."""
    account, sites, go = gateway.add_account("many"), new_sites(lab, SITES, said_quit), []
    for mx in sites:
        mx.replies["GREETING"] = until(lambda: go)
    text = submit_marked(gateway, account, FROM, [f"r@{mx.domain}" for mx in sites])
    wait_until(lambda: gateway.shown_status()["destinations_starved"] > 0, "sites wait for a connection")
    go.append(True)
    for mx in sites:
        mx.wait_for(text, timeout=60)
    gateway.wait_empty()
    status = gateway.shown_status()
    assert status["idle_gave_way"] > 0 and status["destinations_starved"] == 0
    assert [mx.connections for mx in sites] == [1] * SITES
    assert not gateway.log("--event", "deferred"), "no site's mail goes back to the queue for it"


def test_what_waits_for_a_moment_stays_in_memory(lab, gateway, said_quit):
    """Its turn comes soon: it is not put back into the queue for ten seconds."""
    account, sites, go = gateway.add_account("plenty"), new_sites(lab, SITES, said_quit), []
    for mx in sites:
        mx.replies["GREETING"] = until(lambda: go)
    began = time.monotonic()
    for _ in range(MESSAGES):
        submit_marked(gateway, account, FROM, [f"r@{mx.domain}" for mx in sites])
    time.sleep(1.5)  # a tick of the loop
    in_flight = gateway.shown_status()["in_flight"]
    if time.monotonic() - began < KEPT_SECONDS:
        assert in_flight == SITES * MESSAGES
    go.append(True)
    for mx in sites:
        mx.wait(MESSAGES, timeout=60)


def test_the_longest_idle_gives_way_first(lab, gateway, said_quit):
    account, sites = gateway.add_account("orderly"), new_sites(lab, OF_AN_ACCOUNT + 2, said_quit)
    for number, mx in enumerate(sites, 1):
        mx.wait_for(submit_marked(gateway, account, FROM, [f"r@{mx.domain}"]), timeout=60)
        gateway.wait_event("delivered", "--account", account.name, count=number)
    assert said_quit == [mx.name for mx in sites[: len(said_quit)]]
    assert len(said_quit) >= 2


def test_idle_connections_stay_while_nobody_waits(lab, gateway, said_quit):
    """One after another, each in its own time: the next message finds them open."""
    account, (one, two) = gateway.add_account("calm"), new_sites(lab, 2, said_quit)
    for mx in (one, two, one, two):
        mx.wait_for(submit_marked(gateway, account, FROM, [f"r@{mx.domain}"]))
    wait_until(lambda: not gateway.queue(), "all of it is delivered")
    assert gateway.shown_status()["idle_gave_way"] == 0


def test_a_connection_in_use_stays(lab, gateway, said_quit):
    """A site that takes its time has its connection until it is done with the message."""
    account, sites = gateway.add_account("patient"), new_sites(lab, SITES, said_quit)
    slow, others = sites[0], sites[1:]
    done = []
    slow.replies["CONTENT"] = until(lambda: done)
    text = submit_marked(gateway, account, FROM, [f"r@{mx.domain}" for mx in sites])
    for mx in others:
        mx.wait_for(text, timeout=60)
    done.append(True)
    slow.wait_for(text, timeout=60)
    assert slow.connections == 1
