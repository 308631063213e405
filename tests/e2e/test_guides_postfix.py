"""docs/moving-from-postfix.md, walked: a Postfix with OpenDKIM and Dovecot's SASL, on Debian's own files, hands its applications over as
the guide says, command by command, and takes them back. Mail verifies at every step with the records that were there before."""

import csv
import re
import smtplib
import subprocess

import pytest

from sendoff_test.client import trusting
from sendoff_test.command import Account, Command
from sendoff_test.dns import txt
from sendoff_test.guides import own_lab
from sendoff_test.letters import letter, marker, values
from sendoff_test.markdown import Document
from sendoff_test.package_root import ROOT, unpacked
from sendoff_test.packaged_server import PackagedServer
from sendoff_test.processes import connects, wait_until
from sendoff_test.verify import signatures, tags, verified

HERE = "127.0.0.1"
GUIDE = Document(f"{ROOT}/docs/moving-from-postfix.md")
TO = "r@dest.example.net"
OLD = "the old password"  # of blog, which Dovecot has as it is
SHOP = "the password of the shop"  # of which it has a hash

MAIN = """
myhostname = mail.example.com
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8
inet_interfaces = all
inet_protocols = ipv4
maillog_file = /mnt/log
maillog_file_prefixes = /mnt
smtpd_peername_lookup = no
smtpd_tls_cert_file = /etc/postfix/cert.pem
smtpd_tls_key_file = /etc/postfix/key.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sender_login_maps = texthash:/etc/postfix/logins
smtpd_milters = inet:{address}:8891
non_smtpd_milters = $smtpd_milters
# The tests' exchanger, without DNS.
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tcp_port = {delivery_port}
"""
OPENDKIM = """
Domain example.com
Selector 2020
KeyFile /etc/dkimkeys/example.private
InternalHosts 127.0.0.0/8
Socket inet:8891@{address}
"""
DOVECOT = """
protocols =
base_dir = /run/dovecot
log_path = /mnt/dovecot
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = scheme=CRYPT /etc/dovecot/users
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0666
  }
}
"""


def debians(path):
    with open(f"{unpacked('postfix')}{path}") as file:
        return file.read()


class MailServer(PackagedServer):
    package = "postfix"
    users, groups = ("postfix", "opendkim"), ("postdrop",)

    def __init__(self, lab, recipient):
        super().__init__(lab, HERE, 587)
        self.lab = lab
        words = {"address": self.address, "delivery_port": lab.delivery_port}
        self.write("/etc/hosts", f"127.0.0.1 localhost\n{recipient.address} dest.example.net\n")
        self.write("/etc/postfix/main.cf", debians("/usr/share/postfix/main.cf.debian") + MAIN.format(**words))
        self.write("/etc/postfix/master.cf", self._services(debians("/usr/share/postfix/master.cf.dist")))
        self.write("/etc/postfix/logins", "@example.com blog, shop\n")
        self.write("/etc/postfix/dynamicmaps.cf")
        certificate, key = lab.authority.certificate("mail.example.com")
        self.copy(certificate, "/etc/postfix/cert.pem")
        self.copy(key, "/etc/postfix/key.pem")
        self.write("/etc/opendkim.conf", debians("/etc/opendkim.conf").replace("\nSocket\t", "\n#Socket\t") + OPENDKIM.format(**words))
        self.write("/etc/dkimkeys/example.private", self._key(), 0o600, "opendkim")
        self.write("/etc/dovecot/dovecot.conf", DOVECOT)
        hashed = subprocess.run(["openssl", "passwd", "-6", SHOP], capture_output=True, text=True, check=True).stdout.strip()
        self.write("/etc/dovecot/users", f"blog:{{PLAIN}}{OLD}\nshop:{{SHA512-CRYPT}}{hashed}\n")
        for folder, owner in (("/var/lib/postfix", "postfix"), ("/var/spool/postfix/private", "postfix"), ("/run/opendkim", "opendkim")):
            self.make_folder(folder, owner)
        self.start("sh", "-c", "opendkim -f & dovecot -F & exec postfix start-fg")
        wait_until(lambda: connects((self.address, 8891)), "OpenDKIM listens", timeout=60)

    @staticmethod
    def _services(text):
        """Port 587 is open, and nothing is in a chroot, whose files Debian's service would copy."""
        found = re.search(r"(?m)^#submission .*\n(?:#  .*\n)+", text)[0]
        service = [line[1:] for line in found.splitlines() if line.startswith(("#submission", "#  -o"))]
        text = text.replace(found, "\n".join(service) + "\n")
        return re.sub(r"(?m)^((?!#)\S+ +(?:inet|unix) +\S +\S +)y( )", r"\1n\2", text)

    def _key(self):
        """Made as opendkim-genkey does; the record is in DNS from now on."""
        key = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
        public = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=key, capture_output=True, check=True).stdout
        coded = subprocess.run(["base64", "-w0"], input=public, capture_output=True, check=True).stdout.decode()
        self.lab.dns.set("2020._domainkey.example.com", "TXT", txt(f"v=DKIM1; k=rsa; p={coded}"))
        return key.decode()


def send(endpoint, name, password):
    """As an application does; its marker."""
    mark = marker()
    with smtplib.SMTP(*endpoint, timeout=120) as session:
        session.starttls(context=trusting())
        session.login(name, password)
        session.sendmail(f"{name}@example.com", [TO], letter(f"{name}@example.com", TO, mark + "\r\n"))
    return mark


@pytest.fixture(scope="module")
def lab():
    with own_lab() as made:
        yield made


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def old(lab, recipient):
    made = MailServer(lab, recipient)
    yield made
    made.stop()


def arrives(lab, recipient, mark, by):
    """Once signed, with the key of before, by the one or the other."""
    arrival = recipient.wait_for(mark)
    assert verified(arrival.content, lab.dns) == [("example.com", "rsa-sha256")]
    assert [tags(signature)["s"] for signature in signatures(arrival.content)] == ["2020"]
    assert by in values(arrival.content, "Received")[0], arrival.content
    return arrival


def lines_of(heading):
    return [line.split("   #")[0].rstrip() for block in GUIDE.blocks_of(heading) for line in block.splitlines()]


def commands_of(heading):
    return [line for line in lines_of(heading) if line.startswith("sendoff ")]


def typed(server, heading):
    """A section's commands for Postfix."""
    for line in lines_of(heading):
        if line.split(" ")[0] in ("cp", "postconf", "postfix"):
            server.run("sh", "-c", line)


def run_sendoff(sendoff, line, *more):
    words = [word.strip("'") for word in line.split()[1:]]
    result = sendoff.run(*words, *more)
    assert result.status in (0, 1), result
    return result


def test_the_walk(lab, old, recipient, tmp_path):
    arrives(lab, recipient, send((old.address, 587), "shop", SHOP), "Postfix")

    # 1. Beside it.
    typed(old, "1. Beside it")
    init, dry, take = commands_of("1. Beside it")
    trial = Command(f"{tmp_path}/trial.conf")
    assert run_sendoff(trial, init, "--data-dir", tmp_path / "trial").status == 0
    gateway = lab.new_gateway(address=HERE, ports={"starttls": 2587, "optional": 2525}).configure()
    etc, passwords = f"{old.folder}/files/etc", f"{tmp_path}/made.csv"

    def here(line):
        return line.replace("/etc/postfix", f"{etc}/postfix").replace("made.csv", passwords)

    shown = run_sendoff(gateway.sendoff, here(dry))
    assert f"sendoff import opendkim {etc}/dkimkeys" in shown.out, shown.out
    result = run_sendoff(gateway.sendoff, here(take), "--yes")
    assert "failed" not in result.out and "imported  2020 of example.com" in result.out, result.out
    with open(passwords) as file:
        made = {line["name"]: line["password"] for line in csv.DictReader(file)}
    assert "blog" not in made and "shop" in made
    assert "sendoff source add ADDRESS --helo mail.example.com" in result.out
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "mail.example.com")

    # 3. Try it.
    check, domain, start, explain = commands_of("3. Try it")
    assert run_sendoff(gateway.sendoff, check).status == 0
    assert start == "sendoff serve"
    gateway.start()
    assert "dkim        right     2020._domainkey.example.com" in run_sendoff(gateway.sendoff, domain).out
    assert run_sendoff(gateway.sendoff, explain).status == 0

    # 4. One application after another.
    new = gateway.endpoint("starttls")
    arrives(lab, recipient, send(new, "blog", OLD), "smtp.example.com")
    arrives(lab, recipient, send(new, "shop", made["shop"]), "smtp.example.com")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        send(new, "shop", SHOP)
    for line in commands_of("4. One application after another")[:1]:
        assert "accepted" in run_sendoff(gateway.sendoff, line).out
    relayed(lab, old, recipient, gateway)

    # 5. The ports.
    typed(old, "5. The ports")
    wait_until(lambda: not connects((old.address, 587)), "Postfix has left the port", timeout=60)
    (added,) = [line for line in lines_of("5. The ports") if line.startswith("# in sendoff.conf: ")]
    serve(gateway, *re.findall(r"listen .*?\}", added))
    arrives(lab, recipient, send((old.address, 587), "blog", OLD), "smtp.example.com")

    # The way back.
    serve(gateway)
    typed(old, "The way back")
    wait_until(lambda: connects((old.address, 587)), "Postfix has the port again", timeout=60)
    arrives(lab, recipient, send((old.address, 587), "shop", SHOP), "Postfix")


def relayed(lab, old, recipient, gateway):
    """All applications of the server at once, with their old passwords."""
    (listen,) = [line for line in lines_of("4. One application after another") if line.startswith("# in sendoff.conf: ")]
    assert 'listen "127.0.0.1:2525" { tls = "optional" }' in listen  # it does already
    assert run_sendoff(gateway.sendoff, commands_of("4. One application after another")[-1]).status == 0
    typed(old, "4. One application after another")
    arrival = arrives(lab, recipient, send((old.address, 587), "shop", SHOP), "smtp.example.com")
    assert "Postfix" in values(arrival.content, "Received")[1]
    assert gateway.wait_event("accepted")[-1]["account"] == "postfix"


def serve(gateway, *listens):
    """Besides where it does already; what was added before is taken out."""
    with open(gateway.config) as file:
        kept = [line for line in file if "0.0.0.0:" not in line]
    with open(gateway.config, "w") as file:
        file.writelines([*kept, *(f"{line}\n" for line in listens)])
    gateway.sendoff("config", "check")
    gateway.restart()
