"""What `account add NAME --for KIND` prints is pasted, letter for letter, into what it is for: PHPMailer, Symfony, Postfix, Exim and
WordPress send through the gateway with it, over TLS that they verify."""

import re
import shutil
import smtplib
import subprocess

import pytest

from sendoff_test import exim, postfix
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker, values
from sendoff_test.own_folder import own_folders
from sendoff_test.package_root import ROOT
from sendoff_test.preset_lines import block, has
from sendoff_test.wordpress_plugin import new_site

TO = "r@dest.example.net"
HOST = "smtp.example.com"
SELF_SIGNED = "is self-signed: copy it"
ALL = ("starttls", "implicit", "optional")
SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture(scope="module", autouse=True)
def own_etc(tmp_path_factory):
    own_folders(str(tmp_path_factory.mktemp("layers")), "/etc")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


def make(lab, kinds, signed):
    """One that listens so, and whose certificate is signed by a CA, or by itself."""
    gateway = lab.new_gateway(ports={kind: lab.block.new_port() for kind in kinds})
    certificate, key = lab.authority.certificate(HOST) if signed else (None, None)
    gateway.configure(certificate=certificate, key=key)
    gateway.sendoff("source", "add", SOURCE, "--helo", HOST)
    return gateway


CASES = {"self-signed": (ALL, False), "CA": (ALL, True), "465 alone": (["implicit"], True), "optional alone": (["optional"], False)}


class Pasted:
    """A gateway, and whom a new account's owner trusts and finds on their machine."""

    def __init__(self, lab, kinds, signed):
        self.gateway, self.signed, self.clear = make(lab, kinds, signed).start(), signed, kinds == ["optional"]
        self.port = self.gateway.ports[kinds[0]]
        self.roots = lab.authority.roots
        self.certificate = f"{self.gateway.folder}/certificate.pem"
        self.hosts = f"127.0.0.1 localhost\n{self.gateway.address} {HOST}\n"
        self.count = 0

    def lines(self, kind, *options):
        """Of a new account."""
        self.count += 1
        return self.gateway.sendoff("account", "add", f"{kind}{self.count}", "--sender", "example.com", "--for", kind, *options)

    def prepare(self):
        """What an administrator does besides: the certificate is copied to where it said, and the name is found."""
        with open("/etc/hosts", "w") as hosts:
            hosts.write(self.hosts)
        if has(text := self.lines("php"), SELF_SIGNED):
            subprocess.run(block(text, SELF_SIGNED), shell=True, check=True)
        shutil.copy(self.roots, SYSTEM_ROOTS)
        return self

    def protocol(self):
        """In Received (RFC 3848)."""
        return b"with ESMTPA" if self.clear else b"with ESMTPSA"


@pytest.fixture(scope="module", params=CASES)
def pasted(request, lab):
    made = Pasted(lab, *CASES[request.param])
    yield made.prepare()
    made.gateway.stop()


def test_what_is_said_of_the_place(pasted):
    """Where it is on loopback alone, as here, the line for /etc/hosts; the certificate where it is needed."""
    text = pasted.lines("php")
    if pasted.clear:
        assert f"$mail->Host = '{pasted.gateway.address}';" in text and not has(text, "/etc/hosts")
    else:
        assert block(text, "/etc/hosts") == f"{pasted.gateway.address} {HOST}\n" and f"$mail->Host = '{HOST}';" in text
    assert has(text, SELF_SIGNED) == (not pasted.signed and not pasted.clear)
    assert [line for line in text.splitlines() if len(line) > 80 and not line.startswith("install ")] == []


# --- PHP ---

PHPMAILER = """
foreach (array('Exception', 'SMTP', 'PHPMailer') as $class) {
    require "/usr/share/wordpress/wp-includes/PHPMailer/$class.php";
}
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
%s
$mail->addAddress('r@dest.example.net');
$mail->Subject = 'x';
$mail->Body = '%s';
$mail->send();
"""

SYMFONY = """
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
require '/usr/share/php/Symfony/Component/Mime/autoload.php';
$mailer = new Symfony\\Component\\Mailer\\Mailer(Symfony\\Component\\Mailer\\Transport::fromDsn('%s'));
$email = new Symfony\\Component\\Mime\\Email();
$mailer->send($email->from('shop@example.com')->to('r@dest.example.net')->subject('x')->text('%s'));
"""


def php(code, *options):
    return subprocess.run(["php", *options, "-r", code], capture_output=True, text=True, timeout=120)


def sends(done):
    assert done.returncode == 0, done.stdout + done.stderr


def test_phpmailer(pasted, recipient):
    lines, mark = block(pasted.lines("php"), "For PHPMailer"), marker()
    sends(php(PHPMAILER % (lines, mark)))
    arrival = recipient.wait_for(mark)
    assert arrival.sender == f"php{pasted.count}@example.com"
    assert pasted.protocol() in arrival.content


def test_phpmailer_verifies(lab, pasted):
    """Nobody is trusted who was not said to be."""
    if pasted.clear:
        return
    lines = block(pasted.lines("php"), "For PHPMailer")
    assert ("cafile" in lines) == (not pasted.signed)
    lines = re.sub("(?m)^.*cafile.*$", "", lines)
    done = php(PHPMAILER % (lines, "x"), "-d", f"openssl.cafile={lab.certificate()[0]}")
    assert done.returncode != 0 and re.search("certificate verify failed|Could not connect|connect to host", done.stdout + done.stderr), done
    last = pasted.gateway.sendoff.json("log", "--event", "refused", "--limit", "1")
    assert "certificate" in str(last), last


def symfony_options(text):
    """Of php.ini."""
    if not has(text, "also in php.ini"):
        return []
    name, value = block(text, "also in php.ini").strip().split(" = ")
    return ["-d", f"{name}={value}"]


def test_symfony(pasted, recipient):
    text, mark = pasted.lines("php"), marker()
    sends(php(SYMFONY % (block(text, "For Symfony Mailer").strip(), mark), *symfony_options(text)))
    assert b"with ESMTPSA" in recipient.wait_for(mark).content  # on loopback, TLS that is not verified


def test_a_name_that_a_url_has_to_quote(pasted, recipient):
    (made,) = pasted.gateway.sendoff.json("account", "add", f"a+b@c{pasted.count}", "--sender", "example.com", "--for", "php")
    text, mark = made["configuration"], marker()
    assert f"//a%2Bb%40c{pasted.count}:{made['password']}@" in text
    assert "$mail->setFrom('mail@example.com');" in text
    sends(php(SYMFONY % (block(text, "For Symfony Mailer").strip(), mark), *symfony_options(text)))
    recipient.wait_for(mark)


# --- mail servers ---


class PostfixWithLines(postfix.Postfix):
    def __init__(self, lab, pasted, text):
        # The name is in /etc/hosts here, in DNS elsewhere.
        lines = block(text, "in /etc/postfix/main.cf,") + "smtp_host_lookup = native\nsmtp_tls_loglevel = 1\n"
        super().__init__(lab, lab.block.new_address(), lab.block.new_port(), "app.example.com", lines)
        self.write("/etc/postfix/sasl_passwd", block(text, "in /etc/postfix/sasl_passwd"), mode=0o600)
        prepare_server(self, pasted, "/etc/postfix/sendoff.pem", text)


EXIM_MAIN = """
primary_hostname = app.example.com
domainlist local_domains =
acl_smtp_connect = connect
acl_smtp_rcpt = accept
daemon_smtp_ports = {port}
local_interfaces = {address}
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
log_file_path = /mnt/logs/%s
log_selector = +tls_certificate_verified +tls_cipher
keep_environment =
begin acl
connect:
  accept
    control = dkim_disable_verify
begin routers
{router}
begin transports
{transport}
begin authenticators
{authenticator}
"""


class EximWithLines(exim.Exim):
    def __init__(self, lab, pasted, text):
        parts = {"router": "among the routers", "transport": "among the transports", "authenticator": "among the authenticators"}
        parts = {name: block(text, heading) for name, heading in parts.items()}
        super().__init__(lab, lab.block.new_address(), lab.block.new_port(), EXIM_MAIN, **parts)
        prepare_server(self, pasted, "/etc/exim4/sendoff.pem", text)


def prepare_server(server, pasted, at, text):
    server.write("/etc/hosts", pasted.hosts)
    server.copy(pasted.roots, SYSTEM_ROOTS, mode=0o644)
    if f"{pasted.certificate} {at}" in text:
        server.copy(pasted.certificate, at, mode=0o644)


def passes_on(server, recipient, pasted):
    mark = marker()
    with smtplib.SMTP(server.address, server.port, timeout=60) as client:
        client.sendmail("app@example.com", [TO], letter("app@example.com", TO, mark + "\r\n"))
    arrival = recipient.wait_for(mark)
    assert arrival.sender == "app@example.com" and pasted.protocol() in arrival.content
    return server


def test_postfix(lab, pasted, recipient):
    server = passes_on(PostfixWithLines(lab, pasted, pasted.lines("server")).start(), recipient, pasted)
    assert pasted.clear or f"Verified TLS connection established to {HOST}" in server.output()
    server.stop()


def test_exim(lab, pasted, recipient):
    server = passes_on(EximWithLines(lab, pasted, pasted.lines("server")).start(), recipient, pasted)
    assert pasted.clear or "CV=yes" in server.output()
    server.stop()


# --- devices ---


@pytest.fixture(scope="module")
def gateway(lab):
    made = make(lab, ALL, signed=True).start()
    yield made
    made.stop()


def shown(gateway, name):
    (account,) = gateway.sendoff.json("account", "show", name)
    return account


def test_a_device(gateway, recipient):
    """It sends as itself, over whatever TLS it has; what arrives is from the address that was named."""
    (made,) = gateway.sendoff.json("account", "add", "printer", "--sender", "scans@example.com", "--for", "device")
    text, mark = made["configuration"], marker()
    assert f"  sender        scans@example.com" in text and made["password"] in text
    for kind, how in (("starttls", "with STARTTLS"), ("implicit", "with SSL/TLS"), ("optional", "with STARTTLS, or without encryption")):
        assert re.search(rf"(?m)^  (port|or) +{gateway.ports[kind]} {how}$", text), text
    words = ["swaks", "--server", gateway.address, "--port", str(gateway.ports["optional"]), "--auth", "LOGIN"]
    words += ["--auth-user", "printer", "--auth-password", made["password"], "--from", "root@copier.local", "--to", TO]
    done = subprocess.run([*words, "--header", "From: Copier <root@copier.local>", "--body", mark], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    arrival = recipient.wait_for(mark)
    assert arrival.sender == "scans@example.com" and values(arrival.content, "From") == ["Copier <scans@example.com>"]
    assert values(arrival.content, "Reply-To") == ["root@copier.local"]


def test_a_device_needs_an_address(gateway):
    done = gateway.sendoff.run("account", "add", "camera", "--sender", "example.com", "--for", "device")
    assert done.status == 2 and "--sender printer@example.com" in done.err
    gateway.sendoff("account", "add", "camera", "--sender", "example.com", "--rewrite-from", "cam@example.com", "--for", "device")
    assert shown(gateway, "camera")["rewrite_from"] == "cam@example.com"


PROMISE = "(whatever it sends as, its mail comes from that)"
ADVICE = "(set the device to send as this)"


def test_a_device_of_an_account_that_is_there(gateway):
    """Its own first address is what its mail comes from; where that is not so, it is not promised."""
    set_device = lambda name, *options: gateway.sendoff("account", "set", name, "--for", "device", *options)
    gateway.sendoff("account", "add", "scanner", "--sender", "example.com")
    assert f"scanner@example.com {ADVICE}" in set_device("scanner") and shown(gateway, "scanner")["rewrite_from"] == ""
    assert f"scan@example.com {PROMISE}" in set_device("scanner", "--add-sender", "scan@example.com")
    assert shown(gateway, "scanner")["rewrite_from"] == "scan@example.com"
    assert f"scan@example.com {PROMISE}" in set_device("scanner", "--add-sender", "other@example.com")
    gateway.sendoff("account", "add", "fax", "--sender", "example.org", "--sender", "old@example.com", "--sender", "fax@example.com")
    assert f"fax@example.com {PROMISE}" in set_device("fax", "--remove-sender", "old@example.com")
    assert shown(gateway, "fax")["rewrite_from"] == "fax@example.com"
    assert f"new@example.com {PROMISE}" in set_device("fax", "--sender", "new@example.com")
    assert f"new@example.com {ADVICE}" in set_device("fax", "--rewrite-from", "none")
    gateway.sendoff("account", "add", "own-from", "--sender", "a@example.com")
    assert f"own-from@example.net {ADVICE}" in set_device("own-from", "--sender", "example.net")


def test_a_device_that_is_not_rewritten(gateway):
    said = gateway.sendoff("account", "add", "p3", "--sender", "p3@example.com", "--for", "device", "--rewrite-from", "none")
    assert f"p3@example.com {ADVICE}" in said and PROMISE not in said and shown(gateway, "p3")["rewrite_from"] == ""


# --- what is set ---

LIMITS = {
    "wordpress": ["60/minute:smooth", "5000/day"],
    "php": ["60/minute:smooth", "5000/day"],
    "device": ["20/minute:smooth", "500/day"],
    "server": ["600/minute:smooth", "50000/day:defer"],
}


@pytest.mark.parametrize("kind", LIMITS)
def test_limits(gateway, kind):
    gateway.sendoff("account", "add", f"limits-{kind}", "--sender", "a@example.com", "--for", kind)
    account = shown(gateway, f"limits-{kind}")
    assert [limit["limit"] if isinstance(limit, dict) else limit for limit in account["limits"]] == LIMITS[kind]
    assert account["eight_bit"] == "accept" and account["rewrite_from"] == ("a@example.com" if kind == "device" else "")


def test_what_is_said_wins(gateway):
    gateway.sendoff("account", "add", "own", "--sender", "a@example.com", "--for", "device", "--limit", "5/day", "--eight-bit", "refuse")
    account = shown(gateway, "own")
    assert [limit["limit"] if isinstance(limit, dict) else limit for limit in account["limits"]] == ["5/day"]
    assert account["eight_bit"] == "refuse" and account["long_lines"] == "convert"


def test_set(gateway):
    """Later, the account's own senders are in the lines, and what stands for its password."""
    gateway.sendoff("account", "add", "late", "--sender", "o'neil@example.com", "--sender", "*.example.org")
    said = gateway.sendoff("account", "set", "late", "--for", "wordpress")
    assert "define( 'SENDOFF_FROM', 'o\\'neil@example.com' );" in said
    assert "define( 'SENDOFF_SENDERS', 'o\\'neil@example.com, *.example.org' );" in said
    assert "define( 'SENDOFF_PASSWORD', 'PASSWORD' );" in said and "5000/day" in said
    (made,) = gateway.sendoff.json("account", "set", "late", "--for", "server")
    assert made["configuration"].startswith("For a Postfix")
    text = gateway.sendoff("account", "add", "given", "--sender", "example.com", "--for", "php", "--password-stdin", text="a-password-of-mine\n")
    assert "a-password-of-mine" not in text and "$mail->Password = 'PASSWORD';" in text


def test_every_change_prints_its_result(gateway):
    """Also what the kind of client has added; with a sandbox, and what is held for that, too."""
    said = gateway.sendoff("account", "add", "printed", "--sender", "example.com", "--for", "php", "--sandbox")
    assert "It may send as example.com; limits: 60/minute:smooth, 5000/day.\nIt is a sandbox: its mail never leaves.\nAll of it: sendoff account show printed\n" in said
    (made,) = gateway.sendoff.json("account", "add", "printed2", "--sender", "example.com", "--for", "php")
    assert made["limits"] == ["60/minute:smooth", "5000/day"] and made["password"] and "PHPMailer" in made["configuration"]
    assert {**made, "password": None, "configuration": None} == {**shown(gateway, "printed2"), "password": None, "configuration": None}
    said = gateway.sendoff("account", "set", "printed2", "--sandbox", "on", "--for", "server")
    assert re.search(r"^sandbox +on$", said, re.M) and re.search(r"^limits +50000/day:defer$", said, re.M) and "\nFor a Postfix" in said
    (made,) = gateway.sendoff.json("account", "set", "printed", "--sandbox", "off", "--for", "server")
    assert made["sandbox"] == "off" and made["configuration"].startswith("For a Postfix") and "held" not in made
    (made,) = gateway.sendoff.json("account", "set", "printed", "--sandbox", "on")
    assert made["sandbox"] == "on" and made["held"] == 0 and "configuration" not in made


def test_kinds(gateway):
    done = gateway.sendoff.run("account", "add", "x", "--sender", "example.com", "--for", "wordpres")
    assert done.status == 2 and "wordpress, php, device or server" in done.err


# --- WordPress ---


@pytest.fixture(scope="module")
def site(lab):
    made = new_site(lab)
    yield made
    assert not made.complaints()


def paste(site, text):
    """The plugin is copied as the line says, but from the source; the constants are in wp-config.php."""
    line = block(text, "WORDPRESS is its folder")
    line = line.replace("/usr/share/sendoff", f"{ROOT}/deploy").replace("WORDPRESS/wp-content", f"{site.folder}/content")
    subprocess.run(line, shell=True, check=True)
    site.define()
    with open(f"{site.folder}/constants.php", "a") as constants:
        constants.write(block(text, "its settings go into wp-config.php"))


@pytest.mark.parametrize("case", CASES)
def test_wordpress(lab, recipient, site, case):
    pasted = Pasted(lab, *CASES[case]).prepare()
    paste(site, pasted.lines("wordpress", "--sender", "*.example.org"))
    mark = marker()
    done = site.wp_mail("r@dest.example.net", "x", mark)
    assert done["sent"], done
    arrival = recipient.wait_for(mark)
    assert arrival.sender == f"wordpress{pasted.count}@example.com" and pasted.protocol() in arrival.content
    done = site.wp_mail("r@dest.example.net", "x", mark := marker(), headers=["From: a@shop.example.org"])
    assert done["sent"], done
    assert recipient.wait_for(mark).sender == "a@shop.example.org"
    pasted.gateway.stop()
