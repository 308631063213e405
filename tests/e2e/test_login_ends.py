"""A session that is open goes on only while its account is there, not suspended, and what it logged in with is still
good: at every later step, also in the middle of a message."""

import pytest

from sendoff_test.attempts import refusal_event
from sendoff_test.certificate import make_certificate
from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker
from sendoff_test.openssl_client import OpensslClient
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"
ENDED = "530 5.7.0 the login of this session no longer holds"


def ended(talk):
    """The next message is refused, once the gateway has noticed."""

    def refused():
        answer = talk.say(f"MAIL FROM:<{FROM}>")
        if answer.startswith("250"):
            talk.say("RSET")
        return answer.startswith(ENDED)

    wait_until(refused, "the session may send no more")
    assert talk.say(f"MAIL FROM:<{FROM}>").startswith("530"), "it stays so"


def test_another_password(gateway):
    account = gateway.add_account("changed")
    with dialogue(gateway, account) as talk:
        (made,) = gateway.sendoff.json("account", "password", account.name)
        ended(talk)
        assert "AUTH PLAIN" in talk.say("EHLO client.example")
        talk.login(account.name, made["password"])
        talk.envelope(FROM, TO)


CHANGES = {
    "password": (("password",), "530 5.7.0 the login of this session no longer holds"),
    "suspend": (("suspend", "--reason", "abuse"), "550 5.7.1 {} is suspended: abuse"),
    "remove": (("remove",), "550 5.7.1 account {} is no longer here"),
}


def finish_by_data(talk, content):
    talk.send(content + b".\r\n")
    return talk.reply()


def finish_by_chunk(talk, content):
    talk.send(b"BDAT %d LAST\r\n" % len(content) + content)
    return talk.reply()


STEPS = {  # what is said before the change, and what is refused after it
    "RCPT": ((), lambda talk, content: talk.say(f"RCPT TO:<{TO}>")),
    "DATA": ((), lambda talk, content: talk.say("DATA")),
    "the final dot": (("DATA",), finish_by_data),
    "the first chunk": ((), finish_by_chunk),
    "the last chunk": (("BDAT 7\r\nX-A:1",), finish_by_chunk),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("step", STEPS)
def test_in_the_middle_of_a_message(lab, gateway, change, step):
    recipient = lab.exchanger("dest.example.net")
    command, expected = CHANGES[change]
    before, refused = STEPS[step]
    account, mark = gateway.add_account(f"{change}-{marker()}"), marker()
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO)
        for line in before:
            assert talk.say(line)[:3] in ("354", "250")
        gateway.sendoff("account", command[0], account.name, *command[1:])  # the gateway is told before this returns
        answer = refused(talk, letter(FROM, TO, mark + "\r\n"))
        assert answer.startswith(expected.format(account.name)), answer
        event = refusal_event(gateway, answer)
        assert event["event"] == "refused" and event["account"] == account.name
        assert talk.say("NOOP").startswith("250"), "the session goes on"
    gateway.wait_empty()
    assert not [arrival for arrival in recipient.arrivals if mark.encode() in arrival.content]


def test_settings_that_have_nothing_to_do_with_it(gateway):
    account = gateway.add_account("steady")
    with dialogue(gateway, account) as talk:
        gateway.sendoff("account", "set", account.name, "--limit", "100/minute")
        for _ in range(3):
            talk.envelope(FROM, TO)
            talk.say("RSET")


def test_an_address_that_is_no_longer_admitted(gateway):
    account = gateway.add_account("device", "--client-ip", "127.99.1.0/24")
    with dialogue(gateway, tls="optional", source="127.99.1.7") as talk:
        talk.envelope(FROM, TO)
        talk.say("RSET")
        gateway.sendoff("account", "set", account.name, "--client-ip", "none")
        ended(talk)


@pytest.mark.parametrize("change", ["none", "ab" * 32])
def test_a_certificate_that_was_taken_away(lab, gateway, change):
    certificate, key = make_certificate(lab.folder, "shop.example.com", "client")
    account = gateway.add_account(f"shown-{change[:2]}")
    from_file = OpensslClient.fingerprint(certificate)
    gateway.sendoff("account", "set", account.name, "--client-cert", from_file)
    with OpensslClient(gateway.endpoint("implicit"), "-cert", certificate, "-key", key) as talk:
        talk.say("EHLO client.example")
        assert talk.say("AUTH EXTERNAL =").startswith("235")
        gateway.sendoff("account", "set", account.name, "--client-cert", change)
        ended(talk)


def test_a_failed_login_does_not_hold_up_the_end(lab):
    """The answer to it waits for up to 30 s; at SIGTERM it is given at once."""
    gateway = lab.gateway()
    gateway.add_account("delayed")
    with dialogue(gateway, tls="implicit") as talk:
        for _ in range(4):
            assert talk.say("AUTH PLAIN AGRlbGF5ZWQAd3Jvbmc=").startswith("535")
        talk.send(b"AUTH PLAIN AGRlbGF5ZWQAd3Jvbmc=\r\n")
        wait_until(lambda: gateway.output().count("login failed") == 5, "the delay has begun")
        gateway.terminate()
        assert talk.reply()[:3] in ("421", "535")
    gateway.finish()
