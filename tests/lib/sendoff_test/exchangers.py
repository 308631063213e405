"""Postfix, Exim and OpenSMTPD as the mail exchangers of a domain. Each takes what comes for it and keeps a copy for each
recipient in one maildir; there is no mailbox `gone`, and what begins with `later` is put off until take_later()."""

import os
import pwd
import re
from dataclasses import dataclass

from .lab import exchanger_name
from .packaged_server import PackagedServer
from .postfix import POSTGREY, Postfix
from .processes import wait_until

SIZE = 2_000_000
GONE, LATER = "550 5.1.1 there is no such mailbox", "450 4.2.0 not now"
MAIL = "mail"  # the user who owns the maildir
CERTIFICATE, KEY = "/etc/exchanger.pem", "/etc/exchanger.key"


@dataclass
class Copy:
    recipient: str
    transaction: str  # the id that the exchanger gave it
    content: bytes  # as it came, behind the fields that were added on top, lines ended by CRLF

    @property
    def body(self):
        return self.content.split(b"\r\n\r\n", 1)[1]


class Mailboxes:
    """What the exchangers have in common. `domain`, `name`, `folder`, `output()` are theirs."""

    utf8, tls = True, "TLSv1.3"
    connected = ""  # what their log has for each connection
    verified = ""  # and for a good DKIM signature
    recipient = "Delivered-To"  # the field that names it

    def set_up(self, lab, domain):
        self.domain = domain
        self.make_folder("/mnt/mail", MAIL, 0o700)
        self.write("/etc/resolv.conf", f"nameserver {lab.dns.address}\n")
        for source, path in zip(lab.certificate(), (CERTIFICATE, KEY)):
            self.copy(source, path)
        lab.dns.set(self.name, "A", self.address)
        lab.dns.set(domain, "MX", f"10 {self.name}.")

    def copies(self, mark, count=1):
        """Those of the message with that mark, once there are so many."""

        def enough():
            found = self.copies_now(mark)
            return found if len(found) >= count else None

        return wait_until(enough, f"{self.name} has {count} of {mark}", timeout=60)

    def copies_now(self, mark):
        found = []
        for folder in ("new", "cur"):
            path = f"{self.folder}/shared/mail/{folder}"
            for name in os.listdir(path) if os.path.isdir(path) else ():
                with open(f"{path}/{name}", "rb") as file:
                    content = file.read()
                if mark.encode() in content:
                    found.append(self._copy(content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))
        return found

    def _copy(self, content):
        """The gateway's own Received field is the last; the exchanger's, above it, has its id."""
        head = content.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace").replace("\r\n\t", " ").replace("\r\n ", " ")
        recipient = re.search(rf"^{self.recipient}: <?([^>\r\n]*)", head, re.M | re.I)[1]
        added = re.search(r"^Received: [^\r\n]*? id ([^ ;\r\n]+)", head, re.M)[1]
        return Copy(recipient, added, content)

    def connections(self):
        return len(re.findall(self.connected, self.output()))


class PostfixMailboxes(Mailboxes, Postfix):
    connected = r"\]: connect from "

    def __init__(self, lab, domain, greylisting=""):
        """`greylisting`: options of postgrey, which is asked then."""
        address, port = lab.block.new_address(), lab.block.new_port()
        self.name = exchanger_name(address)
        self._postgrey = greylisting and f"{POSTGREY.format(address=address, port=port)} {greylisting}"
        policy = f", check_policy_service inet:{address}:{port}" if greylisting else ""
        owner = pwd.getpwnam(MAIL).pw_uid
        more = POSTFIX.format(**globals(), domain=domain, policy=policy, owner=owner)
        super().__init__(lab, address, lab.delivery_port, self.name, more)
        self.set_up(lab, domain)
        self.write("/etc/postfix/access", f"/^gone@/ {GONE}\n/^later/ {LATER}\n")

    def start(self):
        return super().start(self._postgrey)

    def take_later(self):
        """From the next connection on."""
        self.run("sh", "-c", ": > /etc/postfix/access && postfix reload")


POSTFIX = """
virtual_mailbox_domains = {domain}
virtual_mailbox_base = /mnt
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
virtual_minimum_uid = 1
message_size_limit = {SIZE}
virtual_mailbox_limit = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = {CERTIFICATE}
smtpd_tls_key_file = {KEY}
smtpd_tls_received_header = yes
smtpd_recipient_restrictions = check_recipient_access regexp:/etc/postfix/access{policy}
"""


class Exim(Mailboxes, PackagedServer):
    package, users = "exim", ("Debian-exim",)
    connected, verified, recipient = " SMTP connection from .*count", "DKIM=example.com", "Envelope-to"

    def __init__(self, lab, domain):
        super().__init__(lab, lab.block.new_address(), lab.delivery_port)
        self.name = exchanger_name(self.address)
        self.set_up(lab, domain)
        self.make_folder("/mnt/logs", "Debian-exim")
        self.make_folder("/var/spool/exim4", "Debian-exim")
        self.write("/etc/exim4/exim4.conf", EXIM.format(**globals(), **vars(self)))
        for path in (CERTIFICATE, KEY):
            os.chmod(self.path(path), 0o644)  # read as Debian-exim

    def start(self):
        return super().start("exim4", "-bdf", "-q1m")

    def output(self):
        return super().output() + self.read("/mnt/logs/main") + self.read("/mnt/logs/panic")

    def take_later(self):
        self.write("/mnt/taken")


EXIM = """
primary_hostname = {name}
domainlist here = {domain}
acl_smtp_rcpt = rcpt
daemon_smtp_ports = {port}
local_interfaces = {address}
tls_advertise_hosts = *
tls_certificate = {CERTIFICATE}
tls_privatekey = {KEY}
host_lookup =
rfc1413_hosts =
message_size_limit = {SIZE}
smtp_accept_queue_per_connection = 0
log_file_path = /mnt/logs/%s
log_selector = +smtp_connection +smtp_protocol_error
keep_environment =
begin acl
rcpt:
  deny
    local_parts = gone
    message = {GONE}
  defer
    local_parts = ^later
    condition = ${{if exists{{/mnt/taken}}{{no}}{{yes}}}}
    message = {LATER}
  accept
    domains = +here
begin routers
mailbox:
  driver = accept
  domains = +here
  transport = keep
begin transports
keep:
  driver = appendfile
  directory = /mnt/mail
  maildir_format
  envelope_to_add
  return_path_add
  user = {MAIL}
  group = {MAIL}
"""


class OpenSmtpd(Mailboxes, PackagedServer):
    package, users = "opensmtpd", ("opensmtpd", "opensmtpq")
    connected, utf8, tls = " smtp connected ", False, "none"

    def __init__(self, lab, domain, tls=""):
        """`tls`: "tls pki here" offers what Debian 12's cannot do: with OpenSSL 3 every handshake fails (OpenSMTPD
        issue 1239)."""
        super().__init__(lab, lab.block.new_address(), lab.delivery_port)
        self.name = exchanger_name(self.address)
        self.set_up(lab, domain)
        self.write("/mnt/later", "^later\n")
        self.write("/etc/smtpd.conf", OPENSMTPD.format(**globals(), **vars(self), tls=tls))

    def start(self):
        return super().start("sh", "-c", "chgrp opensmtpq /usr/sbin/smtpctl && chmod g+s /usr/sbin/smtpctl && exec smtpd -d")

    def take_later(self):
        self.write("/mnt/later", "^nobody\n")
        self.run("smtpctl", "update", "table", "later")


OPENSMTPD = """
pki here cert "{CERTIFICATE}"
pki here key "{KEY}"
smtp max-message-size {SIZE}
table later file:/mnt/later
filter gone phase rcpt-to match rcpt-to {{ "gone@{domain}" }} reject "{GONE}"
filter later phase rcpt-to match rcpt-to regex <later> reject "{LATER}"
filter both chain {{ gone, later }}
listen on {address} port {port} hostname {name} {tls} filter both
action keep maildir "/mnt/mail" virtual {{ "@" = {MAIL} }}
match from any for domain "{domain}" action keep
"""
