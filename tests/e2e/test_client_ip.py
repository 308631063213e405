"""Accounts that are known by their address: old devices, and load from Postfix's own tools."""

import pytest

from sendoff_test.attempts import attempt
from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker
from sendoff_test.postfix import sink, source

FROM = "printer@example.com"


@pytest.fixture(scope="module")
def printer(gateway):
    return gateway.add_account("printer", "--client-ip", "127.0.0.1", "--limit", "1000/day")


def test_no_auth_is_needed_from_there(lab, gateway, printer):
    mx = lab.exchanger("dest.example.net")
    mark = marker()
    with dialogue(gateway, tls="optional") as talk:
        assert attempt(
            talk, FROM, ["r@dest.example.net"], letter(FROM, "r@dest.example.net", mark + "\r\n")
        ).startswith("250")
    mx.wait_for(mark)
    (event,) = gateway.wait_event("accepted", "--from", FROM)
    assert event["account"] == "printer"


def test_its_senders_are_still_its_own(gateway, printer):
    with dialogue(gateway, tls="optional") as talk:
        assert attempt(talk, "ceo@bank.example", ["r@dest.example.net"]).startswith("553 5.7.1 printer may not send as")


def test_load_from_smtp_source_to_smtp_sink(lab, gateway, printer):
    domain = lab.new_domain("sink")
    address = lab.block.new_address()
    taker = sink(lab.processes, address, lab.delivery_port, f"{lab.folder}/sink.log")
    lab.dns.update({(domain, "MX"): [f"10 mx.{domain}."], (f"mx.{domain}", "A"): [address]})
    before = gateway.usage("printer")["total_messages"]
    source(gateway.endpoint("optional"), FROM, f"r@{domain}", sessions=20, messages=500)
    gateway.wait_event("delivered", "--to", f"r@{domain}", "--limit", "1000", count=500, timeout=60)
    gateway.wait_empty()
    assert gateway.usage("printer")["total_messages"] - before == 500
    taker.stop(2)
    assert "mesg=500" in taker.output()
