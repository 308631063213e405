"""Postfix out of the unpacked package (tests/fetch-postfix) or the system: its load tools, smtp-source and smtp-sink, and
the whole of it as a next hop."""

import os
import pwd
import shutil
import subprocess

from .processes import wait_until

ROOT = os.path.abspath(f"{os.path.dirname(__file__)}/../../..")
UNPACKED = f"{ROOT}/build/postfix"


def _tool(name):
    unpacked = f"{UNPACKED}/usr/sbin/{name}"
    found = unpacked if os.path.exists(unpacked) else shutil.which(name, path="/usr/sbin:/usr/bin")
    assert found, f"{name} is missing: run tests/fetch-postfix"
    return found


def _environment():
    return {"LD_LIBRARY_PATH": f"{UNPACKED}/usr/lib/postfix"}


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


# --- a relay of its own ---

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {prefix}/usr/sbin
daemon_directory = {prefix}/usr/lib/postfix/sbin
shlib_directory = {prefix}/usr/lib/postfix
meta_directory = {folder}/conf
import_environment = MAIL_CONFIG TZ LD_LIBRARY_PATH
mail_owner = games
setgid_group = mail
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example.net
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
relayhost = [{next_address}]:{next_port}
"""
MASTER = """
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
PRIVATE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


def relay(lab, address, port, next_hop):
    """Takes mail at that address and hands all of it on to the exchanger `next_hop`. Postfix wants to be root."""
    prefix = UNPACKED if os.path.exists(f"{UNPACKED}/usr/sbin/smtp-sink") else ""
    master = f"{prefix}/usr/lib/postfix/sbin/master"
    assert os.path.exists(master), "Postfix is missing: run tests/fetch-postfix"
    folder = f"{lab.folder}/postfix"
    os.chmod(lab.folder, 0o755)
    words = dict(folder=folder, prefix=prefix, address=address, port=port, next_address=next_hop.address, next_port=lab.delivery_port)
    owner = pwd.getpwnam("games").pw_uid
    for name in ("conf", "queue/maildrop", "queue/public", "queue/pid", "data", *(f"queue/{name}" for name in PRIVATE)):
        os.makedirs(f"{folder}/{name}")
        if name not in ("conf", "queue/pid"):
            os.chown(f"{folder}/{name}", owner, pwd.getpwnam("mail").pw_gid)
            os.chmod(f"{folder}/{name}", 0o730 if name == "queue/maildrop" else 0o710 if name == "queue/public" else 0o700)
    for name, text in (("main.cf", MAIN), ("master.cf", MASTER)):
        with open(f"{folder}/conf/{name}", "w") as file:
            file.write(text.format(**words))
    started = lab.processes.start([master, "-c", f"{folder}/conf", "-d"], f"{folder}/out", env=_environment())
    wait_until(lambda: os.path.exists(f"{folder}/queue/public/qmgr"), "Postfix has started")
    return started
