"""A machine of the test's own, on which the gateway is as in the documents: paths, ports, names and addresses are the same in
each run. The test's process and its children see it alone: they have a network, a host name and folders of their own."""

import ctypes
import os
import shutil
import socket

from .gateway import Gateway
from .lab import Lab
from .own_folder import own_folders
from .own_network import OwnNetwork
from .package_root import ROOT
from .ports import Block

HOST = "smtp.example.com"
ADDRESS = "203.0.114.10"  # which the world could reach
PTR = "10.114.0.203.in-addr.arpa"
EXCHANGERS = [f"203.0.114.{host}" for host in range(21, 30)]
NAME_SERVERS = ["203.0.114.41", "203.0.114.42"]
TLS = f"/etc/sendoff/tls/{HOST}"
PORTS = {"starttls": 587, "implicit": 465, "optional": 2525}
FOLDERS = ("/etc", "/var/lib", "/usr/share", "/usr/local/share", "/run")
CLONE_NEWUTS = 0x04000000

_libc = ctypes.CDLL(None, use_errno=True)


class Machine:
    def __init__(self, layers):
        """`layers`: an empty folder."""
        own_folders(layers, *FOLDERS)
        assert _libc.unshare(CLONE_NEWUTS) == 0, "a host name of one's own cannot be had here"
        socket.sethostname(HOST)
        self._network = OwnNetwork(*(f"{one}/32" for one in (*EXCHANGERS, *NAME_SERVERS)))
        try:
            self._network.swallow(f"{ADDRESS}/24")
            self.lab = Lab(dns_port=53, block=Block(start=0))
        except BaseException:
            self._network.close()
            raise
        self._write_files()

    def close(self):
        self.lab.close()
        self._network.close()

    def _write_files(self):
        shutil.rmtree("/etc/letsencrypt", ignore_errors=True)
        shutil.rmtree("/etc/sendoff", ignore_errors=True)
        write("/etc/hosts", "127.0.0.1 localhost\n")
        write("/etc/resolv.conf", f"nameserver {self.lab.dns.address}\n")
        _add("/etc/passwd", "sendoff:x:64200:64200::/var/lib/sendoff:/usr/sbin/nologin\n")
        _add("/etc/group", "sendoff:x:64200:\n")
        os.makedirs("/run/sendoff", exist_ok=True)
        os.makedirs("/usr/share/dns", exist_ok=True)
        os.makedirs("/usr/local/share/sendoff", exist_ok=True)
        shutil.copy(f"{ROOT}/deploy/shaping.conf", "/usr/local/share/sendoff/")
        shutil.copy(self.lab.dns.trust_anchor, "/usr/share/dns/root.key")
        with open(self.lab.authority.roots) as roots:
            write("/etc/ssl/certs/ca-certificates.crt", roots.read())
        os.makedirs(TLS)
        for made, name in zip(self.lab.authority.certificate(HOST), ("fullchain.pem", "privkey.pem")):
            shutil.copy(made, f"{TLS}/{name}")
            shutil.chown(f"{TLS}/{name}", "sendoff")

    def forget(self):
        """Nothing is installed: no configuration but the certificate, no store."""
        for path in ("/etc/sendoff/sendoff.conf", "/etc/sendoff/certificate.pem", "/etc/sendoff/certificate.key"):
            if os.path.exists(path):
                os.unlink(path)
        shutil.rmtree("/var/lib/sendoff", ignore_errors=True)

    def gateway(self):
        """Where a package has it; nothing is made yet."""
        lab = self.lab
        where = {"address": ADDRESS, "ports": PORTS, "config": "/etc/sendoff/sendoff.conf", "data": "/var/lib/sendoff"}
        made = Gateway(lab.block, lab.processes, lab.dns, f"{lab.folder}/gateway-{len(lab.gateways) + 1}", 25, **where)
        lab.gateways.append(made)
        return made


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.islink(path):
        os.unlink(path)
    with open(path, "w") as file:
        file.write(text)


def _add(path, line):
    with open(path) as file:
        text = file.read()
    if f"\n{line[:8]}" not in text:
        write(path, text + line)
