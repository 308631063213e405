"""`sendoff setup`: the first hour, on a terminal and by options, with a real DNS server, a gateway that runs and a message that
arrives."""

import json
import os
import re
import subprocess

import pytest

from sendoff_test.certificate import make_certificate
from sendoff_test.gateway import Gateway
from sendoff_test.lab import SOURCE
from sendoff_test.own_folder import own_folders
from sendoff_test.own_network import OwnNetwork
from sendoff_test.package_root import ROOT
from sendoff_test.terminal import CTRL_D, Terminal

HOST = "smtp.example.com"
TO = "r@dest.example.net"
NAME, ADDRESS, PUBLIC, DOMAIN = "Full host name?", "From which address?", "Public address?", "Domain? (none: later)"
ACCOUNT, KIND, SENDER, TEST = "Its name? (none: later)", "What will use it", "Who may it send as", "Send a test message"


@pytest.fixture(scope="module", autouse=True)
def own_system(tmp_path_factory):
    """/etc with a user for the gateway, and without what this machine has of certbot; /usr/share with the package's tools."""
    own_folders(str(tmp_path_factory.mktemp("layers")), "/etc", "/usr/share")
    with open("/etc/passwd") as passwd:
        if "\nsendoff:" not in passwd.read():
            for path, line in (("/etc/passwd", "sendoff:x:64200:64200::/var/lib/sendoff:/usr/sbin/nologin\n"), ("/etc/group", "sendoff:x:64200:\n")):
                with open(path, "a") as file:
                    file.write(line)
    os.makedirs("/usr/share/sendoff", exist_ok=True)
    for name in ("certbot-hook", "install-certificate"):
        subprocess.run(["install", "-m", "755", f"{ROOT}/deploy/{name}", "/usr/share/sendoff/"], check=True)
    with open("/etc/hosts", "w") as hosts:
        hosts.write("127.0.0.1 localhost\n203.0.114.9 nat.example.com\n")


class First:
    """A machine on which nothing has been set up. Its gateway is the lab's afterwards."""

    def __init__(self, lab, folder):
        os.makedirs(folder)
        os.chmod(folder, 0o711)
        self.gateway = Gateway(lab.block, lab.processes, lab.dns, f"{folder}/g", lab.delivery_port)
        lab.gateways.append(self.gateway)
        self.options = ["--data-dir", self.gateway.data, "--dns", lab.dns.server]
        for kind, port in self.gateway.ports.items():
            self.options += ["--listen", f"{self.gateway.address}:{port}/{kind}"]

    def words(self, *words):
        return self.gateway.sendoff.words("setup", *self.options, *words)

    def run(self, *words):
        return self.gateway.sendoff.run("setup", *self.options, *words)

    def terminal(self, *words):
        return Terminal(self.words(*words))

    def start(self):
        """As a lab's gateway: it may deliver to loopback."""
        with open(self.gateway.config) as file:
            text = file.read()
        text = re.sub(r"port = 25\n", f"port = {self.gateway.delivery_port}\n  local_next_hops = yes\n", text)
        with open(self.gateway.config, "w") as file:
            file.write(text)
        return self.gateway.start()


@pytest.fixture
def first(lab):
    os.chmod(lab.folder, 0o711)  # for the gateway's user
    return First(lab, f"{lab.folder}/first-{len(lab.gateways)}")


@pytest.fixture
def opened():
    made = []

    def start(first, *words):
        made.append(first.terminal(*words))
        return made[-1]

    yield start
    for one in made:
        one.close()


# --- on a terminal ---


def test_the_first_hour(lab, first, opened):
    """All of it: typed, and taken by Enter; then the gateway runs, setup runs again, and a message arrives."""
    recipient = lab.exchanger("dest.example.net")
    talk = opened(first)
    talk.answer(NAME, HOST)
    talk.answer(ADDRESS, SOURCE)
    talk.answer(PUBLIC, "none")
    talk.answer(DOMAIN)
    talk.answer(ACCOUNT, "shop")
    talk.answer(KIND, "php")
    talk.answer(SENDER)
    assert talk.end() == 1, talk.text  # it does not run yet
    for shown in (
        "1. The name of this gateway", "2. Its certificate", "certbot certonly --standalone -d smtp.example.com", "[example.com]",
        f"$ sendoff --config {first.gateway.config} source add {SOURCE} --helo {HOST}", "domain add example.com", "$mail->Host",
        "start it with `sendoff serve`", "the gateway is not running", "Once it runs, a test message: sendoff send-test --account shop --to ADDRESS",
    ):
        assert shown in talk.text, f"{shown!r}: {talk.text}"
    assert "\nNext:" not in talk.text and TEST not in talk.text
    password = re.search(r"password  (\w+)", talk.text)[1]
    first.start()
    first.gateway.publish(first.gateway.sendoff.json("domain", "records", "example.com"))
    with open(first.gateway.config) as file:
        before = file.read()

    talk = opened(first)
    talk.answer(DOMAIN)
    talk.answer(ACCOUNT)
    talk.answer(TEST, TO)
    status = talk.end()
    assert "It is running." in talk.text and "shop is there already" in talk.text and "example.com is there already" in talk.text
    assert "Delivered: the next hop has accepted it" in talk.text
    assert status in (0, 1) and NAME not in talk.text and ADDRESS not in talk.text
    assert recipient.wait_for("This is a test message.").sender == "postmaster@example.com"
    with open(first.gateway.config) as file:
        assert file.read() == before
    assert password not in talk.text and len(first.gateway.sendoff.json("account", "list")) == 1
    first.gateway.stop()


def test_wrong_answers_are_asked_again(first, opened):
    talk = opened(first)
    talk.answer(NAME, "smtp")
    talk.answer("write a full name, as in smtp.example.com\n" + NAME, "x'; touch /tmp/sendoff-was-here; '.example.com")
    talk.answer("write a full name", HOST.upper())
    talk.answer(ADDRESS, "the first one")
    talk.answer("write an address of this machine, as in 192.0.2.10, or none\n" + ADDRESS, "none")
    talk.answer(DOMAIN, "shop@example.com")
    talk.answer("write a domain, as in example.com, or none\n" + DOMAIN, "example.com")
    talk.answer(ACCOUNT, "the shop")
    talk.answer("as in shop\n" + ACCOUNT, "printer")
    talk.answer(KIND, "printer")
    talk.answer("write wordpress, php, device or server\n" + KIND, "device")
    talk.answer("Which address does its mail come from? [printer@example.com]", "example.com")
    talk.answer("as in printer@example.com\nWhich address", "x" * 600)
    talk.answer("as in printer@example.com\nWhich address")
    assert talk.end() == 1
    assert f"init --hostname {HOST} " in talk.text and not os.path.exists("/tmp/sendoff-was-here")
    (account,) = first.gateway.sendoff.json("account", "list")
    assert account["account"] == "printer"


@pytest.mark.parametrize("after", [NAME, ADDRESS, DOMAIN, ACCOUNT, KIND, SENDER])
def test_it_can_be_left_and_gone_on_with(first, opened, after):
    """What was done stays, and nothing is asked twice that has been done."""
    answers = {NAME: HOST, ADDRESS: SOURCE, PUBLIC: "", DOMAIN: "", ACCOUNT: "", KIND: "", SENDER: ""}
    asked = list(answers)
    talk = opened(first)
    for question in asked[: asked.index(after)]:
        talk.answer(question, answers[question])
    talk.answer(after, CTRL_D)
    assert talk.end() == 1 and "the input has ended; what was done before stays" in talk.text
    again = opened(first)
    done = {question for question in (NAME, ADDRESS) if asked.index(question) < asked.index(after)}
    done |= {PUBLIC} if ADDRESS in done else set()
    for question in asked:
        if question not in done:
            again.answer(question, answers[question])
    assert again.end() == 1
    assert not done or all(f"{question} " not in again.text for question in done)
    assert len(first.gateway.sendoff.json("account", "list")) == len(first.gateway.sendoff.json("source", "list")) == 1
    assert [domain["domain"] for domain in first.gateway.sendoff.json("domain", "list")] == ["example.com"]


# --- without questions ---


def test_nobody_to_ask(first):
    done = first.run("--hostname", HOST)
    assert done.status == 2 and "nobody is here to answer" in done.err and "--source, or --yes" in done.err
    done = first.run("--yes", "--hostname", "mail.example.com")
    assert f"--hostname mail.example.com: {first.gateway.config} has {HOST}, which stays" in done.err


def test_a_wrong_option(first):
    done = first.run("--yes", "--hostname", "smtp")
    assert done.status == 2 and "--hostname smtp: write a full name, as in smtp.example.com" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("--hostname", "192.0.2.1"), ("--source", "0.0.0.0"), ("--source", "fe80::1"), ("--public", "10.0.0.9"), ("--domain", "10.0.0.1"),
        ("--account", "a b"), ("--for", "phone"), ("--sender", "example.com", "--sender", "foo@"), ("--test-to", "x"),
    ],
)
def test_a_wrong_option_before_anything_is_done(first, words):
    done = first.run("--yes", "--hostname", HOST, *words)
    assert done.status == 2 and not done.out and f"{words[-2]} {words[-1]}: " in done.err, done
    assert not os.path.exists(first.gateway.config) and not os.path.exists(first.gateway.data)


def test_not_as_root(first):
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    done = subprocess.run([*as_nobody, *first.words()], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and "run this as root" in done.stderr and not done.stdout, done


def test_yes(first):
    words = ["--yes", "--hostname", HOST, "--source", SOURCE, "--account", "blog", "--sender", "example.com", "--sender", "*.example.org"]
    done = first.run(*words)
    assert done.status == 1 and "the gateway is not running" in done.out, done.err  # of doctor
    assert "--sender example.com --sender '*.example.org' --for wordpress" in done.out
    assert "define( 'SENDOFF_SENDERS', 'example.com, *.example.org' );" in done.out
    (account,) = first.gateway.sendoff.json("account", "list")
    assert account["account"] == "blog"
    again = first.run(*words, "--test-to", TO)
    assert again.status == 1 and "SENDOFF_" not in again.out
    assert f"no test message: the gateway is not running. Once it is: sendoff send-test --account blog --to {TO}" in again.err


def test_an_interrupted_one(first):
    left = f"{first.gateway.config}.new"
    os.makedirs(os.path.dirname(left), exist_ok=True)
    with open(left, "w") as file:
        file.write("half")
    done = first.run("--yes", "--hostname", HOST)
    assert done.status == 1 and f"one was interrupted; rm {left}" in done.err
    os.remove(left)
    assert "doctor" in first.run("--yes", "--hostname", HOST, "--account", "none").out


def test_none(first):
    done = first.run("--yes", "--hostname", HOST, "--source", "none", "--domain", "none", "--account", "none")
    assert done.status == 1 and not first.gateway.sendoff.json("account", "list")
    assert not first.gateway.sendoff.json("domain", "list") and not first.gateway.sendoff.json("source", "list")


def test_an_account_without_a_sender(first):
    """It is said before anything is made; where the account is there already, nothing is missing."""
    words = ["--yes", "--hostname", HOST, "--source", "none"]
    for more, says in (
        (["--domain", "none", "--account", "web"], "as in --sender example.com, or write --account none"),
        (["--domain", "none"], "--domain none: then say who the account may send as"),
        (["--domain", "none", "--for", "device"], "--sender printer@example.com"),
        (["--for", "device", "--sender", "example.com"], "write the address that the device's mail is to come from"),
    ):
        done = first.run(*words, *more)
        assert done.status == 2 and says in done.err and done.out == "" and not os.path.exists(first.gateway.config), done
    made = first.run(*words, "--domain", "none", "--account", "web", "--sender", "example.com")
    assert [one["account"] for one in first.gateway.sendoff.json("account", "list")] == ["web"], made
    for more in (["--account", "web"], []):
        again = first.run(*words, "--domain", "none", *more)
        assert again.status == 1 and "web is there already" in again.out, again
    assert first.run(*words, "--domain", "none", "--account", "other").status == 2


def test_json(lab, first):
    """Every step's object; no prose."""
    lab.exchanger(domain := lab.new_domain())
    words = ["--json", "setup", *first.options, "--yes", "--hostname", HOST, "--source", SOURCE, "--account", "blog"]
    done = first.gateway.sendoff.run(*words)
    objects = [json.loads(line) for line in done.out.splitlines()]
    assert objects[0]["config"] == first.gateway.config
    (account,) = [one for one in objects if "password" in one]
    assert account["configuration"].startswith("For WordPress") and any(one.get("check") == "gateway" for one in objects)
    first.start()
    done = first.gateway.sendoff.run(*words, "--test-to", f"r@{domain}")
    assert json.loads(done.out.splitlines()[-1])["result"] == "delivered", done.out + done.err
    first.gateway.stop()


@pytest.fixture
def no_resolv_conf():
    there = os.path.lexists("/etc/resolv.conf")
    if there:
        os.rename("/etc/resolv.conf", "/etc/resolv.conf.kept")
    yield
    if there:
        os.rename("/etc/resolv.conf.kept", "/etc/resolv.conf")


def test_no_dns_servers(first, no_resolv_conf):
    """doctor says why the gateway does not start."""
    words = ["setup", "--data-dir", first.gateway.data, "--listen", f"127.0.0.1:{first.gateway.ports['optional']}/optional"]
    done = first.gateway.sendoff.run(*words, "--yes", "--hostname", HOST, "--source", SOURCE, "--account", "none")
    assert done.status == 1 and "DNS cannot be asked, and the gateway does not start" in " ".join(done.out.split()), done
    served = first.gateway.sendoff.run("serve")
    assert served.status == 1 and "/etc/resolv.conf: No such file or directory; it names the DNS servers" in served.err


# --- addresses ---


@pytest.fixture
def network():
    made = []

    def make(*addresses):
        made.append(OwnNetwork(*addresses))
        return made[0]

    yield make
    for one in made:
        one.close()


def only_source(first):
    (source,) = first.gateway.sendoff.json("source", "list")
    return source["address"], source.get("public")


def test_nat(first):
    """A private address: the public one is said, or what DNS has for the name."""
    first.run("--yes", "--hostname", HOST, "--source", "10.1.2.3", "--public", "203.0.114.7", "--account", "none")
    assert only_source(first) == ("10.1.2.3", "203.0.114.7")
    records = first.gateway.sendoff("domain", "records", "example.com")
    assert "ip4:203.0.114.7" in records and "10.1.2.3" not in records


def test_nat_that_dns_knows(first, opened):
    talk = opened(first, "--source", "10.1.2.3", "--domain", "none", "--account", "none")
    talk.answer(NAME, "nat.example.com")
    talk.answer(f"{PUBLIC} (none: the mail goes to a private network) [203.0.114.9]")
    talk.end()
    assert "10.1.2.3 is private: the world sees another address (NAT)" in talk.text
    assert only_source(first) == ("10.1.2.3", "203.0.114.9")


def test_the_addresses_of_the_machine(first, network):
    """Global ones first, IPv4 before IPv6; loopback is none. They are on an interface of a network of the test's own."""
    network().swallow("10.9.9.9/24", "203.0.114.7/24", "2001:db8:1::7/64")
    done = first.run("--yes", "--hostname", HOST, "--account", "none")
    assert re.findall(r"(?m)^  ([0-9a-f.:]+(?: \(private\))?)$", done.out)[:2] == ["203.0.114.7", "10.9.9.9 (private)"], done.out
    assert only_source(first)[0] == "203.0.114.7"


# --- certificates ---


def configured(first):
    with open(first.gateway.config) as file:
        return dict(re.findall(r'(certificate|key) = "([^"]+)"', file.read()))


def test_certificate_and_key(lab, first):
    certificate, key = lab.authority.certificate(HOST)
    done = first.run("--yes", "--hostname", HOST, "--certificate", certificate, "--key", key, "--account", "none", "--source", "none")
    assert configured(first) == {"certificate": certificate, "key": key} and "self-signed" not in done.out.split("$ sendoff")[1]
    assert not os.path.exists(f"{os.path.dirname(first.gateway.config)}/certificate.pem")


def test_a_certificate_without_its_key(first):
    done = first.run("--yes", "--hostname", HOST, "--certificate", "/etc/hosts")
    assert done.status == 2 and "--certificate and --key come together" in done.err and not os.path.exists(first.gateway.config)


@pytest.fixture
def certbot():
    """What certbot leaves behind; only root may go there."""
    live = f"/etc/letsencrypt/live/{HOST}"
    os.makedirs(live)
    os.chmod("/etc/letsencrypt/live", 0o700)
    certificate, key = make_certificate(live, HOST, "new")
    os.rename(certificate, f"{live}/fullchain.pem")
    os.rename(key, f"{live}/privkey.pem")
    yield live
    subprocess.run(["rm", "-rf", "/etc/letsencrypt", "/etc/sendoff"], check=True)


def content(path):
    with open(path) as file:
        return file.read()


def test_certbot(first, certbot):
    """Its certificate is taken, in a copy that the gateway's user may read, and its renewals are, too; those of others not."""
    done = first.run("--yes", "--hostname", HOST, "--account", "none", "--source", "none")
    taken = {"certificate": f"/etc/sendoff/tls/{HOST}/fullchain.pem", "key": f"/etc/sendoff/tls/{HOST}/privkey.pem"}
    assert configured(first) == taken, done.out + done.err
    assert os.stat(taken["key"]).st_mode & 0o777 == 0o640 and os.stat(taken["key"]).st_gid == 64200
    assert content(taken["certificate"]) == content(f"{certbot}/fullchain.pem")
    hook = "/etc/letsencrypt/renewal-hooks/deploy/sendoff"
    assert f"{hook} does the same for each renewal." in " ".join(done.out.split())
    certificate, key = make_certificate(certbot, HOST, "renewed")
    os.rename(certificate, f"{certbot}/fullchain.pem")
    os.rename(key, f"{certbot}/privkey.pem")
    for lineage in (certbot, "/etc/letsencrypt/live/www.example.com"):
        subprocess.run([hook], check=True, env={**os.environ, "RENEWED_LINEAGE": lineage})
    assert content(taken["certificate"]) == content(f"{certbot}/fullchain.pem")
    assert os.listdir("/etc/sendoff/tls") == [HOST]


def test_certbot_for_another_name(first, certbot):
    done = first.run("--yes", "--hostname", "mail.example.com", "--account", "none", "--source", "none")
    assert "certbot has none for mail.example.com" in " ".join(done.out.split()) and "certificate.pem" in configured(first)["certificate"]


def test_certbot_by_another_name(first, lab, certbot):
    """Of the certificates that are for the host, the one that is valid longest, and it keeps certbot's name for it."""
    for lineage, name, days in ((f"{HOST}-0001", HOST, 40), ("example.com", "*.example.com", 60), ("other", "smtp.example.net", 80), (".hidden", HOST, 90)):
        os.makedirs(live := f"/etc/letsencrypt/live/{lineage}")
        for path, kind in zip(lab.authority.certificate(name, days=days), ("fullchain", "privkey")):
            subprocess.run(["cp", path, f"{live}/{kind}.pem"], check=True)
    subprocess.run(["rm", "-r", f"/etc/letsencrypt/live/{HOST}"], check=True)
    os.makedirs("/etc/letsencrypt/live/empty")
    done = first.run("--yes", "--hostname", HOST, "--account", "none", "--source", "none")
    assert configured(first)["certificate"] == "/etc/sendoff/tls/example.com/fullchain.pem", done.out
    hook = ["/etc/letsencrypt/renewal-hooks/deploy/sendoff"]
    subprocess.run(["sh", "-c", "echo renewed >/etc/letsencrypt/live/example.com/fullchain.pem"], check=True)
    subprocess.run(hook, check=True, env={**os.environ, "RENEWED_LINEAGE": "/etc/letsencrypt/live/example.com"})
    assert content("/etc/sendoff/tls/example.com/fullchain.pem") == "renewed\n"


def test_a_hook_that_is_there_stays(first, certbot):
    os.makedirs("/etc/letsencrypt/renewal-hooks/deploy")
    with open("/etc/letsencrypt/renewal-hooks/deploy/sendoff", "w") as file:
        file.write("# mine\n")
    first.run("--yes", "--hostname", HOST, "--account", "none", "--source", "none")
    assert content("/etc/letsencrypt/renewal-hooks/deploy/sendoff") == "# mine\n"


def test_a_certificate_that_cannot_be_copied(first, certbot):
    os.remove(f"{certbot}/privkey.pem")
    done = first.run("--yes", "--hostname", HOST, "--account", "none", "--source", "none")
    assert done.status == 1 and "certbot's certificate could not be copied" in done.err and not os.path.exists(first.gateway.config)
