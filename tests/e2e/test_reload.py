"""Signals: SIGHUP takes a new certificate, SIGTERM drains; neither hurts a session."""

import shutil
import socket
import ssl
import time

from sendoff_test.certificate import make_certificate
from sendoff_test.client import dialogue, submit, trusting
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"


def presented(gateway):
    """The certificate that a new session is shown."""
    with socket.create_connection(gateway.endpoint("implicit"), 10) as tcp, trusting().wrap_socket(tcp) as tls:
        return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True)).split()


def test_reload_takes_the_new_certificate_and_keeps_sessions(lab):
    recipient = lab.exchanger("dest.example.net")
    gateway = lab.new_gateway()
    certificate, key = make_certificate(gateway.folder, "smtp.example.com", "live")
    gateway.configure(certificate=certificate, key=key)
    account = gateway.add_account("reload")
    gateway.start()
    before = presented(gateway)
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO)
        for made, used in zip(make_certificate(gateway.folder, "smtp.example.com", "next"), (certificate, key)):
            shutil.copy(made, used)
        gateway.reload()
        wait_until(lambda: presented(gateway) != before, "new sessions see the new certificate")
        mark = marker()
        assert talk.content(letter(FROM, TO, mark + "\r\n")).startswith("250"), "the old session was hurt"
    recipient.wait_for(mark)
    gateway.stop()


def test_reload_with_a_broken_certificate_keeps_the_old_one(lab):
    gateway = lab.new_gateway()
    certificate, key = make_certificate(gateway.folder, "smtp.example.com", "live")
    gateway.configure(certificate=certificate, key=key).start()
    before = presented(gateway)
    with open(certificate, "w") as broken:
        broken.write("this is no certificate\n")
    gateway.reload()
    wait_until(lambda: certificate in gateway.output(), "the log says which file is bad")
    assert presented(gateway) == before
    gateway.stop()


def test_sigterm_finishes_what_has_begun(lab):
    recipient = lab.exchanger("dest.example.net")
    gateway = lab.gateway()
    account = gateway.add_account("drain")
    mark = marker()
    with dialogue(gateway, account) as busy, dialogue(gateway, account) as idle:
        busy.envelope(FROM, TO)
        assert busy.say("DATA").startswith("354")
        busy.send(letter(FROM, TO, mark + "\r\n"))
        gateway.terminate()
        wait_until(lambda: turned_away(gateway), "new sessions are turned away")
        assert idle.say("MAIL FROM:<a@example.com>")[:3] in ("421", ""), "a new transaction was begun while draining"
        busy.send(b".\r\n")
        assert busy.reply().startswith("250"), "the transaction that had begun was not finished"
    gateway.finish()
    gateway.start()
    recipient.wait_for(mark)
    gateway.stop()


def turned_away(gateway):
    """421, or no listener any more: both tell a client to come back."""
    try:
        with socket.create_connection(gateway.endpoint("optional"), 2) as probe:
            probe.settimeout(5)
            return probe.recv(512)[:3] in (b"421", b"")
    except OSError:
        return True


def test_sigterm_does_not_wait_for_ever(lab):
    gateway = lab.gateway()
    account = gateway.add_account("stubborn")
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO)
        begin = time.monotonic()
        gateway.stop()
        assert time.monotonic() - begin < 40
        assert talk.reply().startswith("421 4.3.2"), "the cut came without a word"


def test_restart_delivers_what_waits(lab):
    recipient = lab.exchanger(lab.new_domain())
    recipient.replies["RCPT"] = "450 4.2.1 not yet"
    gateway = lab.gateway()
    account = gateway.add_account("waiting")
    address, mark = f"r@{recipient.domain}", marker()
    submit(gateway, account, FROM, [address], letter(FROM, address, mark))
    gateway.wait_event("deferred", "--to", address)
    gateway.stop()
    recipient.replies.clear()
    gateway.start()
    recipient.wait_for(mark)
    gateway.stop()
