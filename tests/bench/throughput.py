#!/usr/bin/python3
"""Messages a second, accepted to delivered: smtp-source -> gateway -> smtp-sink, signed with RSA-2048, on loopback.

    tests/bench/throughput.py sendoff [PROGRAM]     default: build/release/sendoff
    tests/bench/throughput.py postfix ROOT          ROOT made by tests/bench/peer-root; as root
    tests/bench/throughput.py both ROOT             three of each in turn; the medians and their ratio

The clock runs from the first connection until the gateway has delivered every message (its queue is empty). Options in the environment: MESSAGES (5000), SESSIONS (40),
LENGTH (4096), KEEP=1 for smtp-source -d (connections kept).
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(f"{HERE}/../..")
sys.path.insert(0, f"{ROOT}/tests/lib")
MESSAGES, SESSIONS, LENGTH = (int(os.environ.get(k, v)) for k, v in (("MESSAGES", 5000), ("SESSIONS", 40), ("LENGTH", 4096)))


def tool(name):
    unpacked = f"{ROOT}/build/postfix/usr/sbin/{name}"
    return unpacked if os.path.exists(unpacked) else name


ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": f"{ROOT}/build/postfix/usr/lib/postfix"}


class Sink:
    """An exchanger that takes everything."""

    def __init__(self, endpoint, path):
        self.path = path
        self.process = subprocess.Popen(
            [tool("smtp-sink"), "-u", "nobody", "-c", endpoint, "1024"], stdout=open(path, "w"), stderr=subprocess.STDOUT, env=ENVIRONMENT
        )
        time.sleep(0.3)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def wait_for(port, answers=True):
    """Until something listens there, or nothing does any more."""
    for _ in range(200):
        with socket.socket() as s:
            if (s.connect_ex(("127.0.0.1", port)) == 0) == answers:
                return
        time.sleep(0.05)
    sys.exit(f"port {port}: {'nothing listens' if answers else 'still in use'}")


def drive(endpoint, done):
    """Sends everything and waits for `done`; the rates accepted and delivered."""
    begin = time.monotonic()
    keep = ["-d"] if os.environ.get("KEEP") else []
    subprocess.run(
        [tool("smtp-source"), *keep, "-s", str(SESSIONS), "-m", str(MESSAGES), "-l", str(LENGTH), "-f", "a@example.com", "-t", "r@example.net", endpoint],
        check=True,
        env=ENVIRONMENT,
        timeout=600,
    )
    accepted = time.monotonic() - begin
    while not done() and time.monotonic() - begin < 600:
        time.sleep(0.05)
    delivered = time.monotonic() - begin
    return MESSAGES / accepted, MESSAGES / delivered


def sendoff(program):
    os.environ["SENDOFF"] = program
    from sendoff_test.lab import Lab

    lab = Lab()
    try:
        address = lab.block.new_address()
        lab.dns.set("mx.example.net", "A", address)
        lab.dns.set("example.net", "MX", "10 mx.example.net.")
        sink = Sink(f"{address}:{lab.delivery_port}", f"{lab.folder}/sink")
        gateway = lab.new_gateway().configure()
        gateway.add_domain("example.com")
        gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
        gateway.add_account("load", "--client-ip", "127.0.0.0/8")
        gateway.start()
        status = lambda: gateway.sendoff.json("status")[0]
        try:
            return drive("%s:%d" % gateway.endpoint("optional"), lambda: status()["delivered"] >= MESSAGES)
        finally:
            gateway.stop()
            sink.stop()
    finally:
        lab.close()


MAIN = """
compatibility_level = 3.6
myhostname = smtp.example.com
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
inet_interfaces = loopback-only
inet_protocols = ipv4
smtputf8_enable = no
maillog_file = /var/log/postfix.log
smtpd_milters = inet:127.0.0.1:{milter}
non_smtpd_milters =
default_process_limit = 200
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_destination_concurrency_limit = 40
smtp_destination_concurrency_limit = 40
in_flow_delay = 0
"""
OPENDKIM = """
Domain example.com
Selector s1
KeyFile /etc/dkim.key
Socket inet:{milter}@127.0.0.1
Mode s
Canonicalization relaxed/relaxed
OversignHeaders From
InternalHosts 127.0.0.0/8
UserID opendkim
PidFile /run/opendkim.pid
Background yes
"""


def postfix(root):
    ports = {"sink": 25261, "milter": 25262, "smtp": 25263}
    run = lambda *words: subprocess.run(["chroot", root, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{root}/etc/postfix/main.cf", "w") as out:
        out.write(MAIN.format(**ports))
    with open(f"{root}/etc/postfix/master.cf") as master:
        lines = master.read()
    with open(f"{root}/etc/postfix/master.cf", "w") as out:
        out.write(re.sub(r"^(smtp|127\.0\.0\.1:\d+)(\s+inet\s)", f"127.0.0.1:{ports['smtp']}\\2", lines, flags=re.M))
    with open(f"{root}/etc/opendkim.conf", "w") as out:
        out.write(OPENDKIM.format(**ports))
    if not os.path.exists(f"{root}/etc/dkim.key"):
        run("openssl", "genrsa", "-out", "/etc/dkim.key", "2048")
        run("chown", "opendkim", "/etc/dkim.key")
        run("chmod", "600", "/etc/dkim.key")
    folder = "/tmp/sendoff-bench"
    os.makedirs(folder, exist_ok=True)
    sink = Sink(f"127.0.0.1:{ports['sink']}", f"{folder}/sink")
    queue = lambda: subprocess.run(["chroot", root, "postqueue", "-j"], capture_output=True).stdout
    run("opendkim", "-x", "/etc/opendkim.conf")
    try:
        run("postfix", "start")
        try:
            wait_for(ports["milter"])
            wait_for(ports["smtp"])
            return drive(f"127.0.0.1:{ports['smtp']}", lambda: not queue().strip())
        finally:
            run("postfix", "stop")
    finally:
        with open(f"{root}/run/opendkim.pid") as pid:
            os.kill(int(pid.read()), 15)
        sink.stop()
        wait_for(ports["milter"], False)
        shutil.rmtree(folder)


def show(name, rates):
    print(f"{name}: accepted {rates[0]:.0f}/s, accepted to delivered {rates[1]:.0f}/s", flush=True)
    return rates[1]


def main(words):
    program = f"{ROOT}/build/release/sendoff"
    if words[:1] == ["sendoff"]:
        show("sendoff", sendoff(os.path.abspath(words[1]) if len(words) > 1 else program))
    elif words[:1] == ["postfix"] and len(words) == 2:
        show("postfix + opendkim", postfix(words[1]))
    elif words[:1] == ["both"] and len(words) == 2:
        pairs = [(show("sendoff", sendoff(program)), show("postfix + opendkim", postfix(words[1]))) for _ in range(3)]
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        print(f"medians of 3: sendoff {ours:.0f}/s, postfix + opendkim {theirs:.0f}/s, {ours / theirs:.1f} times")
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
