"""Signatures survive a relay: what Postfix or Exim has taken from the gateway and handed on verifies behind it, with two
verifiers that share no code with the signer.

Not here: a host behind the relay without 8BITMIME. Postfix then encodes 8-bit text anew that MIME says is so (RFC 6152 3),
which no signature survives: the gateway knows what the relay takes, and not what is taken behind it. Everything else here
verifies there, too, and from Exim, which converts nothing, all of it."""

import pytest

from sendoff_test import exim, postfix
from sendoff_test.client import dialogue
from sendoff_test.hard_letters import (
    MESSAGES,
    UNENDED,
    UTF8_FROM,
    UTF8_MESSAGE,
    UTF8_TO,
    assert_signed,
    eight_bit,
    head,
    part_of,
    submit_hard,
)
from sendoff_test.lab import SOURCE, exchanger_name

RELAYS = {"postfix": postfix.relay, "exim": exim.relay}
LARGE = 5 * 1024 * 1024
CHUNKED = {f"chunks: {body!r}": head() + b"\r\n" + body for body in UNENDED}
NAMES = [*MESSAGES, *CHUNKED, "UTF-8 addresses", "a large part"]


@pytest.fixture(scope="module", params=RELAYS)
def end(request, lab):
    """The exchanger behind the relay."""
    made = lab.exchanger(utf8=True)
    made.relay = lab.block.new_address()
    RELAYS[request.param](lab, made.relay, lab.delivery_port, made)
    return made


@pytest.fixture(scope="module")
def marks(lab, end):
    """Of every message by its name, once the gateway has taken them all."""
    lab.dns.set(exchanger_name(end.relay), "A", end.relay)
    lab.dns.set("dest.example.net", "MX", f"10 {exchanger_name(end.relay)}.")
    gateway = lab.new_gateway().configure(limits='max_message_size = "20M"')
    gateway.add_domain("example.com", "--key", "both")
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    account = gateway.start().add_account("app")
    with dialogue(gateway, account) as talk:
        yield {
            **{name: submit_hard(talk, content, eight_bit(content)) for name, content in MESSAGES.items()},
            **{name: submit_hard(talk, content, chunks=7) for name, content in CHUNKED.items()},
            "UTF-8 addresses": submit_hard(talk, UTF8_MESSAGE, " SMTPUTF8 BODY=8BITMIME", UTF8_FROM, UTF8_TO),
            "a large part": submit_hard(talk, part_of(LARGE)),
        }
    gateway.stop()


@pytest.mark.parametrize("name", NAMES)
def test_both_verify_behind_a_relay(lab, end, marks, name):
    arrival = end.wait_for(marks[name], timeout=60)
    assert b"relay.example.net" in arrival.header.split(b"\r\nDKIM-Signature:")[0], "it has come by the relay"
    assert_signed(lab, arrival)
