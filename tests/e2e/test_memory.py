"""What a peer can make the gateway keep before it is known: as many connections of each kind as the limits allow, each
sending as much as is taken. docs/sessions.md states the bound."""

import contextlib
import socket
import threading

import pytest

from sendoff_test.client import plain, submit, trusting
from sendoff_test.lab import exchanger_name
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until
from sendoff_test.tls13 import HANDSHAKE, Tls13

FROM = "a@example.com"
SESSIONS, HOSTS = 40, 30
BOUND = 256 * 1024  # octets for each connection: docs/sessions.md
FLOOD = 2 * 1024 * 1024  # what each would send, if it were taken
RECORD = 0x3FFF


def endless(message, records):
    """The first records of a message of the handshake that says to be of 16 MB."""
    head = b"\x16\x03\x01" + RECORD.to_bytes(2, "big")
    return head + bytes([message]) + b"\xff\xff\xff" + b"\0" * (RECORD - 4) + (head + b"\0" * RECORD) * (records - 1)


CLIENT_HELLO, SERVER_HELLO, KEY_UPDATE = 1, 2, 24
ALL, WITHIN = FLOOD // RECORD, 3  # records: more than is taken; as many as are kept


def resident(gateway):
    with open(f"/proc/{gateway.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def push(peer, octets):
    """As much of it as is taken."""
    peer.settimeout(0.3)
    with contextlib.suppress(OSError):
        for at in range(0, len(octets), 65536):
            peer.sendall(octets[at : at + 65536])


def read_reply(peer):
    answer = b""
    while not answer.endswith(b"\n") or answer.splitlines()[-1][3:4] == b"-":
        more = peer.recv(4096)
        assert more, "the gateway closed"
        answer += more
    return answer


def say(peer, line):
    peer.sendall(line)
    return read_reply(peer)


def greeted(peer):
    assert read_reply(peer).startswith(b"220")
    assert say(peer, b"EHLO client.example\r\n").startswith(b"250")


def repeated(octets):
    return octets * (FLOOD // len(octets))


# The kinds: each a listener, and what is sent there.


def handshake(peer):
    push(peer, endless(CLIENT_HELLO, ALL))


def handshake_kept(peer):
    push(peer, endless(CLIENT_HELLO, WITHIN))


def starttls(peer, records=ALL):
    greeted(peer)
    assert say(peer, b"STARTTLS\r\n").startswith(b"220")
    push(peer, endless(CLIENT_HELLO, records))


def starttls_kept(peer):
    starttls(peer, WITHIN)


def proxy_line(peer):
    push(peer, b"PROXY TCP4 " + repeated(b"1"))


def proxy_block(peer):
    push(peer, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + repeated(b"\0"))


def command_line(peer):
    greeted(peer)
    push(peer, repeated(b"x"))


def command_name(peer):
    greeted(peer)
    push(peer, b"EHLO " + b"x" * 12000)


def replies_unread(peer):
    greeted(peer)
    push(peer, repeated(b"EHLO client.example\r\n"))


def login_line(peer):
    greeted(peer)
    assert say(peer, b"AUTH PLAIN\r\n").startswith(b"334")
    push(peer, b"x" * 12000)


def login_pipelined(peer):
    """The answer to a failed login is delayed, and what is behind it waits."""
    greeted(peer)
    push(peer, f"AUTH PLAIN {plain('nobody', 'x' * 200)}\r\n".encode() + repeated(b"NOOP\r\n"))


def login_exchange(peer):
    greeted(peer)
    assert say(peer, b"AUTH LOGIN " + b"bm9ib2R5" + b"\r\n").startswith(b"334")
    push(peer, repeated(b"x"))


def secured(peer):
    tls = trusting().wrap_socket(peer)
    greeted(tls)
    return tls


def pipelined_inside_tls(peer):
    tls = secured(peer)
    push(tls, f"AUTH PLAIN {plain('nobody', 'x' * 200)}\r\n".encode() + repeated(b"NOOP\r\n"))
    return tls


def unread_inside_tls(peer):
    tls = secured(peer)
    push(tls, repeated(b"EHLO client.example\r\n"))
    return tls


def behind_the_handshake(peer, records=ALL):
    """Messages of the handshake may come later, too (RFC 8446 4.6)."""
    tls = Tls13(peer)
    message = bytes([KEY_UPDATE]) + b"\xff\xff\xff" + b"\0" * (RECORD - 4)
    peer.settimeout(0.3)
    with contextlib.suppress(OSError):
        for _ in range(records):
            tls.send(HANDSHAKE, message)
            message = b"\0" * RECORD


def kept_behind_the_handshake(peer):
    behind_the_handshake(peer, WITHIN)


def record_without_end(peer):
    Tls13(peer)
    push(peer, b"\x17\x03\x03\x40\x00" + b"\0" * 16000)


KINDS = {
    handshake: "implicit",
    handshake_kept: "implicit",
    starttls: "starttls",
    starttls_kept: "starttls",
    proxy_line: "proxy",
    proxy_block: "proxy",
    command_line: "optional",
    command_name: "optional",
    replies_unread: "optional",
    login_line: "optional",
    login_pipelined: "optional",
    login_exchange: "optional",
    pipelined_inside_tls: "implicit",
    unread_inside_tls: "implicit",
    behind_the_handshake: "implicit",
    kept_behind_the_handshake: "implicit",
    record_without_end: "implicit",
}


# The gateway.


@pytest.fixture(scope="module")
def proxied(lab):
    return lab.block.new_port()


@pytest.fixture(scope="module")
def started(lab, proxied):
    limits = f'max_sessions = {SESSIONS + 2}  max_sessions_per_address = {SESSIONS + 2}  handshake_timeout = "2m"  login_failures_per_address = 0'
    listen = f'listen "{lab.block.address(1)}:{proxied}" {{ tls = "optional"  proxy = {{"127.0.0.0/8"}} }}'
    return lab.gateway(limits=limits, more=listen, retry=("1h",), expire="1d")


@pytest.fixture
def gateway(started):
    """Begun anew, so that no test counts what another has left."""
    started.stop()
    # What was freed goes back at once: only what is kept counts.
    return started.start(wrapper=("env", "ASAN_OPTIONS=detect_leaks=1:exitcode=66:quarantine_size_mb=0:allocator_release_to_os_interval_ms=0"))


def endpoint(gateway, kind, proxied):
    return (gateway.address, proxied) if kind == "proxy" else gateway.endpoint(kind)


def open_all(kind, where, count):
    """So many connections at once, each filled by a thread of its own."""
    peers = [socket.create_connection(where, 20) for _ in range(count)]
    kept, failures = [], []

    def run(peer):
        try:
            kept.append(kind(peer))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(peer,)) for peer in peers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    return peers, kept


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_before_the_login(gateway, proxied, kind):
    where = endpoint(gateway, KINDS[kind], proxied)
    for peer in open_all(kind, where, 2)[0]:  # what is made once
        peer.close()
    before = resident(gateway)
    peers, kept = open_all(kind, where, SESSIONS)
    grown = (resident(gateway) - before) / SESSIONS
    for peer in (*peers, *kept):
        if peer:
            peer.close()
    print(f"{kind.__name__}: {grown / 1024:.0f} KB a connection")
    assert grown < BOUND


# Hosts that mail is delivered to.


class Hosts:
    """Exchangers at addresses of their own, a domain for each; what they say is up to `manner`."""

    def __init__(self, lab, count, manner):
        self._manner, self._peers, self.done = manner, [], []
        self.domains = [lab.new_domain("flood") for _ in range(count)]
        self._listeners = [self._listen(lab, domain) for domain in self.domains]

    def _listen(self, lab, domain):
        address = lab.block.new_address()
        lab.dns.set(exchanger_name(address), "A", address)
        lab.dns.set(domain, "MX", f"10 {exchanger_name(address)}.")
        listener = socket.create_server((address, lab.delivery_port))
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        return listener

    def _serve(self, listener):
        peer, _ = listener.accept()
        self._peers.append(peer)
        with contextlib.suppress(OSError):
            self._manner(peer)
        self.done.append(peer)

    def close(self):
        for one in (*self._listeners, *self._peers):
            one.close()


def greeting_line(peer):
    push(peer, b"220 " + repeated(b"x"))


def greeting_lines(peer):
    push(peer, repeated(b"220-more\r\n"))


def ehlo_lines(peer):
    peer.sendall(b"220 mx.example.net ESMTP\r\n")
    peer.recv(512)
    push(peer, repeated(b"250-X" + b"x" * 500 + b"\r\n"))


def their_handshake(peer, records=ALL):
    peer.sendall(b"220 mx.example.net ESMTP\r\n")
    peer.recv(512)
    peer.sendall(b"250-mx.example.net\r\n250 STARTTLS\r\n")
    peer.recv(512)
    peer.sendall(b"220 go\r\n")
    peer.recv(512)
    push(peer, endless(SERVER_HELLO, records))


def their_handshake_kept(peer):
    their_handshake(peer, WITHIN)


MANNERS = (greeting_line, greeting_lines, ehlo_lines, their_handshake, their_handshake_kept)


@pytest.fixture(scope="module")
def account(started):
    return started.add_account("sender")


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.__name__)
def test_from_hosts(lab, gateway, account, manner):
    def deliver(hosts):
        to = [f"r@{domain}" for domain in hosts.domains]
        submit(gateway, account, FROM, to, letter(FROM, to[0], marker()))
        wait_until(lambda: len(hosts.done) == len(to), "every host has been called")

    with contextlib.closing(Hosts(lab, 2, manner)) as first, contextlib.closing(Hosts(lab, HOSTS, manner)) as hosts:
        deliver(first)  # what is made once
        before = resident(gateway)
        deliver(hosts)
        grown = (resident(gateway) - before) / HOSTS
    print(f"{manner.__name__}: {grown / 1024:.0f} KB a connection")
    assert grown < BOUND


def test_a_host_whose_handshake_has_no_end(lab, gateway, account):
    with contextlib.closing(Hosts(lab, 1, their_handshake)) as hosts:
        to = f"r@{hosts.domains[0]}"
        submit(gateway, account, FROM, [to], letter(FROM, to, marker()))
        (event,) = gateway.wait_event("deferred", "--to", to)
    assert "more than 64 KB" in event["text"]
