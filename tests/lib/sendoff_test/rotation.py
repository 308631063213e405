"""Domains with name servers of their own, and what becomes of their signing keys."""

import itertools

from . import stored
from .client import submit_marked
from .dns import txt
from .name_server import NameServer
from .verify import signatures, tags

DAY_US = 86400 * 1000000
names = (f"rotates{n}.example" for n in itertools.count(1))


class Zone:
    """A domain with two name servers of its own; what the resolver has is a third's."""

    def __init__(self, lab, name=None, servers=2, **more):
        self.lab, self.name, self.more = lab, name or next(names), more
        self.servers = [self._server(f"ns{n + 1}") for n in range(servers)]
        self.serve([])

    def _server(self, name):
        folder, address = f"{self.lab.folder}/{self.name}-{name}", self.lab.block.new_address()
        return NameServer(self.lab.processes, folder, address, 53, {self.name: "@ NS ns1\n"}, **self.more)

    @property
    def head(self):
        return "".join(f"@ NS ns{n + 1}\nns{n + 1} A {s.address}\n" for n, s in enumerate(self.servers))

    def text(self, records):
        return self.head + "".join(f"{r['name']}. {r['type']} {self._data(r)}\n" for r in records)

    @staticmethod
    def _data(record):
        return txt(record["value"]) if record["type"] == "TXT" else record["value"].rstrip(".") + "."

    def serve(self, records, at=None, resolver=True):
        """`at`: the servers, by number, that have them; the others stay as they are."""
        for n, server in enumerate(self.servers):
            if at is None or n in at:
                server.serve(self.name, self.text(records))
        if resolver:
            self.lab.dns.serve(self.name, self.text(records))


def keys(gateway, zone):
    return {key["selector"]: key for key in gateway.sendoff.json("dkim", "list", zone.name)}


def states(gateway, zone):
    return {selector: key["state"] for selector, key in keys(gateway, zone).items()}


def in_state(gateway, zone, state):
    return sorted(selector for selector, now in states(gateway, zone).items() if now == state)


def send(gateway, account, zone, box):
    return box.wait_for(submit_marked(gateway, account, f"a@{zone.name}", [f"r@{box.domain}"]))


def signed_by(arrival):
    return sorted(tags(one)["s"] for one in signatures(arrival.content))


def sent_by(gateway, account, zone, box, selectors):
    """Mail that these have signed; None: it was signed by others."""
    arrival = send(gateway, account, zone, box)
    return arrival if signed_by(arrival) == selectors else None


def events(gateway, zone):
    return [e["text"] for e in gateway.log("--event", "dkim") if e["domain"] == zone.name]


def age(gateway, zone, days, state):
    """As if its keys had been in that state for so many days longer: the gateway reads it with its next start."""
    gateway.kill()
    stored.edit(
        gateway,
        "UPDATE keys SET state_us = state_us - ?1, left_us = iif(left_us = 0, 0, left_us - ?1), checked_us = 0"
        " WHERE domain = ?2 AND state = ?3",
        days * DAY_US,
        zone.name,
        {"active": 0, "retired": 1, "waiting": 2, "old": 3}[state],
    )
    stored.edit(gateway, "UPDATE messages SET created_us = created_us - ?", days * DAY_US)
    gateway.start()


def rotate(gateway, zone):
    before = in_state(gateway, zone, "active")
    return before, gateway.sendoff.json("dkim", "rotate", zone.name)
