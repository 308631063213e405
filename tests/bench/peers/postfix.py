"""Postfix, signing by OpenDKIM as its milter."""

import socket

from place import SINK

from .root import Peer

MAIN = f"""
compatibility_level = 3.6
myhostname = smtp.example.com
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
relayhost = [{SINK}]:25
inet_interfaces = loopback-only
inet_protocols = ipv4
smtputf8_enable = no
maillog_file = /var/log/postfix.log
smtpd_milters = inet:127.0.0.1:8891
non_smtpd_milters =
message_size_limit = 40000000
default_process_limit = 200
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_destination_concurrency_limit = 40
initial_destination_concurrency = 40
in_flow_delay = 0
"""
OPENDKIM = """
Domain example.com
Selector s1
KeyFile /etc/dkim.key
Socket inet:8891@127.0.0.1
Mode s
Canonicalization relaxed/relaxed
OversignHeaders From
InternalHosts 127.0.0.0/8
UserID opendkim
PidFile /run/opendkim.pid
Syslog no
Background no
"""


class Postfix(Peer):
    name, title = "postfix", "Postfix + OpenDKIM"
    packages = ("postfix", "opendkim")
    spool = tuple(f"/var/spool/postfix/{queue}" for queue in ("maildrop", "incoming", "active", "deferred", "defer", "bounce", "hold"))

    def configure(self):
        self.write("/etc/postfix/main.cf", MAIN)
        self.write("/etc/opendkim.conf", OPENDKIM)
        self.make_key("opendkim")
        # Debian chroots the daemons into the queue's folder, which its start script fills; this root is one already.
        self.run("postconf", "-F", "*/*/chroot=n")

    def command(self):
        return ["sh", "-c", "opendkim -f -x /etc/opendkim.conf & exec postfix start-fg"]

    def ready(self):
        with socket.socket() as milter:
            return milter.connect_ex(("127.0.0.1", 8891)) == 0
