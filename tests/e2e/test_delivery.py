"""Delivery to exchangers of every temper: what is retried, what is bounced, and what goes through."""

import os

import pytest

from sendoff_test.client import connect, submit, submit_marked
from sendoff_test.letters import letter, marker, report
from sendoff_test.verify import verified

FROM = "a@example.com"


@pytest.fixture(scope="module")
def gateway(lab, mailbox):
    return lab.gateway()


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("postman")


@pytest.fixture(scope="module")
def mailbox(lab):
    return lab.exchanger("example.com")


@pytest.fixture
def mx(lab):
    return lab.exchanger(lab.new_domain())


def send(gateway, account, *recipients, text="", options=()):
    return submit_marked(gateway, account, FROM, list(recipients), text, options=options)


def outcomes(gateway, address):
    return [event["event"] for event in gateway.log("--to", address)]


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
def test_temporary_refusal_is_retried(gateway, account, mx, stage):
    refusals = iter(["451 4.3.0 not yet"])
    mx.replies[stage] = lambda _: next(refusals, None)
    mark = send(gateway, account, f"r@{mx.domain}")
    mx.wait_for(mark)
    gateway.wait_event("delivered", "--to", f"r@{mx.domain}")
    (deferred,) = gateway.log("--to", f"r@{mx.domain}", "--event", "deferred")
    assert (deferred["code"], deferred["enhanced"]) == (451, "4.3.0") and "not yet" in deferred["text"], deferred
    assert len(mx.arrivals) == 1


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "CONTENT"])
def test_permanent_refusal_is_bounced(gateway, account, mailbox, mx, stage):
    mx.replies[stage] = "550 5.2.1 this mailbox is closed"
    mark = send(gateway, account, f"r@{mx.domain}")
    back = mailbox.wait_for(mark)
    assert (back.sender, back.recipients) == ("", [FROM])
    told = report(back.content)
    assert told["message"]["reporting-mta"].endswith("smtp.example.com")
    (recipient,) = told["recipients"]
    assert recipient["action"] == "failed" and recipient["status"] == "5.2.1"
    assert recipient["final-recipient"].replace(" ", "") == f"rfc822;r@{mx.domain}"
    assert "550 5.2.1 this mailbox is closed" in recipient["diagnostic-code"]
    assert mx.name in recipient["remote-mta"]
    assert mark in told["returned"], "the header of what was sent is not returned"
    (event,) = gateway.wait_event("bounced", "--to", f"r@{mx.domain}")
    assert event["code"] == 550 and event["enhanced"] == "5.2.1"
    assert gateway.queue("--to", f"r@{mx.domain}") == []


def test_mail_that_expires_is_returned(lab):
    domain = lab.new_domain("sender")
    mailbox, mx = lab.exchanger(domain), lab.exchanger(lab.new_domain())
    gateway = lab.gateway(domain, expire="4s")
    account = gateway.add_account("patient", senders=[domain])
    mx.replies["RCPT"] = "450 4.2.2 mailbox full"
    mark, address = marker(), f"r@{mx.domain}"
    submit(gateway, account, f"a@{domain}", [address], letter(f"a@{domain}", address, subject=mark))
    told = report(mailbox.wait_for(mark, timeout=30).content)
    (recipient,) = told["recipients"]
    assert recipient["action"] == "failed" and recipient["status"] in ("4.4.7", "5.4.7"), recipient
    assert "mailbox full" in recipient["diagnostic-code"] + told["text"], "the last reason is not told"
    kinds = outcomes(gateway, address)
    assert kinds[:2] == ["accepted", "deferred"] and kinds[-1] == "expired", kinds
    assert gateway.queue("--to", address) == []
    gateway.stop()


def test_bounce_of_a_bounce_ends(lab, gateway, account, mx):
    """The sender's own exchanger refuses the notification: nothing is made of that (RFC 3464 2, RFC 5321 6.1)."""
    domain = lab.new_domain("sender")
    closed = lab.exchanger(domain)
    closed.replies["RCPT"] = "550 5.1.1 nobody"
    mx.replies["RCPT"] = "550 5.1.1 nobody here either"
    other = gateway.add_account("unloved", senders=[domain])
    submit(gateway, other, f"a@{domain}", [f"r@{mx.domain}"], letter(f"a@{domain}", f"r@{mx.domain}"))
    gateway.wait_event("dropped", "--to", f"a@{domain}")
    gateway.wait_empty()
    assert not closed.arrivals


def test_null_reverse_path_makes_no_notification(gateway, account, mailbox, mx):
    mx.replies["RCPT"] = "550 5.1.1 nobody"
    mark = marker()
    with connect(gateway, account) as session:
        session.sendmail("", [f"r@{mx.domain}"], letter(FROM, f"r@{mx.domain}", subject=mark))
    gateway.wait_event("bounced", "--to", f"r@{mx.domain}")
    gateway.wait_empty()
    assert not [a for a in mailbox.arrivals if mark.encode() in a.content]


def test_connection_is_used_again(gateway, account, mx):
    for count in range(1, 6):
        send(gateway, account, f"r@{mx.domain}")
        mx.wait(count)
    assert mx.connections == 1


def test_one_transaction_for_the_recipients_of_a_domain(gateway, account, mx):
    recipients = [f"{name}@{mx.domain}" for name in "abc"]
    mark = send(gateway, account, *recipients)
    assert sorted(mx.wait_for(mark).recipients) == recipients
    gateway.wait_event("delivered", "--to", f"*@{mx.domain}", count=3)
    assert len(mx.arrivals) == 1


def test_each_recipient_has_its_own_fate(gateway, account, mailbox, mx):
    answers = {"no": "550 5.1.1 unknown", "later": "450 4.2.1 busy"}
    mx.replies["RCPT"] = lambda address: answers.get(address.split("@")[0])
    mark = send(gateway, account, *(f"{name}@{mx.domain}" for name in ("yes", "no", "later")))
    assert mx.wait(1)[0].recipients == [f"yes@{mx.domain}"]
    (failed,) = report(mailbox.wait_for(mark).content)["recipients"]
    assert failed["final-recipient"].endswith(f"no@{mx.domain}")
    gateway.wait_event("deferred", "--to", f"later@{mx.domain}")
    mx.replies.clear()
    assert mx.wait(2)[1].recipients == [f"later@{mx.domain}"]
    gateway.wait_event("delivered", "--to", f"later@{mx.domain}")
    assert outcomes(gateway, f"yes@{mx.domain}")[-1] == "delivered"
    assert outcomes(gateway, f"no@{mx.domain}")[-1] == "bounced"


def test_recipients_of_several_domains(lab, gateway, account):
    targets = [lab.exchanger(lab.new_domain()) for _ in range(3)]
    mark = send(gateway, account, *(f"r@{mx.domain}" for mx in targets))
    for mx in targets:
        assert mx.wait_for(mark).recipients == [f"r@{mx.domain}"]


def test_tls_is_used_when_offered(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), tls="good")
    arrival = mx.wait_for(send(gateway, account, f"r@{mx.domain}"))
    assert arrival.tls.startswith("TLSv1."), "sent in the clear"
    assert arrival.helo == "smtp.example.com"


def test_peer_without_pipelining(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), pipelining=False)
    mx.wait_for(send(gateway, account, f"r@{mx.domain}", f"s@{mx.domain}"))


def test_peer_that_only_knows_helo(gateway, account, mx):
    mx.replies["EHLO"] = "502 5.5.1 what?"
    mx.wait_for(send(gateway, account, f"r@{mx.domain}"))


def test_dots_and_empty_lines_arrive_as_sent(gateway, account, mx):
    text = ".\r\n..\r\n.leading\r\n\r\n...\r\nend.\r\n\r\n\r\n"
    mark = send(gateway, account, f"r@{mx.domain}", text=text)
    assert mx.wait_for(mark).body == (mark + "\r\n" + text).encode()


def test_a_large_message_arrives_identical(lab, gateway, account, mx):
    line = b"0123456789" * 7
    text = b"".join(b"%08d %s\r\n" % (n, line) for n in range(260000))
    mark = send(gateway, account, f"r@{mx.domain}", text=text)
    arrival = mx.wait_for(mark, timeout=60)
    assert len(arrival.body) > 20_000_000
    assert arrival.body == mark.encode() + b"\r\n" + text
    assert verified(arrival.content, lab.dns) == [("example.com", "ed25519-sha256")]
    gateway.wait_event("delivered", "--to", f"r@{mx.domain}")


def test_a_file_that_cannot_be_read_is_told_of_without_it(gateway, account, mailbox, mx):
    """The disk does not give the message back: its sender hears of the failure all the same."""
    mx.replies["MAIL"] = "451 4.3.0 not yet"
    send(gateway, account, f"r@{mx.domain}", text="x" * 70 + "\r\n" + "a large message\r\n" * 40000)
    gateway.wait_event("deferred", "--to", f"r@{mx.domain}")
    (row,) = gateway.queue("--to", f"r@{mx.domain}")
    (path,) = [os.path.join(where, name) for where, _, names in os.walk(gateway.data) for name in names if row["message"] in name]
    os.unlink(path)
    os.mkdir(path)
    mx.replies["MAIL"] = "550 5.7.1 never"
    gateway.sendoff("queue", "retry", row["message"])
    back = mailbox.wait_for("5.7.1 never")
    os.rmdir(path)
    assert report(back.content)["recipients"][0]["status"] == "5.7.1"
