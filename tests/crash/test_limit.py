"""200 sessions at once against 1000 messages a day, and a gateway that is killed meanwhile: exactly 1000 are let in, whether
the limit is an account's, a domain's or the whole gateway's."""

import threading

import pytest

from sendoff_test.attempts import attempt
from sendoff_test.client import dialogue
from sendoff_test.gateway import pause_until_safe

SESSIONS = 200
ALLOWED = 1000
KILLS = 4
FROM = "load@example.com"
TO = "r@dest.example.net"

# Whose limit it is: how many accounts share it, what sets it, and its name in replies.
SCOPES = {
    "account": (1, ("account", "set", "app0"), "app0"),
    "domain": (4, ("domain", "set", "example.com"), "example.com"),
    "gateway": (4, ("gateway", "set"), "gateway"),
}


class Client(threading.Thread):
    """Sends until it is refused, or until the gateway has gone."""

    def __init__(self, gateway, source):
        super().__init__()
        self.accepted, self.refused = 0, []
        self._gateway, self._source = gateway, source

    def run(self):
        try:
            with dialogue(self._gateway, tls="optional", source=self._source) as talk:
                while not self.refused:
                    answer = attempt(talk, FROM, [TO])
                    assert answer, "the gateway was killed"
                    if answer.startswith("250"):
                        self.accepted += 1
                    else:
                        self.refused.append(answer)
        except (OSError, AssertionError):
            pass


class Place:
    """A gateway with a limit; each account's clients come from an address of its own."""

    def __init__(self, lab, scope):
        accounts, change, self.label = SCOPES[scope]
        self.scope, self.names = scope, [f"app{number}" for number in range(accounts)]
        lab.exchanger("dest.example.net")
        self.gateway = lab.gateway(limits="max_sessions_per_address = 1000")
        for number, name in enumerate(self.names):
            self.gateway.add_account(name, "--client-ip", self.source(number))
        self.gateway.sendoff(*change, "--limit", f"{ALLOWED}/day")
        pause_until_safe(86400, 120)

    def source(self, number):
        return f"127.78.0.{number % len(self.names) + 1}"

    def rush(self):
        clients = [Client(self.gateway, self.source(number)) for number in range(SESSIONS)]
        for client in clients:
            client.start()
        return clients

    def used(self):
        owner = [self.label] if self.scope != "gateway" else []
        (used,) = self.gateway.sendoff.json(self.scope, "usage", *owner)
        return used

    def check(self, refused):
        full = f"{self.label}: {ALLOWED} of {ALLOWED} messages today"
        assert refused and all(full in answer for answer in refused), set(refused)
        used = self.used()
        assert (used["day"]["messages"], used["total_messages"]) == (ALLOWED, ALLOWED)
        assert len(self.gateway.log("--event", "accepted", "--to", TO, "--limit", "0")) == ALLOWED
        shares = [self.gateway.usage(name)["total_messages"] for name in self.names]
        assert sum(shares) == ALLOWED and all(shares), shares
        warned = self.gateway.log("--event", "warned", "--limit", "0")
        assert [event["text"].split(" of ")[0] for event in warned] == [f"{self.label}: {n} %" for n in (80, 95)], warned


def join(clients):
    for client in clients:
        client.join()
    return sum(client.accepted for client in clients), [answer for client in clients for answer in client.refused]


@pytest.fixture(params=SCOPES)
def place(lab, request):
    return Place(lab, request.param)


def test_two_hundred_sessions(place):
    accepted, refused = join(place.rush())
    assert (accepted, len(refused)) == (ALLOWED, SESSIONS)
    place.check(refused)


def test_killed_meanwhile(place):
    accepted = 0
    for number in range(KILLS):
        clients = place.rush()
        want = (number + 1) * ALLOWED // (KILLS + 1)
        while sum(client.accepted for client in clients) + accepted < want and any(one.is_alive() for one in clients):
            threading.Event().wait(0.01)
        place.gateway.kill()
        accepted += join(clients)[0]
        place.gateway.start()
    more, refused = join(place.rush())
    assert accepted + more <= ALLOWED, "a 250 that was not counted"
    place.check(refused)
