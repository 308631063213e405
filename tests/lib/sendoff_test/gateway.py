"""A gateway of a test's own: made by `sendoff init`, run as a child process, asked through its command line."""

import contextlib
import os
import shutil
import signal
import time

from .command import PROGRAM, SANITIZERS, Account, Command, assert_no_report
from .dns import txt
from .processes import connects, greets, wait_until

CONFIG = """
hostname = "smtp.example.com"
data_dir = "{data}"
{listens}
listen "unix:none" {{}}
tls {{ certificate = "{certificate}"  key = "{key}" }}
dns {{ servers = {{{servers}}}  trust_anchor = "{anchor}" }}
delivery {{ port = {delivery_port}  local_next_hops = {local}  retry = {{{retry}}}  expire = "{expire}"  {delivery} }}
limits {{ {limits} }}
log {{ retain = "{retain}"  format = "text"  {log} }}
{more}
"""


class Gateway:
    def __init__(self, block, processes, dns, folder, delivery_port, address=None, ports=None, config=None, data=None):
        self.folder, self.delivery_port, self.dns = folder, delivery_port, dns
        self.address = address or block.address(1)
        self.ports = ports or {kind: block.new_port() for kind in ("starttls", "implicit", "optional")}
        self.config = config or f"{folder}/sendoff.conf"
        self.data = data or f"{folder}/data"
        self.sendoff = Command(self.config)
        self._processes, self._process = processes, None
        self._logs = 0
        os.makedirs(folder, exist_ok=True)

    def endpoint(self, kind="starttls"):
        return self.address, self.ports[kind]

    # Making it.

    def init(self):
        listens = [word for kind, port in self.ports.items() for word in ("--listen", f"{self.address}:{port}/{kind}")]
        listens += ["--listen", "unix:none"]  # the default is one for the whole machine
        self.sendoff(
            *("init", "--hostname", "smtp.example.com", "--data-dir", self.data, *listens),
            *("--dns", self.dns.server, "--delivery-port", self.delivery_port, "--local-next-hops"),
        )
        return self

    def configure(
        self,
        retry=("1s", "2s"),
        expire="1h",
        limits="",
        servers=None,
        anchor=None,
        certificate=None,
        key=None,
        more="",
        delivery="",
        retain="30d",
        log="",
        local="yes",
    ):
        """Replaces the configuration that init wrote by one with everything said. `local`: may mail go to loopback, where every
        exchanger of a test is?"""
        with open(self.config, "w") as config:
            config.write(
                CONFIG.format(
                    data=self.data,
                    listens="\n".join(f'listen "{self.address}:{self.ports[k]}" {{ tls = "{k}" }}' for k in self.ports),
                    certificate=certificate or f"{self.folder}/certificate.pem",
                    key=key or f"{self.folder}/certificate.key",
                    servers=", ".join(f'"{s}"' for s in servers or [self.dns.server]),
                    anchor=anchor or self.dns.trust_anchor,
                    delivery_port=self.delivery_port,
                    retry=", ".join(f'"{r}"' for r in retry),
                    expire=expire,
                    limits=limits,
                    more=more,
                    delivery=delivery,
                    local=local,
                    retain=retain,
                    log=log,
                )
            )
        return self

    def hand_over(self, user):
        """Its files become that user's, who can reach them."""
        os.chmod(os.path.dirname(self.folder), 0o711)
        for folder, _, files in os.walk(self.folder):
            for path in (folder, *(f"{folder}/{name}" for name in files)):
                shutil.chown(path, user)
        return self

    # Running it.

    def start(self, wrapper=(), program=PROGRAM, env=None, pass_fds=()):
        """`wrapper`: a command that becomes the gateway in the end. `program`: another one that is it; `env`: what its
        environment has besides; `pass_fds`: descriptors that it has."""
        self._logs += 1
        log = f"{self.folder}/serve-{self._logs}.log"
        environment = {**SANITIZERS, **(env or {})}
        self._process = self._processes.start([*wrapper, program, "--config", self.config, "serve"], log, env=environment, pass_fds=pass_fds)
        wait_until(self._ready, "the gateway listens", timeout=30)
        return self

    def _ready(self):
        assert self._process.running(), f"the gateway ended by itself\n{self._process.output()[-4000:]}"
        plain = [kind for kind in ("starttls", "optional") if kind in self.ports]
        return greets(self.endpoint(plain[0])) if plain else connects(self.endpoint("implicit"))

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.running()

    def status(self):
        """The exit status of one that has ended."""
        return self._process.wait()

    def output(self):
        return self._process.output() if self._process else ""

    def reload(self):
        self._process.send(signal.SIGHUP)

    def terminate(self):
        """SIGTERM, and no waiting."""
        self._process.send(signal.SIGTERM)

    def stop(self):
        """SIGTERM; the gateway must end by itself, with status 0 and no sanitizer report."""
        self.terminate()
        self.finish()

    def finish(self):
        status = self._process.expect_end()
        output = self._process.output()
        assert_no_report(output, "sendoff serve")
        assert status == 0, f"sendoff serve ended with status {status}\n{output[-4000:]}"

    def end(self):
        """What every test ends with: a gateway that is still running is stopped and must have been well."""
        if self.running():
            self.stop()

    @contextlib.contextmanager
    def frozen(self):
        """It does nothing meanwhile; what comes for it waits in the kernel."""
        self._process.send(signal.SIGSTOP)
        wait_until(self._all_stopped, "every thread has stopped")
        try:
            yield
        finally:
            self._process.send(signal.SIGCONT)

    def _all_stopped(self):
        states = []
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/stat") as stat:
                states.append(stat.read().rpartition(")")[2].split()[0])
        return set(states) == {"T"}

    def kill(self):
        """SIGKILL, at once."""
        self._process.send(signal.SIGKILL)
        self._process.wait()
        assert_no_report(self._process.output(), "sendoff serve")

    def restart(self):
        self.stop()
        return self.start()

    # Giving it something to work with.

    def add_account(self, name, *options, senders=("example.com",)):
        words = [word for sender in senders for word in ("--sender", sender)]
        (made,) = self.sendoff.json("account", "add", name, *words, *options)
        return Account(name, made["password"])

    def add_domain(self, domain, *options, publish=True):
        """Adds a domain and publishes the records that it asks for."""
        self.sendoff("domain", "add", domain, *options)
        records = self.sendoff.json("domain", "records", domain)
        if publish:
            self.publish(records)
        return records

    def publish(self, records):
        """As `domain records` has them, but for the optional ones."""
        written = {"TXT": txt, "PTR": "{}.".format}
        wanted = {}
        for record in records:
            if not record.get("optional"):
                rdata = written.get(record["type"], str)(record["value"])
                wanted.setdefault((record["name"], record["type"]), []).append(rdata)
        self.dns.update(wanted)

    # Asking it.

    def log(self, *options):
        """Events of the delivery log, oldest first."""
        return self.sendoff.json("log", *options)

    def story(self, message):
        return [event["event"] for event in self.sendoff.json("log", "show", message)]

    def wait_event(self, event, *options, count=1, timeout=20):
        """The events of that kind, once there are at least `count`."""

        def enough():
            found = self.log("--event", event, *options)
            return found if len(found) >= count else None

        return wait_until(enough, f"{count} {event} in the log", timeout)

    def shown_status(self):
        (status,) = self.sendoff.json("status")
        return status

    def queue(self, *options):
        return self.sendoff.json("queue", "list", *options)

    def wait_empty(self, timeout=30):
        wait_until(lambda: not self.queue(), "the queue is empty", timeout)

    def wait_delivered(self, timeout=30):
        """All that is to leave by now has left: what is held, or put off to later, stays."""
        soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 5))

        def nothing_due():
            return not [one for one in self.queue("--state", "queued") if one["next"] < soon or one["under_way"]]

        wait_until(nothing_due, "nothing is due", timeout)

    def usage(self, account):
        (used,) = self.sendoff.json("account", "usage", account)
        return used


def pause_until_safe(window_seconds, margin):
    """Waits, if a calendar window of that length ends within `margin` seconds, until the next one has begun."""
    left = window_seconds - time.time() % window_seconds
    if left < margin:
        time.sleep(left + 0.05)
