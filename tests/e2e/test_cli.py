"""The command line without a running gateway: every noun, its words, its files, its answers."""

import contextlib
import json
import os
import pwd
import re
import signal
import socket
import sqlite3
import stat
import subprocess

import pytest

from sendoff_test.command import PROGRAM, SANITIZERS, Command, assert_no_report, faulty
from sendoff_test.private_keys import make_private_key, published

HOST = "smtp.example.com"
DEPLOY = os.path.normpath(f"{os.path.dirname(os.path.abspath(__file__))}/../../deploy")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An initialised gateway that nobody has changed yet, and that no test may change."""
    folder = tmp_path_factory.mktemp("made")
    command = Command(f"{folder}/etc/sendoff.conf")
    command.folder = folder
    command.said = command("init", "--hostname", HOST, "--data-dir", folder / "data")
    return command


@pytest.fixture
def sendoff(tmp_path):
    """One of the test's own."""
    command = Command(f"{tmp_path}/etc/sendoff.conf")
    command.folder = tmp_path
    command("init", "--hostname", HOST, "--data-dir", tmp_path / "data")
    return command


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def refused(result, status, says=""):
    """It failed with that status and one line on standard error, and printed nothing else."""
    assert result.status == status, result
    assert result.out == "", result
    assert re.fullmatch(r"sendoff: [^\n]+\n", result.err), result
    assert says in result.err, result


# init


def test_init_makes_files_that_only_the_gateway_reads(made):
    folder = made.folder
    assert mode(folder / "data") == 0o700
    assert mode(folder / "data/sendoff.db") == 0o600
    assert mode(folder / "etc/certificate.key") == 0o600
    assert mode(folder / "etc/certificate.pem") == 0o644
    assert f"{folder}/etc/sendoff.conf" in made.said
    assert "sendoff serve" in made.said, "no next step"


def test_init_writes_what_config_check_accepts(made):
    text = (made.folder / "etc/sendoff.conf").read_text()
    for line in (
        f'hostname = "{HOST}"',
        'listen "0.0.0.0:587" { tls = "starttls" }',
        'listen "0.0.0.0:465" { tls = "implicit" }',
        'listen "0.0.0.0:2525" { tls = "starttls" }',
        '# listen "127.0.0.1:25" { tls = "optional" }',
    ):
        assert line in text
    assert "is fine" in made("config", "check")
    (checked,) = made.json("config", "check")
    assert checked["ok"] is True and checked["hostname"] == HOST


def test_init_takes_its_options(tmp_path):
    sendoff = Command(f"{tmp_path}/sendoff.conf")
    (said,) = sendoff.json(
        *("init", "--hostname", HOST, "--data-dir", tmp_path / "data", "--dns", "127.0.0.1@5353"),
        *("--listen", "127.0.0.1:1587/starttls", "--listen", "[::1]:1025/optional", "--delivery-port", "2526"),
    )
    assert said["config"] == f"{tmp_path}/sendoff.conf" and said["data_dir"] == f"{tmp_path}/data"
    text = (tmp_path / "sendoff.conf").read_text()
    assert re.findall(r"^listen .*", text, re.M) == [
        'listen "127.0.0.1:1587" { tls = "starttls" }',
        'listen "[::1]:1025" { tls = "optional" }',
    ]
    assert 'servers = {"127.0.0.1@5353"}' in text and "port = 2526" in text and "local_next_hops" not in text
    sendoff("config", "check")
    lab = Command(f"{tmp_path}/lab/sendoff.conf")
    lab("init", "--hostname", HOST, "--data-dir", tmp_path / "lab/data", "--local-next-hops")
    assert re.search(r"^  local_next_hops = yes", (tmp_path / "lab/sendoff.conf").read_text(), re.M)
    lab("config", "check")


def test_init_gives_everything_to_the_user(tmp_path):
    sendoff = Command(f"{tmp_path}/etc/sendoff.conf")
    refused(
        sendoff.run("init", "--hostname", HOST, "--data-dir", tmp_path / "data", "--user", "no-such-user"),
        1,
        "adduser --system --group no-such-user",
    )
    sendoff("init", "--hostname", HOST, "--data-dir", tmp_path / "data", "--user", "nobody")
    nobody = pwd.getpwnam("nobody").pw_uid
    owned = [tmp_path / "data", tmp_path / "etc/certificate.key", *(tmp_path / "data").rglob("*")]
    assert {os.stat(path).st_uid for path in owned} == {nobody}
    assert re.search(r'^user += "nobody"', (tmp_path / "etc/sendoff.conf").read_text(), re.M)


def test_init_certificate_is_ecdsa_p256_for_the_host(made):
    done = subprocess.run(
        ["openssl", "x509", "-in", made.folder / "etc/certificate.pem", "-noout", "-text"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "prime256v1" in done.stdout and f"DNS:{HOST}" in done.stdout and "CA:FALSE" in done.stdout


def test_init_overwrites_nothing(sendoff):
    config, key = sendoff.folder / "etc/sendoff.conf", sendoff.folder / "etc/certificate.key"
    sendoff("account", "add", "blog", "--sender", "example.com")
    before = config.read_text(), key.read_text()
    again = ("init", "--hostname", "other.example.com", "--data-dir", sendoff.folder / "data")
    refused(sendoff.run(*again), 1, "is there already and stays as it is")
    assert (config.read_text(), key.read_text()) == before
    # Without the configuration, what it is about stays all the same.
    config.unlink()
    sendoff(*again)
    assert key.read_text() == before[1]
    assert [a["account"] for a in sendoff.json("account", "list")] == ["blog"]


def test_init_fills_in_a_file_of_comments(tmp_path):
    """As the package installs it; what an administrator has noted there stays, and so do owner and mode."""
    config = tmp_path / "sendoff.conf"
    with open(f"{DEPLOY}/package/sendoff.conf") as shipped:
        comments = shipped.read() + "\n/* ours: ask Jo\n   before */\n"
    config.write_text(comments)
    os.chown(config, 0, 4)
    config.chmod(0o640)
    sendoff = Command(str(config))
    refused(sendoff.run("config", "check"), 1, "sendoff init --hostname NAME")
    sendoff("init", "--hostname", HOST, "--data-dir", tmp_path / "data")
    text = config.read_text()
    assert text.startswith(comments) and f'hostname = "{HOST}"' in text
    made = config.stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o7777) == (0, 4, 0o640)
    sendoff("config", "check")
    refused(sendoff.run("init", "--hostname", "other.example.com", "--data-dir", tmp_path / "data"), 1, "stays as it is")
    assert config.read_text() == text and [one.name for one in tmp_path.glob("*.new")] == []


@pytest.mark.parametrize("text", ['hostname = "x.example.com"\n', "# mine\nloops = 1\n", "/* open", "nonsense"])
def test_init_leaves_any_other_file_alone(tmp_path, text):
    config = tmp_path / "sendoff.conf"
    config.write_text(text)
    assert Command(str(config)).run("init", "--hostname", HOST, "--data-dir", tmp_path / "data").status == 1
    assert config.read_text() == text


def test_init_writes_a_configuration_that_its_user_can_read(tmp_path):
    sendoff = Command(f"{tmp_path}/sendoff.conf")
    before = os.umask(0o077)
    try:
        sendoff("init", "--hostname", HOST, "--data-dir", tmp_path / "data")
    finally:
        os.umask(before)
    assert (tmp_path / "sendoff.conf").stat().st_mode & 0o7777 == 0o644


def test_init_does_not_replace_half_a_certificate(tmp_path):
    (tmp_path / "certificate.key").write_text("somebody's")
    sendoff = Command(f"{tmp_path}/sendoff.conf")
    refused(sendoff.run("init", "--hostname", HOST, "--data-dir", tmp_path / "data"), 1, "certificate.pem")
    assert (tmp_path / "certificate.key").read_text() == "somebody's"
    assert not (tmp_path / "sendoff.conf").exists()


@pytest.mark.parametrize("call", ["fchmod:when=1", "fsync:when=1", "renameat2:when=1", "fsync:when=2", "renameat2:when=2", "fsync:when=3"])
@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_init_leaves_no_part_of_a_certificate(tmp_path, call, fault):
    """What has its name is whole, wherever it ended; and what to do about half a pair is said."""
    sendoff = Command(f"{tmp_path}/sendoff.conf")
    words = ("init", "--hostname", HOST, "--data-dir", tmp_path / "data")
    name, when = call.split(":")
    done = sendoff.run(*words, wrapper=faulty(f"{name}:{fault}:{when}"))
    assert done.status == (1 if "error" in fault else -signal.SIGKILL), done
    found = {one.name: one.read_text() for one in tmp_path.glob("certificate.???")}
    assert all(text.startswith("-----BEGIN ") and text.endswith("-----\n") for text in found.values()), found
    if "error" in fault:
        assert not [one for one in tmp_path.iterdir() if re.search(r"\.\w{6}$", one.name)]
    again = sendoff.run(*words)
    if list(found) == ["certificate.key"]:
        refused(again, 1, "certificate.key is there without")
        os.remove(tmp_path / "certificate.key")
        again = sendoff.run(*words)
    if again.status and "sendoff.conf.new is there" in again.err:
        os.remove(tmp_path / "sendoff.conf.new")
        again = sendoff.run(*words)
    assert again.status == 0, again


def test_init_leaves_a_folder_of_others_alone(tmp_path):
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "shared/photo").write_text("")
    sendoff = Command(f"{tmp_path}/etc/sendoff.conf")
    refused(sendoff.run("init", "--hostname", HOST, "--data-dir", tmp_path / "shared"), 1, "--data-dir")
    assert mode(tmp_path / "shared") == 0o755
    (tmp_path / "empty").mkdir(mode=0o755)
    sendoff("init", "--hostname", HOST, "--data-dir", tmp_path / "empty")
    assert mode(tmp_path / "empty") == 0o700


def test_init_works_with_relative_paths(tmp_path):
    words = [PROGRAM, "--config", "sendoff.conf", "init", "--hostname", HOST, "--data-dir", "data"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, env={**os.environ, **SANITIZERS})
    assert Command(f"{tmp_path}/sendoff.conf").json("account", "list") == []


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "--hostname NAME"),
        (["--hostname", "not a name"], "not a name"),
        (["--hostname", HOST, "--listen", "0.0.0.0/starttls"], "ADDRESS:PORT/starttls"),
        (["--hostname", HOST, "--listen", "0.0.0.0:25/tls"], "ADDRESS:PORT/starttls"),
        (["--hostname", HOST, "--dns", "127.0.0.1:53"], "ADDRESS@PORT"),
        (["--hostname", HOST, "--delivery-port", "0"], "1 to 65535"),
        (["--hostname", HOST, "extra"], "write: sendoff init"),
        (["--hostname", HOST, "--warmup"], "not an option here"),
    ],
)
def test_init_refuses(tmp_path, words, says):
    refused(Command(f"{tmp_path}/sendoff.conf").run("init", "--data-dir", tmp_path / "data", *words), 2, says)
    assert list(tmp_path.iterdir()) == []


# The configuration.


def test_mistake_is_named_with_file_and_line(sendoff):
    path = sendoff.folder / "etc/sendoff.conf"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines + ["nonsense = 1"]) + "\n")
    for words in (["config", "check"], ["account", "list"], ["serve"]):
        refused(sendoff.run(*words), 1, f"{path}:{len(lines) + 1}: ")


def test_missing_configuration(tmp_path):
    refused(Command(f"{tmp_path}/none.conf").run("account", "list"), 1, "sendoff init")


def test_configuration_from_the_environment(made):
    done = subprocess.run(
        [PROGRAM, "config", "check"],
        capture_output=True,
        text=True,
        env={**os.environ, **SANITIZERS, "SENDOFF_CONFIG": made.config},
    )
    assert done.returncode == 0 and made.config in done.stdout


def test_config_check_reads_the_certificate(sendoff):
    (sendoff.folder / "etc/certificate.pem").write_text("nothing of the kind")
    refused(sendoff.run("config", "check"), 1, "certificate.pem")


def test_missing_store(sendoff):
    (sendoff.folder / "data/sendoff.db").unlink()
    for words in (["account", "list"], ["domain", "add", "example.com"], ["queue", "list"], ["log"]):
        refused(sendoff.run(*words), 1, "sendoff init")


# Accounts.


def test_account_password_is_shown_once(sendoff):
    said = sendoff("account", "add", "blog", "--sender", "example.com")
    (password,) = re.findall(r"^  password +(\S+)$", said, re.M)
    assert re.fullmatch(r"[a-z2-9]{26}", password), "at least 128 bits, easy to type"
    for piece in (f"host      {HOST}", "587 (STARTTLS)", "465 (TLS from the start)", "user      blog"):
        assert piece in said
    stored = b"".join(
        path.read_bytes() for path in (sendoff.folder / "data").iterdir() if path.is_file() and path.stat().st_size
    )
    assert password.encode() not in stored
    (other,) = sendoff.json("account", "password", "blog")
    assert other["account"] == "blog" and other["password"] != password


def test_account_round_trip(sendoff):
    sendoff(
        *("account", "add", "blog", "--sender", "Example.COM", "--sender", "Shop@example.org", "--limit", "60/minute"),
        *("--limit", "5000/day", "--pool", "bulk", "--client-ip", "10.0.0.0/8", "--client-ip", "::1"),
        *("--eight-bit", "accept", "--local-user", "0", "--local-user", "root", "--local-user", "www-data"),
    )
    (account,) = sendoff.json("account", "show", "blog")
    assert account.pop("created").endswith("Z") and account.pop("modes")["spf"] == "observe"
    assert account == {
        "account": "blog",
        "senders": ["example.com", "Shop@example.org"],
        "limits": ["60/minute", "5000/day"],
        "pool": "bulk",
        "client_ips": ["10.0.0.0/8", "::1/128"],
        "client_certs": [],
        "state": "active",
        "reason": "",
        "eight_bit": "accept",
        "long_lines": "convert",
        "idempotent": "on",
        "checks": {},
        "local_users": ["root", "www-data"],
        "to": [],
        "not_to": [],
        "rewrite_from": "",
        "time_zone": "UTC",
        "stream": "transactional",
        "suppressed": "refuse",
        "suppress_after": 0,
        "sandbox": "off",
        "streams": {},
        "brake": {"step": "none", "mode": "observe", "since": None},
    }
    # What is not named stays; a list that is named is replaced.
    sendoff("account", "set", "blog", "--limit", "100rcpt/message", "--eight-bit", "refuse")
    (changed,) = sendoff.json("account", "list")
    assert changed["limits"] == ["100rcpt/message"] and changed["eight_bit"] == "refuse"
    assert changed["senders"] == account["senders"] and changed["pool"] == "bulk"
    sendoff("account", "set", "blog", "--limit", "none", "--client-ip", "none")
    (changed,) = sendoff.json("account", "show", "blog")
    assert changed["limits"] == [] and changed["client_ips"] == []
    for piece in ("blog", "example.com Shop@example.org", "none", "bulk", "active"):
        assert piece in sendoff("account", "list")


def test_account_suspend_resume_remove(sendoff):
    sendoff("account", "add", "blog", "--sender", "*")
    sendoff("account", "suspend", "blog", "--reason", "hacked plugin")
    (account,) = sendoff.json("account", "show", "blog")
    assert (account["state"], account["reason"]) == ("suspended", "hacked plugin")
    sendoff("account", "resume", "blog")
    assert sendoff.json("account", "show", "blog")[0]["state"] == "active"
    sendoff("account", "remove", "blog", "--yes")
    assert sendoff.json("account", "list") == []
    refused(sendoff.run("account", "show", "blog"), 1, "there is no account blog")


def test_account_remove_asks_about_what_goes_with_it(sendoff):
    """Routes, whose mail then leaves in another way and whose passwords nobody may know any more, and suppressed addresses."""
    for name in ("blog", "other"):
        sendoff("account", "add", name, "--sender", "example.com")
        sendoff("route", "add", "*", "--account", name, "smtp.example.net")
    sendoff("route", "add", "example.org", "--account", "blog", "smtp.example.net")
    sendoff("suppression", "add", "gone@example.net", "--account", "blog")
    sendoff("suppression", "add", "gone@example.net", "--account", "other")
    asked = sendoff.run("account", "remove", "blog")
    assert asked.status == 2 and "--yes" in asked.err
    assert asked.out == "These go with blog: 2 routes and 1 suppressed address.\n"
    assert len(sendoff.json("account", "list")) == 2
    assert sendoff("account", "remove", "blog", "--yes") == "account blog is removed, with 2 routes and 1 suppressed address\n"
    sendoff("suppression", "remove", "gone@example.net", "--account", "other")
    assert sendoff.run("account", "remove", "other").out == "These go with other: 1 route.\n"
    (said,) = sendoff.json("account", "remove", "other", "--yes")
    assert (said["routes"], said["suppressed"], said["held"]) == (1, 0, 0)
    sendoff("account", "add", "plain", "--sender", "example.com")
    assert sendoff("account", "remove", "plain") == "account plain is removed\n"


def test_who_cannot_be_asked_hears_of_no_option_that_is_not_there(sendoff):
    sendoff("domain", "add", "example.com", "--key", "ed25519")
    sendoff("account", "add", "blog", "--sender", "example.com")
    removed = sendoff.run("domain", "remove", "example.com")
    assert removed.status == 2 and removed.err == "sendoff: nothing is changed; --yes does it without a question\n"
    assert sendoff.run("domain", "remove", "example.com", "--dry-run").status == 2


def test_account_usage(sendoff):
    sendoff("account", "add", "blog", "--sender", "*", "--limit", "60/minute", "--limit", "10MB/day:defer")
    (usage,) = sendoff.json("account", "usage", "blog")
    assert usage["total_messages"] == 0 and usage["day"] == {"messages": 0, "recipients": 0, "octets": 0}
    minute, day = usage["limits"]
    assert (minute["limit"], minute["used"], minute["count"], minute["unit"]) == ("60/minute", 0, 60, "messages")
    assert (day["count"], day["unit"]) == (10 * 1024 * 1024, "octets") and day["resets"].endswith("00:00:00.000Z")
    text = sendoff("account", "usage")
    assert re.search(r"60/minute +0 +\[ {10}\] 0% +60 +now", text), text
    assert re.search(r"10MB/day:defer +0 +\[ {10}\] 0% +10 +now", text), text
    assert max(map(len, text.splitlines())) <= 80
    refused(sendoff.run("account", "usage", "nobody"), 1, "nobody")


def test_account_warnings(sendoff):
    added = sendoff.run("account", "add", "blog", "--sender", "example.com", "--pool", "bulk")
    assert added.status == 0 and len(added.err.splitlines()) == 2
    assert "sendoff domain add example.com" in added.err and "--pool bulk" in added.err
    sendoff("domain", "add", "example.com", "--key", "ed25519", "--subdomains")
    sendoff("source", "add", "127.0.0.1", "--helo", HOST, "--pool", "bulk")
    for sender in ("example.com", "a@example.com", "*.example.com", "sub.example.com", "*"):
        assert sendoff.run("account", "set", "blog", "--sender", sender, "--pool", "bulk").err == "", sender


@pytest.mark.parametrize(
    "words, says",
    [
        (["bad name", "--sender", "example.com"], "1 to 64"),
        (["x" * 65, "--sender", "example.com"], "1 to 64"),
        (["blog"], "--sender"),
        (["blog", "--sender", "not a domain"], "not a domain"),
        (["blog", "--sender", "example.com", "--limit", "many"], "many"),
        (["blog", "--sender", "example.com", "--limit", "0/day"], "0/day"),
        (["blog", "--sender", "example.com", "--client-ip", "10.0.0.1/8"], "host bits"),
        (["blog", "--sender", "example.com", "--pool", "a b"], "pool"),
        (["blog", "--sender", "example.com", "--eight-bit", "maybe"], "accept or refuse"),
    ],
)
def test_account_add_refuses(made, words, says):
    refused(made.run("account", "add", *words), 2, says)
    assert made.json("account", "list") == []


@pytest.mark.parametrize(
    "password, says",
    [("", "nothing came"), ("short\n", "12 characters"), ("ü" * 11 + "\n", "12 characters"), ("x" * 2000, "octets")],
)
def test_password_stdin_refuses(made, password, says):
    refused(made.run("account", "add", "blog", "--sender", "*", "--password-stdin", text=password), 1, says)
    assert made.json("account", "list") == []


def test_password_stdin(sendoff):
    said = sendoff("account", "add", "blog", "--sender", "*", "--password-stdin", text="ünder the bridge\r\n")
    assert "bridge" not in said
    assert sendoff.json("account", "password", "blog", "--password-stdin", text="x" * 1000) == [
        {"account": "blog", "password": None}
    ]


def test_same_name_twice(sendoff):
    sendoff("account", "add", "blog", "--sender", "*")
    refused(sendoff.run("account", "add", "blog", "--sender", "*"), 1, "exists already")
    sendoff("source", "add", "127.0.0.1", "--helo", HOST)
    refused(sendoff.run("source", "add", "127.0.0.1", "--helo", HOST), 1)
    sendoff("domain", "add", "example.com", "--key", "ed25519")
    refused(sendoff.run("domain", "add", "EXAMPLE.com", "--key", "ed25519"), 1)


# Domains.


def zone_values(text):
    """What a zone file's TXT records come to, by name."""
    records = re.findall(r"^(\S+)\. IN TXT (\(.*?\)|\"[^\"]*\")$", text, re.M | re.S)
    return {name: "".join(re.findall(r'"([^"]*)"', value)) for name, value in records}


def test_domain_round_trip(sendoff):
    sendoff("source", "add", "127.0.0.1", "--helo", HOST)
    sendoff("source", "add", "::1", "--helo", HOST)
    said = sendoff("domain", "add", "Example.com", "--key", "both")
    records = sendoff.json("domain", "records", "example.com")
    fields = {"name", "relative_name", "zone", "type", "value", "kind", "why", "optional", "elsewhere", "key_state", "replaces"}
    assert all(set(record) == fields and record["type"] == "TXT" for record in records)
    values = {record["name"]: record["value"] for record in records}
    assert zone_values(said) == values, "the zone file's form says something else"
    selectors = {name.split(".")[0] for name in values if "._domainkey." in name}
    assert len(selectors) == 2 and all(re.fullmatch(r"s\d{6}[re]", s) for s in selectors)
    assert all(len(part) <= 255 for part in re.findall(r'"([^"]*)"', said))
    assert values["example.com"] == "v=spf1 ip4:127.0.0.1 ip6:::1 -all"
    assert values["_dmarc.example.com"].startswith("v=DMARC1; p=none")
    rsa = next(value for value in values.values() if value.startswith("v=DKIM1; k=rsa; p="))
    assert rsa in said, "not in one piece, for web forms"
    (domain,) = sendoff.json("domain", "show", "example.com")
    assert domain["spf"] == "observe" and {key["selector"] for key in domain["keys"]} == selectors
    assert {key["algorithm"] for key in sendoff.json("dkim", "list", "example.com")} == {"rsa", "ed25519"}
    sendoff("domain", "set", "example.com", "--spf", "enforce")
    assert sendoff.json("domain", "list")[0]["spf"] == "enforce"
    assert "PRIVATE" not in said + sendoff("domain", "show", "example.com") + sendoff("dkim", "list")
    sendoff("domain", "remove", "example.com", "--yes")
    assert sendoff.json("domain", "list") == sendoff.json("dkim", "list") == []


def test_a_domain_with_a_key_of_its_own(sendoff, tmp_path):
    old, further = make_private_key(tmp_path / "a"), make_private_key(tmp_path / "b", "genpkey", "-algorithm", "ED25519")
    said = sendoff("domain", "add", "example.com", "--import", old, "--selector", "Mail.2019")
    name = "mail.2019._domainkey.example.com"
    assert zone_values(said)[name] == f"v=DKIM1; k=rsa; p={published(old)}"
    assert [key["selector"] for key in sendoff.json("dkim", "list")] == ["mail.2019"], "and none besides"
    said = sendoff("dkim", "import", "example.com", further, "--selector", "e1")
    assert zone_values(said)["e1._domainkey.example.com"] == f"v=DKIM1; k=ed25519; p={published(further)}"
    assert name in said, "the other key's record has gone"
    refused(sendoff.run("dkim", "import", "example.com", further, "--selector", "E1"), 1, "already")
    records = sendoff.json("dkim", "import", "example.com", further, "--selector", "e2")
    assert {r["name"] for r in records} >= {"e2._domainkey.example.com", name}
    assert {(k["selector"], k["algorithm"], k["state"]) for k in sendoff.json("dkim", "list", "example.com")} == {
        ("mail.2019", "rsa", "active"),
        ("e1", "ed25519", "active"),
        ("e2", "ed25519", "active"),
    }


def test_an_imported_key_is_written_as_all_others(sendoff, tmp_path):
    """PKCS #8, whatever it came as."""
    sendoff("domain", "add", "example.com", "--import", make_private_key(tmp_path / "a"), "--selector", "a")
    with contextlib.closing(sqlite3.connect(sendoff.folder / "data/sendoff.db")) as store:
        ((pem,),) = store.execute("SELECT private_pem FROM keys").fetchall()
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")


def test_keys_that_are_not_imported(sendoff, tmp_path):
    good = make_private_key(tmp_path / "good")
    assert good.stat().st_mode & 0o777 == 0o600
    short = make_private_key(tmp_path / "short", "genrsa", "1024")
    locked = make_private_key(tmp_path / "locked", "genrsa", "-aes256", "-passout", "pass:x", "2048")
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    domain = ("domain", "add", "example.com", "--import")
    for words, status, says in (
        ((*domain, make_private_key(tmp_path / "open", mode=0o644), "--selector", "a"), 1, "chmod 600"),
        ((*domain, make_private_key(tmp_path / "write", mode=0o602), "--selector", "a"), 1, "chmod 600"),
        ((*domain, short, "--selector", "a"), 1, "1024 bits is too short"),
        ((*domain, locked, "--selector", "a"), 1, "openssl pkey -in"),
        ((*domain, tmp_path / "none", "--selector", "a"), 1, "No such file"),
        ((*domain, tmp_path / "folder", "--selector", "a"), 1, "no file"),
        ((*domain, tmp_path / "pipe", "--selector", "a"), 1, "no file"),
        ((*domain, "/dev/null", "--selector", "a"), 1, "no file"),
        ((*domain, good), 2, "--selector"),
        ((*domain, good, "--selector", "under_score"), 2, "no selector"),
        ((*domain, good, "--selector", "a" * 64), 2, "no selector"),
        ((*domain, good, "--selector", "a", "--key", "both"), 2, "say either"),
        (("domain", "add", "example.com", "--selector", "a"), 2, "--import"),
        (("dkim", "import", "example.com", good, "--selector", "a"), 1, "sendoff domain add"),
        (("dkim", "import", "example.com", good), 2, "--selector"),
        (("dkim", "import", "example.com"), 2, "FILE"),
    ):
        refused(sendoff.run(*words), status, says)
    assert sendoff.json("domain", "list") == [], "a domain without its key was left"


@pytest.mark.parametrize("key, octets", [("rsa3072", 582), ("rsa4096", 754)])
def test_longer_keys(sendoff, key, octets):
    said = sendoff("domain", "add", "example.com", "--key", key)
    (value,) = (value for value in zone_values(said).values() if value.startswith("v=DKIM1"))
    assert len(value) == octets and f"about {octets} octets long" in said and "rsa2048" in said
    assert sendoff.json("domain", "records", "example.com")[0]["value"] == value


def test_domain_of_another_script(sendoff):
    sendoff("domain", "add", "bücher.example", "--key", "ed25519")
    assert sendoff.json("domain", "list")[0]["domain"] == "xn--bcher-kva.example"
    assert sendoff.json("dkim", "list", "bücher.example")


def test_records_without_a_source(sendoff):
    said = sendoff("domain", "add", "example.com", "--key", "ed25519")
    assert "sendoff source add" in said
    assert {r["name"].split(".")[0][0] for r in sendoff.json("domain", "records", "example.com")} == {"s", "_"}


@pytest.mark.parametrize(
    "words, status, says",
    [
        (["domain", "add", "nodots"], 2, "no domain name"),
        (["domain", "add", "example.com", "--key", "rsa512"], 2, "rsa2048"),
        (["domain", "add", "example.com", "--key", "rsa1024"], 2, "RFC 8301"),
        (["domain", "set", "example.com"], 2, "--spf"),
        (["domain", "set", "example.com", "--spf", "always"], 2, "enforce"),
        (["domain", "set", "example.com", "--spf", "off"], 1, "example.com"),
        (["domain", "show", "example.com"], 1, "sendoff domain list"),
        (["domain", "records", "example.com"], 1, "sendoff domain list"),
        (["domain", "remove", "example.com"], 1, "sendoff domain list"),
        (["dkim", "list", "example.com"], 1, "sendoff domain list"),
        (["account", "suspend", "blog"], 2, "--reason"),
        (["account", "suspend", "blog", "--reason", "x"], 1, "blog"),
        (["account", "set", "blog"], 2, "--help"),
        (["account", "set", "blog", "--limit", "5/day"], 1, "blog"),
        (["account", "remove", "blog"], 1, "blog"),
        (["account", "password", "blog"], 1, "blog"),
        (["source", "add", "example.com", "--helo", HOST], 2, "no IP address"),
        (["source", "add", "127.0.0.1"], 2, "--helo"),
        (["source", "add", "127.0.0.1", "--helo", "not a name"], 2, "no host name"),
        (["source", "set", "127.0.0.1"], 2, "say what to change"),
        (["source", "set", "127.0.0.1", "--on-listing", "stop"], 2, "write pause"),
        (["source", "set", "127.0.0.1", "--pool", "x"], 1, "127.0.0.1"),
        (["source", "remove", "127.0.0.1"], 1, "127.0.0.1"),
        (["queue", "show", "U"], 2, "no message id"),
        (["queue", "show", "1CZQ6K3E0W40"], 1, "sendoff log show"),
        (["queue", "show", "1CZQ6K3E0W40", "--content"], 1, ""),
        (["queue", "show", "0"], 1, "not in the queue"),
        (["queue", "drop", "0"], 1, "0 is not in the queue"),
        (["log", "show", "0"], 1, "knows no message"),
        (["why", "0"], 1, "nothing is known"),
        (["queue", "drop"], 2, "say which"),
        (["queue", "hold", "--account", "blog"], 1, "there is no account blog"),
        (["queue", "hold", "--to", "*@example.net"], 1, "nothing in the queue matches"),
        (["queue", "retry", "1CZQ6K3E0W40"], 1, "1CZQ6K3E0W40"),
        (["queue", "list", "--limit", "few"], 2, "--limit"),
        (["log", "--since", "tomorrow"], 2, "--since tomorrow: write 2h or 7d"),
        (["log", "--event", "lost"], 2, "accepted, refused"),
        (["log", "--limit", "-1"], 2, "--limit"),
        (["log", "show", "U"], 2, "no message id"),
        (["log", "show", "1CZQ6K3E0W40"], 1, "knows no message"),
        (["why", "7QF2K9XY"], 1, "nothing is known"),
        (["status"], 1, "the gateway is not running; start it with: sendoff serve"),
        (["serve", "--log-level", "loud"], 2, "debug"),
        (["webhook", "list"], 2, "not a command"),
        (["domain", "lookup", "example.com"], 2, "has no lookup"),
        (["log", "sohw"], 2, "sendoff log has no sohw; did you mean show?"),
        (["account", "add"], 2, "write: sendoff account add NAME --sender DOMAIN|*.DOMAIN|ADDRESS|* ...; see: sendoff account add --help"),
        (["account", "list", "all"], 2, "write: sendoff account list; see: sendoff account list --help"),
        ([], 2, "sendoff --help"),
    ],
)
def test_refusals(made, words, status, says):
    refused(made.run(*words), status, says)


# Sources, the queue, the log.


def test_source_round_trip(sendoff):
    sendoff("source", "add", "127.0.0.1", "--helo", "SMTP.example.com")
    sendoff("source", "add", "0:0::1", "--helo", HOST, "--pool", "bulk")
    sources = {(s["address"], s["helo"], s["pool"]) for s in sendoff.json("source", "list")}
    assert sources == {("127.0.0.1", HOST, "default"), ("::1", HOST, "bulk")}
    sendoff("source", "set", "127.0.0.1", "--helo", "other.example.com")
    sendoff("source", "remove", "::1", "--yes")
    (source,) = sendoff.json("source", "list")
    assert (source["address"], source["helo"], source["pool"]) == ("127.0.0.1", "other.example.com", "default")
    assert "other.example.com" in sendoff("source", "list")


def test_source_of_another_machine_is_pointed_out(sendoff):
    added = sendoff.run("source", "add", "192.0.2.1", "--helo", HOST)
    assert added.status == 0 and "no address of this machine now, and no mail leaves from pool default until it is" in added.err
    sendoff("source", "add", "127.0.0.1", "--helo", HOST)
    assert {s["address"]: s["usable"] for s in sendoff.json("source", "list")} == {"192.0.2.1": False, "127.0.0.1": True}
    lines = sendoff("source", "list").splitlines()
    assert lines[0].split()[-1] == "STATE"
    assert [line.endswith("not on this machine") for line in sorted(lines[1:])] == [False, True]
    added = sendoff.run("source", "add", "198.51.100.2", "--helo", HOST)
    assert "mail leaves from the others of its pool" in added.err
    added = sendoff.run("source", "add", "198.51.100.3", "--helo", HOST, "--pool", "bulk")
    assert "no mail leaves from pool bulk until it is" in added.err


EMPTY = {
    "account list": "no accounts yet; add one: sendoff account add NAME --sender DOMAIN",
    "account usage": "no accounts yet; add one: sendoff account add NAME --sender DOMAIN",
    "domain list": "no domains yet; add one: sendoff domain add DOMAIN",
    "domain usage": "no domains yet; add one: sendoff domain add DOMAIN",
    "domain check": "no domains yet; add one: sendoff domain add DOMAIN",
    "dkim list": "no keys yet; add a domain: sendoff domain add DOMAIN",
    "source list": "no mail leaves yet: there is no source address; add one: sendoff source add ADDRESS --helo NAME",
    "route list": "no routes: all mail goes to its recipients' mail exchangers",
    "site list": "no mail has gone anywhere yet",
    "tls-report list": "no sessions were counted",
    "suppression list": "nobody is suppressed",
    "queue list": "the queue is empty",
    "queue summary": "the queue is empty",
}


def test_empty_answers(made):
    """People are told that there is nothing, and what makes something; scripts get nothing."""
    for line, says in EMPTY.items():
        assert made(*line.split()) == f"{says}\n" and made.json(*line.split()) == [], line
    assert made("log") == "" and made.json("log") == [], "in a pipe, lines are events"
    assert made("log", "export", "--format", "jsonl") == ""


# Help.


def verbs():
    text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    commands = text.split("\n\n")[2]
    found = [line[:20].split() for line in commands.splitlines()]
    assert len(found) > 30
    return found


@pytest.mark.parametrize("words", [[]] + verbs(), ids=" ".join)
def test_help_shows_an_example(words):
    """Needs no configuration, and says what to type."""
    done = subprocess.run(
        [PROGRAM, "--config", "/nowhere", *words, "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, **SANITIZERS},
    )
    assert_no_report(done.stderr, "help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"sendoff {' '.join(words)}".rstrip() in done.stdout
    assert re.search(rf"^Example:\n  sendoff {' '.join(words)}", done.stdout, re.M)


@pytest.mark.parametrize("words", verbs(), ids=" ".join)
def test_help_fits_a_terminal_and_leaves_no_word_unsaid(words):
    """80 columns, but for examples, which are to be pasted; limits and times are explained where they are named."""
    text = subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True, check=True).stdout
    own = text.partition("\nExample:\n")[0]
    assert [line for line in own.splitlines() if len(line) > 80] == []
    if len(words) == 2:
        first, *others = own.splitlines()
        usage = " ".join([first, *(line.strip() for line in others if line.startswith(" " * 8))])
        assert (" SPEC" in usage) == ("\n  SPEC " in own) and bool(re.search(r"--(since|until) T\b", usage)) == ("\n  T " in own)


@pytest.mark.parametrize("noun", sorted({words[0] for words in verbs()}))
def test_help_of_a_noun(noun):
    text = subprocess.run([PROGRAM, noun, "--help"], capture_output=True, text=True, check=True).stdout
    for words in verbs():
        if words[0] == noun:
            assert f"sendoff {' '.join(words)}" in text


def test_help_names_only_what_is_there():
    text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("warmup",):
        assert word not in text


def test_version():
    assert re.fullmatch(r"sendoff \d+\.\d+\.\d+\n", subprocess.check_output([PROGRAM, "--version"], text=True))


# What scripts rely on.


def test_json_is_one_object_a_line(sendoff):
    for name in ("one", "two", "three"):
        sendoff("account", "add", name, "--sender", "*")
    lines = sendoff("--json", "account", "list").splitlines()
    assert sorted(json.loads(line)["account"] for line in lines) == ["one", "three", "two"]


def test_no_colour_in_a_pipe(sendoff):
    sendoff("account", "add", "blog", "--sender", "*")
    assert "\x1b" not in sendoff("account", "list")


def test_full_disk_is_noticed(made):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [PROGRAM, "--config", made.config, "config", "check"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1 and "No space left" in done.stderr


def on_full_disk(sendoff, *words, text=None):
    with open("/dev/full", "w") as full:
        return subprocess.run(sendoff.words(*words), stdout=full, stderr=subprocess.PIPE, text=True, input=text)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_password_that_could_not_be_printed(sendoff, form):
    """The account is there, and nobody knows its password: what to do about that is said."""
    made = on_full_disk(sendoff, *form, "account", "add", "blog", "--sender", "example.com")
    assert made.returncode == 1 and [one["account"] for one in sendoff.json("account", "list")] == ["blog"]
    assert "sendoff: blog is made, but its password could not be printed; for another one: sendoff account password blog\n" in made.stderr
    again = on_full_disk(sendoff, *form, "account", "password", "blog")
    assert again.returncode == 1
    assert "blog has a new password, which could not be printed; for another one: sendoff account password blog\n" in again.stderr
    listed = on_full_disk(sendoff, *form, "import", "accounts", "-", "--yes", text="name,sender\none,example.com\ntwo,example.com\n")
    assert listed.returncode == 1 and len(sendoff.json("account", "list")) == 3
    assert "2 accounts are added, but of the 2 passwords that were made not all could be printed" in listed.stderr
    given = on_full_disk(sendoff, *form, "account", "add", "own", "--sender", "example.com", "--password-stdin", text="a-password-of-mine\n")
    assert given.returncode == 1 and "could not be printed" not in given.stderr


@pytest.mark.parametrize("words", [("help", "config"), ("account", "add", "--help")])
def test_more_than_a_full_disk_takes(sendoff, words):
    """A write that failed long before the end has no reason left, but another one's is not named."""
    listed = on_full_disk(sendoff, *words)
    assert listed.returncode == 1 and re.fullmatch(
        "sendoff: standard output: (No space left on device|not all of it could be written; is the disk full\\?)\n", listed.stderr
    ), listed.stderr


def test_silent_gateway_is_a_warning(sendoff):
    """A gateway that hangs holds nobody up: the change is made, and said so."""
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(sendoff.folder / "data/control.sock"))
        deaf.listen()
        added = sendoff.run("account", "add", "blog", "--sender", "*", timeout=30)
        assert added.status == 0 and "did not confirm" in added.err
        refused(sendoff.run("status", timeout=30), 1, "does not answer")
    assert [a["account"] for a in sendoff.json("account", "list")] == ["blog"]
    assert sendoff.run("account", "remove", "blog", "--yes").err == "", "a socket without a gateway is nothing to speak of"
