"""Streams: which one a message is of, and that its pool, its selector and the log follow it."""


import pytest

from sendoff_test.attempts import accepted_event, attempt, attempt_as, refusal_event
from sendoff_test.client import dialogue
from sendoff_test.dns import txt
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker, values
from sendoff_test.processes import wait_until
from sendoff_test.stored import edit
from sendoff_test.verify import signatures, tags, verified

FROM, TO = "a@example.com", "r@dest.example.net"
BULK = "X-Sendoff-Stream: bulk\r\n"
OTHER = "X-Sendoff-Stream: transactional\r\n"


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net", utf8=True)


@pytest.fixture(scope="module")
def news(lab, gateway):
    """The source of the pool that bulk mail has."""
    address = lab.block.new_address()
    gateway.sendoff("source", "add", address, "--helo", "news.example.com", "--pool", "news")
    return address


@pytest.fixture(scope="module")
def account(gateway, news):
    return gateway.add_account("shop", "--stream-pool", "bulk:news")


@pytest.fixture(scope="module")
def newsletter(gateway, news):
    return gateway.add_account("letter", "--stream", "bulk", "--stream-pool", "bulk:news")


def send(gateway, account, extra="", options="", body="Hello.\r\n", to=TO):
    """Its mark and its `accepted` event."""
    mark = marker()
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, to, options=options)
        answer = talk.content(letter(FROM, to, body, subject=mark, extra=extra))
    return mark, accepted_event(gateway, answer)


def source_of(gateway, message):
    """Where it left from, as the log says."""

    def delivered():
        return [e for e in gateway.sendoff.json("log", "show", message) if e["event"] == "delivered"]

    return wait_until(delivered, "it is delivered")[0]["source"]


@pytest.mark.parametrize(
    "extra, options, stream",
    [
        ("", "", "transactional"),
        (BULK, "", "bulk"),
        ("x-sendoff-STREAM :\r\n\tbulk \r\n", "", "bulk"),
        ("X-Sendoff-Stream: Bulk\r\n", "", "bulk"),
        ("Precedence: bulk\r\n", "", "bulk"),
        ("Precedence: LIST\r\n", "", "bulk"),
        ("Precedence: first-class\r\n", "", "transactional"),
        ("", " MT-PRIORITY=-2", "bulk"),
        ("", " MT-PRIORITY=-1", "bulk"),
        ("", " MT-PRIORITY=0", "transactional"),
        ("", " MT-PRIORITY=4", "transactional"),
        ("Precedence: bulk\r\n" + OTHER, " MT-PRIORITY=-2", "transactional"),
        (BULK, " MT-PRIORITY=4", "bulk"),
    ],
)
def test_a_message_says_which(gateway, account, recipient, news, extra, options, stream):
    mark, event = send(gateway, account, extra, options)
    assert event["stream"] == stream
    arrival = recipient.wait_for(mark)
    assert arrival.peer[0] == (news if stream == "bulk" else SOURCE)
    assert arrival.helo == ("news.example.com" if stream == "bulk" else "smtp.example.com")
    assert not values(arrival.content, "X-Sendoff-Stream")
    assert values(arrival.content, "Precedence") == values(extra.encode() + b"\r\n", "Precedence")
    assert source_of(gateway, event["message"]) == arrival.peer[0]


@pytest.mark.parametrize("extra, stream", [("", "bulk"), (OTHER, "transactional"), ("Precedence: bulk\r\n", "bulk")])
def test_an_account_has_one_for_mail_that_does_not_say(gateway, newsletter, recipient, news, extra, stream):
    mark, event = send(gateway, newsletter, extra)
    assert event["stream"] == stream
    assert recipient.wait_for(mark).peer[0] == (news if stream == "bulk" else SOURCE)


@pytest.mark.parametrize("body", ["x" * 3000 + "\r\n", "x" * 400_000 + "\r\n"], ids=["small", "spooled"])
@pytest.mark.parametrize("extra, stream", [(BULK, "bulk"), (OTHER, "transactional")])
def test_it_is_not_lost_when_the_message_is_encoded_anew(gateway, account, newsletter, recipient, news, body, extra, stream):
    """Lines that are too long have the header read once more, without the field."""
    sender = account if stream == "bulk" else newsletter
    mark, event = send(gateway, sender, extra, body=body)
    assert "content encoded anew" in event["text"] and event["stream"] == stream, event
    arrival = recipient.wait_for(mark)
    assert arrival.peer[0] == (news if stream == "bulk" else SOURCE)
    assert not values(arrival.content, "X-Sendoff-Stream")


def test_by_bdat_and_binary(gateway, account, recipient, news):
    mark = marker()
    head = f"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n{BULK}"
    content = letter(FROM, TO, b"\0\1\2\xff\n" * 400, subject=mark, extra=head)
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO, options=" BODY=BINARYMIME")
        talk.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert talk.reply().startswith("250")
    arrival = recipient.wait_for(mark)
    assert arrival.peer[0] == news and not values(arrival.content, "X-Sendoff-Stream")


def test_one_that_nobody_knows_is_refused(gateway, account):
    answer = attempt_as(gateway, account, FROM, [TO], letter(FROM, TO, extra="X-Sendoff-Stream: news\r\n"))
    assert answer.startswith('550 5.6.0 X-Sendoff-Stream is "news"; write transactional or bulk. sendoff why '), answer
    event = refusal_event(gateway, answer)
    assert event["rule"] == "header" and event["account"] == "shop"


# Selectors.


@pytest.fixture(scope="module")
def selectors(gateway):
    """(that of bulk mail, the other one) of a domain with two keys."""
    gateway.add_domain("keys.example", "--key", "both")
    bulk, other = (key["selector"] for key in gateway.sendoff.json("dkim", "list", "keys.example"))
    gateway.sendoff("domain", "set", "keys.example", "--stream-selector", f"bulk:{bulk}")
    return bulk, other


@pytest.fixture(scope="module")
def owner(gateway, selectors):
    return gateway.add_account("owner", senders=["keys.example"])


def signed_by(arrival):
    found = [tags(signature) for signature in signatures(arrival.content)]
    assert {t["d"] for t in found} == {"keys.example"}
    return {t["s"] for t in found}


@pytest.mark.parametrize("eight_bit", [True, False], ids=["as it is", "signed anew for a host without 8BITMIME"])
def test_the_selector_follows_the_stream(lab, gateway, owner, selectors, eight_bit):
    bulk, other = selectors
    host = lab.exchanger(lab.new_domain(), eight_bit=eight_bit)
    sender, to = "a@keys.example", f"r@{host.domain}"
    for extra, expected in ((BULK, {bulk}), ("", {bulk, other})):
        mark = marker()
        text = "Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n"
        content = letter(sender, to, "Grüße\r\n", subject=mark, extra=text + extra)
        assert attempt_as(gateway, owner, sender, [to], content).startswith("250")
        arrival = host.wait_for(mark)
        assert signed_by(arrival) == expected
        assert len(verified(arrival.content, lab.dns)) == len(expected)
        assert max(arrival.content) < 0x80 or eight_bit
    (event,) = gateway.log("--event", "accepted", "--to", to, "--limit", "1") or [None]
    assert {(one["domain"], one["selector"]) for one in event["signed"]} == {("keys.example", bulk), ("keys.example", other)}


def test_a_selector_that_is_retired_leaves_no_mail_unsigned(lab, recipient):
    gateway = lab.gateway()
    gateway.add_domain("retire.example", "--key", "both")
    bulk, other = (key["selector"] for key in gateway.sendoff.json("dkim", "list", "retire.example"))
    account = gateway.add_account("retire", senders=["retire.example"])
    gateway.sendoff("domain", "set", "retire.example", "--stream-selector", f"bulk:{bulk}")
    gateway.stop()
    assert edit(gateway, "UPDATE keys SET state = 1 WHERE selector = ?", bulk) == 1
    gateway.start()
    mark = marker()
    sender = "a@retire.example"
    assert attempt_as(gateway, account, sender, [TO], letter(sender, TO, subject=mark, extra=BULK)).startswith("250")
    arrival = recipient.wait_for(mark)
    (signature,) = signatures(arrival.content)
    assert tags(signature)["s"] == other and len(verified(arrival.content, lab.dns)) == 1
    gateway.stop()


# SPF of the pool that is used.


def test_spf_is_asked_of_the_pool_that_the_stream_has(lab, gateway, news, recipient):
    domain = lab.new_domain("spf")
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", domain, "--spf", "enforce")
    lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{SOURCE} -all"))
    account = gateway.add_account("pools", "--stream-pool", "bulk:news", senders=[domain])
    sender = f"a@{domain}"
    with dialogue(gateway, account) as talk:
        assert attempt(talk, sender, [TO], letter(sender, TO)).startswith("250")
        answer = attempt(talk, sender, [TO], letter(sender, TO, extra=BULK))
        assert answer.startswith("550 5.7.23") and f"ip4:{news}" in answer, answer
        checks = refusal_event(gateway, answer)["checks"]
        assert checks["spf"] == "refuse fail" and checks["header-from"] == checks["recipient"] == "pass", checks
        assert talk.say(f"MAIL FROM:<{sender}> MT-PRIORITY=-2").startswith("550 5.7.23"), "known at MAIL already"
        assert attempt(talk, sender, [TO], letter(sender, TO)).startswith("250"), "nothing of it stays"


def test_spf_is_waited_for_while_the_disk_still_writes(lab, gateway, news, recipient):
    """Large messages, whose last octets are written while DNS is asked of the other pool's source: each of domains that
    nobody has asked about. What the disk says must not be taken for the answer."""
    account = gateway.add_account("large", "--stream-pool", "bulk:news", senders=["*"])
    with dialogue(gateway, account) as talk:
        for _ in range(8):
            domain = lab.new_domain("spf")
            lab.dns.set(domain, "TXT", txt(f"v=spf1 exists:%{{i}}.{domain} a:{domain} ip4:{news} -all"))
            sender = f"a@{domain}"
            to = f"r@{domain}.invalid"
            content = letter(sender, to, "", extra=BULK)
            content += (b"y" * 70 + b"\r\n") * 20_000
            answer = attempt(talk, sender, [to], content)
            event = accepted_event(gateway, answer)
            assert event["spf"] == "pass", event
