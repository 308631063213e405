"""Behind a load balancer: the PROXY protocol by haproxy itself and by hand, whose address it makes the session's, and
what a wrong header leads to."""

import re
import socket
import struct
import time

import pytest

from sendoff_test.attempts import attempt
from sendoff_test.client import Dialogue, connect, plain
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"
STRANGER = "127.0.0.9"  # is no load balancer
CLIENT, PRINTER = "192.0.2.77", "192.0.2.88"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

HAPROXY = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
"""
ROUTE = """
listen {name}
    bind {address}:{port}
    source {balancer}
    server gateway {target} {options}
"""


def line(client, kind="TCP4"):
    other = "198.51.100.1" if kind == "TCP4" else "2001:db8::2"
    return f"PROXY {kind} {client} {other} 55300 587\r\n".encode()


def binary(client, tlvs=b"", command=0x21):
    block = socket.inet_aton(client) + socket.inet_aton("198.51.100.1") + struct.pack("!HH", 55300, 587) + tlvs
    return SIGNATURE + bytes([command, 0x11]) + struct.pack("!H", len(block)) + block


class Place:
    """A gateway with listeners of each kind that balancers at one address may use, and haproxy in front."""

    def __init__(self, lab):
        self.lab, self.balancer = lab, lab.block.address(7)
        self.ports = {kind: lab.block.new_port() for kind in ("starttls", "implicit", "optional")}
        self.gateway = lab.gateway(limits="max_sessions_per_address = 3  login_failures_per_address = 2", more=self._listens())
        self.account = self.gateway.add_account("behind")
        self.gateway.add_account("printer", "--client-ip", PRINTER, "--client-ip", self.balancer)

    def _listens(self):
        return "\n".join(
            f'listen "{self.lab.block.address(1)}:{port}" {{ tls = "{kind}"  proxy = {{"192.0.2.1", "{self.balancer}"}} }}'
            for kind, port in self.ports.items()
        )

    def endpoint(self, kind="starttls"):
        return self.gateway.address, self.ports[kind]

    def talk(self, header, kind="starttls", source=None):
        return Dialogue(self.endpoint(kind), implicit=kind == "implicit", source=source or self.balancer, before=header)

    def last(self, event, count=1):
        """The newest log line of that event, once there are `count`."""

        def found():
            lines = [one for one in self.gateway.output().splitlines() if re.search(rf"\b{event}\b", one)]
            return lines if len(lines) >= count else None

        return wait_until(found, f"{count} lines of {event}")[-1]

    def lines(self, text):
        return sum(text in one for one in self.gateway.output().splitlines())


@pytest.fixture(scope="module")
def place(lab):
    return Place(lab)


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def haproxy(lab, place):
    """Endpoints of haproxy by (version, listener)."""
    routes, text = {}, HAPROXY
    for version, options in (("v1", "send-proxy"), ("v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id")):
        for kind, target in place.ports.items():
            address, port = lab.block.address(6), lab.block.new_port()
            routes[version, kind] = address, port
            text += ROUTE.format(
                name=f"{version}-{kind}",
                address=address,
                port=port,
                balancer=place.balancer,
                target=f"{place.gateway.address}:{target}",
                options=options,
            )
    with open(f"{lab.folder}/haproxy.cfg", "w") as config:
        config.write(text)
    lab.processes.start(["/usr/sbin/haproxy", "-db", "-f", f"{lab.folder}/haproxy.cfg"], f"{lab.folder}/haproxy.log")
    wait_until(lambda: all(listens(route) for route in routes.values()), "haproxy listens")
    return routes


def listens(address):
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_haproxy(lab, place, haproxy, mx, version):
    """All of it through haproxy, from a client's address that only the header can tell."""
    for kind in place.ports:
        client = lab.block.new_address()
        mark = marker()
        talk = Dialogue(haproxy[version, kind], implicit=kind == "implicit", source=client)
        with talk:
            assert talk.reply().startswith("220")
            talk.say("EHLO client.example")
            if kind == "starttls":
                talk.start_tls()
                talk.say("EHLO client.example")
            talk.login(place.account.name, place.account.password)
            assert attempt(talk, FROM, [TO], letter(FROM, TO, mark + "\r\n")).startswith("250")
        mx.wait_for(mark)
        assert place.lines(f"client={client} proxy={place.balancer}") == 1
        accepted = place.gateway.log("--event", "accepted")[-1]
        assert accepted["host"] == client, accepted


def test_haproxy_health_check(lab, place, haproxy):
    """haproxy's own connections say LOCAL: they are served, and their address is the balancer's."""
    port = lab.block.new_port()
    with open(f"{lab.folder}/check.cfg", "w") as config:
        config.write(
            HAPROXY
            + f"listen check\n    bind {lab.block.address(6)}:{port}\n    source {place.balancer}\n    option smtpchk EHLO lb.example\n"
            + f"    server gateway {place.gateway.address}:{place.ports['starttls']} check inter 200 send-proxy-v2 check-send-proxy\n"
        )
    before = place.lines(f"client={place.balancer} proxy={place.balancer}")
    process = lab.processes.start(["/usr/sbin/haproxy", "-db", "-f", f"{lab.folder}/check.cfg"], f"{lab.folder}/check.log")
    wait_until(lambda: place.lines(f"client={place.balancer} proxy={place.balancer}") > before + 3, "health checks are served")
    assert "DOWN" not in process.output(), process.output()
    process.kill()


@pytest.mark.parametrize("kind", ["starttls", "implicit", "optional"])
def test_header_octet_by_octet(place, kind):
    """The header may come in any cuts, with TLS right behind it."""
    for header in (line(CLIENT), line("2001:db8::77", "TCP6"), binary(CLIENT), binary(CLIENT, b"\x04\0\2xx")):
        with socket.create_connection(place.endpoint(kind), 20, (place.balancer, 0)) as tcp:
            for octet in header:
                tcp.sendall(bytes([octet]))
                time.sleep(0.001)
            talk = Dialogue.__new__(Dialogue)
            talk._socket, talk._input = tcp, b""
            if kind == "implicit":
                talk.begin_tls()
            assert talk.reply().startswith("220")
            assert talk.say("EHLO client.example").startswith("250")
            talk.close()


WRONG = {
    "none": b"EHLO client.example\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01",
    "words": b"PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
    "long": b"PROXY UNKNOWN " + b"x" * 100,
    "version": SIGNATURE + b"\x11\x11\0\x0c" + b"\0" * 12,
    "cut": SIGNATURE + b"\x21\x11\0\x04" + b"\0" * 4,
    "sum": binary(CLIENT, b"\x03\0\4abcd"),
    "large": SIGNATURE + b"\x21\x11\xff\xff",
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_header_ends_the_connection(place, what):
    before = place.lines('reason="PROXY header: ')
    for kind in ("starttls", "implicit"):
        with Dialogue(place.endpoint(kind), source=place.balancer, before=WRONG[what]) as talk:
            assert talk.reply() == "", "something was said"
    wait_until(lambda: place.lines('reason="PROXY header: ') == before + 2, "the log says what is wrong")
    assert f"proxy={place.balancer}" in place.last("PROXY header")


def test_missing_header_ends_the_connection_in_time(place):
    with place.talk(b"") as silent, place.talk(line(CLIENT)[:20]) as half:
        begin = time.monotonic()
        assert silent.reply() == "" and half.reply() == ""
        assert 4 < time.monotonic() - begin < 9
    place.last("no PROXY header came in time", count=2)


def test_others_are_served_as_they_are(place):
    """From an address that is not named no header is read: one that is sent is an injection, as on any listener."""
    with place.talk(b"", source=STRANGER) as talk:
        assert talk.reply().startswith("220")
        assert talk.say(line(CLIENT).rstrip().decode()).startswith("500")
    assert place.lines(f"client={STRANGER}") and not place.lines(f"client={STRANGER} proxy")


def test_header_is_read_once(place):
    """A second header is the client's own words, before the greeting."""
    for second in (line(PRINTER), binary(PRINTER)):
        with place.talk(line(CLIENT) + second) as talk:
            assert talk.reply().startswith("554 5.5.1")
    with Dialogue(place.endpoint("implicit"), source=place.balancer, before=line(CLIENT) + line(PRINTER)) as talk:
        assert talk.reply()[:3] != "220"
    with place.talk(line(CLIENT), "optional") as talk:
        assert talk.reply().startswith("220")
        assert talk.say(line(PRINTER).rstrip().decode()).startswith("500")
    assert not place.lines(f"client={PRINTER}")


def test_commands_behind_the_header_are_an_injection(place):
    with place.talk(line(CLIENT) + b"EHLO client.example\r\n") as talk:
        assert talk.reply().startswith("554 5.5.1")
        assert talk.reply() == ""
    assert f"client={CLIENT}" in place.last("injection")


def test_address_admits_an_account(place, mx):
    with place.talk(binary(PRINTER), "optional") as talk:
        assert talk.reply().startswith("220")
        talk.say("EHLO client.example")
        assert attempt(talk, FROM, [TO]).startswith("250")
    assert place.gateway.log("--event", "accepted")[-1]["host"] == PRINTER


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", binary(PRINTER, command=0x20), SIGNATURE + b"\x21\x00\0\0"])
def test_unknown_client_is_admitted_nowhere(place, header):
    """--client-ip names the balancer, too; that is no leave for everybody behind it."""
    with place.talk(header, "optional") as talk:
        assert talk.reply().startswith("220")
        talk.say("EHLO client.example")
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("530")
    assert f"client={place.balancer} proxy={place.balancer}" in place.last("session client")


def test_limit_of_sessions_is_the_clients(place):
    client = "192.0.2.50"
    open_ones = [place.talk(line(client)) for _ in range(3)]
    assert all(one.reply().startswith("220") for one in open_ones)
    with place.talk(line(client)) as fourth, place.talk(line("192.0.2.51")) as other:
        assert fourth.reply().startswith("421 4.3.2 smtp.example.com: too many sessions from your address")
        assert other.reply().startswith("220")
    for one in open_ones:
        one.close()


def test_ban_is_the_clients(place):
    client = "192.0.2.60"
    for _ in range(2):
        with place.talk(line(client), "implicit") as talk:
            assert talk.reply().startswith("220")
            talk.say("EHLO client.example")
            assert talk.say(f"AUTH PLAIN {plain('nobody', 'wrong')}").startswith("535")
    for kind in place.ports:
        with place.talk(line(client), kind) as banned, place.talk(line("192.0.2.61"), kind) as other:
            assert banned.reply().startswith("421 4.7.0 smtp.example.com: too many failed logins from your address")
            assert other.reply().startswith("220")
    assert place.gateway.sendoff("unban", client).strip() == "1 ban lifted"
    with place.talk(line(client)) as talk:
        assert talk.reply().startswith("220")


def test_plain_listeners_know_nothing_of_it(place):
    with connect(place.gateway, place.account) as session:
        assert session.noop()[0] == 250
