"""Hosts that accept connections and never greet must not keep anybody else's mail waiting (RFC 5321 4.5.3.2.1 gives a host
five minutes for its greeting)."""

import socket
import threading
import time

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.processes import wait_until

FROM = "a@example.com"
CONNECTIONS = 16  # of the gateway; half for sites not known to answer, and half of that for one account
HOSTILE, MESSAGES = 60, 6


class SilentHost:
    """Accepts everything and says nothing. `most`: how many connections it had at once."""

    def __init__(self, lab):
        self.address, self.most = lab.block.new_address(), 0
        self._open, self._ended = set(), False
        self._listener = socket.create_server((self.address, lab.delivery_port), backlog=1024)
        self._listener.settimeout(0.1)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended:
            try:
                taken, _ = self._listener.accept()
                taken.setblocking(False)
                self._open.add(taken)
            except OSError:
                pass
            for one in [o for o in self._open if self._is_over(o)]:
                one.close()
                self._open.remove(one)
            self.most = max(self.most, len(self._open))

    @staticmethod
    def _is_over(one):
        try:
            return one.recv(4096) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def domains(self, lab, count):
        """So many, each with an exchanger's name of its own: a site of its own."""
        names = [lab.new_domain("silent") for _ in range(count)]
        records = {(name, "MX"): [f"10 mx.{name}."] for name in names}
        lab.dns.update(records | {(f"mx.{name}", "A"): [self.address] for name in names})
        return names

    def close(self):
        self._ended = True
        self._thread.join(10)
        for one in self._open:
            one.close()
        self._listener.close()


@pytest.fixture
def silent(lab):
    host = SilentHost(lab)
    yield host
    host.close()


@pytest.fixture
def gateway(lab):
    return lab.gateway(more="loops = 1", limits=f"max_connections = {CONNECTIONS}", retry=["1s", "5s"])


def send(gateway, account, *recipients):
    return submit_marked(gateway, account, FROM, list(recipients))


def test_healthy_mail_passes_while_many_hosts_are_silent(lab, gateway, silent):
    bulk, shop = gateway.add_account("bulk"), gateway.add_account("shop")
    known, fresh = lab.exchanger(lab.new_domain()), lab.exchanger(lab.new_domain())
    known.wait_for(send(gateway, bulk, f"r@{known.domain}"))
    time.sleep(5.5)  # the connection that it left has gone: the next one has to be opened
    names = silent.domains(lab, HOSTILE)
    for _ in range(MESSAGES):
        send(gateway, bulk, *(f"r@{name}" for name in names))
    wait_until(lambda: gateway.shown_status()["destinations_starved"] > 10, "destinations wait for a connection")
    began = time.monotonic()
    known.wait_for(send(gateway, bulk, f"r@{known.domain}"))  # a site that answers, of the same account
    fresh.wait_for(send(gateway, shop, f"r@{fresh.domain}"))  # a new site, of another account
    print(f"healthy mail took {time.monotonic() - began:.2f} s")
    assert silent.most <= CONNECTIONS // 2, f"{silent.most} connections to silent hosts"
    # What only waits does not fill the memory: three messages a site.
    wait_until(lambda: gateway.shown_status()["in_flight"] <= 3 * HOSTILE + CONNECTIONS, "the rest is back in the queue")
    warnings = [line for line in gateway.output().splitlines() if 'event="connections short"' in line]
    assert len(warnings) == 1 and "account=bulk" in warnings[0], warnings
    assert len(gateway.queue("--to", "r@silent*", "--limit", "0")) >= HOSTILE


def test_silent_hosts_get_less_time_while_others_wait(lab, gateway, silent):
    """So even a new site of the account that has them all gets its turn."""
    bulk = gateway.add_account("bulk")
    fresh = lab.exchanger(lab.new_domain())
    names = silent.domains(lab, 7)
    send(gateway, bulk, *(f"r@{name}" for name in names))
    wait_until(lambda: gateway.shown_status()["destinations_starved"] > 0, "destinations wait for a connection")
    fresh.wait_for(send(gateway, bulk, f"r@{fresh.domain}"), timeout=100)
    deferred = gateway.wait_event("deferred", "--to", "r@silent*", count=4)
    assert all(event["rule"] == "timeout" and "connections are short" in event["text"] for event in deferred), deferred
