"""Name servers of a test's own zones: each a Knot, so that two of them can disagree, as the world's do."""

import os
import shutil
import subprocess

from .dns import serves, write_zone
from .processes import wait_until

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
{key}template:
  - id: default
    storage: "{folder}"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
{zones}
"""


KEY = """key:
  - id: {name}
    algorithm: {algorithm}
    secret: {secret}
acl:
  - id: update
    key: {name}
    action: update
"""


class NameServer:
    """Serves the zones that it is made with, from `text` by zone name; records as write_zone has them. `update_key`: the name,
    algorithm and secret of the TSIG key with which its zones may be updated (RFC 2136)."""

    def __init__(self, processes, folder, address, port, zones, update_key=None):
        self.address, self.port, self.folder = address, port, folder
        os.makedirs(f"{folder}/db")
        serials = {zone: write_zone(self._path(zone), zone, text) for zone, text in zones.items()}
        with open(f"{folder}/knot.conf", "w") as config:
            acl = "\n    acl: update" if update_key else ""
            key = KEY.format(**dict(zip(("name", "algorithm", "secret"), update_key))) if update_key else ""
            entries = "\n".join(f"  - domain: {zone}\n    file: {zone}.zone{acl}" for zone in zones)
            config.write(CONFIG.format(folder=folder, address=address, port=port, zones=entries, key=key))
        self._process = processes.start(
            [shutil.which("knotd", path="/usr/sbin:/usr/bin"), "-c", f"{folder}/knot.conf"], f"{folder}/knot.log"
        )
        for zone, serial in serials.items():
            self._wait_for(zone, serial)

    def serve(self, zone, text):
        """Replaces the zone. Visible when this returns."""
        serial = write_zone(self._path(zone), zone, text)
        knotc = shutil.which("knotc", path="/usr/sbin:/usr/bin")
        subprocess.run(
            [knotc, "-b", "-s", f"{self.folder}/knot.sock", "zone-reload", zone], check=True, capture_output=True, timeout=60
        )
        self._wait_for(zone, serial)

    def stop(self):
        self._process.stop()

    def _path(self, zone):
        return f"{self.folder}/{zone}.zone"

    def _wait_for(self, zone, serial):
        wait_until(lambda: serves(self.address, self.port, zone, serial), f"the name server has {zone}")
