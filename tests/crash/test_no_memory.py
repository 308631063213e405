"""Allocations fail here and there, in every part of the gateway, while it is under load: nobody is told anything but to
try again, nothing is lost, or counted that was not accepted, and afterwards all is well."""

import collections
import contextlib
import mmap
import os
import pathlib
import random
import struct
import threading
import time

import pytest

from sendoff_test.client import Dialogue
from sendoff_test.letters import letter
from sendoff_test.processes import wait_until

PROGRAM = pathlib.Path(os.environ["SENDOFF"]).parent / "tests" / "sendoff_short_of_memory"
SENDERS = ["a@example.com", *(f"a@n{n}.example.org" for n in range(10))]
SUPPRESSED, OTHERS = [[f"{kind}{n}@dest.example.net" for n in range(10)] for kind in "sr"]
CLIENTS, SECONDS = 3, 8
# What is said of suppressed recipients, and of a command behind one that was put off.
EXPECTED = ("250", "354", "550 5.1.1", "503 5.5.1")
# libopendkim loses what it has of OpenSSL's when the memory that it asks us for is not there.
LEAKS = "leak:libcrypto\n"


class Memory:
    """How many of a thousand allocations fail."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as made:
            made.write(bytes(8))
        with open(path, "r+b") as shared:
            self._map = mmap.mmap(shared.fileno(), 8)

    def fail(self, of_thousand):
        self._map[:4] = struct.pack("=I", of_thousand)

    def failed(self):
        return struct.unpack("=I", self._map[4:])[0]


class Client(threading.Thread):
    def __init__(self, gateway, number):
        super().__init__()
        self.answers, self.accepted, self.unsure = collections.Counter(), 0, 0
        self._gateway, self._source = gateway, f"127.0.0.{20 + number}"
        self._random, self._over = random.Random(number), threading.Event()

    def run(self):
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                self._session()

    def end(self):
        self._over.set()
        self.join()

    def _session(self):
        with Dialogue(self._gateway.endpoint("optional"), source=self._source) as self._talk:
            self._expect(self._talk.reply(), "220")
            self._expect(self._talk.say("EHLO client.example"), "250")
            for _ in range(5):
                self._transact()

    def _expect(self, answer, *wanted):
        if not answer:
            raise ConnectionError
        if not answer.startswith((*wanted, "4")):
            self.answers[answer] += 1
        return answer.startswith(wanted)

    def _transact(self):
        talk, sender = self._talk, self._random.choice(SENDERS)
        if not self._expect(talk.say(f"MAIL FROM:<{sender}>"), *EXPECTED):
            return
        for to in self._random.sample(SUPPRESSED, 2):
            self._expect(talk.say(f"RCPT TO:<{to}>"), "550 5.1.1", "503 5.5.1")
        for to in self._random.sample(OTHERS, 2):
            self._expect(talk.say(f"RCPT TO:<{to}>"), "250", "503 5.5.1")
        if talk.say("DATA").startswith("354"):
            talk.send(letter(sender, OTHERS[0], "x" * 70 + "\r\n") + b".\r\n")
            self.unsure += 1
            answer = talk.reply()
            self.unsure -= bool(answer)
            self.accepted += self._expect(answer, "250")
        self._expect(talk.say("RSET"), "250")


@pytest.fixture
def memory(lab):
    return Memory(f"{lab.folder}/memory")


@pytest.fixture
def gateway(lab, memory):
    lab.exchanger("dest.example.net")
    made = lab.new_gateway().configure(retry=["1s"], limits="max_sessions_per_address = 1000")
    made.add_domain("example.com", "--key", "ed25519")
    made.sendoff("domain", "set", "example.com", "--spf", "enforce", "--dmarc", "enforce")
    made.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    limits = ("--limit", "100000/day", "--limit", "60000/minute:smooth")
    for number in range(CLIENTS):
        made.add_account(f"app{number}", "--client-ip", f"127.0.0.{20 + number}", *limits, "--brake", "on", senders=["*"])
    for address in SUPPRESSED:
        made.sendoff("suppression", "add", address, "--forever")
    with open(f"{lab.folder}/leaks", "w") as leaks:
        leaks.write(LEAKS)
    options = f"suppressions={lab.folder}/leaks:print_suppressions=0"
    return made.start(program=str(PROGRAM), env={"SENDOFF_TEST_MEMORY": memory.path, "LSAN_OPTIONS": options})


def test_allocations_that_fail(gateway, memory):
    clients = [Client(gateway, number) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and gateway.running():
        memory.fail(60)
        time.sleep(0.8)
        memory.fail(0)
        time.sleep(0.2)
    for client in clients:
        client.end()
    assert gateway.running(), gateway.output()[-4000:]
    assert memory.failed() > 20
    assert not sum((client.answers for client in clients), collections.Counter())
    counted = exactly_counted(gateway, clients)
    wait_until(lambda: takes_mail(gateway), "it takes mail again")
    assert total(gateway, "app0") == counted["app0"] + 1
    gateway.wait_empty(60)
    gateway.stop()


def total(gateway, name):
    return gateway.usage(name)["total_messages"]


def exactly_counted(gateway, clients):
    counted = {}
    for number, client in enumerate(clients):
        name = f"app{number}"
        logged = len(gateway.log("--event", "accepted", "--account", name, "--limit", "100000"))
        assert client.accepted <= logged <= client.accepted + client.unsure
        counted[name] = total(gateway, name)
        assert counted[name] == logged
    return counted


def takes_mail(gateway):
    with Dialogue(gateway.endpoint("optional"), source="127.0.0.20") as talk:
        talk.reply()
        talk.say("EHLO client.example")
        talk.envelope(SENDERS[0], OTHERS[0])
        return talk.content(letter(SENDERS[0], OTHERS[0])).startswith("250")
