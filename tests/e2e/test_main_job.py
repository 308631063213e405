"""The main job, as the documentation walks through it: from `sendoff init` to a signed message at its recipient, told
whole by the log."""

import re

import pytest

from sendoff_test.client import connect, dialogue, submit
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker, values
from sendoff_test.verify import signatures, tags, verified


@pytest.fixture(scope="module")
def gateway(lab):
    """Made by the commands alone; its configuration is what init wrote, plus the test network's own DNSSEC root."""
    made = lab.new_gateway()
    with open(made.config) as config:
        text = config.read()
    with open(made.config, "w") as config:
        config.write(re.sub(r"dns\s*\{", f'dns {{\n  trust_anchor = "{lab.dns.trust_anchor}"', text, count=1))
    made.add_domain("example.com", "--key", "both")
    made.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    return made.start()


@pytest.fixture(scope="module")
def blog(gateway):
    limits = ["60/minute", "5000/day", "20000rcpt/month:defer", "100rcpt/message"]
    return gateway.add_account("blog", *(word for limit in limits for word in ("--limit", limit)))


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


def test_init_wrote_a_configuration_that_it_likes(gateway):
    gateway.sendoff("config", "check")


def test_a_message_arrives_whole_and_signed(lab, gateway, blog, recipient):
    mark = marker()
    submit(
        gateway,
        blog,
        "news@example.com",
        ["reader@dest.example.net"],
        letter("news@example.com", "reader@dest.example.net", mark),
    )
    arrival = recipient.wait_for(mark)
    assert arrival.sender == "news@example.com"
    assert arrival.recipients == ["reader@dest.example.net"]
    assert arrival.peer[0] == SOURCE
    assert arrival.helo == "smtp.example.com"
    assert sorted(verified(arrival.content, lab.dns)) == [
        ("example.com", "ed25519-sha256"),
        ("example.com", "rsa-sha256"),
    ]


def test_from_is_oversigned(gateway, blog, recipient):
    mark = marker()
    submit(
        gateway,
        blog,
        "news@example.com",
        ["r@dest.example.net"],
        letter("news@example.com", "r@dest.example.net", mark),
    )
    made = signatures(recipient.wait_for(mark).content)
    assert len(made) == 2
    for signature in made:
        signed = [name.lower() for name in tags(signature)["h"].split(":")]
        assert signed.count("from") == 2, signed
        assert {"to", "subject", "date", "message-id"} <= set(signed), signed


def test_header_is_completed_and_says_nothing_of_the_client(gateway, blog, recipient):
    mark = marker()
    content = letter("news@example.com", "r@dest.example.net", mark, extra="Bcc: hidden@dest.example.net\r\n")
    submit(gateway, blog, "news@example.com", ["r@dest.example.net"], content)
    got = recipient.wait_for(mark).content
    assert len(values(got, "Date")) == 1
    (message_id,) = values(got, "Message-ID")
    assert message_id.endswith("@smtp.example.com>") or message_id.endswith("@example.com>"), message_id
    assert values(got, "Bcc") == []
    (received,) = values(got, "Received")
    assert "by smtp.example.com" in received
    assert "127.0.0.1" not in received and "client.example" not in received, received


def test_what_the_header_has_is_kept(gateway, blog, recipient):
    mark = marker()
    own = "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <mine@example.com>\r\n"
    submit(
        gateway,
        blog,
        "news@example.com",
        ["r@dest.example.net"],
        letter("news@example.com", "r@dest.example.net", mark, extra=own),
    )
    got = recipient.wait_for(mark).content
    assert values(got, "Date") == ["Mon, 23 Nov 2026 10:00:00 +0000"]
    assert values(got, "Message-ID") == ["<mine@example.com>"]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_every_way_in(gateway, blog, recipient, tls, mechanism):
    """Each mechanism is asked for by name, on each kind of listener."""
    mark = marker()
    with connect(gateway, tls=tls) as session:
        session.ehlo()
        session.user, session.password = blog.name, blog.password
        method = {"PLAIN": session.auth_plain, "LOGIN": session.auth_login}[mechanism]
        code, text = session.auth(mechanism, method)
        assert code == 235, text
        session.sendmail(
            "news@example.com", ["r@dest.example.net"], letter("news@example.com", "r@dest.example.net", mark)
        )
    recipient.wait_for(mark)


def test_extensions_are_announced(gateway):
    with dialogue(gateway, tls="implicit") as talk:
        offered = {line[4:].split()[0] for line in talk.say("EHLO client.example").splitlines()[1:]}
    assert {"SIZE", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "AUTH"} <= offered, offered
    assert "STARTTLS" not in offered


def test_the_log_tells_it(gateway, blog, recipient):
    mark = marker()
    address = f"{mark}@dest.example.net"
    submit(gateway, blog, "news@example.com", [address], letter("news@example.com", address, mark))
    recipient.wait_for(mark)
    (delivered,) = gateway.wait_event("delivered", "--to", address)
    assert delivered["account"] == "blog"
    assert delivered["from"] == "news@example.com"
    assert delivered["to"] == address
    assert delivered["source"] == SOURCE
    assert delivered["code"] == 250
    assert recipient.name in delivered["host"] or recipient.address in delivered["host"]
    assert gateway.story(delivered["message"]) == ["accepted", "delivered"]
    told = gateway.sendoff("log", "show", delivered["message"])
    assert "accepted" in told and "delivered" in told and address in told
    assert gateway.queue() == []


def test_usage_counts_messages_and_recipients(gateway, blog, recipient):
    before = gateway.usage("blog")
    recipients = ["a@dest.example.net", "b@dest.example.net", "c@dest.example.net"]
    submit(gateway, blog, "news@example.com", recipients, letter("news@example.com", recipients[0]))
    after = gateway.usage("blog")
    assert after["total_messages"] - before["total_messages"] == 1
    assert after["total_recipients"] - before["total_recipients"] == 3
    assert "blog" in gateway.sendoff("account", "usage")
    assert "blog" in gateway.sendoff("account", "list")
    assert "example.com" in gateway.sendoff("account", "show", "blog")
