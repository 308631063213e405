"""SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677, RFC 9266), with a client side that is not the gateway's library."""

import base64

import pytest

from sendoff_test.client import dialogue, new_client
from sendoff_test.openssl_client import OpensslClient
from sendoff_test.scram import Scram, login


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("scram")


def session(gateway):
    return dialogue(gateway, tls="implicit", source=new_client())


def secure(gateway, *words, **more):
    talk = OpensslClient(gateway.endpoint("starttls" if more.get("starttls") else "implicit"), *words, **more)
    offered = talk.say("EHLO client.example")
    return talk, next(line for line in offered.split("\n") if line[4:].startswith("AUTH")).split()[1:]


def test_it_is_offered_and_does_what_it_says(gateway, account):
    with session(gateway) as talk:
        assert "SCRAM-SHA-256" in talk.say("EHLO client.example")
        assert login(talk, Scram(account.name, account.password)) == "235 2.7.0 welcome, scram"
        assert talk.say("MAIL FROM:<a@example.com>").startswith("250")


def test_without_initial_response(gateway, account):
    with session(gateway) as talk:
        scram = Scram(account.name, account.password)
        assert talk.say("AUTH SCRAM-SHA-256") == "334 "
        answer = talk.say(scram.first())
        answer = talk.say(scram.final(answer[4:]))
        scram.check(answer[4:])
        assert talk.say("").startswith("235")


def test_a_nonce_that_makes_the_challenge_longer_than_other_replies_may_be(gateway, account):
    """RFC 4954 4: challenges are as long as the mechanism makes them, up to 12288 octets."""
    with session(gateway) as talk:
        assert login(talk, Scram(account.name, account.password, nonce="n" * 5000)).startswith("235")


def test_a_chosen_password_beyond_ascii(gateway):
    """SASLprep (RFC 4013): what is typed in another normal form is the same password."""
    gateway.sendoff("account", "add", "typed", "--sender", "example.com", "--password-stdin", text="pass\u00adw\u00f6rter zwei\n")
    with session(gateway) as talk:
        assert login(talk, Scram("typed", "passw\u00f6rter zwei")).startswith("235")


def test_a_wrong_password(gateway, account):
    with session(gateway) as talk:
        assert login(talk, Scram(account.name, "wrong")) .startswith("535 5.7.8 user name or password is wrong. sendoff why ")
        assert login(talk, Scram(account.name, account.password)).startswith("235")
    events = gateway.log("--account", account.name, "--event", "refused")
    assert any("password is wrong" in event["text"] for event in events)


def test_nobody_can_act_for_another(gateway, account):
    with session(gateway) as talk:
        assert login(talk, Scram(account.name, account.password, authzid="other")).startswith("535 5.7.8")
        assert login(talk, Scram(account.name, account.password, authzid=account.name)).startswith("235")


def test_a_name_that_is_no_account_looks_like_one(gateway, account):
    """RFC 5802 9. The salt is always the same for a name, and also after a restart."""

    def told(name):
        with session(gateway) as talk:
            scram = Scram(name, "guess")
            answer = login(talk, scram)
            return answer.partition(" why ")[0], scram.salt, scram.iterations

    known, unknown = told(account.name), told("nobody")
    assert known[0] == unknown[0]
    assert len(known[1]) == len(unknown[1])
    assert {told(f"nobody-{number}")[2] for number in range(8)} == {known[2]}
    assert told("nobody")[1:] == unknown[1:] and told("nobody2")[1] != unknown[1]
    gateway.stop()
    gateway.start()
    assert told("nobody")[1:] == unknown[1:]


def test_a_password_that_is_changed_meanwhile(gateway):
    account = gateway.add_account("hasty")
    with session(gateway) as talk:
        scram = Scram(account.name, account.password)
        answer = talk.say(f"AUTH SCRAM-SHA-256 {scram.first()}")
        gateway.sendoff("account", "password", account.name)
        answer = talk.say(scram.final(answer[4:]))
        assert not answer.startswith("334") or talk.say("").startswith("535"), "the old password was good for a new login"


def test_a_suspended_account_may_log_in(gateway):
    """MAIL says why it may not send, where clients show the text."""
    account = gateway.add_account("paused")
    gateway.sendoff("account", "suspend", account.name, "--reason", "unpaid bill")
    with session(gateway) as talk:
        assert login(talk, Scram(account.name, "wrong")).startswith("535 5.7.8")
        assert login(talk, Scram(account.name, account.password)).startswith("235")
        assert talk.say("MAIL FROM:<a@example.com>").startswith("550 5.7.1 paused is suspended: unpaid bill")


@pytest.mark.parametrize(
    "response",
    ["!", "biws", base64.b64encode(b"n,,n=scram").decode(), base64.b64encode(b"n,,m=x,n=scram,r=abc").decode(), base64.b64encode(b"x" * 5000).decode()],
)
def test_what_is_no_scram(gateway, response):
    with session(gateway) as talk:
        assert talk.say(f"AUTH SCRAM-SHA-256 {response}")[:3] in ("501", "535")
        assert talk.say("NOOP").startswith("250")


def test_cancelled_at_each_step(gateway, account):
    with session(gateway) as talk:
        for steps in range(3):
            scram = Scram(account.name, account.password)
            answer = talk.say("AUTH SCRAM-SHA-256")
            if steps > 0:
                answer = talk.say(scram.first())
            if steps > 1:
                answer = talk.say(scram.final(answer[4:]))
            assert answer.startswith("334"), steps
            assert talk.say("*").startswith("501 5.7.0"), steps
            assert talk.say("MAIL FROM:<a@example.com>").startswith("530"), f"logged in by cancelling at step {steps}"


def test_the_last_empty_response_is_empty(gateway, account):
    with session(gateway) as talk:
        scram = Scram(account.name, account.password)
        answer = talk.say(f"AUTH SCRAM-SHA-256 {scram.first()}")
        talk.say(scram.final(answer[4:]))
        assert talk.say("YQ==").startswith("501")
        assert talk.say("MAIL FROM:<a@example.com>").startswith("530")


# Channel binding.


@pytest.mark.parametrize("starttls", [False, True])
def test_bound_to_the_tls_session(gateway, account, starttls):
    talk, offered = secure(gateway, "-tls1_3", starttls=starttls)
    with talk:
        assert "SCRAM-SHA-256-PLUS" in offered
        scram = Scram(account.name, account.password, binding=("tls-exporter", talk.binding))
        assert login(talk, scram, "SCRAM-SHA-256-PLUS").startswith("235")


def test_bound_to_a_session_of_tls_1_2(gateway, account):
    """There the exporter with an empty context, which RFC 9266 wants, is not the one without (RFC 5705 4), which OpenSSL's client prints."""
    talk, offered = secure(gateway, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-msg")
    with talk:
        assert "SCRAM-SHA-256-PLUS" in offered
        scram = Scram(account.name, account.password, binding=("tls-exporter", talk.binding_of_tls_1_2()))
        assert login(talk, scram, "SCRAM-SHA-256-PLUS").startswith("235")


def test_bound_to_another_session(gateway, account):
    """What somebody in the middle would pass on: the proof for his own TLS session with the client."""
    talk, _ = secure(gateway)
    with talk:
        for binding in (("tls-exporter", bytes(32)), ("tls-unique", talk.binding), ("tls-server-end-point", talk.binding)):
            answer = login(talk, Scram(account.name, account.password, binding=binding), "SCRAM-SHA-256-PLUS")
            assert answer[:3] in ("535", "501"), (binding[0], answer)
        assert talk.say("MAIL FROM:<a@example.com>").startswith("530")


def test_an_offer_that_was_taken_away(gateway, account):
    """RFC 5802 6: the client could bind, and says that it was not offered to."""
    talk, _ = secure(gateway)
    with talk:
        assert login(talk, Scram(account.name, account.password, flag="y"))[:3] in ("535", "501")
        assert talk.say("MAIL FROM:<a@example.com>").startswith("530")


def test_plus_without_binding_in_it(gateway, account):
    talk, _ = secure(gateway)
    with talk:
        assert login(talk, Scram(account.name, account.password), "SCRAM-SHA-256-PLUS")[:3] in ("535", "501")


def test_no_plus_where_there_is_nothing_to_bind_to(gateway, account):
    with dialogue(gateway, tls="optional") as talk:
        assert "-PLUS" not in talk.say("EHLO client.example")
        scram = Scram(account.name, account.password, binding=("tls-exporter", bytes(32)))
        assert talk.say(f"AUTH SCRAM-SHA-256-PLUS {scram.first()}").startswith("504 5.5.4")
        assert login(talk, Scram(account.name, account.password)).startswith("235")
