"""Mail by the local socket: who connects is who sends, without a password (docs/local.md)."""

import os
import socket
import stat

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker
from sendoff_test.local import Place, connect
from sendoff_test.processes import wait_until
from sendoff_test.slow_users import SlowUsers

FROM, TO = "blog@example.com", "r@dest.example.net"


@pytest.fixture(scope="module")
def place():
    made = Place()
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(lab, place):
    return lab.gateway(more=place.listen, limits="max_sessions_per_address = 5")


@pytest.fixture(scope="module")
def mx(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def blog(gateway):
    return gateway.add_account("blog", "--local-user", "www-data", "--local-user", "nobody")


def greeted(talk):
    answer = talk.reply()
    assert answer.startswith("220"), answer
    return talk.say("EHLO localhost")


def test_who_connects_needs_no_password(gateway, place, blog, mx):
    mark = marker()
    with place.talk("www-data") as talk:
        offered = greeted(talk)
        assert "AUTH" not in offered and "STARTTLS" not in offered
        talk.envelope(FROM, TO)
        assert talk.content(letter(FROM, TO, mark + "\r\n")).startswith("250")
    arrival = mx.wait_for(mark)
    assert b" with ESMTP id " in arrival.content, "RFC 3848: no A, as there was no AUTH"
    (event,) = gateway.wait_event("accepted", "--from", FROM)
    assert event["account"] == "blog" and event["host"] == "local user www-data"
    assert "[local user www-data]" in gateway.sendoff("log", "--event", "accepted", "--from", FROM)
    assert 'client="local user www-data"' in gateway.output()


def test_senders_are_still_its_own(place, blog):
    with place.talk("nobody") as talk:
        greeted(talk)
        assert talk.say("MAIL FROM:<ceo@bank.example>").startswith("553 5.7.1 blog may not send as")


@pytest.mark.parametrize("user, shown", [("root", "root"), (4711, "4711")])
def test_a_user_without_an_account(gateway, place, user, shown):
    with place.talk(user) as talk:
        greeted(talk)
        answer = talk.say(f"MAIL FROM:<{FROM}>")
        assert answer.startswith(f"550 5.7.1 local user {shown} has no account here; give it one: ")
        assert f"sendoff account set ACCOUNT --local-user {shown}. sendoff why " in answer
        why = gateway.sendoff("why", answer.rpartition(" ")[2])
        assert f"local user {shown}" in why and "sendoff account list" in why
        gateway.add_account(f"for-{shown}", "--local-user", user)
        wait_until(lambda: talk.say(f"MAIL FROM:<{FROM}>").startswith("250"), "the open session has it")


def test_one_account_only(gateway, place):
    gateway.add_account("one", "--local-user", "daemon")
    refused = gateway.sendoff.run("account", "add", "two", "--sender", "example.com", "--local-user", "daemon")
    assert refused.status == 1 and "local user daemon sends for account one" in refused.err
    assert gateway.sendoff.run("account", "show", "two").status == 1, "nothing was made"
    gateway.sendoff("account", "set", "one", "--local-user", "none")
    gateway.add_account("two", "--local-user", "1", "--local-user", "daemon")
    (two,) = gateway.sendoff.json("account", "show", "two")
    assert two["local_users"] == ["daemon"], "the name, once"
    assert "local_users    daemon" in gateway.sendoff("account", "show", "two")
    gateway.sendoff("account", "remove", "two")
    gateway.sendoff("account", "set", "one", "--local-user", "daemon")


def test_a_name_that_nobody_has(gateway):
    refused = gateway.sendoff.run("account", "add", "slip", "--sender", "example.com", "--local-user", "www-dat")
    assert refused.status == 2 and "there is no such user on this machine" in refused.err


def test_no_password_is_asked_for(place, blog):
    with place.talk() as talk:
        greeted(talk)
        assert talk.say("AUTH PLAIN AGJsb2cAcGFzc3dvcmQ=").startswith("502 5.5.1 no AUTH by the local socket")
        assert talk.say("STARTTLS").startswith("502 5.5.1 TLS is not available here")
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("250")


def test_octets_before_the_greeting(place, blog):
    made = connect(place.socket, "www-data")
    made.sendall(b"EHLO early\r\n")
    assert made.recv(1000).startswith((b"554 5.5.1", b"220"))  # if the gateway was faster
    made.close()


CHANGES = {
    "the user is taken away": (("set", "{}", "--local-user", "none"), "530 5.7.0 the login of this session no longer"),
    "suspended": (("suspend", "{}", "--reason", "abuse"), "550 5.7.1 {} is suspended: abuse"),
    "removed": (("remove", "{}"), "550 5.7.1 account {} is no longer here"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "the final dot"])
def test_changes_under_a_session(gateway, place, change, step):
    words, refusal = CHANGES[change]
    name = marker()
    gateway.add_account(name, "--local-user", "games")
    with place.talk("games") as talk:
        greeted(talk)
        if step != "MAIL":
            talk.envelope(FROM, TO)
        if step == "the final dot":
            assert talk.say("DATA").startswith("354")
        gateway.sendoff("account", *(word.format(name) for word in words))
        if step == "the final dot":
            talk.send(letter(FROM, TO, "x\r\n") + b".\r\n")
            answer = talk.reply()
        else:
            answer = talk.say(f"MAIL FROM:<{FROM}>" if step == "MAIL" else f"RCPT TO:<{TO}>")
        assert answer.startswith(refusal.format(name)), answer
        after = talk.say(f"MAIL FROM:<{FROM}>")
        assert after.startswith("5"), after
    if change != "removed":
        gateway.sendoff("account", "remove", name)


def test_sessions_of_one_user(place, blog):
    open_ones = [place.talk("nobody") for _ in range(5)]
    for talk in open_ones:
        greeted(talk)
    with place.talk("nobody") as talk:
        assert talk.reply().startswith("421 4.3.2 smtp.example.com: too many sessions of your user")
    with place.talk("www-data") as talk:
        greeted(talk)
    for talk in open_ones:
        talk.close()


def again(place, user):
    with place.talk(user) as talk:
        return talk.reply().startswith("220")


def test_bans_do_not_reach_it(gateway, place, blog):
    for _ in range(3):
        wait_until(lambda: again(place, "www-data"), "there is room again")
    assert "local user" not in gateway.sendoff("status")


def test_no_address_of_an_account_fits(gateway, place):
    gateway.add_account("everybody", "--client-ip", "0.0.0.0/0", "--client-ip", "::/0")
    with place.talk("bin") as talk:
        greeted(talk)
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("550 5.7.1 local user bin has no account here")


def test_a_client_address_needs_no_socket(gateway, blog):
    with dialogue(gateway, blog) as talk:
        talk.envelope(FROM, TO)


# The socket itself.


def test_who_may_reach_it(place, gateway):
    assert stat.S_IMODE(os.stat(place.socket).st_mode) == 0o666
    assert stat.S_IMODE(os.stat(os.path.dirname(place.socket)).st_mode) == 0o755


def test_its_life(lab):
    """Gone at the end; what a killed one leaves behind is replaced; nothing else is."""
    place = Place()
    try:
        gateway = lab.new_gateway().configure(more=place.listen).start()
        gateway.stop()
        assert not os.path.exists(place.socket)
        gateway.start()
        gateway.kill()
        assert os.path.exists(place.socket)
        gateway.start()
        assert again(place, "root")
        other = lab.new_gateway().configure(more=place.listen)
        refused = other.sendoff.run("serve")
        assert refused.status == 1 and "another program listens there" in refused.err
        assert again(place, "root"), "the first one's is still there"
        os.unlink(place.socket)
        stranger = socket.socket(socket.AF_UNIX)
        stranger.bind(place.socket)
        gateway.stop()
        assert os.path.exists(place.socket), "it was not the gateway's any more"
        stranger.close()
        os.unlink(place.socket)
        with open(place.socket, "w"):
            pass
        refused = gateway.sendoff.run("serve")
        assert refused.status == 1 and "something else has this path" in refused.err
        assert os.path.isfile(place.socket)
    finally:
        place.close()


def test_as_the_service_user(lab):
    """Bound as root, removed as the user that it becomes."""
    place = Place()
    try:
        gateway = lab.new_gateway().configure(more=f'user = "daemon"\n{place.listen}').hand_over("daemon")
        os.chmod(lab.folder, 0o711)
        gateway.start()
        assert os.stat(os.path.dirname(place.socket)).st_uid == 1
        assert again(place, "root")
        gateway.stop()
        assert not os.path.exists(place.socket)
    finally:
        place.close()


HOLD = """
import os, socket, sys
held = socket.socket(socket.AF_UNIX)
held.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
held.listen()
os.dup2(held.fileno(), 3)  # SD_LISTEN_FDS_START
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
"""


def test_socket_activation(lab):
    """systemd's socket is used, and left where it is."""
    place = Place()
    try:
        os.mkdir(os.path.dirname(place.socket))
        gateway = lab.new_gateway().configure(more=place.listen)
        gateway.start(wrapper=["python3", "-c", HOLD, place.socket])
        inode = os.stat(place.socket).st_ino
        assert again(place, "root")
        gateway.stop()
        assert os.stat(place.socket).st_ino == inode
    finally:
        place.close()


def test_the_default(lab):
    """A configuration that says nothing of a local socket has one, where it can be; "none" is none."""
    gateway = lab.new_gateway().configure()
    text = open(gateway.config).read()
    assert 'listen "unix:none" {}' in text
    gateway.start()
    assert "no local socket" not in gateway.output() and "unix:" not in gateway.output()
    gateway.stop()
    with open(gateway.config, "w") as config:
        config.write(text.replace('listen "unix:none" {}', ""))
    own_run = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]
    gateway.start(wrapper=own_run)
    inside = f"/proc/{gateway.pid}/root/run/sendoff/submission.sock"
    assert stat.S_ISSOCK(os.stat(inside).st_mode)
    gateway.stop()
    blocked = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /run && touch /run/sendoff && exec "$@"', "sh"]
    gateway.start(wrapper=blocked)
    assert "no local socket" in gateway.output(), "it goes on without"
    gateway.stop()


@pytest.mark.parametrize(
    "line, says",
    [
        ('listen "unix:/tmp/x" { tls = "starttls" }', "which has no TLS"),
        ('listen "unix:/tmp/x" { proxy = {"10.0.0.0/8"} }', "without proxies"),
        ('listen "unix:x" {}', "unix:PATH"),
        (f'listen "unix:/{"x" * 107}" {{}}', "107 octets at most"),
    ],
)
def test_what_a_line_may_say(lab, line, says):
    gateway = lab.new_gateway().configure(more=line)
    refused = gateway.sendoff.run("config", "check")
    assert refused.status == 1 and says in refused.err


def test_received_client(lab, mx):
    place = Place()
    try:
        gateway = lab.gateway(more=f"received_client = yes\n{place.listen}")
        gateway.add_account("blog", "--local-user", "www-data")
        mark = marker()
        with place.talk() as talk:
            greeted(talk)
            talk.envelope(FROM, TO)
            assert talk.content(letter(FROM, TO, mark + "\r\n")).startswith("250")
        arrival = mx.wait_for(mark)
        assert b"by smtp.example.com (Sendoff, from local user www-data) with ESMTP id " in arrival.content
    finally:
        place.close()


def test_a_user_namespace(lab):
    """There, whoever is not mapped is user 65534, as nobody is: he is nobody that is known."""
    place = Place()
    try:
        gateway = lab.gateway(more=place.listen)
        gateway.add_account("blog", "--local-user", "nobody")
        with place.talk("nobody") as talk:
            greeted(talk)
            assert talk.say(f"MAIL FROM:<{FROM}>").startswith("250")
        gateway.stop()
        gateway.start(wrapper=["unshare", "-U", "--map-root-user"])
        with place.talk("nobody") as talk:
            greeted(talk)
            assert talk.say(f"MAIL FROM:<{FROM}>").startswith("550 5.7.1 the gateway runs in a user namespace")
        with place.talk("root") as talk:
            greeted(talk)
            assert talk.say(f"MAIL FROM:<{FROM}>").startswith("550 5.7.1 local user root has no account")
    finally:
        gateway.stop()
        place.close()


def test_users_in_a_database_that_does_not_answer(lab, mx):
    """Whom it is asked about waits for some seconds and is turned away; nobody else waits for it."""
    place = Place()
    gateway = lab.new_gateway().configure(more=place.listen)
    slow = SlowUsers(gateway.folder)
    try:
        gateway.start(**slow.start)
        gateway.add_account("blog", "--local-user", "www-data")
        gateway.add_account("job", "--local-user", "50000")
        app = gateway.add_account("app")
        with place.talk(50000) as talk:
            greeted(talk)
        slow.close_gate()
        late = [place.talk(50000) for _ in range(5)]  # one look-up for all of them
        with place.talk("www-data") as talk:
            greeted(talk)
        late += [place.talk(50000 + number) for number in range(1, 60)]  # more than the pool has threads
        mark = marker()
        with dialogue(gateway, app) as talk:
            talk.envelope(FROM, TO)
            assert talk.content(letter(FROM, TO, mark + "\r\n")).startswith("250")
        mx.wait_for(mark)
        for talk in late:
            answer = talk.reply()
            assert answer.startswith("421 4.3.0 smtp.example.com: the machine's database of users does not say who you are"), answer
            talk.close()
        (event, *_) = gateway.wait_event("refused", "--reply", "database of users")
        assert event["host"].startswith("local user 50")
        assert "getent passwd" in gateway.sendoff("why", answer.rpartition(" ")[2])
        slow.open_gate()
        wait_until(lambda: again(place, 50000), "it answers again")
        with place.talk(50000) as talk:
            greeted(talk)
            assert talk.say(f"MAIL FROM:<{FROM}>").startswith("250")
    finally:
        slow.open_gate()
        gateway.stop()
        place.close()
