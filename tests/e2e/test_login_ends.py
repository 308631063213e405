"""A session that is open goes on only while what it logged in with is still good; what it has begun it may finish."""

import pytest

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


def test_another_password(lab, gateway):
    recipient = lab.exchanger("dest.example.net")
    account = gateway.add_account("changed")
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO)
        (made,) = gateway.sendoff.json("account", "password", account.name)
        mark = marker()
        assert talk.content(letter(FROM, TO, mark + "\r\n")).startswith("250"), "what was begun is finished"
        ended(talk)
        assert "AUTH PLAIN" in talk.say("EHLO client.example")
        talk.login(account.name, made["password"])
        talk.envelope(FROM, TO)
    recipient.wait_for(mark)


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
