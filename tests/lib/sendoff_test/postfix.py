"""Postfix out of its unpacked package: its load tools, smtp-source and smtp-sink, and the whole of it as a next hop, with
postgrey in front where that is asked for."""

import glob
import os
import subprocess

from .package_root import unpacked
from .packaged_server import PackagedServer


def _tool(name):
    return f"{unpacked('postfix')}/usr/sbin/{name}"


def _environment():
    """Where its libraries are, and those that the machine lacks."""
    libraries = f"{unpacked('postfix')}/usr/lib"
    return {"LD_LIBRARY_PATH": ":".join([f"{libraries}/postfix", *glob.glob(f"{libraries}/*-linux-gnu")])}


def sink(processes, address, port, log_path):
    """An exchanger that takes everything, fast, and counts it."""
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return processes.start([_tool("smtp-sink"), *user, "-c", f"{address}:{port}", "512"], log_path, env=_environment())


def source(endpoint, sender, recipient, sessions, messages, length=4096, timeout=120):
    """Sends `messages` over `sessions` at once; raises when one of them is refused."""
    words = ["-s", sessions, "-m", messages, "-l", length, "-f", sender, "-t", recipient, "%s:%d" % endpoint]
    subprocess.run(
        [_tool("smtp-source"), *map(str, words)],
        check=True,
        capture_output=True,
        timeout=timeout,
        env={**os.environ, **_environment()},
    )


def postconf(folder, name):
    """The value that a setting of that folder's main.cf has for Postfix, with all that it refers to."""
    words = [_tool("postconf"), "-c", str(folder), "-x", "-h", name]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env={**os.environ, **_environment()})
    return done.stdout.rstrip("\n")


# --- all of it ---

MAIN = """
compatibility_level = 3.6
maillog_file = /mnt/log
maillog_file_prefixes = /mnt
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {name}
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
{more}
"""
MASTER = """
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
POSTGREY = "postgrey --inet={address}:{port} --user=postgrey --group=postgrey --dbdir=/var/lib/postgrey"


class Postfix(PackagedServer):
    package = "postfix"
    users, groups = ("postfix", "postgrey"), ("postdrop",)

    def __init__(self, lab, address, port, name, more=""):
        super().__init__(lab, address, port)
        words = dict(address=address, port=port, name=name, more=more)
        self.write("/etc/postfix/main.cf", MAIN.format(**words))
        self.write("/etc/postfix/master.cf", MASTER.format(**words))
        self.write("/etc/postfix/dynamicmaps.cf")
        self.make_folder("/var/lib/postfix", "postfix")
        self.make_folder("/var/lib/postgrey", "postgrey")

    def start(self, first=""):
        """`first`: a shell command that is run beside it."""
        beside = f"{first} &" if first else ""
        return super().start("sh", "-c", f"{beside} exec postfix start-fg")


def relay(lab, address, port, next_hop):
    """Takes mail at that address and hands all of it on to the exchanger `next_hop`."""
    more = f"relayhost = [{next_hop.address}]:{lab.delivery_port}"
    return Postfix(lab, address, port, "relay.example.net", more).start()
