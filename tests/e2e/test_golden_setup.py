"""What `setup`, `doctor` and `domain check` print, on a machine where nothing is done yet, where all is done, and where much is
wrong. The machine is the test's own, with a zone of its own at two name servers; everything is done twice: for people, and as
JSON."""

import pytest

from sendoff_test import golden
from sendoff_test.dns import txt
from sendoff_test.golden_run import Run
from sendoff_test.name_server import NameServer
from sendoff_test.own_machine import ADDRESS, EXCHANGERS, HOST, NAME_SERVERS, PTR, TLS, Machine
from sendoff_test.terminal import CTRL_D
from test_doctor import greeter

WHICH = f"From which address? (none: later) [{ADDRESS}] "
SETUP = f"setup --yes --hostname {HOST} --domain example.com --account blog"

# By the name of its file.
LINES = {
    "setup-yes": SETUP,
    "setup-nobody": "setup",
    "setup-certificate": f"{SETUP} --certificate {TLS}/fullchain.pem --key {TLS}/privkey.pem",
    "setup-again": "setup --yes --test-to user@gmail.com",
    "domain-check": "domain check example.com",
    "domain-check-broken": "domain check example.com",
    "domain-check-unknown": "domain check example.org",
    "doctor-well": "doctor",
    "doctor-all": "doctor --all",
    "doctor-new": "doctor",
    "doctor-findings": "doctor",
}
# In a terminal.
TALKS = {"setup-dialogue": "setup", "setup-left": "setup"}
FILES = [*(f"{name}.{kind}" for name in LINES for kind in ("txt", "json")), *(f"{name}.txt" for name in TALKS)]


class Zone:
    """example.com, at two name servers and as the resolver sees it."""

    def __init__(self, lab):
        self.lab = lab
        names = [f"ns{number}.example.host" for number in (1, 2)]
        lab.dns.update({(name, "A"): [address] for name, address in zip(names, NAME_SERVERS)})
        self.head = "".join(f"@ NS {name}.\n" for name in names)
        folders = [f"{lab.folder}/{name}" for name in names]
        self.servers = [
            NameServer(lab.processes, folder, address, 53, {"example.com": self.head})
            for folder, address in zip(folders, NAME_SERVERS)
        ]

    def serve(self, text, second=None):
        for server, lines in zip(self.servers, (text, second or text)):
            server.serve("example.com", self.head + lines)
        self.lab.dns.serve("example.com", self.head + text)


class World:
    def __init__(self, machine):
        self.machine, self.lab = machine, machine.lab
        self.zone = Zone(self.lab)
        self.host = self.lab.exchanger("gmail.com", address=EXCHANGERS[0], port=25, tls="good")
        self.gateway = machine.gateway()

    def again(self):
        """As a machine is where nothing has been done: in the zone, too."""
        self.machine.forget()
        self.zone.serve("")
        self.lab.dns.update({(PTR, "PTR"): []})

    def records(self):
        return {one["kind"]: one for one in self.gateway.sendoff.json("domain", "records", "example.com")}

    def lines(self):
        """What the domain asks for, by kind: lines of a zone."""
        texts = {kind: f'{one["name"]}. TXT {txt(one["value"])}' for kind, one in self.records().items() if one["type"] == "TXT" and not one["optional"]}
        return {**texts, "mx": f"@ MX 10 {self.host.name}.", "helo": f"smtp A {ADDRESS}"}

    def allow_loopback(self):
        """Next hops are on this machine."""
        with open(self.gateway.config) as file:
            text = file.read()
        with open(self.gateway.config, "w") as file:
            file.write(text.replace("  port = 25\n", "  port = 25\n  local_next_hops = yes\n"))


def new(world, run):
    world.again()
    run("setup-nobody")
    world.again()
    run("setup-yes")


def talks(world, run):
    if run.json:
        return
    world.again()
    with run.dialogue("setup-dialogue") as talk:
        talk.answer(f"Full host name? [{HOST}] ")
        talk.answer(WHICH, "the first one")
        talk.answer(f"write an address of this machine, as in 192.0.2.10, or none\n{WHICH}", ADDRESS)
        talk.answer("Domain? (none: later) [example.com] ")
        talk.answer("Its name? (none: later) [example] ", "shop")
        talk.answer("What will use it: wordpress, php, device or server? [wordpress] ", "php")
        talk.answer("Who may it send as: a domain, or an address? [example.com] ")
    world.again()
    with run.dialogue("setup-left") as talk:
        talk.answer(f"Full host name? [{HOST}] ")
        talk.answer(WHICH, CTRL_D)


def well(world, run):
    world.again()
    run("setup-certificate")
    world.allow_loopback()
    world.zone.serve("\n".join(world.lines().values()))
    world.lab.dns.update({(PTR, "PTR"): [f"{HOST}."]})
    world.gateway.start()
    world.gateway.sendoff("domain", "set", "example.com", "--dmarc", "enforce")  # so that each message waits for the answer
    world.gateway.sendoff("backup", "/var/lib/sendoff.backup", "--force")
    for name in ("domain-check", "domain-check-unknown", "setup-again", "doctor-well", "doctor-all"):
        run(name)


def broken(world, run):
    """Records that are wrong or missing, servers that disagree, a source and a port that are somebody else's, and more."""
    sendoff = world.gateway.sendoff
    world.again()
    sendoff("init", "--hostname", HOST)
    run("doctor-new")
    sendoff.run(*SETUP.split())
    world.allow_loopback()
    right = world.lines()
    wrong = {
        **right,
        "dkim": right["dkim"].replace("p=MIIB", "p=MIIC"),
        "spf": '@ TXT "v=spf1 mx -all"',
        "mx": "@ MX 10 nowhere",
        "helo": "smtp A 203.0.114.99",
    }
    world.zone.serve("\n".join(wrong.values()), "\n".join(line for kind, line in wrong.items() if kind != "dmarc"))
    run("domain-check-broken")
    world.gateway.start()
    sendoff("account", "add", "printer", "--client-ip", "0.0.0.0/0", "--sender", "*")
    sendoff("account", "add", "news", "--sender", "example.com", "--pool", "bulk")
    sendoff("account", "suspend", "blog", "--reason", "the site was hacked")
    sendoff("source", "add", "203.0.114.11", "--helo", "smtp2.example.com")
    with open(world.gateway.config, "a") as config:
        config.write(f'listen "{ADDRESS}:26" {{ tls = "starttls" }}\n')
    with greeter(ADDRESS, 26, b"220 files.example.com FTP\r\n"):
        run("doctor-findings")


SCENARIO = (new, talks, well, broken)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    machine = Machine(str(tmp_path_factory.mktemp("layers")))
    texts = {}
    try:
        world = World(machine)
        for json in (False, True):
            run = Run({**LINES, **TALKS}, json)
            for part in SCENARIO:
                part(world, run)
                world.gateway.end()
            texts.update(run.texts)
    finally:
        machine.close()
    return texts


@pytest.mark.parametrize("file", FILES)
def test_setup(printed, file):
    golden.check(file, printed[file])
