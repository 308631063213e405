"""When something of our own fails, the client is told to come back, and the session goes on."""

import shutil
import subprocess

import pytest

from sendoff_test.client import dialogue
from sendoff_test.letters import letter, marker
from sendoff_test.stored import edit

FROM, DOMAIN = "a@example.com", "dest.example.net"
TO = f"r@{DOMAIN}"
LARGE = b"0123456789" * 7 + b"\r\n"


def test_account_removed_under_a_session(gateway):
    account = gateway.add_account("leaving")
    with dialogue(gateway, account) as talk:
        gateway.sendoff("account", "remove", "leaving", "--yes")
        assert talk.say(f"MAIL FROM:<{FROM}>") .startswith("550 5.7.1 account leaving is no longer here. sendoff why ")
        assert talk.say("NOOP").startswith("250")


def test_a_key_that_cannot_be_used(lab, gateway):
    """Unsigned mail would be taken for forged: it is not sent, and the client keeps it."""
    recipient = lab.exchanger("keyless.example.net")
    domain = "broken.example"
    gateway.add_domain(domain, "--key", "ed25519")
    account = gateway.add_account("broken", senders=[domain])
    gateway.stop()
    assert edit(gateway, "UPDATE keys SET private_pem = ? WHERE domain = ?", b"no key", domain) == 1
    gateway.start()
    with dialogue(gateway, account) as talk:
        talk.envelope(f"a@{domain}", "r@keyless.example.net")
        answer = talk.content(letter(f"a@{domain}", TO))
        assert answer.startswith(f"451 4.3.5 the message could not be signed for {domain}; try again later"), answer
        assert talk.say("NOOP").startswith("250")
    assert not recipient.arrivals


def test_no_certificate_no_tls(lab):
    gateway = lab.new_gateway()
    gateway.ports.pop("starttls"), gateway.ports.pop("implicit")
    with open(gateway.config, "w") as config:
        config.write(
            f'hostname = "smtp.example.com"\ndata_dir = "{gateway.data}"\n'
            f'listen "{gateway.address}:{gateway.ports["optional"]}" {{ tls = "optional" }}\n'
        )
    gateway.start()
    with dialogue(gateway, tls="optional") as talk:
        assert "STARTTLS" not in talk.say("EHLO client.example")
        assert talk.say("STARTTLS") .startswith("502 5.5.1 TLS is not available here. sendoff why ")
        assert talk.say("NOOP").startswith("250")
    gateway.stop()


# A full disk: the data folder is a small file system that only the gateway sees.


@pytest.fixture
def cramped(lab):
    """A gateway that serves from a file system of a few megabytes, and whose mail cannot leave; all that it needs is made
    before it starts."""
    lab.exchanger("later.example.net").replies["RCPT"] = "450 4.2.1 not yet"
    gateway = lab.new_gateway().configure(more='store { disk_reserve = "0" }')  # test_disk.py has what a reserve does
    gateway.add_domain("cramped.example", "--key", "ed25519")
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    account = gateway.add_account("app", senders=["cramped.example"])
    kept = f"{gateway.folder}/kept"
    shutil.copytree(gateway.data, kept)
    script = f'mount -t tmpfs -o size=6m none "{gateway.data}" && cp -a "{kept}/." "{gateway.data}/" && exec "$@"'
    # In a namespace of its own, which goes with it; where the root is no mount point (a chroot), that cannot be had.
    apart = ["unshare", "--mount"] if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0 else []
    gateway.start(wrapper=[*apart, "sh", "-c", script, "sh"])
    try:
        yield gateway, account
        gateway.stop()
    finally:
        if not apart:
            subprocess.run(["umount", "--lazy", gateway.data], check=True)


def send(talk, size):
    mark = marker()
    talk.envelope("a@cramped.example", "r@later.example.net")
    return mark, talk.content(letter("a@cramped.example", TO, LARGE * (size // len(LARGE)), subject=mark))


@pytest.mark.parametrize(
    "size, code",
    [
        (2_500_000, "452 4.3.1 the message cannot be stored now; try again later"),
        (50_000, "452 4.3.1 the disk is full; try again later"),
    ],
)
def test_the_disk_is_full(cramped, size, code):
    """A large message is written to a file, a small one into the database."""
    gateway, account = cramped
    answers = []
    with dialogue(gateway, account) as talk:
        while len(answers) < 400 and not (answers and answers[-1].startswith("4")):
            answers.append(send(talk, size)[1])
        assert answers[0].startswith("250")
        assert answers[-1].startswith(code), answers[-1]
        assert talk.say("NOOP").startswith("250")
        again = talk.say("MAIL FROM:<a@cramped.example>")
        assert again[0] in "24", again  # it may have found some room in its own files
    assert gateway.running()
