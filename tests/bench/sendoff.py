"""The gateway that is measured: a new store, one domain, one account, for each run."""

import ipaddress
import os
import shutil

import place
from sendoff_test.client import plain
from sendoff_test.gateway import Gateway

LIMITS = 'max_message_size = "40M"  max_sessions = 20000  max_sessions_per_address = 20000  command_timeout = "1h"'
PORTS = {"optional": 25, "starttls": 587}
DOWN_DOMAIN = "down.example"
SITES_DOMAIN = "sites.example"  # d<number> below it has a site of its own
SITES = 1000


class Sendoff:
    name, title = "sendoff", "Sendoff"
    opening, warm_up = None, 200  # as peers.root.Peer has them

    def __init__(self, processes, dns, key, folder):
        self._processes, self._dns, self._key = processes, dns, key
        self.folder = f"{place.WORK}/{folder}"
        self.endpoint = (place.GATEWAY, PORTS["optional"])
        self.submission = (place.GATEWAY, PORTS["starttls"])
        self.gateway = None
        self.signatures = [("example.com", "rsa-sha256")]
        if key == "both":
            self.signatures.append(("example.com", "ed25519-sha256"))

    def publish(self):
        """Where the mail goes: to the sink, to a host that is down, or to one of many providers."""
        wanted = {("mx.example.net", "A"): [place.SINK], ("example.net", "MX"): ["10 mx.example.net."]}
        wanted.update({(f"mx.{DOWN_DOMAIN}", "A"): [place.DOWN], (DOWN_DOMAIN, "MX"): [f"10 mx.{DOWN_DOMAIN}."]})
        for number in range(SITES):
            address = ipaddress.ip_address(place.SITES) + number
            wanted[f"d{number}.{SITES_DOMAIN}", "MX"] = [f"10 mx.provider{number}.example."]
            wanted[f"mx.provider{number}.example", "A"] = [str(address)]
        self._dns.update(wanted)

    def make(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.gateway = Gateway(place.Addresses(), self._processes, self._dns, self.folder, 25, place.GATEWAY, PORTS)
        self.gateway.init().configure(retry=("1m", "5m", "15m", "1h", "2h", "4h"), expire="5d", limits=LIMITS)
        self._records = self.gateway.add_domain("example.com", "--key", self._key, publish=False)
        self.gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
        self.gateway.add_account("open", "--client-ip", "127.0.0.0/8")
        account = self.gateway.add_account("closed")
        self.auth = plain(account.name, account.password)

    def start(self, tracer=()):
        self.make()
        self.start_again(tracer)

    def start_again(self, tracer=()):
        """With the store as it is."""
        self.gateway.start(wrapper=tracer)

    def start_held(self):
        """All mail goes to a host that lets it wait."""
        self.make()
        self.gateway.sendoff("route", "add", "*", place.HELD)
        self.start_again()

    def start_released(self):
        """And now, with the same store, where DNS says."""
        self.gateway.sendoff("route", "remove", "*")
        self.start_again()

    @property
    def pid(self):
        return self.gateway.pid

    def status(self):
        return self.gateway.sendoff.json("status")[0]

    def stop(self):
        if self.gateway and self.gateway.running():
            self.gateway.stop()

    def texts(self, name):
        return [record["value"].encode() for record in self._records if record["name"].rstrip(".") == name.rstrip(".")]


def program():
    return os.environ["SENDOFF"]
