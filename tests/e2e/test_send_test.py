"""`sendoff send-test`: a real message, followed to its end."""

import json
import os
import socket
import subprocess

import pytest

from sendoff_test.client import Dialogue
from sendoff_test.command import PROGRAM, SANITIZERS
from sendoff_test.lab import SOURCE
from sendoff_test.processes import wait_until


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("blog")


def steps(result):
    return [json.loads(line) for line in result.out.splitlines()]


def send(gateway, *words):
    return gateway.sendoff.run("--json", "send-test", "--account", "blog", *words)


def named(all_steps, step):
    return [one for one in all_steps if one["step"] == step]


def test_delivered(gateway, lab, account):
    exchanger = lab.exchanger(domain := lab.new_domain(), tls="good")
    result = send(gateway, "--to", f"user@{domain}", "--from", "shop@example.com")
    told = steps(result)
    assert result.status == 0, result.err
    (listener,) = named(told, "listener")
    assert listener["listener"] == f"{gateway.address}:{gateway.ports['starttls']}" and listener["tls"].startswith("TLSv1.3")
    checks = {one["check"]: one["outcome"] for one in named(told, "check")}
    assert checks["account"] == checks["limits"] == "pass", checks
    assert [one["code"] for one in named(told, "MAIL") + named(told, "RCPT")] == [250, 250]
    events = {one["event"]: one for one in named(told, "event")}
    assert list(events) == ["accepted", "delivered"]
    assert events["delivered"]["source"] == SOURCE and events["delivered"]["tls"] == "TLSv1.3"
    assert exchanger.address in events["delivered"]["host"]
    end = told[-1]
    assert (end["step"], end["result"], end["recipients"], end["delivered"]) == ("end", "delivered", 1, 1)
    (mail,) = exchanger.wait(1)
    assert mail.sender == "shop@example.com"
    for line in (b"Auto-Submitted: auto-generated", b"To: <user@", b"This is a test message."):
        assert line in mail.content, mail.content
    assert b"DKIM-Signature" in mail.content and b"with ESMTPS (" in mail.content  # no A: nobody has logged in
    assert gateway.usage("blog")["total_messages"] == 1


def test_for_people(gateway, lab, account):
    lab.exchanger(domain := lab.new_domain())
    shown = gateway.sendoff("send-test", "--account", "blog", "--to", f"user@{domain}")
    assert "from <postmaster@example.com> to <user@" in shown
    for word in ("listener", "MAIL", "250 2.1.0", "accepted as", "delivered", "after", "Delivered: the next hop has accepted it"):
        assert word in shown, shown


def test_refused(gateway, account):
    result = send(gateway, "--to", "user@example.net", "--from", "ceo@bank.example")
    (mail,) = named(steps(result), "MAIL")
    assert result.status == 1 and mail["code"] == 553 and "may not send as ceo@bank.example" in mail["reply"]
    assert "sendoff why" in result.err and gateway.log("--event", "refused", "--from", "ceo@bank.example")


def test_returned(gateway, lab, account):
    exchanger = lab.exchanger(domain := lab.new_domain())
    exchanger.replies["RCPT"] = lambda address: "550 5.1.1 unknown" if address.startswith("nobody") else None
    result = send(gateway, "--to", f"nobody@{domain}", "--to", f"user@{domain}", "--timeout", "5m")
    end = steps(result)[-1]
    assert result.status == 1
    assert (end["result"], end["recipients"], end["delivered"]) == ("bounced", 2, 1)


def test_deferred(gateway, lab, account):
    """It says when the next attempt is, and does not wait for one that comes after its time."""
    exchanger = lab.exchanger(domain := lab.new_domain())
    exchanger.replies["RCPT"] = "450 4.2.1 come back later"
    gateway.configure(retry=("1h",)).restart()
    result = send(gateway, "--to", f"user@{domain}", "--timeout", "5m")
    end = steps(result)[-1]
    assert result.status == 1 and end["result"] == "deferred" and end["waiting"] == 1 and end["next"]
    assert end["seconds"] < 200
    shown = gateway.sendoff.run("send-test", "--account", "blog", "--to", f"user@{domain}", "--timeout", "5m")
    assert shown.status == 1 and "\nNot delivered yet: the next attempt is at" in shown.out and "\nThe last reply: come back later" in shown.out


def test_it_counts(gateway, account):
    gateway.sendoff("account", "set", "blog", "--limit", "1/day")
    try:
        result = send(gateway, "--to", "user@example.net")
        assert result.status == 1 and "1/day" in result.out or "of 1 messages today" in result.out, result.out
    finally:
        gateway.sendoff("account", "set", "blog", "--limit", "none")


def test_suspended(gateway, account):
    gateway.sendoff("account", "suspend", "blog", "--reason", "it sent too much")
    try:
        result = send(gateway, "--to", "user@example.net")
        assert result.status == 1 and "it sent too much" in result.out
    finally:
        gateway.sendoff("account", "resume", "blog")


def test_any_way_of_login(lab):
    """No mechanism that has a password, a listener for load balancers alone, and an account that has the address: it goes in
    all the same, as the account that was named."""
    gateway = lab.new_gateway()
    gateway.add_domain("example.com", "--key", "ed25519")
    gateway.add_account("blog")
    gateway.add_account("printer", "--client-ip", f"{gateway.address}/32")
    gateway.configure(more='auth { mechanisms = {"SCRAM-SHA-256"} }')
    with open(gateway.config) as file:
        text = file.read()
    with open(gateway.config, "w") as file:
        file.write(text.replace('tls = "starttls" }', f'tls = "starttls"  proxy = {{"{gateway.address}"}} }}'))
    gateway.start()
    exchanger = lab.exchanger(domain := lab.new_domain())
    result = send(gateway, "--to", f"user@{domain}")
    assert result.status == 0, result.err
    assert [one["account"] for one in named(steps(result), "event")] == ["blog", "blog"]
    exchanger.wait(1)
    gateway.stop()


def test_no_gateway(lab):
    gateway = lab.new_gateway()
    gateway.add_account("blog")
    result = send(gateway, "--to", "user@example.net")
    assert result.status == 1 and "the gateway is not running; start it with: sendoff serve" in result.err


@pytest.mark.parametrize(
    "words, says",
    [
        (["--to", "user@example.net"], "--account NAME --to ADDRESS"),
        (["--account", "blog"], "--account NAME --to ADDRESS"),
        (["--account", "blog", "--to", "nonsense"], "--to nonsense is no address"),
        (["--account", "blog", "--to", "a@example.net", "--from", "nonsense"], "--from nonsense is no address"),
        (["--account", "blog", "--to", "a@example.net", "--timeout", "soon"], "--timeout soon: write 60s or 5m"),
        (["--account", "many", "--to", "a@example.net"], "many may send as many: say as whom, --from ADDRESS"),
    ],
)
def test_mistyped(gateway, account, words, says):
    if "many" in words:
        gateway.add_account("many", senders=("*",))
    result = gateway.sendoff.run("send-test", *words)
    assert result.status == 2 and says in result.err


class Announcement:
    """What a command says over the control socket; it lasts until that is closed."""

    def __init__(self, gateway, line):
        self._control = socket.socket(socket.AF_UNIX)
        self._control.connect(f"{gateway.data}/control.sock")
        self._control.sendall(line.encode() + b"\n")
        self.answer = self._control.makefile().readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self._control.close()


def from_port(gateway, port):
    """A session that comes from there, inside TLS."""
    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind((gateway.address, port))
    tcp.settimeout(60)
    tcp.connect(gateway.endpoint("starttls"))
    talk = Dialogue(tcp)
    assert talk.reply().startswith("220")
    talk.say("EHLO client.example")
    talk.start_tls()
    talk.say("EHLO client.example")
    return talk


def free_port(address):
    with socket.socket() as tcp:
        tcp.bind((address, 0))
        return tcp.getsockname()[1]


def test_the_control_socket_lets_in_who_is_here(gateway, account):
    """What a command announces is for addresses of this machine, and for accounts that are there."""
    def ask(line):
        with Announcement(gateway, line) as said:
            return said.answer

    assert ask("expect 192.0.2.1 4000 blog") == "error: no address of this machine"
    assert ask("expect 127.0.0.1 4000 nobody") == "error: no such account"
    for line in ("expect 127.0.0.1", "expect here 25", "expect 127.0.0.1 70000", "expect 127.0.0.1 0 blog"):
        assert ask(line) == "error: no such address", line


def test_an_announcement_lasts_as_long_as_its_command(gateway, account):
    port = free_port(gateway.address)
    with Announcement(gateway, f"expect {gateway.address} {port} blog") as said:
        assert said.answer == "ok"
        with from_port(gateway, port) as talk:
            assert talk.say("MAIL FROM:<a@example.com>").startswith("250")
    port = free_port(gateway.address)
    with Announcement(gateway, f"expect {gateway.address} {port} blog") as said:
        assert said.answer == "ok"
    with from_port(gateway, port) as talk:
        assert talk.say("MAIL FROM:<a@example.com>").startswith("530 5.7.0")
    port = free_port(gateway.address)
    line = f"expect {gateway.address} {port} blog"
    first = Announcement(gateway, line)
    with Announcement(gateway, line):
        first.close()  # which does not end the last one of the same address
        with from_port(gateway, port) as talk:
            assert talk.say("MAIL FROM:<a@example.com>").startswith("250")


def connecting(address, to_port):
    """The ports that connections to there are being made from."""
    there = socket.inet_aton(address)[::-1].hex().upper() + f":{to_port:04X}"
    with open("/proc/net/tcp") as table:
        rows = [row.split() for row in table]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[2:4] == [there, "02"]}


def test_killed_before_it_connects(gateway, account):
    """Its port is good for nothing afterwards. A listener that has no room, in a configuration of the command's own, keeps
    it where it has announced its connection and not made it."""
    with socket.socket() as full:
        full.bind((gateway.address, 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        for _ in range(4):  # as many as it takes: the rest is not answered
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((gateway.address, port))
            waiting.append(one)
        with open(gateway.config) as file:
            text = file.read()
        with open(f"{gateway.folder}/full.conf", "w") as file:
            file.write("\n".join(line for line in text.splitlines() if not line.startswith("listen ")))
            file.write(f'\nlisten "{gateway.address}:{port}" {{ tls = "starttls" }}\n')
        others = {one.getsockname()[1] for one in waiting}
        process = subprocess.Popen(
            [PROGRAM, "--config", f"{gateway.folder}/full.conf", "send-test", "--account", "blog", "--to", "user@example.net"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **SANITIZERS},
        )
        try:
            ours = wait_until(lambda: connecting(gateway.address, port) - others, "it connects")
        finally:
            process.kill()
            process.wait(60)
        (held,) = ours
        with from_port(gateway, held) as talk:
            assert talk.say("MAIL FROM:<a@example.com>").startswith("530 5.7.0")
        for one in waiting:
            one.close()
