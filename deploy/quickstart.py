"""The part of deploy/quickstart that runs the gateway, with a DNS server and a recipient of its own, on 127.0.0.0/8.
They are the same ones that the tests use (tests/lib)."""

import os
import shutil
import signal
import socket
import sys
import tempfile

from sendoff_test.client import submit
from sendoff_test.command import PROGRAM
from sendoff_test.dns import Dns, txt
from sendoff_test.gateway import Gateway
from sendoff_test.letters import letter, values
from sendoff_test.mx import Exchanger, ExchangerThread
from sendoff_test.ports import Block
from sendoff_test.processes import Processes
from sendoff_test.verify import verified_by_dkimpy as verified

HOST = "127.0.0.1"
SOURCE = "127.0.0.2"  # where the gateway's mail leaves from
SENDING, RECEIVING = "example.com", "example.net"
SENDER, READER = f"shop@{SENDING}", f"reader@{RECEIVING}"
BUILD = os.path.abspath(f"{os.path.dirname(__file__)}/../build")

EXPLANATION = """\
  host       {host}
  port       {starttls} with STARTTLS, or {implicit} with TLS from the start
  user name  {user}
  password   {password}
  sender     any address of {sending}
The certificate is self-signed: let your application accept it (a real gateway takes one of a CA: docs/authentication.md).

This is a closed world. Its DNS server knows {sending} and {receiving} only: mail to anybody at these two is
shown below, and mail to any other domain does not leave this machine but bounces, as that domain "does not exist".

To go live: on a machine with a public address and a name that resolves to it, run `sendoff init --hostname NAME`
without --dns, add your domain, address and account as the README says, and publish the DNS records that
`sendoff domain records YOUR-DOMAIN` prints.

Look around:   {command} log
               {command} account usage
Ctrl-C stops everything and removes it."""


def free_port(first):
    """The first port from there on that nothing listens on."""
    for port in range(first, first + 200):
        with socket.socket() as attempt:
            try:
                attempt.bind((HOST, port))
                return port
            except OSError:
                continue
    sys.exit(f"quickstart: no free port between {first} and {first + 200} on {HOST}")


def heading(text):
    print(f"\n== {text}", flush=True)


class Demonstration:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="quickstart-", dir=BUILD)
        self.block, self.processes = Block(), Processes()
        self.exchangers = self.gateway = None

    def start(self):
        self.dns = Dns(self.block, self.processes, f"{self.folder}/dns")
        self.exchangers = ExchangerThread()
        port = self.block.new_port()
        self.reader = Exchanger(f"mx.{RECEIVING}")
        address = self.block.new_address()
        self.exchangers.listen(self.reader, address, port)
        self.dns.update(
            {
                (RECEIVING, "MX"): [f"10 {self.reader.name}."],
                (self.reader.name, "A"): [address],
                (SENDING, "MX"): [f"10 {self.reader.name}."],  # so that bounces arrive, too
                (SENDING, "TXT"): [txt(f"v=spf1 ip4:{SOURCE} -all")],
            }
        )
        ports = {"starttls": free_port(2587), "implicit": free_port(2465)}
        self.gateway = Gateway(self.block, self.processes, self.dns, f"{self.folder}/gateway", port, HOST, ports)
        self.gateway.init().configure(retry=("10s", "1m", "5m"), expire="1d")
        self.gateway.sendoff("domain", "add", SENDING, "--key", "both")
        self.publish_keys()
        self.gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
        self.account = self.gateway.add_account(
            "shop", "--limit", "60/minute:smooth", "--limit", "5000/day", senders=(SENDING,)
        )
        self.gateway.start()

    def publish_keys(self):
        """The DNS records of the domain's keys, as its operator would publish them."""
        records = self.gateway.sendoff.json("domain", "records", SENDING)
        self.gateway.publish([record for record in records if "_domainkey" in record["name"]])

    def send_one(self):
        """True if the message arrived and its signatures verify against the DNS."""
        port = self.gateway.ports["starttls"]
        heading(f"{SENDER} sends to {READER}: port {port}, STARTTLS, AUTH as '{self.account.name}'")
        text = "Hello,\r\n\r\nthis message went through your own gateway.\r\n"
        submit(
            self.gateway,
            self.account,
            SENDER,
            [READER],
            letter(SENDER, READER, text, subject="Your order has been sent"),
        )
        arrival = self.reader.wait(1, timeout=30)[0]
        heading(f"what {READER} got (from {arrival.peer[0]}, which said EHLO {arrival.helo})")
        print(arrival.content.decode().replace("\r\n", "\n"))
        good = verified(arrival.content, self.dns)
        heading("DKIM: " + (", ".join(f"{a} of {d} verified" for d, a in good) or "NOT verified"))
        (event,) = self.gateway.wait_event("delivered", "--to", READER)
        heading(f"sendoff log show {event['message']}")
        print(self.gateway.sendoff("log", "show", event["message"]))
        return len(good) == 2

    def explain(self):
        heading("it keeps running: type this into your application")
        ports = self.gateway.ports
        print(
            EXPLANATION.format(
                host=HOST,
                starttls=ports["starttls"],
                implicit=ports["implicit"],
                user=self.account.name,
                password=self.account.password,
                sending=SENDING,
                receiving=RECEIVING,
                command=f"{PROGRAM} --config {self.gateway.config}",
            ),
            flush=True,
        )

    def watch(self):
        """Shows what arrives, until a signal ends it."""
        shown = 1
        while True:
            try:
                arrivals = self.reader.wait(shown + 1, timeout=1)
            except AssertionError:
                if not self.gateway.running():
                    sys.exit("quickstart: the gateway ended by itself:\n" + self.gateway.output()[-3000:])
                continue
            for arrival in arrivals[shown:]:
                good = "DKIM verified" if verified(arrival.content, self.dns) else "not signed"
                subject = " ".join(values(arrival.content, "Subject"))
                print(f"{arrival.sender or '<>'} -> {', '.join(arrival.recipients)}: {subject} ({good})", flush=True)
            shown = len(arrivals)

    def stop(self):
        try:
            if self.gateway:
                self.gateway.end()
        finally:
            self.processes.close()
            if self.exchangers:
                self.exchangers.close()
            self.block.close()
            shutil.rmtree(self.folder, ignore_errors=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demonstration = Demonstration()
    try:
        demonstration.start()
        arrived = demonstration.send_one()
        if "--once" not in sys.argv:
            demonstration.explain()
            demonstration.watch()
    except KeyboardInterrupt:
        print("\nstopping")
        return 0
    finally:
        demonstration.stop()
    return 0 if arrived else 1


if __name__ == "__main__":
    sys.exit(main())
