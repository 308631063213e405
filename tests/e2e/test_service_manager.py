"""What systemd hears of the gateway, and the sockets that it makes, or keeps from one process to the next."""

import contextlib
import ctypes
import os
import smtplib
import socket
import subprocess
import threading

import pytest

from sendoff_test.client import connect, submit
from sendoff_test.command import PROGRAM, SANITIZERS
from sendoff_test.letters import letter, marker
from sendoff_test.processes import greets, wait_until
from sendoff_test.service_manager import ServiceManager

FROM, TO = "a@example.com", "r@dest.example.net"
TWO_LOOPS = "loops = 2"


@pytest.fixture
def manager(tmp_path):
    made = ServiceManager(tmp_path)
    yield made
    made.close()


@pytest.fixture
def impatient(tmp_path):
    made = ServiceManager(tmp_path, watchdog=2)
    yield made
    made.close()


def listening(endpoint, reuse_port=False):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(endpoint)
    made.listen(100)
    return made


def test_ready_reload_and_stop(lab, manager):
    gateway = lab.new_gateway().configure().start(env=manager.environment())
    manager.wait_for("READY=1")
    manager.wait_for("STATUS=accepts mail as smtp.example.com")
    before = len(manager.messages)
    gateway.reload()
    manager.wait_for("READY=1", since=before)
    lines = manager.lines(before)
    assert lines.index("RELOADING=1") < lines.index("READY=1") and any(line.startswith("MONOTONIC_USEC=") for line in lines)
    before = len(manager.messages)
    with open(f"{gateway.folder}/certificate.pem", "w") as certificate:
        certificate.write("half of a certif")
    manager.wait_for("STATUS=accepts mail; the certificate is not renewed: .*certificate.pem.*", since=before)
    gateway.stop()
    manager.wait_for("STOPPING=1")
    assert "WATCHDOG=1" not in manager.lines(), "nobody has asked for it"


def test_no_manager(lab):
    gateway = lab.new_gateway().configure().start()
    gateway.reload()
    gateway.stop()


# --- the watchdog ---

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


@contextlib.contextmanager
def stuck(thread):
    """That thread does nothing meanwhile; the others go on."""
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        assert _libc.ptrace(request, thread, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(thread, 0x40000000)  # __WALL
    try:
        yield
    finally:
        _libc.ptrace(PTRACE_DETACH, thread, None, None)


def begin_message(gateway, account):
    """One that the writer has to take, and an answer that may be long in coming."""
    client = connect(gateway, account)
    client.putcmd("MAIL", f"FROM:<{FROM}>")
    assert client.getreply()[0] == 250
    client.putcmd("RCPT", f"TO:<{TO}>")
    assert client.getreply()[0] == 250
    client.putcmd("DATA")
    assert client.getreply()[0] == 354
    return client


def threads(gateway):
    """By name; those of libuv's pool, which may take their time, are later ones of the name of their maker."""
    found = {}
    for thread in sorted(map(int, os.listdir(f"/proc/{gateway.pid}/task"))):
        with open(f"/proc/{gateway.pid}/task/{thread}/comm") as comm:
            found.setdefault(comm.read().strip(), thread)
    return {**found, "supervisor": gateway.pid}


@pytest.mark.parametrize("name", ["supervisor", "store", "loop-0", "loop-1"])
def test_a_thread_that_is_stuck(lab, impatient, name):
    lab.exchanger("dest.example.net")
    gateway = lab.new_gateway().configure(more=TWO_LOOPS)
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    account = gateway.add_account("app")
    gateway.start(env=impatient.environment())
    wait_until(lambda: len(impatient.signs_of_life()) > 3, "the manager hears from it again and again")
    client = begin_message(gateway, account)
    with stuck(threads(gateway)[name]):
        client.send(letter(FROM, TO) + b"\r\n.\r\n")
        wait_until(lambda: impatient.silence() > 2.5, "the manager hears nothing for as long as it would wait")
        before = len(impatient.signs_of_life())
    wait_until(lambda: len(impatient.signs_of_life()) > before, "it goes on")
    assert client.getreply()[0] == 250
    client.close()
    assert ("the store's writer is stuck" in gateway.output()) == (name == "store")
    gateway.stop()


def test_a_frozen_gateway_is_silent(lab, impatient):
    gateway = lab.new_gateway().configure().start(env=impatient.environment())
    wait_until(impatient.signs_of_life, "the manager hears from it")
    with gateway.frozen():
        wait_until(lambda: impatient.silence() > 2.5, "the manager hears nothing")
    before = len(impatient.signs_of_life())
    wait_until(lambda: len(impatient.signs_of_life()) > before, "it goes on")
    gateway.stop()


# --- sockets ---


def test_sockets_of_a_unit(lab, manager):
    """One for each listen line; every connection is answered, whichever loop the kernel wakes."""
    gateway = lab.new_gateway().configure(more=TWO_LOOPS)
    made = {kind: listening(gateway.endpoint(kind)) for kind in gateway.ports}
    waiting = socket.create_connection(gateway.endpoint("starttls"), 20)  # before it runs
    gateway.start(**manager.hand_over(*(("sendoff.socket", one) for one in made.values())))
    waiting.settimeout(60)
    assert waiting.recv(500).startswith(b"220")
    for _ in range(20):
        assert greets(gateway.endpoint("starttls")) and greets(gateway.endpoint("optional"))
    assert not manager.kept, "it has them already"
    assert "waits in vain" not in gateway.output()
    gateway.stop()
    for one in made.values():
        one.close()


def test_more_sockets_than_loops(lab, manager):
    """The kernel spreads connections over all of them: all must be accepted from."""
    gateway = lab.new_gateway().configure(more=TWO_LOOPS)
    made = [listening(gateway.endpoint("optional"), reuse_port=True) for _ in range(5)]
    gateway.start(**manager.hand_over(*(("sendoff.socket", one) for one in made)))
    for _ in range(60):
        assert greets(gateway.endpoint("optional"))
    gateway.stop()
    for one in made:
        one.close()


def test_a_socket_that_no_line_is_for(lab, manager):
    gateway = lab.new_gateway().configure()
    elsewhere = lab.block.new_port()
    made = listening((gateway.address, elsewhere))
    gateway.start(**manager.hand_over(("sendoff.socket", made)))
    (line,) = (line for line in gateway.output().split("\n") if "waits in vain" in line)
    assert f"address={gateway.address} port={elsewhere} socket=sendoff.socket" in line
    gateway.stop()
    made.close()


def test_a_unit_with_another_address(lab, manager):
    """Its socket has the port at every address, so the line's own cannot be bound."""
    made = listening(("0.0.0.0", 0))  # one that no other test has at an address of its own
    gateway = lab.new_gateway()
    gateway.ports["starttls"] = made.getsockname()[1]
    gateway.configure()
    given = manager.hand_over(("sendoff.socket", made))
    done = subprocess.run(
        [*given["wrapper"], PROGRAM, "--config", gateway.config, "serve"],
        env={**os.environ, **SANITIZERS, **given["env"]},
        pass_fds=given["pass_fds"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    made.close()
    assert done.returncode == 1
    assert f"systemd (sendoff.socket) has this port at 0.0.0.0; write the same address there (systemctl edit sendoff.socket)" in done.stderr


def test_the_store_of_sockets(lab, manager):
    """No socket unit, and still no connection is refused during a restart: the manager keeps the sockets of every loop."""
    gateway = lab.new_gateway().configure(more=TWO_LOOPS).start(env=manager.environment())
    wait_until(lambda: len(manager.kept) == 3, "a name for each listen line")
    assert {len(sockets) for sockets in manager.kept.values()} == {2}, "one of each loop"
    gateway.stop()
    waiting = [socket.create_connection(gateway.endpoint("starttls"), 20) for _ in range(8)]
    before = len(manager.messages)
    gateway.start(**manager.hand_over())
    for one in waiting:
        one.settimeout(60)
        assert one.recv(500).startswith(b"220")
        one.close()
    manager.wait_for("READY=1", since=before)
    assert "FDSTORE=1" not in manager.lines(before)
    # A listen line that has gone, and one that is new.
    gateway.stop()
    dropped = gateway.ports.pop("optional")
    gateway.ports["implicit"] = lab.block.new_port()
    before = len(manager.messages)
    gateway.configure(more=TWO_LOOPS).start(**manager.hand_over())
    assert "waits in vain" not in gateway.output()
    wait_until(lambda: manager.lines(before).count("FDSTOREREMOVE=1") == 4, "what is not wanted is given back")
    wait_until(lambda: len(manager.kept) == 2, "and what is new is kept")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((gateway.address, dropped), 20)
    gateway.stop()


def test_no_mail_is_lost_or_refused_over_restarts(lab, manager):
    """Clients go on while the gateway is restarted: no connection is refused, and what was accepted arrives."""
    recipient = lab.exchanger("dest.example.net")
    gateway = lab.new_gateway().configure(more=TWO_LOOPS)
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    account = gateway.add_account("app")
    gateway.start(env=manager.environment())
    marks, refused, over = [], [], threading.Event()

    def send():
        while not over.is_set():
            mark = marker()
            try:
                socket.create_connection(gateway.endpoint("starttls"), 120).close()
            except OSError as error:
                refused.append(error)
            with contextlib.suppress(smtplib.SMTPException):  # 421: in a session that was open when it stopped
                submit(gateway, account, FROM, [TO], letter(FROM, TO, mark.encode() + b"\r\n"))
                marks.append(mark)

    clients = [threading.Thread(target=send) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        for _ in range(3):
            sent = len(marks)
            wait_until(lambda sent=sent: len(marks) >= sent + 3, "mail is accepted")
            gateway.terminate()
            gateway.finish()
            gateway.start(**manager.hand_over())
    finally:
        over.set()
        for client in clients:
            client.join(120)
    assert not refused
    for mark in marks:
        recipient.wait_for(mark)
    gateway.wait_empty()
    gateway.stop()


def test_as_systemd_does_it(lab):
    """systemd-socket-activate makes the sockets, and the gateway starts with the first connection."""
    gateway = lab.new_gateway().configure()
    kinds = ("starttls", "implicit", "optional")
    sockets = [f"--listen={gateway.address}:{gateway.ports[kind]}" for kind in kinds]
    passed = [f"--setenv={name}={value}" for name, value in SANITIZERS.items()]
    gateway.start(["systemd-socket-activate", *sockets, *passed])
    assert all(greets(gateway.endpoint(kind)) for kind in ("starttls", "optional"))
    gateway.stop()
