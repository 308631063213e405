"""Exim, which signs by itself."""

from place import SINK

from .root import Peer

# Exim takes no more than ten messages of a connection before it leaves the rest to its queue runners, checks the load
# before it delivers, and by default lets 20 connections in: all of that is lifted. Delivery is attempted at once, by a
# process for each message, which is how Exim works.
CONFIG = f"""
primary_hostname = smtp.example.com
domainlist local_domains =
hostlist relay_from_hosts = 127.0.0.0/8
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
daemon_smtp_ports = 25
local_interfaces = 127.0.0.1
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
smtp_accept_max = 200
smtp_accept_max_per_host = 0
smtp_accept_queue = 0
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 200
message_size_limit = 40M
split_spool_directory = true
bounce_return_message = false
never_users = root
log_selector = -all
begin acl
accept_all:
  accept
begin routers
out:
  driver = manualroute
  transport = remote
  route_list = * {SINK}
  self = send
begin transports
remote:
  driver = smtp
  port = 25
  hosts_try_prdr =
  dkim_domain = example.com
  dkim_selector = s1
  dkim_private_key = /etc/dkim.key
  dkim_canon = relaxed
begin retry
* * F,1h,1m
"""


class Exim(Peer):
    name, title = "exim", "Exim"
    packages = ("exim4-daemon-light",)
    users, on_disk = ("Debian-exim",), "/var/spool/exim4"
    spool = ("/var/spool/exim4/input", "/var/spool/exim4/msglog")

    def configure(self):
        self.give("Debian-exim", "/var/spool/exim4", "/var/log/exim4")
        self.write("/etc/exim4/exim4.conf", CONFIG)
        self.make_key("Debian-exim")

    def command(self):
        return ["exim4", "-bdf", "-q1m"]
