"""Postfix, signing by OpenDKIM as its milter, over a UNIX socket as Debian sets it up: over TCP, the milter protocol's small
writes and the kernel's delayed acknowledgements cost 40 ms and more a message."""

import os

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
smtpd_milters = unix:/run/opendkim/milter
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
Socket local:/run/opendkim/milter
UMask 0000
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
    users, groups = ("postfix", "opendkim"), ("postdrop",)
    on_disk = "/var/spool/postfix"
    spool = tuple(f"/var/spool/postfix/{queue}" for queue in ("maildrop", "incoming", "active", "deferred", "defer", "bounce", "hold"))

    def configure(self):
        for name in ("master.cf.dist", "dynamicmaps.cf"):
            self.run("cp", f"/usr/share/postfix/{name}", f"/etc/postfix/{name.removesuffix('.dist')}")
        self.give("postfix", "/var/lib/postfix")
        self.give("opendkim", "/run/opendkim")
        self.write("/etc/postfix/main.cf", MAIN)
        self.write("/etc/opendkim.conf", OPENDKIM)
        self.make_key("opendkim")
        # Debian chroots the daemons into the queue's folder, which its start script fills; this root is one already.
        self.run("postconf", "-F", "*/*/chroot=n")

    def command(self):
        return ["sh", "-c", "rm -f /run/opendkim/milter; opendkim -f -x /etc/opendkim.conf & exec postfix start-fg"]

    def ready(self):
        """Nobody listens on a socket that is there from the last time, so it is taken away first."""
        return os.path.exists(f"{self.root}/run/opendkim/milter")

    def start_held(self):
        """What it accepts stays in its queue."""
        self.run("postconf", "-e", "defer_transports=smtp")
        self.start()

    def start_released(self):
        self.run("postconf", "-e", "defer_transports=")
        self.start_again()
        self.run("postqueue", "-f")
