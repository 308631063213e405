"""A real DNS server (Knot) with the names that a test writes.

It serves one signed root zone that holds every record, so that any other name is NXDOMAIN, as in the world, and a
validating resolver can be given its key as the trust anchor. The zone BROKEN has no file: every name in it is SERVFAIL.
The zone SIGNED is served as it was written, with the signatures of signed_zone.py, so it can be forged. More zones can be
added, which then have name servers of their own (name_server.py).
"""

import itertools
import os
import shutil
import socket
import subprocess

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.resolver

from .processes import wait_until

BROKEN = "broken.example"
SIGNED = "signed.example"
TTL = 1

CONFIG = """
server:
    rundir: "{folder}"
    listen: "{address}@{port}"
    background-workers: 1
    udp-workers: 1
    tcp-workers: 1
log:
  - target: stderr
    any: warning
control:
    listen: "{folder}/knot.sock"
database:
    storage: "{folder}/db"
policy:
  - id: signed
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    semantic-checks: off
  - id: as-written
    storage: "{folder}"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
  - domain: .
    file: root.zone
    dnssec-signing: on
    dnssec-policy: signed
  - domain: {broken}
    file: {broken}.zone
  - domain: {signed}
    file: {signed}.zone
    template: as-written
"""

ZONE = """
  - domain: {zone}
    file: {zone}.zone
    template: as-written
"""

# Negative answers and their NSEC records live for no time at all, which is a second to a resolver: one that reasons from
# them (RFC 8198) would not see the names that a test adds a moment later. The senders' example.com is asked all the time
# for what it has not; so that this says nothing of the recipients' NAME.example.net, there is one before them.
ZONE_HEAD = f"""$ORIGIN .
$TTL {TTL}
@ 0 SOA ns.harness. hostmaster.harness. 1 3600 600 86400 0
@ NS ns.harness.
{BROKEN}. NS ns.harness.
0.example.net. TXT "the first"
"""


def txt(value):
    """TXT RDATA for a value of any length: strings of at most 255 octets (RFC 1035 3.3)."""
    return " ".join('"' + value[i : i + 255].replace('"', '\\"') + '"' for i in range(0, len(value), 255))


_serials = itertools.count(1)


def write_zone(path, zone, text):
    """A zone of the records in `text`, relative to its name; "@" is the zone itself. Its serial number is new."""
    serial = next(_serials)
    with open(path, "w") as file:
        file.write(f"$ORIGIN {zone}.\n$TTL {TTL}\n@ SOA ns.harness. hostmaster.harness. {serial} 3600 600 86400 {TTL}\n{text}\n")
    return serial


def serves(address, port, zone, serial):
    """Has the server there come to that version of the zone?"""
    try:
        answer = dns.query.tcp(dns.message.make_query(zone, "SOA"), address, timeout=2, port=port)
        return any(r.serial == serial for rrset in answer.answer for r in rrset if rrset.rdtype == dns.rdatatype.SOA)
    except (OSError, EOFError, dns.exception.DNSException):
        return False


class Dns:
    def __init__(self, block, processes, folder, port=None):
        self.address, self.port = block.address(3), port or block.new_port()
        self.folder = folder
        self._records = {}
        self._zones = []
        self._version = 0
        os.makedirs(f"{folder}/db")
        self._write_config()
        self._write_zone()
        self._process = processes.start(
            [shutil.which("knotd", path="/usr/sbin:/usr/bin"), "-c", f"{folder}/knot.conf"], f"{folder}/knot.log"
        )
        wait_until(self._published, "the DNS server answers")
        self.trust_anchor = f"{folder}/root.key"
        self._write_trust_anchor()

    @property
    def server(self):
        return f"{self.address}@{self.port}"

    def set(self, name, kind, *rdata):
        """Replaces the records of that name and kind; with no rdata, removes them. Visible when this returns."""
        self.update({(name, kind): rdata})

    def update(self, records):
        for (name, kind), rdata in records.items():
            self._records[name.rstrip("."), kind] = list(rdata)
        self._write_zone()
        self._knotc("zone-reload", ".")
        wait_until(self._published, "the DNS server has the new records")

    def fix(self, rdata_by_name_and_kind):
        """Gives the broken zone content, so that it answers from now on."""
        lines = [f"$ORIGIN {BROKEN}.", f"$TTL {TTL}", f"@ SOA ns.harness. hostmaster.harness. 1 3600 600 86400 {TTL}"]
        lines += ["@ NS ns.harness."]
        lines += [f"{name}. {kind} {rdata}" for (name, kind), rdata in rdata_by_name_and_kind.items()]
        with open(f"{self.folder}/{BROKEN}.zone", "w") as zone:
            zone.write("\n".join(lines) + "\n")
        self._knotc("zone-reload", BROKEN)

    def serve(self, zone, text):
        """A zone beside the root, as resolvers see it; the root has its NS records. Visible when this returns."""
        version = write_zone(f"{self.folder}/{zone}.zone", zone, text)
        if zone in self._zones:
            self._knotc("zone-reload", zone)
        else:
            self._zones.append(zone)
            self._write_config()
            self._knotc("reload")
        servers = [line.split()[-1] for line in text.splitlines() if line.split()[1:2] == ["NS"] and line.startswith("@")]
        self.update({(zone, "NS"): servers})
        wait_until(lambda: serves(self.address, self.port, zone, version), f"the DNS server has {zone}")

    def serve_signed(self, text, ds):
        """Serves the zone SIGNED as it stands there; `ds`: its key, as the parent has it."""
        with open(f"{self.folder}/{SIGNED}.zone", "w") as zone:
            zone.write(text)
        self._knotc("zone-reload", SIGNED)
        self.update({(SIGNED, "NS"): ["ns.harness."], (SIGNED, "DS"): [ds]})

    def texts(self, name):
        """The TXT records of a name, each as bytes; empty when there is none."""
        answer = self._ask(name, "TXT")
        return [b"".join(r.strings) for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT for r in rrset]

    def _ask(self, name, kind):
        return dns.query.tcp(dns.message.make_query(name, kind), self.address, timeout=2, port=self.port)

    def _published(self):
        try:
            return self.texts("version.harness") == [str(self._version).encode()]
        except (OSError, EOFError, dns.exception.DNSException):
            return False

    def _write_config(self):
        with open(f"{self.folder}/knot.conf", "w") as config:
            config.write(CONFIG.format(folder=self.folder, address=self.address, port=self.port, broken=BROKEN, signed=SIGNED))
            config.writelines(ZONE.format(zone=zone) for zone in self._zones)

    def _write_zone(self):
        self._version += 1
        lines = [f"version.harness. TXT {self._version}"]
        for (name, kind), rdata in self._records.items():
            lines += [f"{name}. {kind} {one}" for one in rdata]
        with open(f"{self.folder}/root.zone.new", "w") as zone:
            zone.write(ZONE_HEAD + "\n".join(lines) + "\n")
        os.replace(f"{self.folder}/root.zone.new", f"{self.folder}/root.zone")

    def _write_trust_anchor(self):
        keys = [rrset for rrset in self._ask(".", "DNSKEY").answer if rrset.rdtype == dns.rdatatype.DNSKEY]
        with open(self.trust_anchor, "w") as anchor:
            anchor.write("\n".join(rrset.to_text() for rrset in keys) + "\n")

    def _knotc(self, *words):
        knotc = shutil.which("knotc", path="/usr/sbin:/usr/bin")
        subprocess.run(
            [knotc, "-b", "-s", f"{self.folder}/knot.sock", *words], check=True, capture_output=True, timeout=20
        )


class BlackHole:
    """A DNS server that takes every question and answers none."""

    def __init__(self, block):
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self.address, self.port = block.new_address(), block.new_port()
        self._socket.bind((self.address, self.port))

    @property
    def server(self):
        return f"{self.address}@{self.port}"

    def close(self):
        self._socket.close()
