"""The disk fills: mail is refused while there is still room to record outcomes, the queue drains on a disk that others
have filled, and nothing is delivered twice (docs/storage.md)."""

import asyncio
import collections
import threading
import time

import pytest

from sendoff_test.client import connect, dialogue
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, values
from sendoff_test.processes import wait_until
from sendoff_test.small_disk import SmallDisk

MB = 1024 * 1024
SIZE, RESERVE = 96 * MB, 16 * MB
FROM = "app@example.com"


@pytest.fixture(scope="module")
def gateway(lab):
    made = lab.new_gateway()
    made.disk = SmallDisk(made.data, SIZE)
    made.configure(more=f'store {{ disk_reserve = "{RESERVE}" }}')
    made.sendoff("init", "--config", made.config)  # the file system is new, and so is the store on it
    made.add_domain("example.com", "--key", "ed25519")
    made.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    made.account = made.add_account("app")
    return made.start()


@pytest.fixture(autouse=True)
def room(gateway):
    yield
    gateway.disk.empty()
    wait_until(lambda: state(gateway) == "good", "the store is well, and the disk has room")


def state(gateway):
    return gateway.shown_status()["store"]


def fill_to_low(gateway):
    gateway.disk.fill(leave=8 * MB)
    wait_until(lambda: state(gateway) == "low on disk", "the gateway notices")


def submit_all(gateway, domain, count):
    marks = [f"{domain}-{number}" for number in range(count)]
    with connect(gateway, gateway.account) as session:
        for mark in marks:
            session.sendmail(FROM, [f"r@{domain}"], letter(FROM, f"r@{domain}", "Hello.\r\n", extra=f"X-Mark: {mark}\r\n"))
    return marks


def arrived(mx):
    return collections.Counter(values(arrival.content, "X-Mark")[0] for arrival in mx.arrivals)


class Gate:
    """The exchanger answers no content before it is opened, and then takes `seconds` for each."""

    def __init__(self, mx, seconds=0):
        self._open = threading.Event()
        self._seconds = seconds
        self.waiting = 0
        mx.replies["CONTENT"] = self._pass

    def _pass(self, _):
        async def wait():
            self.waiting += 1
            while not self._open.is_set():
                await asyncio.sleep(0.02)
            await asyncio.sleep(self._seconds)

        return wait()

    def open(self):
        self._open.set()


# The reserve.


def test_mail_is_refused_below_the_reserve_and_taken_above_it(gateway):
    fill_to_low(gateway)
    with dialogue(gateway, gateway.account) as talk:
        answer = talk.say(f"MAIL FROM:<{FROM}>")
        assert answer.startswith("452 4.3.1 the disk is almost full: "), answer
        assert "16M are kept free; try again later. sendoff why " in answer
        told = gateway.sendoff("why", answer.split()[-1])
        assert "disk" in told
        gateway.disk.empty()
        wait_until(lambda: state(gateway) == "good", "the gateway notices")
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("250")
    output = gateway.output()
    assert output.count('event="the disk is almost full"') == output.count('event="the disk has room again"') == 1


def test_status_says_what_is_free_and_what_is_kept(gateway):
    status = gateway.shown_status()
    assert status["disk_reserve"] == RESERVE
    assert RESERVE < status["disk_free"] < SIZE
    assert status["store"] == "good" and "store_reason" not in status
    fill_to_low(gateway)
    status = gateway.shown_status()
    assert status["disk_free"] < RESERVE
    assert "no new mail" in status["store_reason"]
    assert "low on disk" in gateway.sendoff("status")


def test_a_size_that_does_not_fit_is_refused_at_once(gateway):
    gateway.disk.fill(leave=RESERVE + 6 * MB)
    with dialogue(gateway, gateway.account) as talk:
        assert talk.say(f"MAIL FROM:<{FROM}> SIZE={20 * MB}").startswith("452 4.3.1")  # RFC 1870 6.1
        assert talk.say(f"MAIL FROM:<{FROM}> SIZE={MB}").startswith("250")


def test_a_message_under_way_is_refused_when_the_disk_fills(lab, gateway):
    domain = lab.new_domain()
    mx = lab.exchanger(domain)
    with dialogue(gateway, gateway.account) as talk:
        talk.envelope(FROM, f"r@{domain}")
        assert talk.say("DATA").startswith("354")
        line = b"x" * 70 + b"\r\n"
        talk.send(letter(FROM, f"r@{domain}", line * 10000))
        fill_to_low(gateway)
        talk.send(line * 20000 + b".\r\n")
        answer = talk.reply()
        assert answer.startswith("452 4.3.1 the disk is almost full"), answer
        assert talk.say("NOOP").startswith("250")
    assert not mx.arrivals and not gateway.queue()


# Full.


def test_the_queue_drains_on_a_full_disk(lab, gateway):
    domain = lab.new_domain()
    mx = lab.exchanger(domain)
    gate = Gate(mx)
    marks = submit_all(gateway, domain, 60)
    wait_until(lambda: gate.waiting >= 5, "deliveries are under way")
    gateway.disk.fill()
    assert gateway.disk.free == 0
    gate.open()
    gateway.wait_empty(60)
    assert arrived(mx) == collections.Counter(marks)
    assert gateway.wait_event("delivered", "--to", f"*@{domain}", count=60)
    with dialogue(gateway, gateway.account) as talk:
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("452 4.3.1")
    gateway.kill()
    gateway.start()  # on what the ballast has left
    gateway.disk.empty()
    time.sleep(2)
    assert arrived(mx) == collections.Counter(marks)


def test_no_delivery_starts_while_outcomes_cannot_be_recorded(lab, gateway):
    domain = lab.new_domain()
    mx = lab.exchanger(domain)
    gate = Gate(mx, seconds=0.5)  # not all of it has gone before the store has failed once
    marks = submit_all(gateway, domain, 150)
    wait_until(lambda: gate.waiting >= 5, "deliveries are under way")
    more = threading.Event()

    def take_everything():
        while not more.wait(0.002):
            gateway.disk.fill()

    filler = threading.Thread(target=take_everything)
    gateway.disk.fill()
    filler.start()
    try:
        gate.open()
        wait_until(lambda: state(gateway) == "full", "the ballast has gone, too", timeout=30)
        at_first = len(mx.arrivals)
        time.sleep(3)
        at_last = len(mx.arrivals)
    finally:
        more.set()
        filler.join()
    assert at_last < len(marks), "the rest waits"
    assert at_last - at_first <= 20, "only what was under way: a connection each"
    assert gateway.queue()
    gateway.disk.empty()
    gateway.wait_empty(60)
    assert arrived(mx) == collections.Counter(marks)
    gateway.kill()
    gateway.start()
    time.sleep(2)
    assert arrived(mx) == collections.Counter(marks)
