"""What commands print while a gateway runs: about its mail, to next hops that take, put off and refuse it. The machine is the
test's own, so that names, addresses and ports are the same in each run. Everything is done twice: for people, and as JSON."""

import asyncio
import contextlib
import shutil
import signal
import threading
from datetime import datetime, timedelta

import pytest

from sendoff_test import golden
from sendoff_test.client import Dialogue, plain, submit
from sendoff_test.command import assert_no_report
from sendoff_test.gateway import pause_until_safe
from sendoff_test.golden_run import Run
from sendoff_test.letters import letter
from sendoff_test.own_machine import ADDRESS, EXCHANGERS, HOST, PTR, TLS, Machine
from sendoff_test.processes import wait_until
from sendoff_test.stored import edit
from sendoff_test.tlsa import publish, tlsa

TAKES, REFUSES, BUSY, SLOW = "takes.example.net", "refuses.example.net", "busy.example.net", "slow.example.net"
SITE = "mx-203-0-114-21.host"
GUESSER = "127.0.0.77"
FROM = "shop@example.com"
LIMITS = 'login_failures_per_address = 1  ban = "10m"'
REPORTS = 'tls_reports { from = "tls-reports@example.com" }'

# By the name of its file; the words, where a name in capitals is an id of the scenario.
LINES = {
    "status": "status",
    "status-banned": "status",
    "unban": f"unban {GUESSER}",
    "unban-unknown": f"unban {GUESSER}",
    "unban-nobody": "unban --all",
    "send-test": f"send-test --account shop --from {FROM} --to user@{TAKES}",
    "send-test-bounced": f"send-test --account shop --to nobody@{REFUSES}",
    "send-test-deferred": f"send-test --account shop --to user@{BUSY} --timeout 5m",
    "send-test-refused": f"send-test --account shop --from ceo@bank.example --to user@{TAKES}",
    "log-show-delivered": "log show DELIVERED",
    "log-show-bounced": "log show BOUNCED",
    "log-show-deferred": "log show DEFERRED",
    "log-live": "log",
    "log-follow": f"log --follow --to last@{SLOW}",
    "log-summary-site": "log summary --by site --since 1h",
    "log-summary-source": "log summary --by source --since 1h",
    "log-summary-stream": "log summary --by stream --since 1h",
    "why-delivered": "why DELIVERED",
    "why-bounced": "why BOUNCED",
    "why-deferred": "why DEFERRED",
    "why-refused": "why REFUSED",
    "why-login": "why LOGIN",
    "queue-list-deferred": "queue list",
    "queue-list-under-way": "queue list",
    "queue-show-under-way": "queue show UNDER_WAY",
    "queue-summary-under-way": "queue summary",
    "queue-bounce-running": "queue bounce DEFERRED",
    "explain-running": f"explain --account shop --from {FROM} --to user@{TAKES}",
    "explain-busy": f"explain --account shop --from {FROM} --to user@{BUSY}",
    "site-list-running": "site list",
    "site-show-running": f"site show {SITE}",
    "site-list-paused": "site list",
    "source-list-running": "source list",
    "tls-report-list-live": f"tls-report list {TAKES}",
    "tls-report-show-live": f"tls-report show {TAKES} --day today",
    "tls-report-send-off": "tls-report send",
    "tls-report-send": "tls-report send",
    "serve": "serve",
}


class World:
    """A machine with a gateway that is configured, and hosts that mail goes to."""

    def __init__(self, machine):
        self.machine, self.lab = machine, machine.lab
        self.hosts = {domain: self._host(domain, at) for domain, at in zip((TAKES, REFUSES, BUSY, SLOW, "example.com"), EXCHANGERS)}
        self.hosts[REFUSES].replies["RCPT"] = "550 5.1.1 no such user here"
        self.hosts[BUSY].replies["RCPT"] = "450 4.2.1 the mailbox is busy, come back later"
        publish(self.lab, SITE, tlsa(3, 1, 1, self.lab.certificate()[0]), port=25)
        self.gateway = machine.gateway().init()
        self.configure()
        self.lab.dns.update({(HOST, "A"): [ADDRESS], (PTR, "PTR"): [f"{HOST}."]})
        self.gateway.sendoff("source", "add", ADDRESS, "--helo", HOST)
        self.gateway.add_domain("example.com", "--key", "ed25519")
        self.gateway.sendoff("domain", "set", "example.com", "--dmarc", "enforce")  # so that each message waits for the answer
        self.account = self.gateway.add_account("shop")
        shutil.copytree(self.gateway.data, f"{self.gateway.folder}/data")

    def _host(self, domain, address):
        return self.lab.exchanger(domain, address=address, port=25, tls="good")

    def configure(self, more=""):
        files = {"certificate": f"{TLS}/fullchain.pem", "key": f"{TLS}/privkey.pem"}
        self.gateway.configure(retry=("9d",), expire="30d", limits=LIMITS, more=more, **files)

    def again(self):
        """As it was made, before any mail."""
        shutil.rmtree(self.gateway.data)
        shutil.copytree(f"{self.gateway.folder}/data", self.gateway.data)
        self.configure()

    @contextlib.contextmanager
    def waiting(self, domain):
        """Its host waits with its final reply until the event is set."""
        released = threading.Event()

        async def reply():
            while not released.is_set():
                await asyncio.sleep(0.02)

        replies = self.hosts[domain].replies
        replies["CONTENT"] = lambda _: reply()
        try:
            yield released
        finally:
            released.set()
            del replies["CONTENT"]

    def send(self, to):
        submit(self.gateway, self.account, FROM, [to], letter(FROM, to, "Thank you for your order.\r\n", "Order 1042"))

    def fail_to_log_in(self):
        with Dialogue(self.gateway.endpoint("optional"), source=GUESSER) as talk:
            talk.reply()
            talk.say("EHLO client.example")
            talk.start_tls()
            talk.say("EHLO client.example")
            assert talk.say(f"AUTH PLAIN {plain('shop', 'wrong')}").startswith("535")


def later(text, span):
    """So long after that time: a clock that shows whole seconds."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) + timedelta(seconds=1) + span


# The scenario.


def bans(world, run):
    wait_until(lambda: world.gateway.sendoff.json("source", "list")[0]["checked"], "the name of the source is checked")
    run("status")
    world.fail_to_log_in()
    run("status-banned")
    run("unban")
    run("unban-unknown")
    run("unban-nobody")
    run.ids["LOGIN"] = world.gateway.wait_event("refused")[0]["ref"]


def sending(world, run):
    gateway = world.gateway
    with world.waiting(TAKES) as released, run.followed("send-test") as test:
        test.wait_for('"stage":"dot"' if run.json else "waiting for the final reply of")
        released.set()
    run("send-test-bounced")
    gateway.wait_event("delivered", "--to", "postmaster@example.com")  # the notice
    run("send-test-deferred")
    run("send-test-refused")
    for name, event in (("DELIVERED", "delivered"), ("BOUNCED", "bounced"), ("DEFERRED", "deferred")):
        run.ids[name] = gateway.log("--event", event)[0]["message"]
    run.ids["REFUSED"] = gateway.log("--event", "refused", "--from", "ceo@bank.example")[0]["ref"]


def stories(world, run):
    for name in ("delivered", "bounced", "deferred"):
        run(f"log-show-{name}")
        run(f"why-{name}")
    for name in ("why-refused", "why-login", "log-live", "log-summary-site", "log-summary-source", "log-summary-stream"):
        run(name)
    for name in ("explain-running", "explain-busy", "source-list-running"):
        run(name)


def sites(world, run):
    wait_until(lambda: not world.gateway.shown_status()["connections"], "no connection is open")
    run("site-list-running")
    run("site-show-running")
    world.gateway.sendoff("site", "pause", "mx-203-0-114-23.host", "--until", "2h")
    run("site-list-paused")
    world.gateway.sendoff("site", "resume", "mx-203-0-114-23.host")


def queue(world, run):
    run("queue-list-deferred", later(world.gateway.queue()[0]["created"], timedelta(minutes=4)))
    run("queue-bounce-running")
    world.gateway.wait_event("delivered", "--to", "postmaster@example.com", count=2)  # the notice
    with world.waiting(SLOW):
        world.send(f"user@{SLOW}")
        mail = wait_until(lambda: under_way(world.gateway), "it waits for the final reply")
        run.ids["UNDER_WAY"] = mail["message"]
        when = later(mail["under_way"]["since"], timedelta(days=2))
        for name in ("queue-list-under-way", "queue-show-under-way", "queue-summary-under-way"):
            run(name, when)


def under_way(gateway):
    """The recipient of whom that is said."""
    return next((one for one in gateway.queue() if one["under_way"] and one["under_way"]["stage"] == "dot"), None)


def following(world, run):
    to = f"last@{SLOW}"
    world.send(to)
    world.gateway.wait_event("delivered", "--to", to)
    with run.followed("log-follow") as log:
        log.wait_for("delivered")
        world.send(to)
        log.wait_for("delivered")
        log.interrupt()


def reports(world, run):
    gateway = world.gateway
    run("tls-report-send-off")
    gateway.stop()
    run("tls-report-list-live")
    run("tls-report-show-live")
    for table in ("tls_days", "tls_domains", "tls_policies"):
        edit(gateway, f"UPDATE {table} SET day = day - 1")
    world.configure(REPORTS)
    gateway.start()
    run("tls-report-send")


def serving(world, run):
    """The log of a gateway, from its start to its end; what could come in either order is waited for."""
    gateway = world.gateway
    gateway.stop()
    world.again()
    if run.json:  # the command itself knows no other form
        with open(gateway.config) as file:
            text = file.read()
        with open(gateway.config, "w") as file:
            file.write(text.replace('format = "text"', 'format = "json"'))
    log = f"{gateway.folder}/serve-{run.kind}.log"
    process = world.lab.processes.start(gateway.sendoff.words("serve"), log, env=run.environment())

    def wait_for(event, count=1):
        said = f'"event":"{event}"' if run.json else f'event="{event}"' if " " in event else f"event={event} "
        wait_until(lambda: process.output().count(said) >= count, event, timeout=30)

    wait_for("ready")
    with world.waiting(TAKES) as released:
        world.send(f"user@{TAKES}")
        wait_for("session ended")
        released.set()
        wait_for("delivered")
    world.fail_to_log_in()
    wait_for("session ended", 2)
    process.send(signal.SIGHUP)
    wait_for("table of providers reloaded")
    status = process.stop()
    text = process.output()
    assert_no_report(text, "serve")
    run.keep("serve", f"{text}[status {status}]\n")


SCENARIO = (bans, sending, stories, sites, queue, following, reports, serving)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    machine = Machine(str(tmp_path_factory.mktemp("layers")))
    texts = {}
    try:
        world = World(machine)
        for json in (False, True):
            pause_until_safe(3600, 90)  # what was learnt is by the hour
            world.again()
            world.gateway.start()
            run = Run(LINES, json)
            for part in SCENARIO:
                part(world, run)
            texts.update(run.texts)
    finally:
        machine.close()
    return texts


@pytest.mark.parametrize("file", [f"{name}.{kind}" for name in LINES for kind in ("txt", "json")])
def test_live(printed, file):
    golden.check(file, printed[file])
