"""auth { mechanisms }: what AUTH offers, and that nothing else is taken. Mutt and NeoMutt of Debian are the reason."""

import os
import subprocess

import pytest

from sendoff_test.certificate import make_certificate
from sendoff_test.client import dialogue, plain
from sendoff_test.letters import marker
from sendoff_test.openssl_client import OpensslClient
from sendoff_test.scram import Scram, login

FROM, TO = "a@example.com", "r@dest.example.net"


@pytest.fixture(scope="module")
def few(lab):
    """Offers two, in an order of its own."""
    gateway = lab.gateway(more='auth { mechanisms = {"SCRAM-SHA-256", "plain"} }')
    return gateway, gateway.add_account("few")


def offered(answer):
    found = [line for line in answer.split("\n") if line[4:].startswith("AUTH")]
    return found[0].split()[1:] if found else None


def test_all_are_offered_by_default(gateway):
    with OpensslClient(gateway.endpoint("implicit"), "-tls1_3") as talk:
        assert offered(talk.say("EHLO client.example")) == ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]


def test_those_of_the_list_in_its_order(few):
    gateway, account = few
    with OpensslClient(gateway.endpoint("implicit"), "-tls1_3") as talk:
        assert offered(talk.say("EHLO client.example")) == ["SCRAM-SHA-256", "PLAIN"]
        scram = Scram(account.name, account.password, binding=("tls-exporter", talk.binding))
        assert talk.say(f"AUTH SCRAM-SHA-256-PLUS {scram.first()}").startswith("504 5.5.4")
        for other in ("LOGIN", "EXTERNAL =", "CRAM-MD5"):
            assert talk.say(f"AUTH {other}").startswith("504 5.5.4"), other
        assert talk.say(f"AUTH PLAIN {plain(account.name, account.password)}").startswith("235")


def test_a_client_that_could_bind_and_is_not_offered_to(few):
    """RFC 5802 6: with -PLUS taken off the list, its "y" is no sign of somebody in the middle."""
    gateway, account = few
    with OpensslClient(gateway.endpoint("implicit"), "-tls1_3") as talk:
        talk.say("EHLO client.example")
        assert login(talk, Scram(account.name, account.password, flag="y")).startswith("235")


def test_no_auth_line_without_a_mechanism(lab):
    gateway = lab.new_gateway().configure(more='auth { mechanisms = {"EXTERNAL"} }')
    account = gateway.add_account("certified")
    certificate, key = make_certificate(gateway.folder, "shop.example.com", "client")
    gateway.sendoff("account", "set", account.name, "--client-cert", OpensslClient.fingerprint(certificate))
    gateway.start()
    with dialogue(gateway, tls="implicit") as talk:
        assert offered(talk.say("EHLO client.example")) is None
        assert talk.say(f"AUTH PLAIN {plain(account.name, account.password)}").startswith("504")
        assert talk.say(f"MAIL FROM:<{FROM}>").startswith("530")
    with OpensslClient(gateway.endpoint("implicit"), "-cert", certificate, "-key", key) as talk:
        assert offered(talk.say("EHLO client.example")) == ["EXTERNAL"]
        assert talk.say("AUTH EXTERNAL =").startswith("235")
    gateway.stop()


def test_no_certificate_is_asked_for_without_external(lab, gateway, few):
    """Also where an account has one: the question alone troubles some clients."""
    certificate, _ = make_certificate(lab.folder, "shop.example.com", "shop")
    for one, asked in ((gateway, True), (few[0], False)):
        one.add_account("shop", "--client-cert", OpensslClient.fingerprint(certificate))
        words = ["openssl", "s_client", "-msg", "-connect", "{}:{}".format(*one.endpoint("implicit"))]
        done = subprocess.run(words, input="QUIT\r\n", capture_output=True, text=True, timeout=20)
        assert ("CertificateRequest" in done.stdout) is asked


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


@pytest.mark.parametrize("scheme, tls", [("smtps", "implicit"), ("smtp", "starttls")])
@pytest.mark.parametrize("program", ["mutt", "neomutt"])
def test_mutt(few, recipient, program, scheme, tls):
    """They take the strongest that is offered; of -PLUS they ask for a binding that they do not give."""
    gateway, account = few
    host, port = gateway.endpoint(tls)
    settings = f"{gateway.folder}/{program}.rc"
    with open(settings, "w") as rc:
        rc.write(f'set from="{FROM}"\nset smtp_url="{scheme}://{account.name}@{host}:{port}/"\nset smtp_pass="{account.password}"\n')
        rc.write(f'set ssl_verify_host=no\nset certificate_file="{gateway.folder}/certificate.pem"\nset ssl_force_tls=yes\n')
        rc.write('set copy=no\nset record=""\n')
    mark = marker()
    words = [program, "-n", "-F", settings, "-s", "from a terminal", TO]
    env = {**os.environ, "HOME": gateway.folder}
    done = subprocess.run(words, input=mark.encode() + b"\n", capture_output=True, timeout=60, env=env)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert recipient.wait_for(mark).sender == FROM
