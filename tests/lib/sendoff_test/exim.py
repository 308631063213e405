"""Exim out of its unpacked package, as a next hop that relays."""

from .packaged_server import PackagedServer

# Signatures of what comes are not verified: it would ask this machine's own resolver for the keys.
RELAY = """
primary_hostname = relay.example.net
acl_smtp_connect = connect
acl_smtp_rcpt = accept
daemon_smtp_ports = {port}
local_interfaces = {address}
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
smtp_accept_queue_per_connection = 0
log_file_path = /mnt/logs/%s
keep_environment =
begin acl
connect:
  accept
    control = dkim_disable_verify
begin routers
onward:
  driver = manualroute
  route_list = * {next_hop} byname
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  port = {next_port}
  allow_localhost
  helo_data = $primary_hostname
"""


class Exim(PackagedServer):
    """`config`: exim4.conf, with {address} and {port} for its own."""

    package, users = "exim", ("Debian-exim",)

    def __init__(self, lab, address, port, config, **words):
        super().__init__(lab, address, port)
        self.make_folder("/mnt/logs", "Debian-exim")
        self.make_folder("/var/spool/exim4", "Debian-exim")
        self.write("/etc/exim4/exim4.conf", config.format(address=address, port=port, **words))

    def start(self):
        return super().start("exim4", "-bdf", "-q1m")

    def output(self):
        return super().output() + self.read("/mnt/logs/main") + self.read("/mnt/logs/panic")


def relay(lab, address, port, next_hop):
    """Takes mail at that address and hands all of it on to the exchanger `next_hop`."""
    return Exim(lab, address, port, RELAY, next_hop=next_hop.address, next_port=next_hop.port).start()
