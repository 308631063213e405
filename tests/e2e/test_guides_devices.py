"""docs/devices.md: what is to be typed and written there, done with what devices are like: no login, no TLS, old TLS, and SMTP of
their own."""

import base64
import re
import subprocess

import pytest

from sendoff_test.client import Dialogue, dialogue
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker, values
from sendoff_test.markdown import Document
from sendoff_test.openssl_client import OpensslClient
from sendoff_test.package_root import ROOT
from sendoff_test.verify import verified

GUIDE = Document(f"{ROOT}/docs/devices.md")
TO = "scans@dest.example.net"
FOLDER = "/etc/sendoff/tls/smtp.example.com"  # that the guide names


def typed(gateway, heading):
    """Runs a section's command."""
    (line,) = [line for block in GUIDE.blocks_of(heading) for line in block.splitlines() if line.startswith("sendoff ")]
    return gateway.sendoff(*line.replace("192.168.1.40", "127.0.0.1").split()[1:])


def rsa_certificate(lab):
    files = f"{lab.folder}/rsa.pem", f"{lab.folder}/rsa.key"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=smtp.example.com", "-out", files[0], "-keyout", files[1]]
    subprocess.run(words, check=True, capture_output=True)
    return files


def written(lab, gateway):
    """The guide's lines of sendoff.conf, in place of those that were there."""
    (lines,) = GUIDE.blocks_of("Old TLS")
    files = f"{gateway.folder}/certificate.pem", f"{gateway.folder}/certificate.key", *rsa_certificate(lab)
    for name, file in zip((f"{FOLDER}/fullchain.pem", f"{FOLDER}/privkey.pem", f"{FOLDER}-rsa/fullchain.pem", f"{FOLDER}-rsa/privkey.pem"), files):
        assert lines.count(f'"{name}"') == 1
        lines = lines.replace(f'"{name}"', f'"{file}"')
    (listen,) = [block for block in GUIDE.blocks_of("Devices that cannot log in") if block.startswith("listen")]
    lines += listen.replace("192.168.1.2:25", f"{gateway.address}:{gateway.ports['optional']}")
    with open(gateway.config) as file:
        before = [line for line in file if not line.startswith("tls {") and '"optional"' not in line]
    with open(gateway.config, "w") as file:
        file.write("".join(before) + lines)


@pytest.fixture(scope="module")
def gateway(lab):
    made = lab.new_gateway().configure()
    made.add_domain("example.com", "--key", "both")
    made.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    written(lab, made)
    made.printed = typed(made, "Printers, scanners, cameras, and other devices")
    return made.start()


@pytest.fixture(scope="module")
def password(gateway):
    return re.search(r"(?m)^  password +(\S+)$", gateway.printed)[1]


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


def scan(mark):
    return letter("Copier <root@copier.local>", TO, mark + "\r\n")


def is_from_the_printer(lab, arrival):
    assert arrival.sender == "printer@example.com" and values(arrival.content, "From") == ["Copier <printer@example.com>"]
    assert sorted(verified(arrival.content, lab.dns)) == [("example.com", "ed25519-sha256"), ("example.com", "rsa-sha256")]


@pytest.mark.parametrize("suite", ["AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA"])
def test_old_tls(lab, gateway, password, recipient, suite):
    """CBC alone, with a certificate of either kind; AUTH LOGIN; and white space behind the colons."""
    mark = marker()
    with OpensslClient(gateway.endpoint("starttls"), "-tls1_2", "-cipher", suite, starttls=True) as talk:
        assert talk.say("EHLO copier").startswith("250")
        assert f"Cipher is {suite}" in talk.seen
        login(talk, password)
        for line in ("MAIL FROM: <root@copier.local>", f"RCPT TO: <{TO}>"):
            assert talk.say(line).startswith("250")
        assert talk.say("DATA").startswith("354")
        assert talk.say(scan(mark).decode().replace("\r", "") + ".").startswith("250")
        talk.say("QUIT")
    is_from_the_printer(lab, recipient.wait_for(mark))


def test_others_get_the_first_certificate(gateway):
    """ECDSA, whose signatures cost a tenth; and no CBC."""
    host, port = gateway.endpoint("implicit")
    for version in ("-tls1_2", "-tls1_3"):
        words = ["openssl", "s_client", "-connect", f"{host}:{port}", version]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert "Peer signature type: ECDSA" in done.stdout and re.search("Cipher is .*GCM", done.stdout), done.stdout


def login(talk, password):
    for line, code in (("AUTH LOGIN", "334"), (coded("printer"), "334"), (coded(password), "235")):
        assert talk.say(line).startswith(code)


def coded(text):
    return base64.b64encode(text.encode()).decode()


def test_tls_that_is_too_old_is_in_the_log(gateway):
    host, port = gateway.endpoint("implicit")
    words = ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1", "-cipher", "DEFAULT@SECLEVEL=0"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert "Cipher is (NONE)" in done.stdout
    (command,) = {code for code in GUIDE.codes() if code.startswith("sendoff log --event refused")}
    shown = gateway.wait_event("refused")
    assert any("TLS" in event["text"] for event in gateway.sendoff.json(*command.split()[1:])), shown
    assert "127.0.0.1" in gateway.sendoff(*command.split()[1:])


def reply_in_the_table(start):
    (found,) = [code for code in GUIDE.codes() if code.startswith(start)]
    return found


def test_smtp_of_its_own(gateway):
    """What the table says is what it gets."""
    with Dialogue(gateway.endpoint("optional")) as talk:
        talk.reply()
        assert talk.say("EHLO").startswith(reply_in_the_table("501 5.5.4"))
        talk.send(b"EHLO copier\n")
        assert talk.reply().startswith(reply_in_the_table("500 5.5.2"))
        talk.say("EHLO copier")
        talk.start_tls()
        talk.say("EHLO copier")
        for mechanism in ("CRAM-MD5", "NTLM"):
            assert talk.say(f"AUTH {mechanism}").startswith(reply_in_the_table("504 5.5.4"))
    with dialogue(gateway) as talk:
        assert talk.say("MAIL FROM:<printer@example.com>").startswith(reply_in_the_table("530 5.7.0"))


def test_no_login_and_no_tls(lab, gateway, recipient):
    """Last, for from now on its address is enough."""
    typed(gateway, "Devices that cannot log in")
    mark = marker()
    host, port = gateway.endpoint("optional")
    words = ["swaks", "--server", host, "--port", str(port), "--helo", "copier", "--from", "root@copier.local", "--to", TO]
    done = subprocess.run([*words, "--header", "From: Copier <root@copier.local>", "--body", mark], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    is_from_the_printer(lab, recipient.wait_for(mark))
    with dialogue(gateway, tls="optional") as talk:
        talk.envelope("root@copier.local", TO)
        assert talk.content(scan(marker()).replace(b"\r\n", b"\n")).startswith(reply_in_the_table("550 5.6.11"))
