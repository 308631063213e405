"""Hosts without 8BITMIME (RFC 6152 3): what arrives there is converted, decodes to the same, and carries a signature of
its own that verifies."""

import os

import pytest

from sendoff_test.client import submit
from sendoff_test.letters import letter, marker, report, values
from sendoff_test.verify import signatures, verified

FROM = "a@example.com"
GREETING = "Grüße aus Köln, and the price is €5 for the whole of it, as agreed.\r\n"


@pytest.fixture(scope="module", autouse=True)
def mailbox(lab):
    """Where notices go; there before anybody asks, since the answer "none" is remembered."""
    return lab.exchanger("example.com")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture
def old(lab):
    return lab.exchanger(lab.new_domain(), eight_bit=False)


def send(gateway, account, recipients, extra, body, text=""):
    mark = marker()
    head = f"MIME-Version: 1.0\r\n{extra}"
    content = letter(FROM, recipients[0], body, subject=mark, extra=head)
    submit(gateway, account, FROM, recipients, content, options=["BODY=8BITMIME"])
    return mark


def is_seven_bit(content):
    return max(content) < 0x80 and all(len(line) <= 998 for line in content.split(b"\r\n"))


def test_text_arrives_in_7_bits_and_signed(lab, gateway, account, old):
    mark = send(gateway, account, [f"r@{old.domain}"], "Content-Type: text/plain; charset=utf-8\r\n", GREETING.encode())
    arrival = old.wait_for(mark)
    assert is_seven_bit(arrival.content)
    assert arrival.message.get_payload(decode=True) == GREETING.encode()
    assert values(arrival.content, "Content-Transfer-Encoding") == ["quoted-printable"]
    assert len(signatures(arrival.content)) == 1
    assert verified(arrival.content, lab.dns) == [("example.com", "ed25519-sha256")]
    assert not any("BODY" in option for option in arrival.options)
    sizes = [int(option[5:]) for option in arrival.options if option.startswith("SIZE=")]
    assert sizes == [len(arrival.content)]


def test_each_host_gets_what_it_takes(lab, gateway, account, old):
    new = lab.exchanger(lab.new_domain())
    extra = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    mark = send(gateway, account, [f"r@{old.domain}", f"r@{new.domain}"], extra, GREETING.encode())
    converted, whole = old.wait_for(mark), new.wait_for(mark)
    assert whole.body == GREETING.encode()
    assert values(whole.content, "Content-Transfer-Encoding") == ["8bit"]
    assert converted.message.get_payload(decode=True) == whole.body
    for arrival in (converted, whole):
        assert verified(arrival.content, lab.dns) == [("example.com", "ed25519-sha256")]
    assert values(converted.content, "Message-ID") == values(whole.content, "Message-ID")
    assert values(converted.content, "Received") == values(whole.content, "Received")


@pytest.mark.parametrize("size", [200_000, 400_000, 3_000_000])
def test_a_message_in_the_spool(lab, gateway, account, old, size):
    """Above 64 KB a message is kept in a file, and what is made of it too."""
    line = "zażółć gęślą jaźń 0123456789 \r\n".encode()
    body = line * (size // len(line))
    mark = send(gateway, account, [f"r@{old.domain}"], "Content-Type: text/plain; charset=utf-8\r\n", body)
    arrival = old.wait_for(mark, timeout=60)
    assert is_seven_bit(arrival.content)
    assert arrival.message.get_payload(decode=True) == body
    assert verified(arrival.content, lab.dns) == [("example.com", "ed25519-sha256")]
    assert not [name for name in os.listdir(gateway.data) if name.startswith("converted-")]


def test_parts_are_converted_one_by_one(lab, gateway, account, old):
    body = (
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + GREETING + "\r\n"
        "--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--\r\n"
    ).encode()
    mark = send(gateway, account, [f"r@{old.domain}"], "Content-Type: multipart/mixed; boundary=b\r\n", body)
    text, json = old.wait_for(mark).message.get_payload()
    assert text.get_payload(decode=True) == GREETING.encode()
    assert json["Content-Transfer-Encoding"] is None
    assert json.get_payload() == "{}"


def test_what_cannot_be_converted_bounces(gateway, account, old, mailbox):
    """RFC 1847 2.1: what is signed stays as it was signed."""
    kind = 'Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"\r\n'
    text = "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + GREETING
    body = text + "--b\r\nContent-Type: application/pgp-signature\r\n\r\n0\r\n--b--\r\n"
    mark = send(gateway, account, [f"r@{old.domain}"], kind, body.encode())
    (recipient,) = report(mailbox.wait_for(mark).content)["recipients"]
    assert recipient["status"] == "5.6.3", recipient
    assert "8BITMIME" in recipient["diagnostic-code"], recipient
    assert not old.arrivals
    send(gateway, account, [f"r@{old.domain}"], kind, b"--b\r\n\r\nplain\r\n--b--\r\n")
    old.wait(1)  # 7-bit mail goes as it is


def test_what_grew_over_the_hosts_size_bounces(lab, gateway, account, mailbox):
    small = lab.exchanger(lab.new_domain(), eight_bit=False, size=30_000)
    body = ("ä" * 400 + "\r\n").encode() * 30  # 24,060 octets; encoded a third more
    mark = send(gateway, account, [f"r@{small.domain}"], "Content-Type: text/plain; charset=utf-8\r\n", body)
    (recipient,) = report(mailbox.wait_for(mark).content)["recipients"]
    assert recipient["status"] == "5.3.4", recipient
    assert not small.arrivals
