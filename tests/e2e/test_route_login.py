"""Logging in at next hops by command (RFC 4954): mechanisms, whom a password is shown to, and passwords that are wrong."""

import glob
import re

import pytest

from sendoff_test.client import send_to
from sendoff_test.dovecot import Dovecot
from sendoff_test.processes import wait_until

USER, PASSWORD = "relay@example.net", "correct horse, ättery=staple"
ALL = ["LOGIN", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"]


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(delivery=f'trust = "{lab.authority.roots}"')


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("routed")


def server(lab, port, mechanisms=("PLAIN",), tls="verified", **manner):
    return lab.exchanger(tls=tls, port=port, passwords={USER: PASSWORD}, mechanisms=mechanisms, **manner)


def add(gateway, lab, host, *words, verb="add", to=None, user=USER, password=PASSWORD):
    to = to or lab.new_domain()
    at = f"{host.name}:{host.port}"
    gateway.sendoff("route", verb, to, at, "--user", user, "--password-stdin", *words, text=password + "\n")
    return to


def alarms(gateway):
    return re.findall(r'event="login refused".*', gateway.output())


@pytest.mark.parametrize("mechanism", ALL)
def test_mechanisms(lab, gateway, account, port, mechanism):
    host = server(lab, port, [mechanism])
    to = add(gateway, lab, host)
    arrival = host.wait_for(send_to(gateway, account, to))
    assert arrival.user == USER and arrival.tls
    ((used, tls, _),) = host.tries
    assert used == mechanism and tls
    (event,) = gateway.wait_event("delivered", "--to", f"r@{to}")
    assert event["verified"] == "ca"


def test_the_strongest_is_taken(lab, gateway, account, port):
    for most in (4, 3, 2, 1):
        host = server(lab, port, ["CRAM-MD5", "GSSAPI", *ALL[:most]])
        host.wait_for(send_to(gateway, account, add(gateway, lab, host)))
        assert [t[0] for t in host.tries] == [{4: "SCRAM-SHA-256", 3: "SCRAM-SHA-1", 2: "PLAIN", 1: "LOGIN"}[most]]


def test_one_login_for_many_messages(lab, gateway, account, port):
    host = server(lab, port)
    to = add(gateway, lab, host)
    for _ in range(3):
        host.wait_for(send_to(gateway, account, to))
    assert len(host.tries) == 1 and host.connections == 1


def test_implicit_tls_with_a_login(lab, gateway, account, port):
    host = server(lab, port, ALL, implicit=True)
    arrival = host.wait_for(send_to(gateway, account, add(gateway, lab, host, "--implicit-tls")))
    assert arrival.user == USER and arrival.tls


def test_a_sendoff_behind_a_sendoff_binds_the_login_to_the_channel(lab, gateway, account):
    """SCRAM-SHA-256-PLUS (RFC 5802, RFC 9266): each of the two is the other's test."""
    name = "mx-upstream.host"
    certificate, key = lab.authority.certificate(name)
    upstream = lab.new_gateway(address=lab.block.new_address())
    more = 'auth { mechanisms = {"SCRAM-SHA-256-PLUS"} }'
    upstream.configure(certificate=certificate, key=key, more=more)
    upstream.add_domain("example.com", "--key", "ed25519", publish=False)
    upstream.start()
    login = upstream.add_account("downstream")
    lab.dns.set(name, "A", upstream.address)
    final = lab.exchanger(lab.new_domain())
    gateway.sendoff(
        *("route", "add", final.domain, f"{name}:{upstream.ports['starttls']}", "--user", login.name, "--password-stdin"),
        text=login.password + "\n",
    )
    arrival = final.wait_for(send_to(gateway, account, final.domain))
    assert arrival.content.count(b"\r\nReceived: ") + arrival.content.startswith(b"Received: ") == 2
    assert re.search(r"event=authenticated account=downstream by=\S+", upstream.output())
    (accepted,) = upstream.wait_event("accepted", "--to", f"r@{final.domain}")
    assert accepted["account"] == "downstream"
    gateway.sendoff("route", "remove", final.domain)
    upstream.stop()


# Whom a password is shown to.


@pytest.mark.parametrize("words", [(), ("--tls", "may")])
def test_no_password_in_the_clear(lab, gateway, account, port, words):
    """The host offers AUTH and no TLS, as somebody in the middle would."""
    host = server(lab, port, ALL, tls=None)
    to = add(gateway, lab, host, *words)
    send_to(gateway, account, to)
    event = gateway.wait_event("deferred", "--to", f"r@{to}", count=3)[-1]
    assert event["rule"] == "tls-enforced" and not host.tries and not host.arrivals


def test_no_password_for_a_host_that_is_not_known(lab, gateway, account, port):
    host = server(lab, port, ALL, tls="good")
    to = add(gateway, lab, host)
    mark = send_to(gateway, account, to)
    event = gateway.wait_event("deferred", "--to", f"r@{to}", count=2)[-1]
    assert event["rule"] == "tls-enforced" and "certificate" in event["text"] and not host.tries
    at = f"{host.name}:{port}"
    weaker = ("route", "set", to, at, "--user", USER, "--password-stdin", "--tls", "may")
    said = gateway.sendoff.run(*weaker, text=PASSWORD + "\n")
    assert said.status == 0 and "--tls verify makes sure" in said.err
    assert host.wait_for(mark, timeout=30).user == USER


def test_in_the_clear_only_when_told_to(lab, gateway, account, port):
    host = server(lab, port, ALL, tls=None)
    to = lab.new_domain()
    words = ("--user", USER, "--password-stdin", "--tls", "none")
    said = gateway.sendoff.run("route", "add", to, f"{host.name}:{port}", *words, text=PASSWORD + "\n")
    assert said.status == 0 and "in the clear" in said.err
    assert host.wait_for(send_to(gateway, account, to)).user == USER
    assert host.tries[0][:2] == ("SCRAM-SHA-256", False)


def test_a_host_that_does_not_know_the_password_gets_no_mail(lab, gateway, account, port):
    """It takes whatever proof it is given; SCRAM asks for one back (RFC 5802 3)."""
    host = server(lab, port, ["SCRAM-SHA-256"], forged=True)
    to = add(gateway, lab, host)
    send_to(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["rule"] == "next-hop-login" and "has not shown that it knows the password" in event["text"]
    assert not host.arrivals


# Passwords that are wrong.


def test_a_wrong_password_defers_warns_and_is_not_tried_again_and_again(lab, account):
    """RFC 4954 6: 535 is permanent for this password, not for the mail. Pauses grow from the first retry interval."""
    gateway = lab.gateway(delivery=f'trust = "{lab.authority.roots}"', retry=("15s", "2s"))
    account = gateway.add_account("wrong")
    port = lab.block.new_port()
    host = server(lab, port, ALL)
    to, other = add(gateway, lab, host, password="not that"), lab.exchanger(lab.new_domain())
    marks = [send_to(gateway, account, to) for _ in range(12)]
    events = gateway.wait_event("deferred", "--to", f"r@{to}", count=12)
    assert {e["rule"] for e in events} == {"next-hop-login"} and {e["event"] for e in events} == {"deferred"}
    assert events[0]["code"] == 535 and "authentication failed" in events[0]["text"]
    assert len(host.tries) == 1, "one try, and then a pause"
    (alarm,) = alarms(gateway)
    assert "level=error" in re.search(r"\S+ level=\S+ event=\"login refused\"", gateway.output())[0]
    assert f"user={USER}" in alarm and "535" in alarm and "sendoff route set" in alarm
    assert "sendoff route set" in gateway.sendoff("why", events[0]["message"])
    assert gateway.shown_status()["logins_refused"] == 1
    other.wait_for(send_to(gateway, account, other.domain))  # nobody else waits
    wait_until(lambda: len(host.tries) > 1, "the next try", timeout=60)
    assert len(host.tries) == 2, "the pause is over for one"
    add(gateway, lab, host, verb="set", to=to)
    gateway.sendoff("queue", "retry", "--to", f"r@{to}", "--yes")
    for mark in marks:
        assert host.wait_for(mark).user == USER
    assert gateway.shown_status()["logins_refused"] == 0
    gateway.stop()


@pytest.mark.parametrize(
    "reply, rule",
    [
        ("454 4.7.0 temporary authentication failure", "remote-reply"),
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled", "next-hop-login"),
        ("421 4.3.2 not now", "remote-reply"),
        ("534 5.7.9 too weak", "next-hop-login"),
    ],
)
def test_refusals_of_auth_wait(lab, gateway, account, port, reply, rule):
    host = server(lab, port)
    host.replies["AUTH"] = reply
    to = add(gateway, lab, host)
    mark = send_to(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["rule"] == rule and str(event["code"]) == reply[:3] and "at AUTH" in event["text"], event
    host.replies.clear()
    host.wait_for(mark, timeout=40)


@pytest.mark.parametrize("mechanisms", [[], ["GSSAPI", "CRAM-MD5"]])
def test_a_host_without_a_mechanism_of_ours(lab, gateway, account, port, mechanisms):
    host = server(lab, port, mechanisms)
    to = add(gateway, lab, host)
    send_to(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["rule"] == "next-hop-login" and "AUTH" in event["text"] and not host.arrivals


def test_a_route_without_the_login_that_is_needed_waits(lab, gateway, account, port):
    host = server(lab, port)
    to = lab.new_domain()
    gateway.sendoff("route", "add", to, f"{host.name}:{port}")
    mark = send_to(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["code"] == 530 and "authentication required" in event["text"]
    add(gateway, lab, host, verb="set", to=to)
    assert host.wait_for(mark, timeout=30).user == USER


# Keeping it.


def test_other_credentials_never_share_a_connection(lab, gateway, account, port):
    host = server(lab, port)
    host.passwords["second@example.net"] = "another secret"
    first = add(gateway, lab, host)
    second = add(gateway, lab, host, user="second@example.net", password="another secret")
    a, b = host.wait_for(send_to(gateway, account, first)), host.wait_for(send_to(gateway, account, second))
    assert (a.user, b.user) == (USER, "second@example.net") and a.connection != b.connection


def test_the_password_outlives_a_restart_and_is_nowhere_to_be_read(lab, gateway, account, port):
    host = server(lab, port, ALL)
    to = add(gateway, lab, host)
    gateway.restart()
    assert host.wait_for(send_to(gateway, account, to)).user == USER
    shown = [gateway.sendoff(*words) for words in (("route", "list"), ("--json", "route", "list"), ("status",), ("log",))]
    logs = [open(path).read() for path in glob.glob(f"{gateway.folder}/serve-*.log")]
    assert not any("correct horse" in text for text in shown + logs)


def test_a_password_that_stays_goes_to_no_other_host(lab, gateway, account, port):
    host = server(lab, port)
    to = add(gateway, lab, host)
    done = gateway.sendoff.run("route", "set", to, f"elsewhere.example.net:{port}", "--user", USER)
    assert done.status == 2 and "--password-stdin is needed" in done.err
    done = gateway.sendoff.run("route", "set", to, f"{host.name}:{port}", "--user", "somebody else")
    assert done.status == 2 and "--password-stdin is needed" in done.err
    for weaker in ("may", "none"):
        done = gateway.sendoff.run("route", "set", to, f"{host.name}:{port}", "--user", USER, "--tls", weaker)
        assert done.status == 2 and "the TLS is weaker" in done.err
    done = gateway.sendoff.run("route", "set", to, f"{host.name}:{port}", "--user", USER, "--tls", "verify")
    assert done.status == 0


@pytest.mark.parametrize(
    "where, warned",
    [("203.0.113.25", True), ("[2001:db8::25]", True), ("10.0.0.9", True), ("127.0.0.9", False), ("[::1]", False), ("localhost", False)],
)
def test_a_password_in_the_clear_is_warned_of_unless_it_stays_here(lab, gateway, where, warned):
    to = lab.new_domain()
    words = ("route", "add", to, where, "--user", USER, "--password-stdin", "--tls", "none")
    done = gateway.sendoff.run(*words, text="secret\n")
    assert done.status == 0 and ("in the clear" in done.err) == warned, done.err


def test_a_host_that_wants_too_much_work_gets_no_login(lab, gateway, account, port):
    """SCRAM's hash is made as often as the host says (RFC 5802 5.1), so that has a bound; and so have challenges."""
    host = server(lab, port, ["SCRAM-SHA-256"])
    host.rounds = 50_000_000
    to = add(gateway, lab, host)
    send_to(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["rule"] == "next-hop-login" and "more work for SCRAM" in event["text"]


# Another's server.


@pytest.fixture(scope="module")
def submission(lab):
    relay = lab.exchanger(port=lab.block.new_port())
    server = Dovecot(lab, "mx-submission.host", relay, ["plain", "login", "scram-sha-1", "scram-sha-256"], {USER: PASSWORD})
    server.relay = relay
    return server


@pytest.mark.parametrize("implicit", [False, True])
def test_dovecot(lab, gateway, account, submission, implicit):
    to, port = lab.new_domain(), submission.tls_port if implicit else submission.port
    words = ["--implicit-tls"] if implicit else []
    gateway.sendoff(
        *("route", "add", to, f"{submission.name}:{port}", "--user", USER, "--password-stdin", *words), text=PASSWORD + "\n"
    )
    submission.relay.wait_for(send_to(gateway, account, to))
    (event,) = gateway.wait_event("delivered", "--to", f"r@{to}")
    assert event["verified"] == "ca"
    assert f"Login: user=<{USER}>, method=SCRAM-SHA-256" in submission.log()


def test_dovecot_refuses_a_wrong_password(lab, gateway, account, submission):
    to = lab.new_domain()
    at = f"{submission.name}:{submission.port}"
    gateway.sendoff("route", "add", to, at, "--user", USER, "--password-stdin", text="not that\n")
    mark = send_to(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["rule"] == "next-hop-login" and event["code"] == 535
    gateway.sendoff("route", "set", to, at, "--user", USER, "--password-stdin", text=PASSWORD + "\n")
    submission.relay.wait_for(mark, timeout=40)
