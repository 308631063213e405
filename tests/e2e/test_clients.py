"""Clients that people have: swaks and curl."""

import subprocess

import pytest

from sendoff_test.letters import letter, marker

TO = "reader@dest.example.net"
FROM = "news@example.com"


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("clients")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


def run(*words, text=None):
    done = subprocess.run(list(map(str, words)), input=text, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("tls, option", [("starttls", "--tls"), ("implicit", "--tls-on-connect")])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks(gateway, account, recipient, tls, option, mechanism):
    host, port = gateway.endpoint(tls)
    mark = marker()
    words = ["swaks", "--server", host, "--port", port, option, "--auth", mechanism, "--helo", "client.example"]
    run(
        *words,
        "--auth-user",
        account.name,
        "--auth-password",
        account.password,
        "--from",
        FROM,
        "--to",
        TO,
        "--body",
        mark,
    )
    assert recipient.wait_for(mark).sender == FROM


def test_swaks_pipelining(gateway, account, recipient):
    host, port = gateway.endpoint("implicit")
    mark = marker()
    words = [
        "swaks",
        "--server",
        host,
        "--port",
        port,
        "--tls-on-connect",
        "--auth",
        "PLAIN",
        "--pipeline",
        "--helo",
        "client.example",
    ]
    run(
        *words,
        "--auth-user",
        account.name,
        "--auth-password",
        account.password,
        "--from",
        FROM,
        "--to",
        TO,
        "--body",
        mark,
    )
    recipient.wait_for(mark)


@pytest.mark.parametrize("tls, scheme", [("starttls", "smtp"), ("implicit", "smtps")])
def test_curl(gateway, account, recipient, tls, scheme):
    host, port = gateway.endpoint(tls)
    mark = marker()
    words = ["curl", "--silent", "--show-error", "--insecure", "--ssl-reqd", f"{scheme}://{host}:{port}/client.example"]
    words += [
        "--user",
        f"{account.name}:{account.password}",
        "--mail-from",
        FROM,
        "--mail-rcpt",
        TO,
        "--upload-file",
        "-",
    ]
    run(*words, text=letter(FROM, TO, mark + "\r\n"))
    recipient.wait_for(mark)
