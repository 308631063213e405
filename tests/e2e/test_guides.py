"""docs/applications.md: the lines for each application are taken from there and run in the library that it has. Mail arrives, with
TLS that is verified; what the application gets of a refusal is what the guide says. Of Nextcloud, GitLab and Laravel it is the
library alone, with what they make of the lines."""

import os
import re
import socket
import subprocess
import threading
from dataclasses import replace

import pytest

from sendoff_test import guides
from sendoff_test.dns import txt
from sendoff_test.gateway import pause_until_safe
from sendoff_test.guides import ALL, APPLICATIONS, Mail, Place, own_lab
from sendoff_test.letters import marker
from sendoff_test.markdown import Document
from sendoff_test.own_folder import own_folders
from sendoff_test.package_root import ROOT
from sendoff_test.verify import verified_by_dkimpy

# One of those that have the same library.
every_library = pytest.mark.parametrize("name", ["Django", "Rails", "Symfony", "Node.js", "Python", "Perl"])
# Debian 12's Django is of before it verified.
VERIFYING = [name for name in ALL if name != "Django"]
# Which the guide gives port 587.
BY_STARTTLS = ["Django", "Rails", "Node.js", "Python", "Perl"]


@pytest.fixture(scope="module", autouse=True)
def own_files(tmp_path_factory):
    own_folders(str(tmp_path_factory.mktemp("layers")), "/etc", "/usr/local/share")


@pytest.fixture(scope="module")
def lab():
    with own_lab() as made:
        yield made


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("example.net")


@pytest.fixture(scope="module")
def places(lab):
    """One with a certificate of a CA of one's own, one with the gateway's own."""
    return {kind: Place(lab, kind).start() for kind in ("CA", "self-signed")}


@pytest.fixture(scope="module")
def place(places):
    return places["self-signed"]


@pytest.mark.parametrize("kind", ["CA", "self-signed"])
def test_mail_arrives(lab, places, recipient, kind):
    """All are sent, then all are awaited."""
    marks = {name: marker() for name in ALL}
    for name, mark in marks.items():
        (said,) = places[kind].send(ALL[name], Mail(["you@example.net"], subject=mark))
        assert "sent" in said, (name, said)
    for name, mark in marks.items():
        arrival = recipient.wait_for(mark)
        assert arrival.sender == f"{ALL[name].account}@example.com" and b"with ESMTPSA" in arrival.content
        assert sorted(verified_by_dkimpy(arrival.content, lab.dns)) == [("example.com", "ed25519-sha256"), ("example.com", "rsa-sha256")]


def test_django_sends_a_test_message(place, recipient, tmp_path):
    """By the guide's command, in a site that has these settings and no other."""
    place.take_name()
    (command,) = [code for code in APPLICATIONS.codes() if "sendtestemail" in code]
    mark = marker()
    (tmp_path / "settings.py").write_text("import os\n" + ALL["Django"].lines(""))
    words = ["/usr/bin/python3", "-m", "django", *command.replace("you@", f"{mark}@").split()[2:]]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "settings", "SMTP_PASSWORD": place.accounts["app"].password}
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert recipient.wait_for(mark).recipients == [f"{mark}@example.net"]


def test_as_a_client_sees_it(places):
    """The command of docs/certificates.md, which fails for whom it does not trust."""
    (command,) = [code for code in Document(f"{ROOT}/docs/certificates.md").codes() if code.startswith("openssl s_client")]
    place, other = places.values()
    for trusted in (other, place):
        place.take_name(trusted)
        done = subprocess.run(command.split(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]})
        assert (done.returncode == 0) == (trusted is place), done.stdout + done.stderr


# What is refused, and what applications get of it.

BOSS, GONE = "boss@bank.example", "gone@example.net"
REFUSED = {
    "sender": (Mail(["r@example.net"], BOSS), f"{{name}} may not send as {BOSS}; allowed: example.com"),
    "recipient": (Mail([GONE]), f"{GONE} is suppressed: "),
    "limit": (Mail(["r@example.net"], "a@full.example"), "full.example: 1 of 1 messages today; resets "),
    "content": (Mail(["r@example.net"], "a@reject.example"), "add ip4:127.0.0.2 to the SPF record of reject.example"),
}
# The errors that the guide names, for each of them and for the password.
SMTPLIB = {"sender": "SMTPSenderRefused", "recipient": "SMTPRecipientsRefused", "limit": "SMTPDataError", "content": "SMTPDataError", "password": "SMTPAuthenticationError"}
ACTION_MAILER = {"sender": "Net::SMTPFatalError", "recipient": "Net::SMTPFatalError", "limit": "Net::SMTPServerBusy", "content": "Net::SMTPFatalError", "password": "Net::SMTPAuthenticationError"}
SHOWN = {
    "Django": SMTPLIB,
    "Rails": ACTION_MAILER,
    "Symfony": dict.fromkeys(SMTPLIB, "TransportException: "),
    "Node.js": {"sender": "EENVELOPE 553", "recipient": "EENVELOPE 550", "limit": "EMESSAGE 452", "content": "EMESSAGE 550", "password": "EAUTH 535"},
    "Python": SMTPLIB,
    "Perl": dict.fromkeys(SMTPLIB, "Email::Sender::Failure"),
}


@pytest.fixture(scope="module")
def strict(lab, place):
    """The accounts may send for two domains more, of which one has had its mail of today and the other's SPF record lists nobody."""
    sendoff = place.gateway.sendoff
    for domain in ("full.example", "reject.example"):
        sendoff("domain", "add", domain)
    sendoff("domain", "set", "full.example", "--limit", "1/day")
    sendoff("domain", "set", "reject.example", "--dmarc", "enforce")
    lab.dns.update({("reject.example", "TXT"): [txt("v=spf1 -all")], ("_dmarc.reject.example", "TXT"): [txt("v=DMARC1; p=reject")]})
    sendoff("suppression", "add", GONE, "--forever")
    for account in place.accounts:
        sendoff("account", "set", account, "--add-sender", "full.example", "--add-sender", "reject.example")
    pause_until_safe(86400, 300)
    (said,) = place.send(ALL["Python"], Mail(["you@example.net"], "a@full.example"))
    assert "sent" in said, said
    return place


@every_library
def test_what_is_refused(strict, name):
    """The whole text, up to its reference, is in the error; and the account can still send."""
    mails = [mail for mail, _ in REFUSED.values()]
    said = strict.send(ALL[name], *mails, Mail(["you@example.net"]))
    for what, one in zip(REFUSED, said):
        text = REFUSED[what][1].format(name=ALL[name].account)
        assert SHOWN[name][what] in one["error"], (what, one)
        assert re.search(re.escape(text) + ".*sendoff why [0-9A-Z]{8}", words(one["error"])), (what, one)
    assert "sent" in said[-1], said


@every_library
def test_a_wrong_password(strict, name):
    (said,) = strict.send(ALL[name], Mail(["you@example.net"]), password="a-password-of-nobody")
    assert SHOWN[name]["password"] in said["error"]
    assert "user name or password is wrong" in words(said["error"]), said


def words(text):
    return " ".join(text.replace("\\n", " ").replace("\\r", " ").split())


def test_jobs_of_rails(strict):
    """A limit has the job tried again, five minutes later; another refusal ends it."""
    (initializer,) = [code for code in APPLICATIONS.codes() if code.startswith("ActionMailer::MailDeliveryJob")]
    job = replace(ALL["Rails"], command=["ruby", "rails_job.rb"])
    limit, sender = strict.send(job, REFUSED["limit"][0], REFUSED["sender"][0], change=lambda lines: f"{initializer}\n{lines}")
    assert limit == {"sent": "again in 300 s"} and "may not send as" in sender["error"]


# One of several recipients.


def table(heading):
    """The cells of the rows of a section's table."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in APPLICATIONS.section(heading) if line.startswith("| ")]


def test_one_of_several_recipients(strict, recipient):
    """Who then gets the message, and whether the application hears of it, is what the table says."""
    rows = table("One of several recipients is refused")
    for name in ALL:
        (outcome,) = [cells[1] for cells in rows if name in cells[0].split(", ")]
        mark = marker()
        (said,) = strict.send(ALL[name], Mail(["you@example.net", GONE], subject=mark))
        if outcome.startswith("get nothing"):
            assert f"{GONE} is suppressed" in words(said["error"]), (name, said)
            assert not [one for one in recipient.arrivals if mark.encode() in one.content]
        else:
            assert outcome.startswith("get the message; the application gets no error"), outcome
            assert "sent" in said, (name, said)
            recipient.wait_for(mark)


# Who does not verify, and who goes on without TLS.


def test_whom_nobody_trusts(lab, place, recipient):
    other = Place(lab, "another CA").start()
    for name in ALL:
        mark = marker()
        (said,) = other.send(ALL[name], Mail(["you@example.net"], subject=mark), trusted=place)
        assert ("error" in said) == (name in VERIFYING), (name, said)
        assert name in VERIFYING or recipient.wait_for(mark)
    (line,) = [code for code in APPLICATIONS.codes() if code.startswith("gitlab_rails['smtp_ca_file']")]
    line = re.sub("'/.*'", f"'{other.root}'", line)
    (said,) = other.send(ALL["GitLab"], Mail(["you@example.net"]), trusted=place, change=lambda lines: lines + line)
    assert "sent" in said, said
    other.gateway.stop()


class Stripped(threading.Thread):
    """In the place of the gateway: 587 offers no STARTTLS, and keeps what is said."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.said = address, b""
        self._listener = socket.create_server((address, 587))
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                self._talk(peer)

    def _talk(self, peer):
        peer.settimeout(60)
        peer.sendall(b"220 mail.example ESMTP\r\n")
        for line in peer.makefile("rb"):
            self.said += line
            verb = line[:4].upper()
            peer.sendall({b"EHLO": b"250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"535 5.7.8 no\r\n"))
            if verb == b"QUIT":
                return

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def stripped(lab, place):
    made = Stripped(lab.block.new_address())
    yield made
    made.close()


def test_no_password_goes_out_without_tls(place, stripped):
    """The lines for 587 insist on STARTTLS, and those for 465 do not connect to another port."""
    for name, mailer in ALL.items():
        (said,) = place.send(mailer, Mail(["you@example.net"]), at=stripped.address)
        assert "error" in said and b"AUTH" not in stripped.said, (name, said, stripped.said)
        assert (b"EHLO" in stripped.said.upper()) == (name in BY_STARTTLS), name
        stripped.said = b""


@pytest.mark.parametrize("name, change", {"Symfony": lambda lines: lines.replace("smtps", "smtp").replace("465", "587"), "Laravel": lambda lines: lines.replace("465", "587")}.items())
def test_why_these_have_465(place, stripped, name, change):
    place.send(ALL[name], Mail(["you@example.net"]), at=stripped.address, change=change)
    assert b"AUTH" in stripped.said
