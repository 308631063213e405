"""A system call fails for a while, and then no longer: meanwhile nothing but temporary answers, afterwards all is well,
and the ledger is exact. strace makes the calls of the running gateway fail."""

import collections
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter, values
from sendoff_test.processes import wait_until

FROM, TO = "load@example.com", "r@dest.example.net"
SECONDS = 1.0
CLIENTS = 2

# Not here: read and write of any descriptor (libuv ends the process when a wake-up of its own fails, which no disk can
# make it do), and mmap (the sanitizers' own memory).
LASTING = [
    *(f"fdatasync:error={e}" for e in ("EIO", "ENOSPC")),
    *(f"fsync:error={e}" for e in ("EIO", "ENOSPC")),
    *(f"pwrite64:error={e}" for e in ("EIO", "ENOSPC")),
    "pread64:error=EIO",
    *(f"openat:error={e}" for e in ("EMFILE", "ENFILE", "ENOMEM", "EIO", "ENOSPC")),
    "fcntl:error=ENOLCK",
    "ftruncate:error=EIO",
    *(f"newfstatat:error={e}" for e in ("EIO", "ENOMEM")),
    *(f"unlink:error={e}" for e in ("EIO", "ENOSPC")),
    *(f"socket:error={e}" for e in ("EMFILE", "ENOMEM")),
    *(f"connect:error={e}" for e in ("ENOMEM", "EIO")),
    *(f"bind:error={e}" for e in ("ENOMEM", "EIO")),
    *(f"accept4:error={e}" for e in ("EMFILE", "ENOMEM")),
    *(f"{name}:error=ENOMEM" for name in ("getpeername", "setsockopt", "getsockopt", "shutdown")),
]
# Three calls of each thread, at one place after the other: a lock that is not released stays in the process until it ends.
PLACES = [f"fcntl:error=ENOLCK:when={first}..{first + 2}" for first in range(1, 25, 3)]


class Injection:
    def __init__(self, gateway, fault, folder):
        self._trace = f"{folder}/trace"
        call = fault.split(":")[0]
        words = ["strace", "-f", "-qq", "-o", self._trace, "-e", f"trace={call}", "-e", f"inject={fault}", "-p", str(gateway.pid)]
        self._strace = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *words], stderr=subprocess.DEVNULL)
        wait_until(lambda: self._ended() or traced(gateway.pid, self._strace.pid), "strace has attached")
        if self._ended():
            pytest.fail("strace cannot trace here: nothing would be injected")

    def _ended(self):
        return self._strace.poll() is not None

    def end(self):
        self._strace.send_signal(signal.SIGINT)
        self._strace.wait(30)
        with open(self._trace) as trace:
            return trace.read().count("(INJECTED)")


def traced(pid, by):
    states = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as status:
            states.append(f"TracerPid:\t{by}\n" in status.read())
    return all(states)


class Client(threading.Thread):
    """Sends one message after the other, each in a session of its own."""

    def __init__(self, gateway, ledger, name):
        super().__init__()
        self.answers = collections.Counter()
        self._gateway, self._ledger, self._name = gateway, ledger, name
        self._over = threading.Event()

    def run(self):
        number = 0
        while not self._over.wait(0.02):
            number += 1
            self.send_one(f"{self._name}-{number}", lines=5000 if number % 5 == 0 else 3)

    def end(self):
        self._over.set()
        self.join()

    def send_one(self, mark, lines):
        try:
            with dialogue(self._gateway, tls="optional") as talk:
                answer = self._transact(talk, mark, lines)
        except AssertionError as refused:  # MAIL, RCPT or DATA; or no greeting
            answer = str(refused).strip()
        except OSError:
            answer = ""
        self.answers[answer[:3]] += 1
        return answer

    def _transact(self, talk, mark, lines):
        talk.envelope(FROM, TO)
        text = mark + "\r\n" + ("x" * 70 + "\r\n") * lines
        self._ledger.unsure.add(mark)
        answer = talk.content(letter(FROM, TO, text, extra=f"X-Mark: {mark}\r\n"))
        if answer:
            self._ledger.unsure.discard(mark)
        if answer.startswith("250"):
            self._ledger.accepted.add(mark)
        return answer


class Ledger:
    def __init__(self):
        self.accepted, self.unsure = set(), set()


def is_temporary(code):
    return code in ("250", "", "421") or code.startswith("4")


@pytest.fixture(scope="module")
def gateway(lab):
    assert shutil.which("strace"), "strace is missing: deploy/install-packages test"
    made = lab.gateway(limits="max_sessions_per_address = 1000", retry=("1s",))
    made.add_account("load", "--client-ip", "127.0.0.0/8")
    return made


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net", offers=["LIMITS MAILMAX=3"])  # so that there are always new connections


@pytest.fixture(scope="module")
def ledger():
    return Ledger()


def suffer(gateway, ledger, fault, folder, seconds):
    """The gateway under load while it lasts. What was answered, and how often the call failed."""
    name = fault.replace(":", "-").replace("=", "-")
    injection = Injection(gateway, fault, folder)
    clients = [Client(gateway, ledger, f"{name}-{n}") for n in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(seconds)
    count = injection.end()
    for client in clients:
        client.end()
    return sum((client.answers for client in clients), collections.Counter()), count


def is_well(gateway, ledger, name):
    probe = Client(gateway, ledger, name)
    number = 0

    def kept():
        nonlocal number
        number += 1
        assert gateway.running(), f"the gateway ended by itself\n{gateway.output()[-4000:]}"
        return probe.send_one(f"{name}-{number}", lines=3).startswith("250")

    wait_until(kept, "it takes mail again", timeout=30)


@pytest.mark.parametrize("fault", [*LASTING, *PLACES])
def test_a_passing_fault_does_not_outlive_itself(lab, gateway, mx, ledger, fault):
    answers, _ = suffer(gateway, ledger, fault, lab.folder, SECONDS if fault in LASTING else SECONDS / 2)
    assert all(is_temporary(code) for code in answers), answers
    is_well(gateway, ledger, f"after-{fault.replace(':', '-')}")


def test_the_ledger_is_exact(gateway, mx, ledger):
    assert len(ledger.accepted) > 50
    gateway.wait_empty(timeout=90)
    arrived = collections.Counter(values(arrival.content, "X-Mark")[0] for arrival in mx.arrivals)
    assert ledger.accepted <= set(arrived), sorted(ledger.accepted - set(arrived))[:10]
    assert set(arrived) <= ledger.accepted | ledger.unsure, sorted(set(arrived) - ledger.accepted - ledger.unsure)[:10]
    assert max(arrived.values()) == 1, [mark for mark, count in arrived.items() if count > 1][:10]
    assert gateway.usage("load")["total_messages"] == len(arrived)
    (status,) = gateway.sendoff.json("status")
    assert status["store"] == "good"


def test_what_failed_is_in_the_log_and_bounded(gateway, ledger):
    """A trouble of the store is told once a second at most, however many messages it concerns."""
    count = gateway.output().count('event="the store cannot commit"')
    assert 1 <= count <= 3 * len(LASTING + PLACES), count


def test_a_disk_that_fails_for_good_ends_the_gateway(lab, gateway, ledger):
    """Opening the store anew does not help: whoever started it starts it again."""
    gateway.stop()
    gateway.start(wrapper=("env", "ASAN_OPTIONS=detect_leaks=0"))  # leaks cannot be looked for under strace
    injection = Injection(gateway, "fdatasync:error=EIO", lab.folder)
    probe = Client(gateway, ledger, "for-good")
    assert probe.send_one("for-good", lines=3).startswith("451")
    wait_until(lambda: not gateway.running(), "it ends by itself", timeout=90)
    injection.end()
    assert "ended, because the store cannot go on" in gateway.output()
    assert gateway.status() == 1
    gateway.start()
    is_well(gateway, ledger, "after-the-end")
