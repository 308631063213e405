"""The Debian package in a bare Debian: installed, configured, upgraded with mail in its queue, removed and purged. No systemd runs
there (test_systemd.py has one), so the gateway is started by hand, as the unit starts it; the units are looked at by systemd's own checks."""

import contextlib
import glob
import os
import pty
import re
import stat
import subprocess

import pytest

from sendoff_test.client import submit
from sendoff_test.command import Command
from sendoff_test.debian_root import AS_SENDOFF, ENVIRONMENT, package
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker
from sendoff_test.package_root import ROOT

FROM = "a@example.com"


def lives_in(gateway, debian):
    """The test's gateway, but as the package has it: its program, its paths, its user."""
    gateway.config, gateway.data = "/etc/sendoff/sendoff.conf", "/var/lib/sendoff"
    gateway.sendoff = Command(gateway.config, "/usr/sbin/sendoff", ["chroot", debian.path])
    listens = [word for kind, port in gateway.ports.items() for word in ("--listen", f"{gateway.address}:{port}/{kind}")]
    gateway.sendoff(
        *("init", "--hostname", "smtp.example.com", *listens, "--dns", gateway.dns.server),
        *("--delivery-port", gateway.delivery_port, "--local-next-hops"),
    )
    return gateway


def serve(gateway, debian):
    return gateway.start(["chroot", debian.path, *AS_SENDOFF], program="/usr/sbin/sendoff")


def user(debian):
    entry = next(line for line in open(debian.file("/etc/passwd")) if line.startswith("sendoff:"))
    return int(entry.split(":")[2])


def test_lintian():
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", package("new")], capture_output=True, text=True)
    assert done.returncode == 0 and "E:" not in done.stdout, done.stdout + done.stderr
    print(done.stdout)


def test_scripts():
    """POSIX shell, as far as shellcheck can tell: those of the package, and those that the documents name."""
    paths = [path for top in ("deploy", "tests") for path in glob.glob(f"{ROOT}/{top}/**", recursive=True) if os.path.isfile(path)]
    with_shell = [path for path in paths if open(path, "rb").read(9) == b"#!/bin/sh"]
    assert len(with_shell) > 15
    done = subprocess.run(["shellcheck", "--severity=warning", *with_shell], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_is_installed(debian):
    said = debian.install(package("new"))
    assert "Next, as root: sendoff setup" in said
    data = os.stat(debian.file("/var/lib/sendoff"))
    assert (data.st_uid, stat.S_IMODE(data.st_mode)) == (user(debian), 0o700)
    wanted = debian.file("/etc/systemd/system/multi-user.target.wants/sendoff.service")
    assert os.readlink(wanted) == "/lib/systemd/system/sendoff.service"
    assert not os.path.lexists(debian.file("/etc/systemd/system/sockets.target.wants/sendoff.socket"))
    assert debian("dpkg-query", "--show", "-f", "${Conffiles}", "sendoff").split()[0] == "/etc/sendoff/sendoff.conf"
    for path in ("certbot-hook", "install-certificate", "shaping.conf"):
        assert os.path.exists(debian.file(f"/usr/share/sendoff/{path}"))
    for path in ("README.md", "docs/install.md", "copyright", "changelog.gz", "examples/nftables.conf", "container/Dockerfile"):
        assert os.path.exists(debian.file(f"/usr/share/doc/sendoff/{path}")), path
    assert "sendoff" in debian("sendoff", "--version")
    done = debian.run("sendoff", "serve")
    assert done.returncode == 1 and "sendoff init --hostname NAME" in done.stdout
    assert "systemctl start sendoff" in debian("sendoff", "init", "--hostname", "smtp.example.com")
    with open(debian.file("/etc/sendoff/sendoff.conf")) as config:
        assert 'user     = "sendoff"' in config.read()
    debian("sendoff", "config", "check")
    assert os.stat(debian.file("/etc/sendoff/certificate.key")).st_uid == user(debian)


def test_units(debian):
    debian.install(package("new"))
    for unit in ("sendoff.service", "sendoff.socket"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--root", debian.path, unit], capture_output=True, text=True, env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
        )
        ours = [line for line in (done.stdout + done.stderr).split("\n") if "sendoff" in line]
        assert not ours, ours
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--root", debian.path, "sendoff.service"], capture_output=True, text=True
    )
    exposure = float(re.search(r"exposure level for sendoff\.service: ([0-9.]+)", done.stdout)[1])
    assert exposure < 2.0, done.stdout


def test_the_condition_of_the_unit(debian):
    """A configuration that says nothing yet is no failure; any other is tried."""
    with open(f"{ROOT}/deploy/systemd/sendoff.service") as unit:
        (condition,) = (line.split("=", 1)[1].strip() for line in unit if line.startswith("ExecCondition="))
    debian.install(package("new"))
    words = ["sh", "-c", condition.removeprefix("+")]  # systemd: by root, whoever the unit's user is
    env = {"SENDOFF_CONFIG": "/etc/sendoff/sendoff.conf"}
    assert debian.run(*words, env=env).returncode == 1
    debian("sendoff", "init", "--hostname", "smtp.example.com")
    assert debian.run(*words, env=env).returncode == 0


def test_upgrade_with_mail_in_the_queue(lab, debian):
    debian.install(package("old"))
    gateway = lives_in(lab.new_gateway(), debian)
    gateway.add_domain("example.com", "--key", "ed25519")
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    account = gateway.add_account("app")
    with open(debian.file(gateway.config), "a") as config:
        config.write('\n# changed by hand\nsuppression { keep = "3d" }\n')
    with open(debian.file(gateway.config)) as config:
        before = config.read().replace('retry = {"1m", "5m", "15m", "1h", "2h", "4h"}', 'retry = {"1s"}')
    with open(debian.file(gateway.config), "w") as config:
        config.write(before)
    recipient = lab.exchanger("dest.example.net")
    recipient.replies["RCPT"] = "450 4.2.1 later"
    serve(gateway, debian)
    assert os.stat(f"/proc/{gateway.pid}/mem").st_uid == 0, "its user may not look into it"
    with open(f"/proc/{gateway.pid}/status") as status:
        assert re.search(rf"^Uid:\s+{user(debian)}\s", status.read(), re.M)
    mark = marker()
    submit(gateway, account, FROM, ["r@dest.example.net"], letter(FROM, "r@dest.example.net", mark + "\r\n"))
    gateway.wait_event("deferred")
    said = debian.install(package("new"))
    assert "sendoff (" in said and "over (0.0.9)" in said and gateway.running()
    gateway.stop()
    assert len(gateway.queue()) == 1
    with open(debian.file(gateway.config)) as config:
        assert config.read() == before
    serve(gateway, debian)
    recipient.replies["RCPT"] = None
    recipient.wait_for(mark, timeout=90)
    gateway.wait_empty()
    submit(gateway, account, FROM, ["r@dest.example.net"], letter(FROM, "r@dest.example.net", marker() + "\r\n"))
    gateway.wait_empty()
    gateway.stop()


def test_sendmail(debian):
    """The package's where there is no other; a mail server's own file stays."""
    debian.install(package("new"))
    assert os.readlink(debian.file("/etc/alternatives/sendmail")) == "/usr/lib/sendoff/sendmail"
    assert os.readlink(debian.file("/usr/bin/mailq")) == "/etc/alternatives/mailq"
    for page in ("man1/sendoff.1.gz", "man5/sendoff.conf.5.gz"):
        assert os.path.exists(debian.file(f"/usr/share/man/{page}")), page
    for path in ("bash-completion/completions/sendoff", "zsh/vendor-completions/_sendoff", "sendoff/wordpress/sendoff.php"):
        assert os.path.exists(debian.file(f"/usr/share/{path}")), path
    debian("dpkg", "--remove", "sendoff")
    assert not os.path.lexists(debian.file("/usr/sbin/sendmail"))
    with open(debian.file("/usr/sbin/sendmail"), "w") as other:
        other.write("another mail server's\n")
    try:
        assert "not replacing /usr/sbin/sendmail" in debian.install(package("new"))
        debian("dpkg", "--remove", "sendoff")
        assert os.path.isfile(debian.file("/usr/sbin/sendmail")) and not os.path.islink(debian.file("/usr/sbin/sendmail"))
    finally:
        os.remove(debian.file("/usr/sbin/sendmail"))


def test_removed_and_installed_again(debian):
    debian.install(package("new"))
    debian("sendoff", "init", "--hostname", "smtp.example.com")
    debian("sendoff", "account", "add", "blog", "--sender", "example.com")
    debian("dpkg", "--remove", "sendoff")
    assert not os.path.exists(debian.file("/usr/sbin/sendoff"))
    assert os.path.exists(debian.file("/etc/sendoff/sendoff.conf"))
    said = debian.install(package("new"))
    assert "sendoff setup" not in said
    assert "blog" in debian("sendoff", "account", "list")


@pytest.mark.parametrize("answer", [None, "false", "true"])
def test_purge(debian, answer):
    debian.install(package("new"))
    debian("sendoff", "init", "--hostname", "smtp.example.com")
    debian("sendoff", "account", "add", "blog", "--sender", "example.com")
    if answer:
        debian("debconf-set-selections", text=f"sendoff sendoff/remove-data boolean {answer}\n")
    said = debian("dpkg", "--purge", "sendoff")
    kept = answer != "true"
    assert os.path.exists(debian.file("/var/lib/sendoff/sendoff.db")) == kept
    assert os.path.exists(debian.file("/etc/sendoff/certificate.key")) == kept
    assert not os.path.exists(debian.file("/etc/sendoff/sendoff.conf"))
    assert ("stay in /var/lib/sendoff" in said) == kept
    assert not glob.glob(debian.file("/etc/systemd/system/*/sendoff*")) and not glob.glob(debian.file("/etc/systemd/system/sendoff*"))
    if not kept:
        assert not os.path.exists(debian.file("/etc/sendoff")) and not os.path.exists(debian.file("/var/lib/sendoff"))
        return
    # With the data there, another installation goes on where this one ended.
    debian.install(package("new"))
    debian("sendoff", "init", "--hostname", "smtp.example.com")
    assert "blog" in debian("sendoff", "account", "list")


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_purge_asks_on_a_terminal(debian, answer):
    debian.install(package("new"))
    debian("sendoff", "init", "--hostname", "smtp.example.com")
    ours, theirs = pty.openpty()
    env = {**ENVIRONMENT, "DEBIAN_FRONTEND": "teletype", "TERM": "dumb"}
    process = subprocess.Popen(["chroot", debian.path, "dpkg", "--purge", "sendoff"], env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # EIO: the other end has closed
        while part := os.read(ours, 4096):
            if b"[yes/no]" in said + part and b"[yes/no]" not in said:
                os.write(ours, answer.encode() + b"\n")
            said += part
    os.close(ours)
    assert process.wait(120) == 0, said
    assert b"Remove all mail, accounts and keys of Sendoff?" in said and b"Nothing can bring them back" in said, said
    assert os.path.exists(debian.file("/var/lib/sendoff/sendoff.db")) == (answer == "no"), said


def test_purge_takes_what_setup_has_written(debian):
    """Beside /etc/sendoff: certbot's hook, and the unit's drop-in; what somebody else wrote there stays."""
    debian.install(package("new"))
    hook, drop_in = debian.file("/etc/letsencrypt/renewal-hooks/deploy/sendoff"), debian.file("/etc/systemd/system/sendoff.service.d/data_dir.conf")
    for path, text in ((hook, "# mine\n"), (drop_in, "# The gateway's data_dir: written by sendoff setup.\n")):
        os.makedirs(os.path.dirname(path))
        with open(path, "w") as file:
            file.write(text)
    debian("dpkg", "--purge", "sendoff")
    assert os.path.exists(hook) and not os.path.exists(os.path.dirname(drop_in))
    with open(hook, "w") as file:
        file.write("#!/bin/sh\n# Gives the gateway its certificate: written by sendoff setup.\n")
    debian.install(package("new"))
    debian("dpkg", "--purge", "sendoff")
    assert not os.path.exists(hook)


def test_purge_without_a_configuration(debian):
    debian.install(package("new"))
    debian("dpkg", "--purge", "sendoff")
    assert not os.path.exists(debian.file("/etc/sendoff"))


def test_certbot_hook(debian, lab):
    debian.install(package("new"))
    certificate, key = lab.certificate()
    os.makedirs(debian.file("/etc/letsencrypt/live/smtp.example.com"), mode=0o700)
    for source, name in ((certificate, "fullchain"), (key, "privkey")):
        subprocess.run(["cp", source, debian.file(f"/etc/letsencrypt/live/smtp.example.com/{name}.pem")], check=True)
    debian("/usr/share/sendoff/certbot-hook", env={"RENEWED_LINEAGE": "/etc/letsencrypt/live/smtp.example.com"})
    debian(*AS_SENDOFF, "cat", "/etc/sendoff/tls/smtp.example.com/privkey.pem")
    assert debian.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "cat", "/etc/sendoff/tls/smtp.example.com/privkey.pem").returncode != 0
