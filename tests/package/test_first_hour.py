"""The first hour with the package in a bare Debian, as its installation says: `sendoff setup`, the gateway started by hand, as no
systemd runs there, and a message that arrives."""

import os
import re

import pytest

from sendoff_test.command import Command
from sendoff_test.debian_root import DebianRoot, own_mounts, package
from sendoff_test.gateway import Gateway
from sendoff_test.lab import SOURCE

AS_SENDOFF = ("setpriv", "--reuid=sendoff", "--regid=sendoff", "--init-groups", "--no-new-privs", "--")
CONFIG = "/etc/sendoff/sendoff.conf"
TO = "r@dest.example.net"


@pytest.fixture(scope="module", autouse=True)
def mounts():
    own_mounts()


@pytest.fixture
def debian(tmp_path):
    made = DebianRoot(tmp_path)
    yield made
    made.close()


def lab_gateway(lab, debian):
    """For the lab: where it listens, and that it may deliver to loopback."""
    gateway = Gateway(lab.block, lab.processes, lab.dns, f"{lab.folder}/gateway", lab.delivery_port)
    gateway.config, gateway.sendoff = CONFIG, Command(CONFIG, "/usr/sbin/sendoff", ["chroot", debian.path])
    lab.gateways.append(gateway)
    return gateway


def to_loopback(debian, port):
    with open(debian.file(CONFIG)) as file:
        text = file.read()
    with open(debian.file(CONFIG), "w") as file:
        file.write(re.sub(r"port = 25\n", f"port = {port}\n  local_next_hops = yes\n", text))


def test_the_first_hour(lab, debian):
    recipient = lab.exchanger("dest.example.net")
    said = debian.install(package("new"))
    assert "Next, as root: sendoff setup" in said
    gateway = lab_gateway(lab, debian)
    words = ["sendoff", "setup", "--yes", "--hostname", "smtp.example.com", "--source", SOURCE, "--account", "blog", "--dns", lab.dns.server]
    words += [word for kind, port in gateway.ports.items() for word in ("--listen", f"{gateway.address}:{port}/{kind}")]
    done = debian.run(*words)
    print(done.stdout)
    assert done.returncode == 1, done.stdout
    for shown in ("There is no service manager here", "the gateway is not running", "Once it runs, a test message"):
        assert shown in " ".join(done.stdout.split()), done.stdout
    assert "stay root" not in done.stdout and "--config" not in done.stdout
    copied = re.search(r"(?m)^install -D .*mu-plugins/sendoff.php$", done.stdout)[0].replace("WORDPRESS", "/var/www/html")
    debian("sh", "-c", copied)
    with open(debian.file("/var/www/html/wp-content/mu-plugins/sendoff.php")) as plugin:
        assert "Plugin Name:       Sendoff" in plugin.read()
    debian("sh", "-c", re.search(r"(?m)^install -D -m 644 .* /etc/ssl/sendoff.pem$", done.stdout)[0])
    assert debian.run("sendoff", "status").stdout == "sendoff: sendoff is not running; start it with: systemctl start sendoff\n"

    to_loopback(debian, lab.delivery_port)
    gateway.start(["chroot", debian.path, *AS_SENDOFF], program="/usr/sbin/sendoff")
    again = debian.run(*words, "--test-to", TO)
    print(again.stdout)
    assert "It is running." in again.stdout and "blog is there already" in again.stdout and "define(" not in again.stdout
    assert "Delivered: the next hop has accepted it" in again.stdout, again.stdout
    assert recipient.wait_for("This is a test message.").sender == "postmaster@example.com"
    assert os.stat(debian.file("/var/lib/sendoff")).st_uid == os.stat(debian.file("/etc/sendoff/certificate.key")).st_uid != 0
    gateway.stop()
