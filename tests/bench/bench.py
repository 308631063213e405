"""What the rows share: the processes, DNS, the systems, and how much is asked for."""

import os
import subprocess
import sys
import tempfile
import time

import load
import place
import sendoff
from peers.exim import Exim
from peers.opensmtpd import OpenSmtpd
from peers.postfix import Postfix
from sendoff_test.dns import Dns
from sendoff_test.processes import Processes


def peer_classes(asked):
    wanted = (Postfix,) if asked.quick else (Postfix, Exim, OpenSmtpd)
    return [peer for peer in wanted if peer.name not in asked.without]


class Bench:
    Failed = load.Failed

    def __init__(self, asked):
        self._asked, self._began = asked, time.monotonic()
        self.folder = tempfile.mkdtemp(prefix="bench-")
        self.processes = Processes()
        self._ours = {}
        try:
            self._dns = Dns(place.Addresses(), self.processes, f"{self.folder}/dns")
            self.ours().publish()
            self._peers = [peer(self.processes) for peer in peer_classes(asked)]
        except BaseException:
            self.close()
            raise

    def close(self):
        """The folder and all in it; it is on the disk that is measured, and may be large."""
        self.processes.close()
        place.clear()

    def rounds(self, whole, quick):
        return quick if self._asked.quick else whole

    def ours(self, key="rsa2048"):
        """One for each name, which begins with the keys of its domain."""
        if key not in self._ours:
            self._ours[key] = sendoff.Sendoff(self.processes, self._dns, key.split("-")[0], key)
        return self._ours[key]

    def peers(self):
        return self._peers

    def tell(self, what):
        print(f"[{time.monotonic() - self._began:6.1f} s] {what}", file=sys.stderr, flush=True)

    def about(self):
        """Where it was measured, and what."""
        release = os.uname()
        with open("/proc/cpuinfo") as lines:
            model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), release.machine)
        commit = subprocess.run(
            ["git", "-c", f"safe.directory={place.ROOT}", "-C", place.ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True
        ).stdout.strip()
        disk = subprocess.run(["findmnt", "-no", "FSTYPE,OPTIONS", "-T", place.WORK], capture_output=True, text=True).stdout.split("\n")[0]
        about = {
            "machine": f"{os.cpu_count()} cores, {model}, Linux {release.release}",
            "disk": " ".join(disk.split()),
            "commit": commit or "unknown",
            "quick": self._asked.quick,
            "minutes": round((time.monotonic() - self._began) / 60, 1),
            "Sendoff": subprocess.run([sendoff.program(), "--version"], capture_output=True, text=True).stdout.strip(),
        }
        about.update({peer.title: peer.version() for peer in self._peers})
        return about
