"""Clients that people have: swaks, curl, msmtp (GnuTLS) and Nodemailer; WordPress has a file of its own. What they show of
a refusal is in test_shown.py."""

import subprocess

import pytest

from sendoff_test.applications import run_nodemailer
from sendoff_test.letters import letter, marker, values

TO = "reader@dest.example.net"
FROM = "news@example.com"


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("clients")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net", utf8=True)


def run(*words, text=None, env=None):
    done = subprocess.run(list(map(str, words)), input=text, capture_output=True, timeout=60, env=env)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


def swaks(gateway, account, tls, *options):
    """Sends a letter; returns its marker."""
    host, port = gateway.endpoint(tls)
    mark = marker()
    words = ["swaks", "--server", host, "--port", port, "--helo", "client.example", *options]
    words += ["--auth-user", account.name, "--auth-password", account.password]
    run(*words, "--from", FROM, "--to", TO, "--body", mark)
    return mark


@pytest.mark.parametrize("tls, option", [("starttls", "--tls"), ("implicit", "--tls-on-connect")])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks(gateway, account, recipient, tls, option, mechanism):
    assert recipient.wait_for(swaks(gateway, account, tls, option, "--auth", mechanism)).sender == FROM


def test_swaks_pipelining(gateway, account, recipient):
    recipient.wait_for(swaks(gateway, account, "implicit", "--tls-on-connect", "--auth", "PLAIN", "--pipeline"))


@pytest.mark.parametrize("tls, scheme", [("starttls", "smtp"), ("implicit", "smtps")])
def test_curl(gateway, account, recipient, tls, scheme):
    host, port = gateway.endpoint(tls)
    mark = marker()
    words = ["curl", "--silent", "--show-error", "--insecure", "--ssl-reqd", f"{scheme}://{host}:{port}/client.example"]
    words += ["--user", f"{account.name}:{account.password}", "--mail-from", FROM, "--mail-rcpt", TO, "--upload-file", "-"]
    run(*words, text=letter(FROM, TO, mark + "\r\n"))
    recipient.wait_for(mark)


@pytest.mark.parametrize("tls, starttls", [("starttls", "on"), ("implicit", "off")])
@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
def test_msmtp(gateway, account, recipient, tls, starttls, mechanism):
    host, port = gateway.endpoint(tls)
    mark = marker()
    words = ["msmtp", f"--host={host}", f"--port={port}", "--tls=on", f"--tls-starttls={starttls}", "--tls-certcheck=off"]
    words += [f"--auth={mechanism}", f"--user={account.name}", "--passwordeval", f"echo {account.password}"]
    words += ["--domain=client.example", f"--from={FROM}", "--dsn-notify=failure,delay", "--dsn-return=headers"]
    run(*words, TO, text=letter(FROM, TO, mark + "\n").replace(b"\r\n", b"\n"))
    arrival = recipient.wait_for(mark)
    assert arrival.sender == FROM and arrival.body == mark.encode() + b"\r\n"


def nodemailer(gateway, account, tls, message):
    done = run_nodemailer(gateway, account, tls, message)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_nodemailer(gateway, account, recipient, tls):
    mark = marker()
    message = {"from": f"News <{FROM}>", "to": TO, "bcc": "hidden@dest.example.net", "subject": "Grüße", "text": mark}
    message |= {"html": "<p>Grüße</p>", "attachments": [{"filename": "a.bin", "content": "0" * 100_000}]}
    assert nodemailer(gateway, account, tls, message).startswith("250 2.0.0 accepted as ")
    arrival = recipient.wait_for(mark)
    assert sorted(arrival.recipients) == ["hidden@dest.example.net", TO]
    assert not values(arrival.content, "Bcc")


def test_nodemailer_with_a_utf8_address(gateway, account, recipient):
    """It says SMTPUTF8 by itself when an address needs it."""
    mark = marker()
    nodemailer(gateway, account, "starttls", {"from": FROM, "to": "jörg@dest.example.net", "subject": "x", "text": mark})
    arrival = recipient.wait_for(mark)
    assert arrival.recipients == ["jörg@dest.example.net"]
    assert "SMTPUTF8" in arrival.options
