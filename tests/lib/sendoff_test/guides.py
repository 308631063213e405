"""What a guide says, done as it says: the lines for an application run in the library that it has (tests/lib/mailers), with the
certificate trusted as the guide has it, and a gateway found by its name at the ports that are written there."""

import contextlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass

from .command import Account
from .lab import SOURCE, Lab
from .markdown import Document
from .own_network import OwnNetwork
from .package_root import ROOT

HOST = "smtp.example.com"
MAILERS = f"{ROOT}/tests/lib/mailers"
APPLICATIONS = Document(f"{ROOT}/docs/applications.md")


@contextlib.contextmanager
def own_lab():
    """In a network of its own, where the guides' ports are free."""
    network = OwnNetwork()
    network.add_interface("192.0.2.1/24")  # Nodemailer looks up no name without
    made = Lab()
    yield made
    made.close()
    network.close()


@dataclass
class Mailer:
    heading: str  # of the section with its lines
    command: list  # the program of tests/lib/mailers last
    account: str = "app"

    def lines(self, password):
        (block,) = APPLICATIONS.blocks_of(self.heading)
        return block.replace("the password", password).replace("app:PASSWORD@", f"app:{password}@")


PHP = ["php", "-d", "display_errors=stderr"]
ALL = {
    "Nextcloud": Mailer("Nextcloud", [*PHP, "nextcloud.php"], "cloud"),
    "GitLab": Mailer("GitLab", ["ruby", "gitlab.rb"], "gitlab"),
    "Django": Mailer("Django", ["/usr/bin/python3", "django_lines.py"]),
    "Rails": Mailer("Rails", ["ruby", "rails.rb"]),
    "Laravel": Mailer("Laravel", [*PHP, "laravel.php"]),
    "Symfony": Mailer("Symfony", [*PHP, "symfony.php"]),
    "Node.js": Mailer("Node.js", ["node", "nodemailer.js"]),
    "Python": Mailer("Python", ["/usr/bin/python3", "smtplib_lines.py"]),
    "Perl": Mailer("Perl", ["perl", "email_sender.pl"]),
}


@dataclass
class Mail:
    """`sender`: "" is the one that the lines set."""

    to: list
    sender: str = ""
    subject: str = "x"


def run(mailer, folder, password, mails, change=None):
    """What the application gets for each of them: {"sent": ...} or {"error": ...}. `change`: of the lines."""
    path = f"{folder}/lines"
    lines = mailer.lines(password)
    with open(path, "w") as file:
        file.write(change(lines) if change else lines)
    *words, program = mailer.command
    given = json.dumps([{"from": mail.sender, "to": mail.to, "subject": mail.subject} for mail in mails])
    done = subprocess.run(
        [*words, f"{MAILERS}/{program}", path],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "NODE_PATH": "/usr/share/nodejs", "SMTP_PASSWORD": password, **environment()},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(mails), done.stdout + done.stderr
    return said


def environment():
    """What the guide has in it for those that do not read the system's list of CAs."""
    (code,) = [code for code in APPLICATIONS.codes() if code.startswith("NODE_EXTRA_CA_CERTS=")]
    return dict([code.split("=")])


class Place:
    """A gateway at the ports of the guides, and the accounts that they name. `kind`: whose its certificate is: its own, or that of
    a CA."""

    trusted = published = None  # which of them is, on this machine and in DNS

    def __init__(self, lab, kind):
        certificate, key = (None, None) if kind == "self-signed" else lab.authority.certificate(HOST)
        self.gateway = lab.new_gateway(address=lab.block.new_address(), ports={"starttls": 587, "implicit": 465})
        self.gateway.configure(certificate=certificate, key=key, limits='login_window = "1s"')  # no failure makes the next one slower
        self.records = self.gateway.add_domain("example.com", "--key", "both", publish=False)
        self.gateway.sendoff("source", "add", SOURCE, "--helo", HOST)
        self.root = lab.authority.roots if certificate else f"{self.gateway.folder}/certificate.pem"
        self.accounts = {}

    def start(self):
        self.gateway.start()
        for mailer in ALL.values():
            if mailer.account not in self.accounts:
                (made,) = self.gateway.sendoff.json("account", "add", mailer.account, "--sender", "example.com", "--for", "php")
                self.accounts[mailer.account] = Account(mailer.account, made["password"])
                self.gateway.sendoff("account", "set", mailer.account, "--limit", "1000/minute")  # smoothing takes a second a message
        return self

    def send(self, mailer, *mails, password=None, change=None, trusted=None, at=None):
        """From now on the name leads to this one, which is trusted; or to the address `at`, or `trusted` is."""
        self.take_name(trusted, at)
        return run(mailer, self.gateway.folder, password or self.accounts[mailer.account].password, mails, change)

    def take_name(self, trusted=None, at=None):
        name_leads_to(at or self.gateway.address)
        (trusted or self).trust()
        self.publish()

    def publish(self):
        if Place.published is not self:
            self.gateway.publish(self.records)
            Place.published = self

    def trust(self):
        """As the guide has it, typed where the copy is. What was trusted before is overwritten."""
        if Place.trusted is self:
            return
        folder = f"{self.gateway.folder}/copied"
        os.makedirs(folder, exist_ok=True)
        shutil.copy(self.root, f"{folder}/certificate.pem")
        (commands,) = [block for block in APPLICATIONS.blocks_of("The certificate") if "update-ca-certificates" in block]
        done = subprocess.run(["sh", "-e", "-c", commands], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        Place.trusted = self


def name_leads_to(address):
    with open("/etc/hosts", "w") as hosts:
        hosts.write(f"127.0.0.1 localhost\n{address} {HOST}\n")
