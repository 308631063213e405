"""`sendoff doctor`: each finding is provoked once, with the real thing where there is one."""

import contextlib
import json
import os
import shutil
import socket
import sys
import subprocess
import sqlite3
import threading
import time

import pytest

from sendoff_test.certificate import make_certificate
from sendoff_test.client import submit
from sendoff_test.doctor import HURTS, doctor, gateway_that_is_well, of, one_of
from sendoff_test.letters import letter
from sendoff_test.postfix import Postfix
from sendoff_test.small_disk import SmallDisk
from sendoff_test.stored import edit

NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


@pytest.fixture(scope="module")
def well(lab):
    return gateway_that_is_well(lab)


# All is well.


def test_what_is_well(well):
    found = doctor(well, "--all")
    fine = {one["check"] for one in found if one["severity"] == "ok"}
    wanted = "configuration gateway ports relay store disk process hostname sources outgoing domains accounts queue first-steps"
    assert set(wanted.split()) <= fine, found
    hurts = {(one["check"], one["text"]) for one in found if one["severity"] in HURTS}
    # A test's machine may have no time server, and its certificate is its own.
    assert {check for check, _ in hurts} <= {"certificate", "clock"}, hurts
    shown = well.sendoff.run("doctor", "--all").out
    assert "ok  gateway\n    runs, version" in shown and "Each is explained in docs/doctor.md." in shown


def test_it_leaves_no_trace(well):
    """A stranger is played at each listener: nobody is banned for it, and the delivery log stays what it was."""
    before = well.log()
    assert of(doctor(well, "--all"), "relay")[0]["text"] == "strangers are refused at 3 listeners"
    assert well.log() == before and well.shown_status()["banned"] == 0


def test_without_all_what_is_well_is_not_said(well):
    assert all(one["severity"] != "ok" for one in doctor(well))


# The gateway.


def test_configuration(lab):
    gateway = lab.new_gateway()
    with open(gateway.config, "a") as config:
        config.write("\nnonsense = 1\n")
    (found,) = of(doctor(gateway), "configuration")
    assert found["severity"] == "error" and f"{gateway.config}:" in found["text"] and "nonsense" in found["text"]
    gateway.configure(delivery='trust = "/nowhere.pem"')
    one_of(gateway, "configuration", "error", "trust /nowhere.pem", fix="sendoff config check")


def test_new(lab):
    """The first steps: what to type next."""
    gateway = lab.new_gateway()
    steps = of(doctor(gateway), "first-steps")
    assert [step["severity"] for step in steps] == ["warning", "warning", "note"]
    assert [step["fix"].split(" ")[1] for step in steps] == ["domain", "account", "source"]
    one_of(gateway, "gateway", "error", "the gateway is not running", fix="sendoff serve")


def test_not_running_and_mail_waits(lab):
    gateway = lab.gateway("waits.example")
    account = gateway.add_account("app", senders=("waits.example",))
    submit(gateway, account, "a@waits.example", ["r@broken.example"], letter("a@waits.example", "r@broken.example", "Hello.\r\n"))
    gateway.stop()
    one_of(gateway, "gateway", "error", "not running; mail for 1 recipient waits")


def test_it_does_not_answer(lab):
    gateway = lab.gateway("frozen.example")
    with gateway.frozen():
        one_of(gateway, "gateway", "error", "does not answer on its control socket", fix="systemctl restart sendoff")


# Ports.


@contextlib.contextmanager
def greeter(address, port, greeting):
    """Somebody who has the port, and says that to all who come."""
    with socket.create_server((address, port)) as server:

        def greet():
            with contextlib.suppress(OSError):
                while True:
                    talk, _ = server.accept()
                    talk.sendall(greeting)
                    talk.close()

        threading.Thread(target=greet, daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)


def test_another_program_has_the_port(lab):
    gateway = lab.new_gateway()
    address, port = gateway.endpoint("optional")
    neighbour = f"import socket; s = socket.create_server(('{lab.block.new_address()}', {port})); print(flush=True); input()"
    with (
        subprocess.Popen([sys.executable, "-c", neighbour], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
        greeter(address, port, b"220 files.example.com FTP\r\n"),
    ):
        assert other.stdout.readline() == "\n"  # who has the port of another address is not meant
        found = one_of(gateway, "ports", "error", "another program has this address and port", "files.example.com FTP")
    assert f"(process {os.getpid()})" in found["text"] and "ss -ltnp" in found["fix"]


def test_postfix_has_the_port(lab):
    gateway = lab.new_gateway()
    postfix = Postfix(lab, *gateway.endpoint("starttls"), "mx.example.com").start()
    try:
        one_of(gateway, "ports", "error", "ESMTP Postfix", fix="systemctl disable --now postfix")
    finally:
        postfix.stop()


def test_no_address_of_this_machine(lab):
    gateway = lab.gateway("elsewhere.example")
    with open(gateway.config) as config:
        text = config.read()
    with open(gateway.config, "w") as config:
        config.write(text.replace(f'listen "{gateway.address}:{gateway.ports["optional"]}"', 'listen "192.0.2.1:2525"'))
    one_of(gateway, "ports", "error", "is no address of this machine", about="192.0.2.1:2525")


def test_no_answer(lab):
    gateway = lab.gateway("silent.example")
    port = lab.block.new_port()
    with open(gateway.config, "a") as config:
        config.write(f'listen "{gateway.address}:{port}" {{ tls = "starttls" }}\n')
    one_of(gateway, "ports", "error", "does not answer: Connection refused", about=f"{gateway.address}:{port}")


def test_almost_an_open_relay(lab):
    """Who opens his gateway to all the world is told so; a stranger is still refused."""
    gateway = lab.gateway("open.example")
    gateway.add_account("all", "--client-ip", "0.0.0.0/0", senders=("*",))
    gateway.add_account("some", "--client-ip", "16.0.0.0/6", senders=("open.example",))
    found = {one["about"]: one for one in of(doctor(gateway), "relay")}
    assert found["all"]["severity"] == "error" and "may send as anybody" in found["all"]["text"]
    assert found["some"]["severity"] == "warning" and found["some"]["fix"].startswith("sendoff account set some --client-ip")


# Certificates.


def certificates(lab, certificate, key, more=""):
    gateway = lab.new_gateway().configure(certificate=certificate, key=key, more=more)
    return of(doctor(gateway), "certificate")


def test_certificate_of_oneself(well):
    found = of(doctor(well), "certificate")[0]
    assert "is self-signed" in found["text"] and "certbot certonly --standalone -d smtp.example.com" in found["fix"]


@pytest.mark.parametrize("days, severity, says", [(-1, "error", "has expired"), (2, "error", "expires in 1d23h"), (10, "warning", "expires in 9d23h")])
def test_certificate_ends(lab, days, severity, says):
    (found,) = certificates(lab, *lab.authority.certificate("smtp.example.com", days))
    assert found["severity"] == severity and says in found["text"] and "certbot renew" in found["fix"]


def test_certificate_for_another(lab):
    (found,) = certificates(lab, *lab.authority.certificate("mail.example.com"))
    assert found["severity"] == "warning" and "is for mail.example.com, and not for smtp.example.com" in found["text"]


def test_certificate_with_many_names(lab):
    """The one that counts behind more than are shown."""
    names = ",DNS:".join([f"www.customer-number-{n}.example" for n in range(30)] + ["smtp.example.com"])
    assert not [one for one in certificates(lab, *lab.authority.certificate(names)) if "and not for" in one["text"]]


def test_certificate_with_a_wildcard(lab):
    assert not certificates(lab, *lab.authority.certificate("*.example.com"))


def test_certificate_that_nobody_trusts(lab):
    """By clients, who have the usual roots; only where it is in use."""
    certificate, key = lab.authority.certificate("smtp.example.com")
    gateway = lab.new_gateway().configure(certificate=certificate, key=key).start()
    one_of(gateway, "certificate", "warning", "clients that verify certificates refuse this one", fix="the whole chain")


def test_certificate_and_key_do_not_match(lab):
    certificate, _ = make_certificate(lab.folder, "smtp.example.com", "one")
    _, key = make_certificate(lab.folder, "smtp.example.com", "two")
    (found,) = certificates(lab, certificate, key)
    assert found["severity"] == "error" and "match" in found["text"] or "fit" in found["text"], found


def test_certificate_that_the_service_may_not_read(lab):
    gateway = lab.new_gateway().configure(more='user = "nobody"').hand_over("nobody")
    shutil.chown(f"{gateway.folder}/certificate.key", "root")
    found = of(doctor(gateway), "certificate")[0]
    assert found["severity"] == "error" and "user nobody may not read it; run: chgrp" in found["text"]


# Machine and store.


def test_disk(lab):
    gateway = lab.new_gateway()
    disk = SmallDisk(gateway.data, 64 * 1024 * 1024)
    gateway.configure(more='store { disk_reserve = "16M" }')
    gateway.sendoff("init", "--config", gateway.config)
    disk.fill(leave=24 * 1024 * 1024)
    one_of(gateway, "disk", "warning", "are free; below 16M mail is refused with 452", fix="df -h")
    disk.fill(leave=8 * 1024 * 1024)
    one_of(gateway, "disk", "error", "mail is refused with 452")


def test_clock(well):
    """There is an event of the future: the clock was set back."""
    ahead = int((time.time() + 7200 - 1704067200) * 1000) << 21
    row = "INSERT INTO events(id, message_id, kind, account, sender, recipient, code, enhanced, text, host, source, count) VALUES (?, 0, 9, '', '', '', 0, '', 'x', '', '', 1)"
    edit(well, row, ahead)
    try:
        found = of(doctor(well), "clock")
        assert found[0]["severity"] == "error" and "behind the delivery log by 1h59m" in found[0]["text"]
    finally:
        edit(well, "DELETE FROM events WHERE id = ?", ahead)


def test_store_files(lab):
    gateway = lab.new_gateway().configure(more='user = "nobody"').hand_over("nobody")
    database = f"{gateway.data}/sendoff.db"
    os.chmod(database, 0o644)
    shutil.chown(database, "root")
    found = {one["severity"]: one for one in of(doctor(gateway), "store")}
    assert found["error"]["about"] == database and found["error"]["fix"] == f"chown -R nobody {gateway.data}"
    assert found["warning"]["about"] == database and found["warning"]["fix"] == f"chmod 600 {database}"


def test_store_is_damaged(lab):
    gateway = lab.new_gateway()
    database = f"{gateway.data}/sendoff.db"

    def damage(*tables):
        with contextlib.closing(sqlite3.connect(database)) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            pages = [page for (page,) in store.execute(f"SELECT rootpage FROM sqlite_schema WHERE name IN {tables}")]
        assert pages
        with open(database, "r+b") as file:
            for page in pages:
                file.seek((page - 1) * 4096)
                file.write(b"\xff" * 100)

    damage("tls_days", "idempotency_ends")  # what no start needs
    one_of(gateway, "store", "error", "the database is damaged", fix="sendoff restore FILE")
    damage("accounts", "meta")
    one_of(gateway, "store", "error", "the store cannot be read", "malformed", fix="sendoff restore FILE")


def test_no_store(lab):
    gateway = lab.new_gateway()
    for name in ("sendoff.db", "sendoff.db-wal", "sendoff.db-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{gateway.data}/{name}")
    found = one_of(gateway, "store", "error", fix="sendoff init --hostname smtp.example.com")
    assert "sendoff init" in found["text"]


def test_by_somebody_else(lab):
    """He is told what he may not see, and of what he may, what is wrong."""
    gateway = lab.new_gateway().configure(more='user = "daemon"').hand_over("daemon").start()
    os.chmod(os.path.dirname(gateway.folder), 0o755)
    os.chmod(gateway.folder, 0o755)
    os.chmod(gateway.data, 0o711)
    result = gateway.sendoff.run("--json", "doctor", wrapper=NOBODY)
    found = [json.loads(line) for line in result.out.splitlines()]
    notes = {one["check"]: one["text"] for one in found if one["severity"] == "note"}
    assert "you are not root" in notes["configuration"] and "you may not ask the gateway" in notes["gateway"], found
    assert not of(found, "ports"), found
    for words in ("status",), ("unban", "--all"), ("tls-report", "send"):
        result = gateway.sendoff.run(*words, wrapper=NOBODY)
        assert result.status == 1 and "you may not ask the gateway; run this as root" in result.err, result
