"""--rewrite-from: devices and old sites that cannot set their own sender leave with the account's."""

import subprocess

import pytest

from sendoff_test.attempts import attempt, attempt_as
from sendoff_test.client import dialogue, submit
from sendoff_test.dns import txt
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker, values
from sendoff_test.verify import tags, signatures, verified

OWN, TO = "printer@example.com", "r@dest.example.net"
SIGNED = [("example.com", "ed25519-sha256")]


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net", utf8=True)


@pytest.fixture(scope="module")
def printer(gateway):
    return gateway.add_account("printer", "--rewrite-from", OWN)


def accepted(gateway, sender=OWN):
    return gateway.wait_event("accepted", "--account", "printer", "--from", sender)[-1]


def check(lab, arrival, expected_from, reply_to):
    assert values(arrival.content, "From") == [expected_from]
    assert values(arrival.content, "Reply-To") == reply_to
    assert not values(arrival.content, "Sender")
    assert verified(arrival.content, lab.dns) == SIGNED
    (signature,) = signatures(arrival.content)
    signed = tags(signature)["h"].lower().split(":")
    assert "from" in signed and ("reply-to" in signed or not reply_to), signed


def run(*words, text=None):
    done = subprocess.run(list(map(str, words)), input=text, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_a_device_that_is_root_at_localhost(lab, gateway, printer, recipient):
    """With swaks, as a multifunction printer says it."""
    host, port = gateway.endpoint("starttls")
    mark = marker()
    words = ["swaks", "--server", host, "--port", port, "--helo", "printer.local", "--tls", "--auth", "PLAIN"]
    words += ["--auth-user", printer.name, "--auth-password", printer.password, "--body", mark]
    run(*words, "--from", "root@printer.local", "--to", TO, "--header", "From: Scan <root@localhost>")
    arrival = recipient.wait_for(mark)
    assert arrival.sender == OWN and arrival.recipients == [TO]
    check(lab, arrival, f"Scan <{OWN}>", ["root@localhost"])
    event = accepted(gateway)
    assert "repaired: reverse-path rewritten, From rewritten" in event["text"], event


def test_cron_by_msmtp(lab, gateway, printer, recipient):
    """A mail of cron, whose author's name stands in a comment, given to msmtp in place of sendmail."""
    host, port = gateway.endpoint("implicit")
    mark = marker()
    words = ["msmtp", f"--host={host}", f"--port={port}", "--tls=on", "--tls-starttls=off", "--tls-certcheck=off"]
    words += ["--auth=plain", f"--user={printer.name}", "--passwordeval", f"echo {printer.password}"]
    text = f"From: root@nas.local (Cron Daemon)\nTo: {TO}\nSubject: Cron <root@nas>\n\n{mark}\n"
    run(*words, "--from=root@nas.local", TO, text=text.encode())
    arrival = recipient.wait_for(mark)
    assert arrival.sender == OWN
    check(lab, arrival, f"{OWN} (Cron Daemon)", ["root@nas.local"])


@pytest.mark.parametrize(
    "head, expected_from, reply_to",
    [
        ("From: root@localhost\r\n", OWN, ["root@localhost"]),
        ("From: root@localhost\r\nReply-To: desk@example.org\r\n", OWN, ["desk@example.org"]),
        ("From: root@localhost\r\nSender: boss@bank.example\r\n", OWN, ["root@localhost"]),
        (f"From: Scanner <{OWN}>\r\nSender: boss@bank.example\r\n", f"Scanner <{OWN}>", []),
        ("From: ceo@bank.example, Foo <x@y.example>\r\n", OWN, ["ceo@bank.example, x@y.example"]),
        ("From: Scanner, 2nd floor <root@localhost>\r\n", f'"Scanner, 2nd floor" <{OWN}>', ["root@localhost"]),
        ("From: Scanner\r\n", f"Scanner <{OWN}>", []),
        ("From: @@ <\r\n", f'"@@" <{OWN}>', []),
        ("From: J\xf6rg <root@localhost>\r\n", f"=?utf-8?Q?J=C3=B6rg?= <{OWN}>", ["root@localhost"]),
        ("", OWN, []),
    ],
)
def test_what_a_device_may_write(lab, gateway, printer, recipient, head, expected_from, reply_to):
    mark = marker()
    content = head.encode("latin-1") + f"To: {TO}\r\nSubject: {mark}\r\n\r\nScanned.\r\n".encode()
    answer = attempt_as(gateway, printer, "root@printer.local", [TO], content)
    assert answer.startswith("250 2.0.0"), answer
    check(lab, recipient.wait_for(mark), expected_from, reply_to)


def test_nothing_is_lost_when_the_message_is_encoded_anew(lab, gateway, printer, recipient):
    """A line that is too long has the header read once more: Reply-To stays, and the log says everything once."""
    mark = marker()
    content = letter("Scan <root@localhost>", TO, "x" * 3000 + "\r\n", subject=mark, extra="Sender: boss@bank.example\r\n")
    answer = attempt_as(gateway, printer, "root@printer.local", [TO], content)
    assert answer.startswith("250 2.0.0"), answer
    check(lab, recipient.wait_for(mark), f"Scan <{OWN}>", ["root@localhost"])
    text = accepted(gateway)["text"]
    assert text.endswith("repaired: reverse-path rewritten, From rewritten, content encoded anew"), text


def test_a_report_keeps_its_null_reverse_path(lab, gateway, printer, recipient):
    mark = marker()
    content = letter("MAILER-DAEMON", TO, subject=mark)
    assert attempt_as(gateway, printer, "", [TO], content).startswith("250")
    arrival = recipient.wait_for(mark)
    assert arrival.sender == ""
    check(lab, arrival, f"MAILER-DAEMON <{OWN}>", [])
    assert "reverse-path rewritten" not in accepted(gateway, "")["text"]


def test_what_is_right_already_is_left_alone(lab, gateway, printer, recipient):
    mark = marker()
    submit(gateway, printer, "Printer@example.com", [TO], letter(f'"The <Printer>" <{OWN}> (2nd floor)', TO, subject=mark))
    arrival = recipient.wait_for(mark)
    assert arrival.sender == "Printer@example.com"
    check(lab, arrival, f'"The <Printer>" <{OWN}> (2nd floor)', [])
    assert "rewritten" not in accepted(gateway, "Printer@example.com")["text"]


def test_spf_is_asked_of_the_new_domain(lab, gateway, recipient):
    """Its own record, and its own mode: what the device said would have failed."""
    fails, passes = lab.new_domain("spf"), lab.new_domain("spf")
    for domain, record in ((fails, "v=spf1 -all"), (passes, f"v=spf1 ip4:{SOURCE} -all")):
        gateway.add_domain(domain, "--key", "ed25519", publish=False)
        gateway.sendoff("domain", "set", domain, "--spf", "enforce")
        lab.dns.set(domain, "TXT", txt(record))
    account = gateway.add_account("spf", "--rewrite-from", f"printer@{passes}", senders=[fails, passes])
    content = letter(f"root@{fails}", TO)
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, f"root@{fails}", [TO], content)
        assert answer.startswith("250 2.0.0"), answer
        (event,) = gateway.wait_event("accepted", "--account", "spf")
        assert event["spf"] == "pass" and event["from"] == f"printer@{passes}", event
        gateway.sendoff("account", "set", "spf", "--rewrite-from", f"printer@{fails}")
        answer = attempt(talk, f"root@{passes}", [TO], content)
        assert answer.startswith("550 5.7.23") and fails in answer, answer


def test_it_begins_and_ends_in_an_open_session(gateway, recipient):
    account = gateway.add_account("later")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, "root@printer.local", [TO]).startswith("553 5.7.1")
        gateway.sendoff("account", "set", "later", "--rewrite-from", OWN)
        assert attempt(talk, "root@printer.local", [TO]).startswith("250")
        gateway.sendoff("account", "set", "later", "--rewrite-from", "none")
        assert attempt(talk, "root@printer.local", [TO]).startswith("553 5.7.1")


def test_a_bounce_comes_back_to_the_new_sender(lab, gateway, printer, recipient):
    mailbox = lab.exchanger("example.com")
    mark = marker()
    assert attempt_as(gateway, printer, "root@printer.local", ["r@nowhere.invalid"], letter("root@localhost", TO, subject=mark)).startswith("250")
    arrival = mailbox.wait_for(mark)
    assert arrival.sender == "" and arrival.recipients == [OWN]


def test_a_device_that_cannot_log_in(lab, recipient):
    """Nor say EHLO, nor speak TLS: it is known by its address."""
    gateway = lab.gateway()
    gateway.add_account("scanner", "--rewrite-from", OWN, "--client-ip", "127.66.0.1/32")
    mark = marker()
    with dialogue(gateway, tls="optional", source="127.66.0.1") as talk:
        assert talk.say("HELO scanner").startswith("250")
        talk.envelope("scanner@192-168-1-9.lan", TO)
        assert talk.content(letter("Scanner", TO, subject=mark)).startswith("250")
    arrival = recipient.wait_for(mark)
    assert arrival.sender == OWN
    assert values(arrival.content, "From") == [f"Scanner <{OWN}>"]
    assert verified(arrival.content, lab.dns) == SIGNED  # the domain's key is this gateway's from here on
    gateway.stop()
