"""TLS of the submission side: versions, names, tickets, and certificates that change under it."""

import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from sendoff_test.certificate import make_certificate
from sendoff_test.client import dialogue, trusting
from sendoff_test.letters import letter, marker
from sendoff_test.openssl_client import OpensslClient
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"


def handshake(gateway, *words):
    """What a client reports of the session that it gets; its status, and all that it printed."""
    host, port = gateway.endpoint("implicit")
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", *words]
    done = subprocess.run(command, input="QUIT\r\n", capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


def subject(gateway, *words):
    found = re.search(r"subject=CN = (\S+)", handshake(gateway, *words))
    return found and found[1]


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(gateway, version):
    """RFC 8996, RFC 8997."""
    assert "Cipher is (NONE)" in handshake(gateway, version, "-cipher", "DEFAULT@SECLEVEL=0")


@pytest.mark.parametrize("version,name", [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_new_versions_are_not(gateway, version, name):
    assert f"New, {name}" in handshake(gateway, version)


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA"])
def test_cbc_is_for_those_who_ask(lab, gateway, suite):
    """RFC 9325 4.1. Old devices know nothing else."""
    words = ("-tls1_2", "-cipher", suite)
    assert "Cipher is (NONE)" in handshake(gateway, *words)
    old = lab.new_gateway()
    certificate, key = make_certificate(old.folder, "smtp.example.com", "other")
    old.configure(more=f'tls {{ certificate = "{certificate}"  key = "{key}"  cbc = yes }}').start()
    assert f"Cipher is {suite}" in handshake(old, *words)
    assert "Cipher is TLS_AES_128_GCM_SHA256" in handshake(old), "it comes first for no client"
    old.stop()


def test_no_round_trip_too_many(gateway):
    """What clients send a key share for is taken: no HelloRetryRequest."""
    assert "Server Temp Key: X25519" in handshake(gateway, "-tls1_3")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed(lab, gateway, version):
    ticket = f"{lab.folder}/resumed{version}"
    with OpensslClient(gateway.endpoint("implicit"), version, "-sess_out", ticket) as talk:
        assert talk.say("QUIT").startswith("221")
        talk.ended()
    with OpensslClient(gateway.endpoint("implicit"), version, "-sess_in", ticket) as talk:
        assert "Reused, " in talk.seen
        assert talk.say("EHLO client.example").startswith("250")


def in_records(flight, size):
    """The records of a handshake cut into records of `size` octets (RFC 8446 5.1), up to where encryption begins."""
    out = b""
    while flight and flight[0] == 22:
        header, length = flight[:3], int.from_bytes(flight[3:5], "big")
        body, flight = flight[5 : 5 + length], flight[5 + length :]
        for at in range(0, length, size):
            out += header + len(body[at : at + size]).to_bytes(2, "big") + body[at : at + size]
    return out + flight


class CutClient:
    """TLS whose flights go out in one write each, so that they are there in one read, and in many records."""

    def __init__(self, tcp, version, size):
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = trusting()
        context.minimum_version = context.maximum_version = version
        self.tls = context.wrap_bio(self._incoming, self._outgoing)
        self._tcp, self._size = tcp, size
        self.cut = False

    def run(self, step, *words):
        while True:
            try:
                return step(*words)
            except ssl.SSLWantReadError:
                whole = self._outgoing.read()
                flight = in_records(whole, self._size)
                self.cut |= flight != whole
                self._tcp.sendall(flight)
                came = self._tcp.recv(65536)
                assert came, "the gateway has closed"
                self._incoming.write(came)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [5, 40, 150])
def test_a_handshake_in_many_records(gateway, size, version):
    with socket.create_connection(gateway.endpoint("implicit"), 10) as tcp:
        client = CutClient(tcp, version, size)
        client.run(client.tls.do_handshake)
        assert client.run(client.tls.read, 1000).startswith(b"220 smtp.example.com ESMTP")
        client.tls.write(b"EHLO client.example\r\n")
        assert client.run(client.tls.read, 1000).startswith(b"250-smtp.example.com")
        assert client.cut


def test_a_certificate_larger_than_a_record(lab, gateway):
    """A chain of many: the client's Certificate message comes in several records."""
    account = gateway.add_account("chained")
    certificate, key = make_certificate(lab.folder, "shop.example.com", "chain")
    gateway.sendoff("account", "set", account.name, "--client-cert", OpensslClient.fingerprint(certificate))
    chain = f"{lab.folder}/chain-of-many.pem"
    with open(certificate) as one, open(chain, "w") as many:
        many.write(one.read())
        for number in range(60):
            with open(make_certificate(lab.folder, f"filler-{number}.{'x' * 30}.example", "filler")[0]) as more:
                many.write(more.read())
    for version in ("-tls1_2", "-tls1_3"):
        with OpensslClient(gateway.endpoint("implicit"), "-cert", certificate, "-key", key, "-cert_chain", chain, version) as talk:
            talk.say("EHLO client.example")
            assert talk.say("AUTH EXTERNAL =").startswith("235"), version
    gateway.sendoff("account", "set", account.name, "--client-cert", "none")


def test_each_name_gets_its_certificate(lab):
    gateway = lab.new_gateway()
    files = {name: make_certificate(gateway.folder, name, name) for name in ("smtp.example.com", "mail.example.org", "smtp.example.net")}
    first, *others = files
    more = "\n".join(f'tls {{ certificate = "{files[name][0]}"  key = "{files[name][1]}" }}' for name in others)
    gateway.configure(certificate=files[first][0], key=files[first][1], more=more).start()
    for name in files:
        assert subject(gateway, "-servername", name) == name
    assert subject(gateway, "-servername", "somebody.else") == first
    assert subject(gateway, "-noservername") == first
    gateway.stop()


def test_a_changed_certificate_is_noticed(lab):
    """Without a signal: by name, and behind a symbolic link; sessions go on."""
    recipient = lab.exchanger("dest.example.net")
    gateway = lab.new_gateway()
    for stem in ("old", "new"):
        os.mkdir(f"{gateway.folder}/{stem}")
        for made, used in zip(make_certificate(gateway.folder, f"{stem}.example.com", "made"), ("cert.pem", "key.pem")):
            shutil.move(made, f"{gateway.folder}/{stem}/{used}")
    live = f"{gateway.folder}/live"
    os.symlink("old", live)
    gateway.configure(certificate=f"{live}/cert.pem", key=f"{live}/key.pem")
    account = gateway.add_account("renewed")
    gateway.start()
    assert subject(gateway) == "old.example.com"
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO)
        os.symlink("new", f"{live}.next")
        os.rename(f"{live}.next", live)
        wait_until(lambda: subject(gateway) == "new.example.com", "new sessions see the new certificate")
        mark = marker()
        assert talk.content(letter(FROM, TO, mark + "\r\n")).startswith("250"), "the old session was hurt"
    recipient.wait_for(mark)
    gateway.stop()


def test_half_a_change_waits_for_the_other_half(lab):
    gateway = lab.new_gateway()
    certificate, key = make_certificate(gateway.folder, "old.example.com", "live")
    fresh = make_certificate(gateway.folder, "new.example.com", "fresh")
    gateway.configure(certificate=certificate, key=key).start()
    shutil.copy(fresh[0], certificate)
    wait_until(lambda: "the old one stays" in gateway.output(), "the log says that they do not fit")
    assert subject(gateway) == "old.example.com"
    shutil.copy(fresh[1], key)
    wait_until(lambda: subject(gateway) == "new.example.com", "the change is whole")
    assert gateway.output().count("the old one stays") == 1, "it is said once"
    gateway.stop()


def test_a_key_that_others_can_read_is_refused_at_start(lab):
    gateway = lab.new_gateway().configure()
    os.chmod(f"{gateway.folder}/certificate.key", 0o644)
    for words in (("serve",), ("config", "check")):
        result = gateway.sendoff.run(*words)
        assert result.status == 1 and "chmod 600" in result.err, words


def test_resumption_does_not_outlive_a_changed_certificate(lab):
    """A ticket of the old credentials is not taken: the client makes a whole handshake, and sees the new certificate."""
    gateway = lab.new_gateway()
    certificate, key = make_certificate(gateway.folder, "old.example.com", "live")
    gateway.configure(certificate=certificate, key=key).start()
    ticket = f"{gateway.folder}/ticket"
    with OpensslClient(gateway.endpoint("implicit"), "-sess_out", ticket) as talk:
        talk.say("QUIT")
        talk.ended()
    for made, used in zip(make_certificate(gateway.folder, "new.example.com", "fresh"), (certificate, key)):
        shutil.copy(made, used)
    wait_until(lambda: subject(gateway) == "new.example.com", "the new certificate")
    with OpensslClient(gateway.endpoint("implicit"), "-sess_in", ticket) as talk:
        assert "Reused, " not in talk.seen and talk.say("EHLO client.example").startswith("250")
    gateway.stop()
