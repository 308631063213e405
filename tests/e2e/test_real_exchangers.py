"""Delivery to the mail servers that most exchangers are: Postfix, also behind postgrey, Exim and OpenSMTPD, as Debian packages
them. What they have stored is compared with what was sent."""

import os
import time
from datetime import datetime

import pytest

from sendoff_test.client import submit_marked, submit_with
from sendoff_test.exchangers import SIZE, Exim, OpenSmtpd, PostfixMailboxes
from sendoff_test.lab import SOURCE, Lab
from sendoff_test.letters import marker, report
from sendoff_test.own_network import OwnNetwork
from sendoff_test.processes import wait_until
from sendoff_test.verify import verified

FROM, OTHER_SOURCE = "a@example.com", "127.0.0.3"
SIGNED = [("example.com", "ed25519-sha256"), ("example.com", "rsa-sha256")]
SERVERS = {"postfix": PostfixMailboxes, "exim": Exim, "opensmtpd": OpenSmtpd}
SHAPING = os.path.abspath(f"{os.path.dirname(__file__)}/../../deploy/shaping.conf")
DELAY = 4  # seconds, of postgrey
LARGE = b"".join(b"%07d %s\r\n" % (n, b"0123456789" * 6) for n in range(15000))  # over 1 MB
DOTS = b".\r\n..\r\n.leading\r\n\r\n...\r\nend.\r\n"
IN_UTF8 = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"


@pytest.fixture(scope="module")
def lab():
    """In a network of its own, so that the exchangers find the DNS server where they look for one."""
    network = OwnNetwork()
    made = Lab(dns_port=53)
    yield made
    made.close()
    network.close()


@pytest.fixture(scope="module")
def mailbox(lab):
    """Where notices go."""
    return lab.exchanger("example.com", utf8=True)


def new_gateway(lab, **configuration):
    gateway = lab.new_gateway().configure(**configuration)
    gateway.add_domain("example.com", "--key", "both")
    return gateway


@pytest.fixture(scope="module")
def gateway(lab, mailbox):
    made = new_gateway(lab, retry=["1s", "7s"])  # the connection that was kept open is gone before the second retry
    made.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    return made.start()


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture(scope="module", params=SERVERS)
def host(request, lab):
    server = SERVERS[request.param](lab, lab.new_domain()).start()
    yield server
    server.stop()


def send(gateway, account, *recipients, text=b"Hello.\r\n", extra="", options=()):
    return submit_marked(gateway, account, FROM, list(recipients), text, extra, options)


def copy_of(lab, host, mark):
    """The one copy there is; its signatures verify."""
    (copy,) = host.copies(mark)
    assert sorted(verified(copy.content, lab.dns)) == SIGNED, copy.content[:3000]
    return copy


# What they take.


def test_a_message(lab, gateway, account, host):
    copy = copy_of(lab, host, send(gateway, account, f"r@{host.domain}"))
    assert copy.recipient == f"r@{host.domain}" and copy.body.endswith(b"\r\nHello.\r\n")
    (event,) = gateway.wait_event("delivered", "--to", f"r@{host.domain}")
    assert event["host"].startswith(host.name) and event["tls"] == host.tls, event
    wait_until(lambda: host.verified in host.output(), "it has verified the signatures, if it does that")


def test_several_recipients_in_one_transaction(gateway, account, host):
    wanted = sorted(f"{name}@{host.domain}" for name in "abcde")
    mark = send(gateway, account, *wanted)
    copies = host.copies(mark, 5)
    assert sorted(copy.recipient for copy in copies) == wanted
    assert len({copy.transaction for copy in copies}) == 1, copies


@pytest.mark.parametrize("text", [DOTS, LARGE], ids=["dots", "large"])
def test_content_arrives_as_it_was_sent(lab, gateway, account, host, text):
    mark = send(gateway, account, f"r@{host.domain}", text=text)
    assert copy_of(lab, host, mark).body == mark.encode() + b"\r\n" + text


def test_8_bit_content(lab, gateway, account, host):
    mark = send(gateway, account, f"r@{host.domain}", text="Grüße.\r\n".encode(), extra=IN_UTF8, options=["BODY=8BITMIME"])
    assert copy_of(lab, host, mark).body == f"{mark}\r\nGrüße.\r\n".encode()


def test_addresses_beyond_ascii(lab, gateway, account, host, mailbox):
    sender, recipient, mark = "grüße@example.com", f"größe@{host.domain}", marker()
    content = f"From: {sender}\r\nTo: {recipient}\r\nSubject: Grüße {mark}\r\n\r\nHello.\r\n".encode()
    submit_with(gateway, account, sender, [recipient], content, mail=["SMTPUTF8", "BODY=8BITMIME"])
    if host.utf8:
        copy = copy_of(lab, host, mark)
        assert copy.recipient == recipient and f"Subject: Grüße {mark}".encode() in copy.content
    else:
        (event,) = gateway.wait_event("bounced", "--to", recipient)
        assert event["enhanced"] == "5.6.9" and mailbox.wait_for(mark), event


def test_one_connection_for_several_messages(lab, gateway, account, host):
    before = host.connections()
    for _ in range(5):
        copy_of(lab, host, send(gateway, account, f"r@{host.domain}"))
    assert host.connections() - before <= 1, host.output()  # or none: an earlier test's was still there


# What they do not take.


def test_a_refused_recipient_bounces_alone(lab, gateway, account, host, mailbox):
    mark = send(gateway, account, f"gone@{host.domain}", f"r@{host.domain}")
    (failed,) = report(mailbox.wait_for(mark).content)["recipients"]
    assert failed["final-recipient"].endswith(f"gone@{host.domain}") and failed["status"] == "5.1.1"
    assert "there is no such mailbox" in failed["diagnostic-code"] and host.name in failed["remote-mta"]
    assert copy_of(lab, host, mark).recipient == f"r@{host.domain}"
    (event,) = gateway.wait_event("bounced", "--to", f"gone@{host.domain}")
    assert event["code"] == 550 and "there is no such mailbox" in event["text"], event


def test_those_put_off_arrive_later_and_together(lab, gateway, account, host):
    later = [f"later{n}@{host.domain}" for n in range(3)]
    mark = send(gateway, account, *later, f"r@{host.domain}")
    events = gateway.wait_event("deferred", "--to", f"later*@{host.domain}", count=3)
    assert all(event["code"] == 450 and event["enhanced"] == "4.2.0" and "not now" in event["text"] for event in events), events
    assert copy_of(lab, host, mark).recipient == f"r@{host.domain}"
    host.take_later()
    copies = [copy for copy in host.copies(mark, 4) if copy.recipient in later]
    assert sorted(copy.recipient for copy in copies) == later
    assert len({copy.transaction for copy in copies}) == 1, "each was sent the message by itself"


def test_a_message_over_its_size(lab, gateway, account, host, mailbox):
    """RFC 1870 6.1: not sent at all."""
    mark = send(gateway, account, f"r@{host.domain}", text=LARGE * 2)
    (failed,) = report(mailbox.wait_for(mark, timeout=60).content)["recipients"]
    assert failed["status"] == "5.3.4", failed
    (event,) = gateway.wait_event("bounced", "--to", f"r@{host.domain}")
    assert str(SIZE) in event["text"], event
    assert not host.copies_now(mark)


# Their peculiarities.


def test_tls_that_never_works(lab, gateway, account):
    """OpenSMTPD as it is in Debian 12: mail that has waited goes in the clear (RFC 7435), and the log says why."""
    host = OpenSmtpd(lab, lab.new_domain(), tls="tls pki here").start()
    copy_of(lab, host, send(gateway, account, f"r@{host.domain}"))
    (event,) = gateway.wait_event("delivered", "--to", f"r@{host.domain}")
    assert event["tls"] == "none" and "TLS handshake" in event["text"], event
    (deferred,) = gateway.log("--event", "deferred", "--to", f"r@{host.domain}")
    assert "TLS alert from the peer: Internal error" in deferred["text"], deferred
    host.stop()


WITH_A_TIME = "--greylist-text='Greylisted, try again in %s seconds'"


@pytest.mark.parametrize("time_said", [True, False])
def test_greylisting(lab, time_said):
    """A time in the reply is kept to, whatever the schedule has; without one it is five minutes. postgrey knows a message by its
    source, sender and recipient, so each has to stay."""
    gateway = new_gateway(lab, retry=["1h"], delivery=f'shaping = "{SHAPING}"')
    for number, source in enumerate((SOURCE, OTHER_SOURCE)):
        gateway.sendoff("source", "add", source, "--helo", f"s{number}.example.com")
    account = gateway.start().add_account("app")
    host = PostfixMailboxes(lab, lab.new_domain(), f"--delay={DELAY} --lookup-by-host {WITH_A_TIME if time_said else ''}").start()
    recipients = [f"r{n}@{host.domain}" for n in range(4)]
    marks = [send(gateway, account, recipient) for recipient in recipients]
    deferred = {event["to"]: event for event in gateway.wait_event("deferred", "--to", f"*@{host.domain}", count=4)}
    if not time_said:
        for row in gateway.queue():
            waits = datetime.fromisoformat(row["next"]) - datetime.fromisoformat(deferred[row["to"]]["time"])
            assert 290 < waits.total_seconds() < 320, row
        time.sleep(DELAY + 1)
        gateway.sendoff("queue", "retry", "--to", "*", "--yes")
    for mark, recipient in zip(marks, recipients):
        copy_of(lab, host, mark)
        (delivered,), first = gateway.wait_event("delivered", "--to", recipient), deferred[recipient]
        assert first["code"] == 450 and first["enhanced"] == "4.2.0" and delivered["source"] == first["source"], (first, delivered)
        assert ("try again in" if time_said else "see http://postgrey.schweikert.ch/help/") in first["text"], first
    assert len(gateway.log("--event", "deferred")) == 4
    host.stop()
    gateway.stop()
