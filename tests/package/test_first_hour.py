"""The first hour with the package in a bare Debian, as the README and the installation say: `sendoff setup`, the gateway started by
hand, as no systemd runs there, and a message that arrives."""

import os
import re
import subprocess

import pytest

from sendoff_test.command import Command
from sendoff_test.debian_root import AS_SENDOFF, ENVIRONMENT, package
from sendoff_test.gateway import Gateway
from sendoff_test.lab import SOURCE
from sendoff_test.markdown import Document
from sendoff_test.own_network import OwnNetwork
from sendoff_test.package_root import ROOT
from sendoff_test.terminal import Terminal

CONFIG = "/etc/sendoff/sendoff.conf"
TO = "r@dest.example.net"


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
    assert debian.run("sendoff", "status").stdout == "sendoff: the gateway is not running; start it with: systemctl start sendoff\n"

    to_loopback(debian, lab.delivery_port)
    gateway.start(["chroot", debian.path, *AS_SENDOFF], program="/usr/sbin/sendoff")
    again = debian.run(*words, "--test-to", TO)
    print(again.stdout)
    assert "It is running." in again.stdout and "blog is there already" in again.stdout and "define(" not in again.stdout
    assert "Delivered: the next hop has accepted it" in again.stdout, again.stdout
    assert recipient.wait_for("This is a test message.").sender == "postmaster@example.com"
    assert os.stat(debian.file("/var/lib/sendoff")).st_uid == os.stat(debian.file("/etc/sendoff/certificate.key")).st_uid != 0
    gateway.stop()


# --- the README's own lines ---


def use_it():
    """The lines of the block that "Use it" begins with, as they stand there."""
    readme = Document(f"{ROOT}/README.md")
    at = readme.lines.index("## Use it")
    return next(block for block in readme.blocks if block.line > at).text.splitlines()


@pytest.fixture
def clone(debian, tmp_path):
    """Words for a shell in the clone, whose `apt` and `sendoff` are those of the bare Debian; that sees the clone, too. What the
    package recommends would be fetched, and that is not there."""
    with open(debian.file("/etc/apt/apt.conf.d/90no-network"), "w") as file:
        file.write('APT::Install-Recommends "false";\n')
    os.makedirs(debian.file(ROOT))
    subprocess.run(["mount", "--bind", ROOT, debian.file(ROOT)], check=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    environment = " ".join(f"{name}={value}" for name, value in ENVIRONMENT.items())
    for name in ("apt", "sendoff"):
        (tools / name).write_text(f'#!/bin/sh\nexec env -i TERM="$TERM" {environment} chroot {debian.path} {name} "$@"\n')
        (tools / name).chmod(0o755)
    yield ["env", "-C", ROOT, f"PATH={tools}:{os.environ['PATH']}", "sh", "-e", "-c"]
    subprocess.run(["umount", debian.file(ROOT)], check=True)


def test_the_readme(debian, clone):
    """Typed as it says, in a clone: the package is made and installed, and `sendoff setup` asks its way to an account."""
    install, setup = use_it()
    assert install.startswith("apt install ") and setup.startswith("sendoff setup")
    done = subprocess.run([*clone, install], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Next, as root: sendoff setup" in done.stdout
    network = OwnNetwork()
    talk = Terminal([*clone, setup])
    try:
        for question, answer in (
            ("Full host name?", "smtp.example.com"),
            ("From which address?", SOURCE),
            ("Public address?", "none"),
            ("Domain? (none: later)", "none"),
            ("Its name? (none: later)", "blog"),
            ("What will use it", "wordpress"),
            ("Who may it send as", "example.com"),
        ):
            talk.answer(question, answer)
        assert talk.end() == 1, talk.text  # there is no service manager, so nothing runs yet
    finally:
        print(talk.text)
        talk.close()
        network.close()
    assert "There is no service manager here" in " ".join(talk.text.split()), talk.text
    assert debian("sendoff", "account", "list").split()[5:7] == ["blog", "example.com"]
