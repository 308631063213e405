"""Everything around a gateway, put together: addresses, processes, DNS, exchangers. Closing it ends all of it."""

import os
import shutil
import tempfile

from .certificate import Authority, make_certificate
from .dns import BlackHole, Dns
from .gateway import Gateway
from .mx import Exchanger, ExchangerThread, server_context
from .ports import Block
from .processes import Processes

SOURCE = "127.0.0.2"  # where mail leaves from
KEEP = "SENDOFF_TEST_KEEP"  # set: the folder is kept, for looking at what happened


def exchanger_name(address, site=None):
    """The exchanger's at this address. Each has an organization, and so a pace, of its own, unless `site` says which.

    The name before all of .host in the zone is ns.harness, which nobody asks for what it has not. Behind one of which that
    is asked, a resolver would know for a moment that there is no *.host, and deny names that were just added (RFC 8198)."""
    return f"mx-{address.replace('.', '-')}.{site + '.' if site else ''}host"


class Lab:
    def __init__(self, dns_port=None, block=None):
        """`dns_port`: 53, in a network of its own, for programs that know no other; `block`: that it is to have there."""
        self.folder = tempfile.mkdtemp(prefix="sendoff-test-")
        self.block = block or Block()
        self.processes = Processes()
        self._exchangers = None
        self._closing = []
        self.gateways, self.servers = [], []  # the latter: packaged_server.py's
        self._certificate = self._authority = None
        self._names = 0
        try:
            self.delivery_port = self.block.new_port()
            self.dns = Dns(self.block, self.processes, f"{self.folder}/dns", dns_port)
            self._exchangers = ExchangerThread()
        except BaseException:
            self.close()
            raise

    def close(self):
        try:
            for gateway in self.gateways:
                gateway.end()
        finally:
            self.processes.close()
            if self._exchangers:
                self._exchangers.close()
            for other in self._closing:
                other.close()
            self.block.close()
            if not os.environ.get(KEEP):
                shutil.rmtree(self.folder, ignore_errors=True)

    # Gateways.

    def new_gateway(self, delivery_port=None, **where):
        """Initialised, not configured or started. `where`: its address and ports, when it is to have its own."""
        folder = f"{self.folder}/gateway-{len(self.gateways) + 1}"
        gateway = Gateway(self.block, self.processes, self.dns, folder, delivery_port or self.delivery_port, **where)
        self.gateways.append(gateway)
        return gateway.init()

    def gateway(self, domain="example.com", **configuration):
        """Running, with a domain to send for and a source address."""
        gateway = self.new_gateway().configure(**configuration)
        gateway.add_domain(domain, "--key", "ed25519")
        gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
        return gateway.start()

    # What is at the other end.

    def new_domain(self, stem="dest"):
        """A domain that no other test uses; it does not exist until it has records."""
        self._names += 1
        return f"{stem}{self._names}.example.net"

    def exchanger(
        self, domain=None, preference=10, tls=None, publish=True, address=None, port=None, site=None, implicit=False, **manner
    ):
        """A mail exchanger that listens, and the MX record that leads to it. `tls`: None, "good", or "verified", which is
        with a certificate for its name from self.authority, or an SSLContext; `implicit`: from the first octet, not by STARTTLS. Exchangers of
        one `site` have their pace in common."""
        address = address or self.block.new_address()
        name = exchanger_name(address, site)
        certificates = {"good": self.certificate, "verified": lambda: self.authority.certificate(name)}
        context = server_context(*certificates[tls]()) if tls in certificates else tls
        made = Exchanger(name, tls_context=None if implicit else context, **manner)
        made.address, made.domain, made.port = address, domain, port or self.delivery_port
        made.server = self._exchangers.listen(made, address, made.port, tls=context if implicit else None)
        self.dns.set(name, "A", address)
        if domain and publish:
            self.dns.set(domain, "MX", f"{preference} {name}.")
        return made

    def silence(self, exchanger):
        """It takes no more connections."""
        self._exchangers.stop_listening(exchanger.server)

    def certificate(self):
        if not self._certificate:
            self._certificate = make_certificate(self.folder, "mx.example.net")
        return self._certificate

    @property
    def authority(self):
        if not self._authority:
            self._authority = Authority(self.folder)
        return self._authority

    def black_hole(self):
        hole = BlackHole(self.block)
        self._closing.append(hole)
        return hole
