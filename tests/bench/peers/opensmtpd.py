"""OpenSMTPD, signing by its filter filter-dkimsign.

Left as it comes, it takes single figures a second from forty clients; neither the filter nor reverse DNS is the cause:

- Its listen(2) has room for five (a constant, SMTPD_BACKLOG). Of more clients that connect at once, the kernel drops the last
  packet of the handshake, and they wait for their greeting until it is repeated, after seconds. So here no more than four
  clients at a time are between connect and MAIL.
- Its own client opens one connection to a host in five seconds, and closes it after a hundred messages: `mta limit` lifts that.
- A connection without a next message is closed unless it is the last, and more are opened ten seconds after the last time at
  the earliest (DELAY_CHECK_SOURCE_SLOW): a burst that follows another waits. So it gets no messages ahead of those that are
  measured.
"""

from place import SINK

from .root import Peer

CONFIG = f"""
filter sign proc-exec "filter-dkimsign -d example.com -s s1 -k /etc/dkim.key -c relaxed/relaxed" user opensmtpd group opensmtpd
smtp max-message-size 40M
smtp limit max-mails 100000
listen on 127.0.0.1 port 25 hostname smtp.example.com filter sign
action out relay host smtp://{SINK}
mta limit max-conn-per-host 40
mta limit max-conn-per-route 40
mta limit conn-delay-route 0
mta limit conn-delay-relay 0
mta limit reconn-delay-route 0
mta limit session-keepalive 300
mta limit session-mail-max 100000
mta limit task-hiwat 2000
mta limit task-lowat 1000
scheduler limit max-schedule 1000
match from any for any action out
"""


class OpenSmtpd(Peer):
    name, title = "opensmtpd", "OpenSMTPD + filter-dkimsign"
    packages = ("opensmtpd", "opensmtpd-filter-dkimsign")
    users, on_disk = ("opensmtpd", "opensmtpq"), "/var/spool/smtpd"
    opening = 4
    warm_up = 0
    spool = ("/var/spool/smtpd/queue", "/var/spool/smtpd/temporary", "/var/spool/smtpd/incoming", "/var/spool/smtpd/purge")

    def configure(self):
        self.run("chmod", "711", self.on_disk)  # or it does not start
        self.write("/etc/smtpd.conf", CONFIG)
        self.make_key("opensmtpd")

    def command(self):
        return ["smtpd", "-F"]
