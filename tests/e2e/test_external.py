"""EXTERNAL (RFC 4422 A): logging in with a client certificate that is bound to an account."""

import base64

import pytest

from sendoff_test.certificate import make_certificate
from sendoff_test.client import dialogue, new_client
from sendoff_test.letters import letter, marker
from sendoff_test.openssl_client import OpensslClient
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"


@pytest.fixture(scope="module")
def pair(lab):
    return make_certificate(lab.folder, "shop.example.com", "client")


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.fixture(scope="module")
def account(gateway, pair):
    made = gateway.add_account("certified")
    gateway.sendoff("account", "set", made.name, "--client-cert", OpensslClient.fingerprint(pair[0]))
    return made


def with_certificate(gateway, pair, *words, starttls=False):
    """A session with a client that shows that certificate, and what AUTH mechanisms it is offered."""
    talk = OpensslClient(gateway.endpoint("starttls" if starttls else "implicit"), "-cert", pair[0], "-key", pair[1], *words, starttls=starttls)
    offered = talk.say("EHLO client.example")
    return talk, next(line for line in offered.split("\n") if line[4:].startswith("AUTH")).split()[1:]


def named(name):
    return base64.b64encode(name.encode()).decode()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("starttls", [False, True])
def test_a_message_without_a_password(recipient, gateway, account, pair, version, starttls):
    talk, offered = with_certificate(gateway, pair, version, starttls=starttls)
    with talk:
        assert "EXTERNAL" in offered
        assert talk.say("AUTH EXTERNAL =") == "235 2.7.0 welcome, certified"
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("250")
        assert talk.say(f"RCPT TO:<{TO}>").startswith("250")
        assert talk.say("DATA").startswith("354")
        mark = marker()
        text = letter(FROM, TO, mark + "\r\n").decode().replace("\r\n", "\n")
        assert talk.say(text + ".").startswith("250")
    recipient.wait_for(mark)


def test_with_a_name(gateway, account, pair):
    talk, _ = with_certificate(gateway, pair)
    with talk:
        assert talk.say(f"AUTH EXTERNAL {named('other')}").startswith("535 5.7.8 your certificate is not bound to that account; sendoff account set NAME --client-cert")
        assert talk.say(f"AUTH EXTERNAL {named(account.name)}").startswith("235")


def test_without_initial_response(gateway, account, pair):
    talk, _ = with_certificate(gateway, pair)
    with talk:
        assert talk.say("AUTH EXTERNAL") == "334 "
        assert talk.say("").startswith("235")


def test_not_offered_without_a_certificate(gateway, account):
    with dialogue(gateway, tls="implicit", source=new_client()) as talk:
        assert "EXTERNAL" not in talk.say("EHLO client.example")
        assert talk.say("AUTH EXTERNAL =").startswith("504 5.5.4")
        talk.login(account.name, account.password)  # clients without one go on as before


def test_a_certificate_that_is_bound_to_nobody(lab, gateway, account):
    stranger = make_certificate(lab.folder, "shop.example.com", "stranger")  # the same name: only the fingerprint counts
    talk, _ = with_certificate(gateway, stranger)
    with talk:
        assert talk.say("AUTH EXTERNAL =").startswith("535 5.7.8")
        assert talk.say(f"AUTH EXTERNAL {named(account.name)}").startswith("535 5.7.8")
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("530")
    plain = OpensslClient.fingerprint(stranger[0]).partition("=")[2].replace(":", "").lower()
    assert f"certificate={plain}" in gateway.output(), "the log tells what could be bound"


def forged_key(folder, owner, thief):
    """A key file that OpenSSL takes for the owner's, since it has their public key, and that signs with the thief's."""

    def der(path):
        with open(path) as pem:
            return base64.b64decode("".join(pem.read().split("\n")[1:-2]))

    def secret(key):
        at = key.index(b"\x02\x01\x01\x04\x20") + 5  # RFC 5915 3: version 1, and 32 octets
        return key[at : at + 32]

    owners, thiefs = der(owner), der(thief)
    forged = base64.encodebytes(owners.replace(secret(owners), secret(thiefs))).decode()
    with open(f"{folder}/forged.key", "w") as out:
        out.write(f"-----BEGIN PRIVATE KEY-----\n{forged}-----END PRIVATE KEY-----\n")
    return out.name


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_certificate_without_its_key(lab, gateway, account, pair, version):
    """The certificate itself is no secret: another key's owner cannot show it."""
    _, thief = make_certificate(lab.folder, "thief.example", "thief")
    key = forged_key(lab.folder, pair[1], thief)
    before = gateway.output().count("Public key signature verification has failed")
    with OpensslClient(gateway.endpoint("starttls"), "-cert", pair[0], "-key", key, version, starttls=True) as talk:
        assert talk.say("EHLO client.example") == "", "a session without the key"
    wait_until(lambda: gateway.output().count("Public key signature verification has failed") > before, "the log says why")


def test_suspended_and_taken_away(gateway, account, pair):
    gateway.sendoff("account", "suspend", account.name, "--reason", "unpaid bill")
    talk, _ = with_certificate(gateway, pair)
    with talk:
        assert talk.say("AUTH EXTERNAL =").startswith("235")
        assert talk.say("MAIL FROM:<a@example.com>").startswith("550 5.7.1 certified is suspended: unpaid bill. sendoff why ")
    gateway.sendoff("account", "resume", account.name)
    gateway.sendoff("account", "set", account.name, "--client-cert", "none")
    talk = OpensslClient(gateway.endpoint("implicit"), "-cert", pair[0], "-key", pair[1])
    with talk:
        assert "EXTERNAL" not in talk.say("EHLO client.example"), "nobody has a certificate any more: none is asked for"
    gateway.sendoff("account", "set", account.name, "--client-cert", OpensslClient.fingerprint(pair[0]))


def test_a_certificate_belongs_to_one_account(gateway, account, pair):
    gateway.add_account("second")
    result = gateway.sendoff.run("account", "set", "second", "--client-cert", OpensslClient.fingerprint(pair[0]))
    assert result.status == 1 and "one account only" in result.err
    (shown,) = gateway.sendoff.json("account", "show", account.name)
    assert shown["client_certs"] == [OpensslClient.fingerprint(pair[0]).partition("=")[2].replace(":", "").lower()]
    (shown,) = gateway.sendoff.json("account", "show", "second")
    assert shown["client_certs"] == []


def test_words_that_are_no_fingerprint(gateway, account):
    result = gateway.sendoff.run("account", "set", account.name, "--client-cert", "shop.pem")
    assert result.status == 2 and "openssl x509" in result.err


def test_after_a_resumed_handshake(lab, gateway, account, pair):
    """A ticket carries what the first handshake has proven; what the certificate may do is looked up anew."""
    for version in ("-tls1_2", "-tls1_3"):
        ticket = f"{lab.folder}/ticket{version}"
        talk, _ = with_certificate(gateway, pair, version, "-sess_out", ticket)
        with talk:
            assert talk.say("AUTH EXTERNAL =").startswith("235")
            assert talk.say("QUIT").startswith("221")
            talk.ended()
        talk, _ = with_certificate(gateway, pair, version, "-sess_in", ticket)
        with talk:
            assert "Reused, " in talk.seen, version
            assert talk.say("AUTH EXTERNAL =").startswith("235"), version
