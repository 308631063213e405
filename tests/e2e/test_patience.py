"""How long the gateway waits, and for whom: silence, trickles, handshakes that stop, replies that nobody reads, words
before the greeting, limits of sessions, and the words of the end."""

import contextlib
import socket
import ssl
import threading
import time

import pytest

from sendoff_test.client import Dialogue, dialogue, plain, trusting
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"
LIMITS = (
    'command_timeout = "2s"  data_timeout = "2s"  handshake_timeout = "1s"  minimum_rate = 1000  '
    "max_sessions = 40  max_sessions_per_address = 12"
)


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(limits=LIMITS)


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("patient")


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net")


def logged(gateway, reason, at_least=1):
    """The log says so, once it has come to it."""
    return wait_until(lambda: gateway.output().count(f"reason={reason}") >= at_least, f"the log has {reason}")


def ended(talk):
    """What was said at the end."""
    answer = talk.reply()
    assert talk.reply() == "", "the connection stays open"
    return answer


@contextlib.contextmanager
def trickle(talk, octets, pause):
    """Sends those, one by one, again and again, while the block runs."""
    stop = threading.Event()

    def run():
        while not stop.wait(pause):
            for octet in octets:
                try:
                    talk.send(bytes([octet]))
                except OSError:
                    return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def begin_content(gateway, account):
    talk = dialogue(gateway, account, tls="implicit")
    talk.envelope(FROM, TO)
    assert talk.say("DATA").startswith("354")
    return talk


# Silence and trickles.


def test_command_lines(gateway):
    """Silence ends a session; so does a line, or an exchange's line, whose octets come soon one after the other, but that
    never ends: the time is the line's, not the octet's."""
    with dialogue(gateway) as silent, dialogue(gateway) as slow, dialogue(gateway, tls="implicit") as login:
        assert login.say("AUTH PLAIN").startswith("334")
        begin = time.monotonic()
        with trickle(slow, b"N", 0.2), trickle(login, b"A", 0.2):
            assert ended(silent) == "421 4.4.2 smtp.example.com: nothing heard for too long; good-bye"
            for talk in (slow, login):
                assert ended(talk) == "421 4.4.2 smtp.example.com: the command line takes too long; good-bye"
        assert 1.5 < time.monotonic() - begin < 5
    logged(gateway, "timeout")
    logged(gateway, '"command line too slow"', 2)


def test_commands_keep_a_session(gateway):
    with dialogue(gateway) as talk:
        for _ in range(5):
            time.sleep(0.6)
            assert talk.say("NOOP").startswith("250")


def test_content(gateway, account):
    """Silent, or never silent and never done."""
    with begin_content(gateway, account) as silent, begin_content(gateway, account) as slow:
        begin = time.monotonic()
        silent.send(letter(FROM, TO))
        slow.send(letter(FROM, TO))
        with trickle(slow, b"0123456789", 0.2):
            assert ended(silent) == "421 4.4.2 smtp.example.com: nothing heard for too long; good-bye"
            assert ended(slow) == "421 4.4.2 smtp.example.com: the content comes too slowly, under 1000 octets a second; good-bye"
        assert 1.5 < time.monotonic() - begin < 6
    logged(gateway, '"content too slow"')
    assert not gateway.queue()


def test_content_that_is_slow_enough(gateway, account, mx):
    """Longer than the time-out in all, but always at the least rate."""
    mark = marker()
    with begin_content(gateway, account) as talk:
        talk.send(letter(FROM, TO, mark + "\r\n"))
        for _ in range(6):
            time.sleep(0.5)
            talk.send(b"x" * 700 + b"\r\n")
        talk.send(b".\r\n")
        assert talk.reply().startswith("250")
    mx.wait_for(mark)


def test_our_own_time_does_not_count(lab, mx):
    """A wrong password is answered late; the client is not to blame, however short its own time is."""
    gateway = lab.gateway(limits='command_timeout = "1s"  data_timeout = "1s"')
    account = gateway.add_account("waits")
    with dialogue(gateway, tls="implicit") as talk:
        for delay in (0.5, 1, 2):
            begin = time.monotonic()
            assert talk.say(f"AUTH PLAIN {plain(account.name, 'wrong')}").startswith("535")
            assert time.monotonic() - begin >= delay
        talk.login(account.name, account.password)
        talk.envelope(FROM, TO)
        assert talk.say("DATA").startswith("354")
        talk.send(letter(FROM, TO) + b".\r\n")
        assert talk.reply().startswith("250")
    gateway.stop()


# Handshakes.


def test_handshake_that_never_begins(gateway):
    with socket.create_connection(gateway.endpoint("implicit"), 20) as tcp:
        begin = time.monotonic()
        assert tcp.recv(100) == b"", "clear text was said in place of TLS"
        assert 0.5 < time.monotonic() - begin < 4
    logged(gateway, '"TLS: the handshake took too long"')


def test_handshake_that_dribbles(gateway):
    """Behind STARTTLS, octet by octet: the time is for the whole handshake."""
    with dialogue(gateway) as talk:
        assert talk.say("STARTTLS").startswith("220")
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 400
        begin = time.monotonic()
        with contextlib.suppress(OSError):
            for octet in hello:
                talk.send(bytes([octet]))
                time.sleep(0.1)
        assert 0.5 < time.monotonic() - begin < 4
        assert talk.reply() == "", "clear text was said in place of TLS"


# Injection.


@pytest.mark.parametrize("kind", ["starttls", "optional"])
def test_words_before_the_greeting(gateway, kind):
    with gateway.frozen():
        talk = Dialogue(gateway.endpoint(kind), before=b"EHLO client.example\r\n")
    with talk:
        answer = ended(talk)
    assert answer.startswith("554 5.5.1 smtp.example.com: wait for the greeting before sending anything; good-bye. sendoff why ")
    assert 'event=injection client=127' in gateway.output()
    logged(gateway, '"octets before the greeting"')


def test_words_before_the_greeting_inside_tls(gateway):
    """What a web browser's request to this port would be: the end of the handshake and the request at once."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting().wrap_bio(incoming, outgoing)
    with socket.create_connection(gateway.endpoint("implicit"), 20) as tcp:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                tcp.sendall(outgoing.read())
                incoming.write(tcp.recv(65536))
        tls.write(b"POST / HTTP/1.1\r\n\r\n")
        tcp.sendall(outgoing.read())
        incoming.write(read_all(tcp))
        assert tls.read(512).startswith(b"554 5.5.1")


def read_all(tcp):
    octets = b""
    while True:
        with contextlib.suppress(ConnectionResetError):
            more = tcp.recv(65536)
            octets += more
            if more:
                continue
        return octets


def test_words_behind_starttls(gateway):
    with dialogue(gateway) as talk:
        talk.send(b"STARTTLS\r\nEHLO client.example\r\n")
        answer = ended(talk)
    assert answer .startswith("554 5.5.1 octets in the clear behind STARTTLS; good-bye. sendoff why ")
    assert 'where="behind STARTTLS"' in gateway.output()


# A client that does not read.


def test_replies_that_nobody_reads(gateway):
    with socket.socket() as tcp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        tcp.settimeout(10)
        tcp.connect(gateway.endpoint("starttls"))
        assert tcp.recv(200).startswith(b"220")
        with pytest.raises(ConnectionError):
            for _ in range(100000):
                tcp.sendall(b"EHLO client.example\r\n" * 100)
    logged(gateway, '"the client does not read its replies"')


# Limits of sessions.


def test_sessions_of_an_address(lab, gateway):
    here, there = lab.block.new_address(), lab.block.new_address()
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(dialogue(gateway, source=here))
        with Dialogue(gateway.endpoint(), source=here) as talk:
            answer = ended(talk)
            assert answer.startswith(
                "421 4.3.2 smtp.example.com: too many sessions from your address; close some, or try again in a minute. sendoff why "
            )
        with Dialogue(gateway.endpoint("implicit"), implicit=False, source=here) as talk:
            assert talk.reply() == ""
        stack.enter_context(dialogue(gateway, source=there))
    wait_until(lambda: greeted(gateway, here), "there is room again")


def greeted(gateway, source):
    with Dialogue(gateway.endpoint(), source=source) as talk:
        return talk.reply().startswith("220")


def test_sessions_in_all(lab, gateway):
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            source = lab.block.new_address()
            for _ in range(10):
                talk = stack.enter_context(Dialogue(gateway.endpoint(), source=source))
                assert talk.reply().startswith("220")
        newcomer = lab.block.new_address()
        for kind in ("starttls", "optional"):
            with Dialogue(gateway.endpoint(kind), source=newcomer) as talk:
                answer = ended(talk)
                assert answer.startswith("421 4.3.2 smtp.example.com: too many sessions; try again in a minute. sendoff why ")
    wait_until(lambda: greeted(gateway, newcomer), "there is room again")


# The end of the gateway.

STOPPING = "421 4.3.2 smtp.example.com: stopping; try again in a minute"


def test_draining_in_every_state(lab, mx):
    """421 at once where nothing is under way; a transaction is finished first; a handshake is never spoken into."""
    gateway = lab.gateway()
    account = gateway.add_account("drained")
    mark = marker()
    with contextlib.ExitStack() as stack:
        start = stack.enter_context(Dialogue(gateway.endpoint()))
        assert start.reply().startswith("220")
        ready = stack.enter_context(dialogue(gateway))
        auth = stack.enter_context(dialogue(gateway, tls="implicit"))
        assert auth.say("AUTH LOGIN").startswith("334")
        mail, content = (stack.enter_context(dialogue(gateway, account)) for _ in range(2))
        mail.envelope(FROM)
        content.envelope(FROM, TO)
        assert content.say("DATA").startswith("354")
        handshake = stack.enter_context(Dialogue(gateway.endpoint("implicit")))
        time.sleep(0.2)
        gateway.terminate()
        for talk in (start, ready, auth):
            assert ended(talk) == STOPPING
        assert mail.say(f"RCPT TO:<{TO}>").startswith("250"), "a transaction that had begun was cut"
        assert mail.content(letter(FROM, TO, mark + "\r\n")).startswith("250")
        assert ended(mail) == STOPPING
        content.send(letter(FROM, TO, mark + "\r\n") + b".\r\n")
        assert content.reply().startswith("250")
        assert ended(content) == STOPPING
        handshake.begin_tls()
        assert ended(handshake) == STOPPING
    gateway.finish()
