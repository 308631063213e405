"""200 sessions at once against 1000 messages a day, and a gateway that is killed meanwhile: exactly 1000 are let in."""

import threading

from sendoff_test.attempts import attempt
from sendoff_test.client import dialogue
from sendoff_test.gateway import pause_until_safe

SESSIONS = 200
ALLOWED = 1000
KILLS = 4
FROM = "load@example.com"
TO = "r@dest.example.net"


class Client(threading.Thread):
    """Sends until it is refused, or until the gateway has gone."""

    def __init__(self, gateway):
        super().__init__()
        self.accepted, self.refused = 0, []
        self._gateway = gateway

    def run(self):
        try:
            with dialogue(self._gateway, tls="optional") as talk:
                while not self.refused:
                    answer = attempt(talk, FROM, [TO])
                    assert answer, "the gateway was killed"
                    if answer.startswith("250"):
                        self.accepted += 1
                    else:
                        self.refused.append(answer)
        except (OSError, AssertionError):
            pass


def rush(gateway):
    clients = [Client(gateway) for _ in range(SESSIONS)]
    for client in clients:
        client.start()
    return clients


def join(clients):
    for client in clients:
        client.join()
    return sum(client.accepted for client in clients), [answer for client in clients for answer in client.refused]


def prepared(lab, name, *options):
    lab.exchanger("dest.example.net")
    gateway = lab.gateway(limits="max_sessions_per_address = 1000")
    gateway.add_account(name, "--client-ip", "127.0.0.1", "--limit", f"{ALLOWED}/day", *options)
    pause_until_safe(86400, 120)
    return gateway


def check(gateway, name, refused):
    assert refused and all(f"{name}: {ALLOWED} of {ALLOWED} messages today" in answer for answer in refused), set(refused)
    used = gateway.usage(name)
    assert (used["day"]["messages"], used["total_messages"]) == (ALLOWED, ALLOWED)
    assert len(gateway.log("--account", name, "--event", "accepted", "--limit", "0")) == ALLOWED
    warned = gateway.log("--account", name, "--event", "warned", "--limit", "0")
    assert [event["text"].split(" of ")[0] for event in warned] == [f"{name}: 80 %", f"{name}: 95 %"], warned


def test_two_hundred_sessions(lab):
    gateway = prepared(lab, "crowd")
    accepted, refused = join(rush(gateway))
    assert (accepted, len(refused)) == (ALLOWED, SESSIONS)
    check(gateway, "crowd", refused)


def test_killed_meanwhile(lab):
    gateway = prepared(lab, "killed")
    accepted = 0
    for number in range(KILLS):
        clients = rush(gateway)
        want = (number + 1) * ALLOWED // (KILLS + 1)
        while sum(client.accepted for client in clients) + accepted < want and any(one.is_alive() for one in clients):
            threading.Event().wait(0.01)
        gateway.kill()
        accepted += join(clients)[0]
        gateway.start()
    more, refused = join(rush(gateway))
    assert accepted + more <= ALLOWED, "a 250 that was not counted"
    check(gateway, "killed", refused)
