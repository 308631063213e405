"""TLS handshakes that fail: each is in the delivery log with a reference, and counted; a client that does not trust the
certificate is said to be one, whatever it and the gateway's library make of its alert."""

import socket
import ssl
import subprocess

import pytest

from sendoff_test.client import Dialogue, new_client
from sendoff_test.processes import wait_until

DISTRUST = "the client ended TLS, probably because it does not trust the certificate"


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(limits='handshake_timeout = "2s"')


def openssl(version, *words):
    def run(gateway, source):
        kind = "starttls" if words else "implicit"
        host, port = gateway.endpoint(kind)
        command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-bind", f"{source}:0", "-verify_return_error", version, *words]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)

    return run


def python(version):
    def run(gateway, source):
        context = ssl.create_default_context()
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(gateway.endpoint("implicit"), 10, (source, 0)) as tcp, pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(tcp, server_hostname="smtp.example.com")

    return run


def curl(version):
    def run(gateway, source):
        host, port = gateway.endpoint("implicit")
        done = subprocess.run(["curl", "-s", "--tls-max", version, "--interface", source, f"smtps://{host}:{port}"], timeout=20)
        assert done.returncode == 60  # "cannot be authenticated with known CA certificates"

    return run


def gnutls(priority):
    def run(gateway, _):
        host, port = gateway.endpoint("implicit")
        done = subprocess.run(
            ["gnutls-cli", "--priority", priority, "-p", str(port), host], stdin=subprocess.DEVNULL, capture_output=True, timeout=20
        )
        assert done.returncode != 0

    return run


CLIENTS = {
    "openssl-1.2": openssl("-tls1_2"),
    "openssl-1.3": openssl("-tls1_3"),
    "openssl-starttls-1.2": openssl("-tls1_2", "-starttls", "smtp"),
    "openssl-starttls-1.3": openssl("-tls1_3", "-starttls", "smtp"),
    "python-1.2": python(ssl.TLSVersion.TLSv1_2),
    "python-1.3": python(ssl.TLSVersion.TLSv1_3),
    "curl-1.2": curl("1.2"),
    "curl-1.3": curl("1.3"),
    "gnutls-1.2": gnutls("NORMAL:-VERS-ALL:+VERS-TLS1.2"),
    "gnutls-1.3": gnutls("NORMAL:-VERS-ALL:+VERS-TLS1.3"),
}


def counters(gateway):
    status = gateway.shown_status()
    return status["tls_handshakes_failed"], status["tls_cert_not_trusted"]


def refusals(gateway, source):
    return [one for one in gateway.log("--event", "refused") if one["host"].startswith(source) and one["rule"] == "tls-handshake"]


def logged(gateway, source, text):
    """The refusal that says so, once it is in the log."""
    return wait_until(lambda: next((r for r in refusals(gateway, source) if text in r["text"]), None), f"the log has {text}")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_does_not_trust_the_certificate(gateway, client):
    source = "127.0.0.1" if client.startswith("gnutls") else new_client()
    failed, distrusted = counters(gateway)
    CLIENTS[client](gateway, source)
    event = logged(gateway, source, DISTRUST)
    assert "TLS alert from the peer: " in event["text"]
    assert "tls { certificate }" in gateway.sendoff("why", event["ref"])
    assert counters(gateway) == (failed + 1, distrusted + 1)


def raw(gateway, source, octets, kind="implicit"):
    tcp = socket.create_connection(gateway.endpoint(kind), 10, (source, 0))
    tcp.sendall(octets)
    return tcp


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="smtp.example.com").do_handshake()
    return outgoing.read()


def test_a_client_that_closes_when_it_has_the_certificate(gateway):
    """As node does: it says nothing, and may have other reasons."""
    source, (failed, distrusted) = new_client(), counters(gateway)
    with raw(gateway, source, client_hello()) as tcp:
        assert tcp.recv(65536)
    logged(gateway, source, "the TLS handshake ended once the client had the certificate, which it may not trust")
    assert counters(gateway) == (failed + 1, distrusted)


@pytest.mark.parametrize(
    "octets,text",
    [
        (b"EHLO client.example\r\n", "what the peer sends is no TLS"),
        (client_hello()[:50], "the peer closed during the handshake"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "TLS: "),
        (b"\x16\x03\x01\x3f\xff\x01\xff\xff\xff" + b"\0" * 16379 + (b"\x16\x03\x01\x3f\xff" + b"\0" * 16383) * 4, "more than 64 KB"),
    ],
    ids=("clear", "cut", "wrong", "endless"),
)
def test_other_failures(gateway, octets, text):
    source, (failed, distrusted) = new_client(), counters(gateway)
    raw(gateway, source, octets).close()
    event = logged(gateway, source, text)
    assert event["text"].startswith("the TLS handshake failed (")
    assert event["code"] == 421 and event["account"] == "" and DISTRUST not in event["text"]
    assert counters(gateway) == (failed + 1, distrusted)


def test_one_that_never_ends(gateway):
    source = new_client()
    with raw(gateway, source, client_hello()[:50]):
        logged(gateway, source, "the handshake took too long")


def test_old_versions(gateway):
    source, host, port = new_client(), *gateway.endpoint("implicit")
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-bind", f"{source}:0", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    logged(gateway, source, "unsupported version")


def test_starttls_and_nothing_more(gateway):
    source, (failed, _) = new_client(), counters(gateway)
    with Dialogue(gateway.endpoint("starttls"), source=source) as talk:
        talk.reply()
        talk.say("EHLO client.example")
        assert talk.say("STARTTLS").startswith("220")
    logged(gateway, source, "the peer closed during the handshake")
    assert counters(gateway)[0] == failed + 1


def test_who_looks_at_the_port_is_not_logged(gateway):
    source, before = new_client(), counters(gateway)
    raw(gateway, source, b"").close()
    wait_until(lambda: gateway.output().count(source) >= 1 and "the peer closed" in gateway.output(), "the session has ended")
    raw(gateway, new_client(), b"EHLO client.example\r\n").close()  # what comes later is there
    wait_until(lambda: counters(gateway)[0] == before[0] + 1, "the other is counted")
    assert not refusals(gateway, source)


def test_renegotiation_is_refused(gateway):
    """TLS 1.2: the session ends, and the log says why."""
    host, port = gateway.endpoint("implicit")
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_2", "-crlf"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        seen = b""
        while b"220 smtp" not in seen:
            seen += client.stdout.read1(4096)
        client.stdin.write(b"R\n")
        client.stdin.flush()
        wait_until(lambda: "the peer wants to negotiate again" in gateway.output(), "the log says so")
        client.kill()
