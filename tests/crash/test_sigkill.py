"""The promise, tried: SIGKILL at any instant under load loses no message that was answered 250, counts each exactly
once, and sends hardly any twice."""

import collections
import os
import random
import threading
import time

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter, values

ROUNDS = 50
CLIENTS = 6
FROM = "load@example.com"
ACCOUNT = "load"


class Client(threading.Thread):
    """Sends as fast as it can until the connection ends, and remembers what it was told about each message."""

    def __init__(self, gateway, recipient, name):
        super().__init__()
        self.accepted, self.unsure = set(), set()
        self._gateway, self._recipient, self._name = gateway, recipient, name

    def run(self):
        try:
            with dialogue(self._gateway, tls="optional") as talk:
                number = 0
                while True:
                    number += 1
                    self._send(talk, f"{self._name}-{number}")
        except (OSError, AssertionError):
            pass  # the gateway was killed: an empty reply, a reset, or nobody there

    def _send(self, talk, mark):
        talk.envelope(FROM, self._recipient)
        assert talk.say("DATA").startswith("354")
        # Some messages are larger than what a row holds, so that files are part of the trial.
        text = mark + "\r\n" + ("x" * 70 + "\r\n") * (1200 if number_of(mark) % 17 == 0 else 3)
        self.unsure.add(mark)
        talk.send(letter(FROM, self._recipient, text, extra=f"X-Mark: {mark}\r\n") + b".\r\n")
        answer = talk.reply()
        if answer:
            self.unsure.discard(mark)
        if answer.startswith("250"):
            self.accepted.add(mark)


def number_of(mark):
    return int(mark.rsplit("-", 1)[1])


@pytest.fixture(scope="module")
def trial(lab):
    """All the rounds, and then peace until the queue is empty."""
    gateway = lab.gateway(limits="max_sessions_per_address = 1000")
    gateway.add_account(ACCOUNT, "--client-ip", "127.0.0.1", "--limit", "10000000/day")
    mx = lab.exchanger("dest.example.net")
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    accepted, unsure = set(), set()
    for number in range(ROUNDS):
        clients = [Client(gateway, "r@dest.example.net", f"m-{number}-{n}") for n in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(chance.uniform(0.02, 0.9))
        gateway.kill()
        for client in clients:
            client.join()
            accepted |= client.accepted
            unsure |= client.unsure
        gateway.start()
    gateway.wait_empty(timeout=90)
    arrived = collections.Counter(values(arrival.content, "X-Mark")[0] for arrival in mx.arrivals)
    copies = sum(arrived.values()) - len(arrived)
    print(f"{len(accepted)} accepted, {len(unsure)} unsure, {len(arrived)} arrived, {copies} copies")
    return gateway, accepted, unsure, arrived


def test_enough_was_tried(trial):
    _, accepted, _, _ = trial
    assert len(accepted) > 10 * ROUNDS


def test_nothing_accepted_is_lost(trial):
    _, accepted, _, arrived = trial
    assert accepted <= set(arrived), sorted(accepted - set(arrived))[:10]


def test_nothing_came_from_nowhere(trial):
    _, accepted, unsure, arrived = trial
    assert set(arrived) <= accepted | unsure


def test_copies_are_rare(trial):
    """Only what was in flight at a kill may be sent again: at most the connections that were open then."""
    _, _, _, arrived = trial
    copies = sum(arrived.values()) - len(arrived)
    assert copies <= ROUNDS * 20, copies


def test_usage_counts_each_exactly_once(trial):
    gateway, accepted, unsure, arrived = trial
    used = gateway.usage(ACCOUNT)["total_messages"]
    assert len(accepted) <= used <= len(accepted) + len(unsure)
    assert used == len(arrived), "what is counted is what was kept, and all that was kept has arrived"


def test_log_tells_each_story(trial):
    gateway, _, _, arrived = trial
    stories = collections.defaultdict(list)
    for event in gateway.log("--account", ACCOUNT, "--limit", "1000000"):
        stories[event["message"]].append(event["event"])
    stories.pop("", None)
    used = gateway.usage(ACCOUNT)["total_messages"]
    assert sum(kinds.count("accepted") for kinds in stories.values()) == used
    for message, kinds in stories.items():
        assert kinds[0] == "accepted" and kinds.count("accepted") == 1, (message, kinds)
        assert kinds[-1] == "delivered" and kinds.count("delivered") == 1, (message, kinds)
    for message in random.sample(sorted(stories), 10):
        assert gateway.story(message) == stories[message]


def test_nothing_is_left_in_the_spool(trial):
    gateway, *_ = trial
    left = [name for _, _, names in os.walk(f"{gateway.data}/spool") for name in names]
    assert left == []
