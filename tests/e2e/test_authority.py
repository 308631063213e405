"""What the authoritative servers of a zone say, each for itself (relay/domain/authority.h)."""

import os
import socket
import subprocess
import time

import dns.rdatatype
import pytest

from sendoff_test.dns import txt
from sendoff_test.command import PROGRAM
from sendoff_test.name_server import NameServer

ASK = os.path.join(os.path.dirname(PROGRAM), "tests", "authority_ask")
LONG = "v=long " + "x" * 3000  # more than a datagram holds


class Servers:
    """Two that serve, one that is silent, one that serves nothing, and one of another organization, at one port."""

    def __init__(self, lab):
        self.lab, self.port = lab, lab.block.new_port()
        self.ns = "@ NS ns1\n@ NS ns2\n"
        self.one, self.two = self._server("one", {"d.example": self.ns}), self._server("two", {"d.example": self.ns})
        self.other = self._server("other", {"other.example": "@ NS ns.host.example.\n"})
        self.lame = self._server("lame", {"nothing.example": "@ NS ns1\n"})
        lab.dns.set("ns.host.example", "A", self.other.address)

    def _server(self, name, zones):
        return NameServer(self.lab.processes, f"{self.lab.folder}/{name}", self.lab.block.new_address(), self.port, zones)

    def serve(self, one, two, resolver=None, more=""):
        """Records that each of the two has; `more`: NS and addresses of further servers."""
        head = self.ns + f"ns1 A {self.one.address}\nns2 A {self.two.address}\n" + more
        self.lab.dns.serve("d.example", head + (resolver or one))
        self.one.serve("d.example", head + one)
        self.two.serve("d.example", head + two)

    def serve_other(self, text):
        text = "@ NS ns.host.example.\n" + text
        self.lab.dns.serve("other.example", text)
        self.other.serve("other.example", text)

    def ask(self, name, kind="TXT", wait=60000):
        words = [ASK, self.lab.dns.server, name, int(dns.rdatatype.from_text(kind)), self.port, wait]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and done.stderr == "", done
        said, zone, *lines = done.stdout.splitlines()
        return said, zone, [Answer(*line.split("\t")) for line in lines]


class Answer:
    def __init__(self, zone, name, address, said, status, canonical, *records):
        self.zone, self.name, self.address, self.said = zone, name, address, said
        self.status, self.canonical = status, canonical
        self.records = [bytes.fromhex(record) for record in records]

    @property
    def texts(self):
        return [self._text(record) for record in self.records]

    @staticmethod
    def _text(record):
        text = ""
        while record:
            text, record = text + record[1 : 1 + record[0]].decode(), record[1 + record[0] :]
        return text


@pytest.fixture(scope="module")
def servers(lab):
    return Servers(lab)


def test_servers_that_disagree(servers):
    servers.serve('k TXT "old"', 'k TXT "new"')
    said, zone, answers = servers.ask("k.d.example")
    assert said == "OK" and zone == "d.example", said
    assert [(a.name, a.address, a.said, a.texts) for a in answers] == [
        ("ns1.d.example", servers.one.address, "answered", ["old"]),
        ("ns2.d.example", servers.two.address, "answered", ["new"]),
    ]


def test_what_is_not_there(servers):
    servers.serve('k TXT "x"\nb.k TXT "y"', "")
    found = {name: [a.status for a in servers.ask(name)[2]] for name in ("k.d.example", "b.k.d.example", "d.example")}
    assert found == {
        "k.d.example": ["FOUND", "NXDOMAIN"],
        "b.k.d.example": ["FOUND", "NXDOMAIN"],
        "d.example": ["NODATA", "NODATA"],
    }


def test_a_long_record_comes_over_tcp(servers):
    servers.serve(f"k TXT {txt(LONG)}\nm TXT \"a\" \"b\"\nm TXT \"c\"", f"k TXT {txt(LONG)}\nm TXT \"a\" \"b\"\nm TXT \"c\"")
    assert [a.texts for a in servers.ask("k.d.example")[2]] == [[LONG], [LONG]]
    assert [sorted(a.texts) for a in servers.ask("m.d.example")[2]] == [["ab", "c"], ["ab", "c"]]


def test_a_silent_and_a_lame_server(servers, lab):
    hole, refusing = lab.block.new_address(), lab.block.new_address()
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind((hole, servers.port))
        addresses = {"ns3": hole, "ns4": servers.lame.address, "ns5": refusing}
        more = "".join(f"@ NS {name}\n{name} A {address}\n" for name, address in addresses.items()) + "@ NS ns6\n"
        servers.serve('k TXT "x"', 'k TXT "x"', more=more)
        said, _, answers = servers.ask("k.d.example")
    assert said == "OK"
    found = {a.name.partition(".")[0]: a.said for a in answers}
    assert found == {
        "ns1": "answered",
        "ns2": "answered",
        "ns3": "does not answer",
        "ns4": "answers REFUSED",
        "ns5": "cannot be asked: Connection refused",
    }


def test_a_deadline_holds(servers, lab):
    servers.serve('k TXT "x"', 'k TXT "x"')
    began = time.monotonic()
    said, _, answers = servers.ask("k.d.example", wait=0)
    assert "in time" in said and answers == [] and time.monotonic() - began < 60


def test_aliases(servers):
    """Within the zone, into another one, and differently at two servers."""
    servers.serve_other('there TXT "of the other"\nmore CNAME there')
    same = 'k CNAME k2\nk2 TXT "inside"\nout CNAME more.other.example.\nvoid CNAME nothing\nlost CNAME x.nowhere.example.'
    servers.serve(same + '\nsplit CNAME there.other.example.', same + '\nsplit TXT "own"')
    _, zone, answers = servers.ask("k.d.example")
    assert zone == "d.example" and [(a.texts, a.canonical) for a in answers] == [(["inside"], "k2.d.example")] * 2
    said, zone, answers = servers.ask("out.d.example")
    assert said == "OK" and zone == "d.example", said
    assert [(a.zone, a.name, a.texts) for a in answers] == [("other.example", "ns.host.example", ["of the other"])]
    _, _, answers = servers.ask("void.d.example")
    assert [(a.status, a.canonical) for a in answers] == [("NXDOMAIN", "nothing.d.example")] * 2
    _, _, answers = servers.ask("split.d.example")
    assert {(a.zone, tuple(a.texts)) for a in answers} == {("d.example", ("own",)), ("other.example", ("of the other",))}
    _, _, answers = servers.ask("out.d.example", "CNAME")
    assert {a.zone for a in answers} == {"d.example"} and all(len(a.records) == 1 for a in answers)


def test_aliases_in_a_circle(servers):
    servers.serve_other("k CNAME k.d.example.\nself CNAME self")
    servers.serve("k CNAME k.other.example.", "k CNAME k.other.example.")
    said, zone, answers = servers.ask("k.d.example")
    assert "lead nowhere" in said and zone == "d.example"
    _, _, answers = servers.ask("self.other.example")
    assert [a.said for a in answers] == ["its CNAME records lead nowhere"]


def test_a_zone_below(servers, lab):
    """A delegated name has the servers of the zone it leads to."""
    lab.dns.serve("sub.d.example", "@ NS ns.host.example.\nk TXT \"below\"")
    servers.serve('sub NS ns.host.example.\nalias CNAME k.other.example.', 'sub NS ns.host.example.')
    said, zone, answers = servers.ask("k.sub.d.example")
    assert zone == "sub.d.example" and [a.said for a in answers] == ["answers REFUSED"], (said, zone)


def test_no_server(servers, lab):
    lab.dns.serve("e.example", "@ NS ns1\n")
    said, zone, answers = servers.ask("k.e.example")
    assert said == "e.example has no name server that can be asked" and zone == "e.example" and answers == []
