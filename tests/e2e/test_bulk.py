"""Bulk mail and what the large receivers ask of it (docs/bulk.md)."""

import smtplib

import pytest

from sendoff_test.client import submit, submit_marked
from sendoff_test.letters import letter, marker
from sendoff_test.verify import signatures, tags, verified

FROM = "news@example.com"
UNSUBSCRIBE = "List-Unsubscribe: <mailto:u@example.com>,\r\n <https://example.com/u/1>\r\n"
ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
FEEDBACK = "Feedback-ID: spring:blog:news:example\r\n"
ALL = UNSUBSCRIBE + ONE_CLICK + FEEDBACK


@pytest.fixture
def place(lab):
    gateway = lab.gateway()
    yield gateway, lab.exchanger(lab.new_domain())
    gateway.stop()


def send(gateway, account, host, extra, sender=FROM):
    return submit_marked(gateway, account, sender, [f"r@{host.domain}"], extra=extra)


def observed(gateway):
    """What the check would have said of each message that was accepted."""
    return [event.get("checks", {}).get("bulk-rules") for event in gateway.log("--event", "accepted")]


def test_observed_by_default(place):
    gateway, host = place
    account = gateway.add_account("blog", "--stream", "bulk")
    host.wait_for(send(gateway, account, host, ""))
    (found,) = observed(gateway)
    assert found.startswith("would refuse: bulk mail of example.com lacks List-Unsubscribe with one https URI"), found
    host.wait_for(send(gateway, account, host, ALL))
    assert observed(gateway)[1] is None
    host.wait_for(send(gateway, account, host, "X-Sendoff-Stream: transactional\r\n"))
    assert observed(gateway)[2] is None


BULK = ("--stream", "Precedence: bulk\r\n", "Precedence: list\r\n", "X-Sendoff-Stream: bulk\r\n")


@pytest.mark.parametrize("says_so", BULK)
def test_enforced(place, says_so):
    gateway, host = place
    options = ("--stream", "bulk") if says_so == "--stream" else ()
    field = "" if options else says_so
    account = gateway.add_account("blog", "--bulk-rules", "enforce", *options)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(gateway, account, host, field)
    code, text = refused.value.args
    assert code == 550 and text.startswith(b"5.7.1 bulk mail of example.com lacks"), text
    assert b"Feedback-ID for Orange (1000/day)" in text and len(text) < 300
    (event,) = gateway.log("--event", "refused")
    assert event["rule"] == "bulk-rules"
    assert "--bulk-rules observe" in gateway.sendoff("why", event["ref"])
    host.wait_for(send(gateway, account, host, ALL + field))


def test_what_is_asked_for_is_signed(lab, place):
    """RFC 8058 4: the signature covers both fields, so that nobody can put another address into them. And Feedback-ID,
    by which Gmail counts complaints."""
    gateway, host = place
    account = gateway.add_account("blog", "--stream", "bulk", "--bulk-rules", "enforce")
    arrival = host.wait_for(send(gateway, account, host, ALL))
    (signature,) = signatures(arrival.content)
    signed = tags(signature)["h"].lower().split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "feedback-id"} <= set(signed)
    assert verified(arrival.content, lab.dns) == [("example.com", "ed25519-sha256")]
    for field in (b"https://example.com/u/1", b"List-Unsubscribe=One-Click"):
        assert verified(arrival.content.replace(field, field + b"x"), lab.dns) == []


def test_mail_without_a_signature(place):
    gateway, host = place
    account = gateway.add_account("blog", "--stream", "bulk", "--bulk-rules", "enforce", senders=["unsigned.example"])
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(gateway, account, host, ALL, sender="a@unsigned.example")
    assert refused.value.args[1].startswith(
        b"5.7.30 bulk mail of unsigned.example lacks a DKIM signature, a DMARC record "
        b"for Gmail (5000/day), Yahoo, Microsoft (5000/day)"
    )


def test_an_automatic_reply_needs_no_unsubscribe(place):
    gateway, host = place
    account = gateway.add_account("blog", "--bulk-rules", "enforce")
    mark, to = marker(), f"r@{host.domain}"
    submit(gateway, account, "", [to], letter(FROM, to, subject=mark, extra="Precedence: bulk\r\n"))
    host.wait_for(mark)


def test_a_domain_without_a_dmarc_record(lab, place):
    gateway, host = place
    domain = lab.new_domain("news")
    records = gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.publish([record for record in records if not record["name"].startswith("_dmarc.")])
    account = gateway.add_account("blog", "--stream", "bulk", "--bulk-rules", "enforce", senders=[domain])
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(gateway, account, host, ALL, sender=f"a@{domain}")
    assert refused.value.args[1].startswith(f"5.7.31 bulk mail of {domain} lacks a DMARC record for Gmail".encode())
    other = lab.new_domain("news")
    gateway.add_domain(other, "--key", "ed25519")
    gateway.sendoff("account", "set", "blog", "--add-sender", other)
    host.wait_for(send(gateway, account, host, ALL, sender=f"a@{other}"))
