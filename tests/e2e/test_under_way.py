"""An attempt under way shows in the queue: at which host, how far, and since when; and a delivery says how it was protected."""

import contextlib
import socket
import threading
from datetime import datetime, timezone

import pytest

from sendoff_test.client import submit
from sendoff_test.hostile_mx import HostileExchanger
from sendoff_test.lab import exchanger_name
from sendoff_test.letters import letter
from sendoff_test.processes import wait_until

FROM = "a@example.com"
STAGES = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("patient")


def under_way(gateway, to, stage):
    """The one recipient of that address, once an attempt at it is that far."""

    def found():
        (one,) = (one for one in gateway.queue() if one["to"] == to)
        return one if one["under_way"] and one["under_way"]["stage"] == stage else None

    return wait_until(found, f"{stage} shows")


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage(lab, gateway, account, stage):
    domain, released = lab.new_domain("stuck"), threading.Event()
    to = f"r@{domain}"
    with contextlib.closing(HostileExchanger(lab, domain, extensions=())) as mx:
        mx.manner = {stage: lambda _: released.wait(60) and None}  # it answers up to there, and then no more until it is released
        host = f"{mx.name}[{mx.address}]:{lab.delivery_port}"
        before = datetime.now(timezone.utc)
        submit(gateway, account, FROM, [to], letter(FROM, to, "x\r\n"))
        one = under_way(gateway, to, stage.lower())
        assert one["under_way"]["host"] == host and one["attempts"] == 0
        since = datetime.fromisoformat(one["under_way"]["since"].replace("Z", "+00:00"))
        assert -1 < (since - before).total_seconds() < 30
        for words in (("queue", "list", "--to", to), ("queue", "show", one["message"])):
            (line,) = (line for line in gateway.sendoff(*words).split("\n") if to in line)
            assert host in line and "under way" in line and ", for " in line
            assert line.split()[5] == "1", "the attempt is one of the tries"
        released.set()
        gateway.wait_event("delivered", "--to", to)
    assert not [one for one in gateway.queue() if one["to"] == to]


def test_a_host_that_does_not_take_the_connection(lab, gateway, account):
    domain, address = lab.new_domain("full"), lab.block.new_address()
    name = exchanger_name(address)
    lab.dns.update({(name, "A"): [address], (domain, "MX"): [f"10 {name}."]})
    to = f"r@{domain}"
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, lab.delivery_port))
        listener.listen(0)
        for _ in range(4):  # its queue is full: the kernel drops what comes
            one = held.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex((address, lab.delivery_port))
        submit(gateway, account, FROM, [to, f"s@{domain}"], letter(FROM, to, "x\r\n"))
        for who in (to, f"s@{domain}"):
            assert under_way(gateway, who, "connect")["under_way"]["host"] == f"{name}[{address}]:{lab.delivery_port}"
        gateway.sendoff("queue", "hold", "--to", f"*@{domain}", "--yes")
        (line,) = (line for line in gateway.sendoff("queue", "list").split("\n") if to in line)
        assert "under way" in line, "a hold does not end it"
    gateway.sendoff("queue", "drop", "--to", f"*@{domain}", "--yes")


def test_a_domain_whose_host_is_not_known_yet(lab):
    hole = lab.black_hole()
    gateway = lab.new_gateway().configure(servers=[hole.server])
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    account = gateway.add_account("early")
    gateway.start()
    submit(gateway, account, FROM, ["r@dark.example.net"], letter(FROM, "r@dark.example.net", "x\r\n"))
    assert under_way(gateway, "r@dark.example.net", "route")["under_way"]["host"] == "dark.example.net"
    assert "finding a host of dark.example.net, for " in gateway.sendoff("queue", "list")
    gateway.stop()
    (one,) = gateway.queue()
    assert one["under_way"] is None, "no gateway is running"
    assert "under way" not in gateway.sendoff("queue", "list")


def test_what_waits_for_its_next_try_is_not_under_way(lab):
    later = lab.exchanger(lab.new_domain("later"))
    later.replies["RCPT"] = "450 4.2.1 not now"
    slow = lab.gateway(retry=("1h",))
    submit(slow, slow.add_account("slow"), FROM, [f"r@{later.domain}"], letter(FROM, f"r@{later.domain}", "x\r\n"))
    slow.wait_event("deferred")
    wait_until(lambda: slow.queue()[0]["under_way"] is None, "its attempt is over")
    assert slow.queue()[0]["attempts"] == 1
    slow.stop()


def test_a_delivery_says_how_it_was_protected(lab, gateway, account):
    for tls, version, story in ((None, "none", "tls      none"), ("good", "TLSv1.3", "tls      TLSv1.3 AES-256-GCM, not verified")):
        domain = lab.new_domain("tls")
        lab.exchanger(domain, tls=tls)
        submit(gateway, account, FROM, [f"r@{domain}"], letter(FROM, f"r@{domain}", "x\r\n"))
        (event,) = gateway.wait_event("delivered", "--to", f"r@{domain}")
        assert (event["tls"], event["verified"]) == (version, "no")
        text = gateway.sendoff("log", "show", event["message"])
        assert story in text and "verified=" not in text
        assert "verified" not in next(one for one in gateway.sendoff.json("log", "show", event["message"]) if one["event"] == "accepted")
