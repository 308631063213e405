"""`import accounts`: a list as CSV becomes accounts that log in, all of them or none; what is wrong is said by its line."""

import base64
import csv
import hashlib
import hmac
import io
import json
import os
import re
import subprocess

import pytest

from sendoff_test.client import submit
from sendoff_test.command import PROGRAM, Account, Command
from sendoff_test.letters import letter

FINGERPRINT = "ab" * 32


@pytest.fixture
def sendoff(tmp_path):
    command = Command(f"{tmp_path}/etc/sendoff.conf")
    command("init", "--hostname", "smtp.example.com", "--data-dir", tmp_path / "data")
    return command


def scram(password, salt=b"0123456789abcdef", iterations=4096):
    """RFC 5802 3: salt, stored key, server key, as text."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client, server = (hmac.digest(salted, text, "sha256") for text in (b"Client Key", b"Server Key"))
    return [base64.b64encode(one).decode() for one in (salt, hashlib.sha256(client).digest(), server)]


def accounts(sendoff):
    return {one["account"]: one for one in sendoff.json("account", "list")}


def imported(sendoff, text, *options):
    return sendoff.json("import", "accounts", "-", *(options or ("--yes",)), text=text)


def refused(sendoff, text, *lines):
    """With these reasons, in this order, and nothing changed."""
    before = accounts(sendoff)
    result = sendoff.run("import", "accounts", "-", "--yes", text=text)
    said = result.err.splitlines()
    assert result.status == 1 and result.out == "", result
    for reason, one in zip(lines, said):
        assert one.startswith(f"sendoff: {reason}"), one
    assert len(said) >= len(lines)
    assert accounts(sendoff) == before
    return said


LIST = (
    "\ufeffName,Senders,limit,Client IP,pool,spf,Time_Zone,password,notes\r\n"
    'blog,"example.com, *.example.org",60/minute:smooth 5000/day,,default,,Europe/Vienna,,the blog\r\n'
    "\r\n"
    "printer,printer@example.com,,192.0.2.7;2001:db8::/32,,off,,a password of its own,\r\n"
)


def test_columns(sendoff):
    dry = imported(sendoff, LIST, "--dry-run")
    assert accounts(sendoff) == {}
    lines = imported(sendoff, LIST)
    assert [(one["account"], one["line"], one["login"]) for one in lines] == [("blog", 2, "made"), ("printer", 4, "given")]
    assert [{**one, "dry_run": True, "password": None} for one in lines] == dry
    assert len(lines[0]["password"]) == 26 and lines[1]["password"] is None
    made = accounts(sendoff)
    assert made["blog"]["senders"] == ["example.com", "*.example.org"] and made["blog"]["time_zone"] == "Europe/Vienna"
    assert made["blog"]["limits"] == ["60/minute:smooth", "5000/day"]
    assert made["printer"]["client_ips"] == ["192.0.2.7/32", "2001:db8::/32"]


def test_they_log_in(lab, gateway):
    domain = lab.new_domain()
    mx = lab.exchanger(domain)
    salt, stored, server = scram("scram has this password")
    text = (
        "name,sender,password\n"
        "made,example.com,\n"
        "plain,example.com,{PLAIN}plain has this password\n"
        "bare,example.com,bare has this password\n"
        f'dovecot,example.com,"{{SCRAM-SHA-256}}4096,{salt},{stored},{server}"\n'
        f"postgres,example.com,SCRAM-SHA-256$4096:{salt}${stored}:{server}\n"
    )
    lines = {one["account"]: one["password"] for one in imported(gateway.sendoff, text)}
    known = {
        "made": lines["made"],
        "plain": "plain has this password",
        "bare": "bare has this password",
        "dovecot": "scram has this password",
        "postgres": "scram has this password",
    }
    for name, password in known.items():
        submit(gateway, Account(name, password), "a@example.com", [f"{name}@{domain}"], letter("a@example.com", f"{name}@{domain}"))
    mx.wait(len(known), timeout=60)


def test_passwords_that_cannot_be_taken(sendoff):
    salt, stored, server = scram("x" * 12)
    rows = {
        "{SHA512-CRYPT}$6$a$b": "its password is kept as {SHA512-CRYPT}, of which no SCRAM verifier can be made",
        "{BLF-CRYPT}$2y$05$abc": "its password is kept as {BLF-CRYPT}",
        "{SCRAM-SHA-1}4096,a,b,c": "its password is kept as {SCRAM-SHA-1}",
        "$6$salt$hash": "its password is a hash",
        "$argon2id$v=19$m=1,t=1,p=1$abc$def": "its password is a hash",
        "short": "its password has less than 12 characters",
        "{PLAIN}short": "its password has less than 12 characters",
        f"SCRAM-SHA-256$1000:{salt}${stored}:{server}": "its SCRAM verifier has no good number of iterations",
        f"SCRAM-SHA-256$4096:c2FsdA==${stored}:{server}": "its SCRAM verifier has a salt of another length",
        f"SCRAM-SHA-256$4096:{salt}${stored}:x": "its SCRAM verifier cannot be read",
        f"SCRAM-SHA-256$4096:{salt}": "its SCRAM verifier cannot be read",
        "SCRAM-SHA-256$": "its SCRAM verifier has no good number",
    }
    text = io.StringIO()
    csv.writer(text).writerows([("name", "sender", "password"), *((f"a{n}", "example.com", one) for n, one in enumerate(rows))])
    said = refused(sendoff, text.getvalue(), *(f"line {n}: {reason}" for n, reason in enumerate(rows.values(), 2)))
    assert said[-1] == f"sendoff: {len(rows)} lines cannot be imported, so nothing is; correct the list, and try again"


def test_what_is_wrong_is_said_by_its_line(sendoff):
    sendoff("account", "add", "there", "--sender", "example.com")
    text = (
        "name,sender,limit,client-ip,rewrite-from\n"
        "good,example.com,,,\n"
        "there,example.com,,,\n"
        "good,example.com,,,\n"
        "bad name!,example.com,,,\n"
        ",example.com,,,\n"
        "nobody,,,,\n"
        "limit,example.com,60/fortnight,,\n"
        "ip,example.com,,192.0.2.300,\n"
        "sender,exa mple..com,,,\n"
        "rewrite,example.com,,,a@example.net\n"
        "more,example.com,,,,and,more\n"
        'quote,"example.com,,,\n'
        "unprintable\x1b[31m,example.com,,,\n"
    )
    said = refused(
        sendoff,
        text,
        "line 3: account there exists already; change it with: sendoff account set there",
        "line 4: good is in line 2 already",
        "line 5: bad name! is no name",
        "line 6: (nothing) is no name",
        "line 7: it does not say who nobody may send as (sender)",
        "line 8: ",
        "line 9: --client-ip 192.0.2.300",
        "line 10: --sender",
        "line 11: --rewrite-from a@example.net is no address that the account may send as",
        "line 12: it has 7 fields, and there are 5 columns",
        "line 13: its quotes do not match",
        "line 14: unprintable",
        "12 lines cannot be imported",
    )
    assert not any("\x1b" in line for line in said)


@pytest.mark.parametrize(
    "header, reason",
    [
        ("", "there is nothing in it"),
        ("name,sender", "there is no account in it"),
        ("name,quota", "the column quota is not known"),
        ("name;sender", "the columns are to be parted by commas: name;sender"),
        ("n\0a\0m\0e\0", "it has a NUL octet: save the list as UTF-8 text"),
        ("name,for", "the column for is not known; columns are name, password and the options of sendoff account add except for"),
        ("name,password-stdin", "the column password-stdin is not known"),
        ("name,name", "the first line names the columns"),
        ("blog,example.com", "the column blog is not known"),
        ("sender", "the first line names the columns"),
        ("name,password,password", "there is more than one column of passwords"),
    ],
)
def test_headers(sendoff, header, reason):
    refused(sendoff, f"{header}\n" if header else "", reason)


def test_every_option_of_account_add_is_a_column(sendoff):
    header = "name,sender,to,not-to,stream,stream-limit,stream-pool,suppressed,suppress-after,client-cert,eight-bit,long-lines,idempotent,brake,#x"
    row = f"all,example.com,example.net,bad.example.net,bulk,bulk:100/day,bulk:news,drop,5,{FINGERPRINT},refuse,refuse,off,on,ignored"
    imported(sendoff, f"{header}\n{row}\n")
    (shown,) = sendoff.json("account", "show", "all")
    assert shown["stream"] == "bulk" and shown["to"] == ["example.net"] and shown["idempotent"] == "off"


def test_a_sandbox_is_one(sendoff):
    """A list of staging accounts whose mail would leave is the worst that a column could do."""
    text = "name,sender,sandbox\nstaging,example.com,yes\nrehearsal,example.com,on\nlive,example.com,no\nother,example.com,\n"
    expected = {"staging": "on", "rehearsal": "on", "live": "off", "other": "off"}
    table = sendoff("import", "accounts", "-", "--dry-run", text=text).splitlines()
    assert {row.split()[0]: row.split()[-2] for row in table[1:5]} == expected and "SANDBOX" in table[0]
    assert {one["account"]: one["sandbox"] for one in imported(sendoff, text)} == expected
    assert {name: one["sandbox"] for name, one in accounts(sendoff).items()} == expected
    refused(sendoff, "name,sender,sandbox\nq,example.com,perhaps\n", "line 2: sandbox is yes or no")


def given_alone(sendoff, option, value):
    """An account of the list with one option, beside one that `account add` makes with the same."""
    typed = (f"--{option}",) if value is None else (f"--{option}", value)
    name = f"typed-{option}"
    sendoff("account", "add", name, "--sender", "example.com", *typed)
    (typed_one,) = sendoff.json("account", "show", name)
    sendoff("account", "remove", name)
    imported(sendoff, f"name,sender,{option}\nlisted-{option},example.com,{'yes' if value is None else value}\n")
    (listed,) = sendoff.json("account", "show", f"listed-{option}")
    sendoff("account", "remove", f"listed-{option}")
    unlike = {"account", "created"}
    return [{k: v for k, v in one.items() if k not in unlike} for one in (typed_one, listed)]


OPTIONS = {
    "limit": "7/day",
    "to": "example.net",
    "not-to": "example.net",
    "rewrite-from": "a@example.com",
    "time-zone": "Europe/Vienna",
    "pool": "news",
    "stream": "bulk",
    "stream-limit": "bulk:100/day",
    "stream-pool": "bulk:news",
    "suppressed": "drop",
    "suppress-after": "5",
    "client-ip": "192.0.2.7",
    "client-cert": FINGERPRINT,
    "local-user": "33",
    "eight-bit": "refuse",
    "long-lines": "refuse",
    "idempotent": "off",
    "spf": "off",
    "sandbox": None,
}


def test_a_column_does_what_the_option_does(sendoff):
    usage = sendoff("account", "add", "--help").split("\n\n")[0]
    named = set(re.findall(r"--([a-z][a-z-]*)", usage)) - {"sender", "for", "password-stdin", "help"}
    assert named == OPTIONS.keys() - {"spf"}
    sendoff("account", "add", "plain", "--sender", "example.com")
    (plain,) = sendoff.json("account", "show", "plain")
    for option, value in OPTIONS.items():
        typed, listed = given_alone(sendoff, option, value)
        assert typed == listed, option
        assert any(plain[key] != value for key, value in listed.items()), option


def test_all_or_none(sendoff, tmp_path):
    """What only the store can find: two accounts with one certificate."""
    text = f"name,sender,client-cert\none,example.com,{FINGERPRINT}\ntwo,example.com,{FINGERPRINT}\n"
    result = sendoff.run("import", "accounts", "-", "--yes", "--passwords", tmp_path / "made.csv", text=text)
    assert result.status == 1 and "a client certificate logs in to one account only" in result.err
    assert accounts(sendoff) == {} and not (tmp_path / "made.csv").exists()


def test_a_file_of_passwords(sendoff, tmp_path):
    (tmp_path / "list.csv").write_text("name,sender\none,example.com\ntwo,example.com\n")
    made = tmp_path / "made.csv"
    out = sendoff("import", "accounts", tmp_path / "list.csv", "--yes", "--passwords", made)
    assert "2 accounts added; the passwords of 2 are in" in out
    assert os.stat(made).st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(made.open()))
    assert [row["name"] for row in rows] == ["one", "two"] and all(len(row["password"]) == 26 for row in rows)
    assert not any(row["password"] in out for row in rows)
    (tmp_path / "more.csv").write_text("name,sender\nthree,example.com\n")
    result = sendoff.run("import", "accounts", tmp_path / "more.csv", "--yes", "--passwords", made)
    assert result.status == 1 and "File exists" in result.err and set(accounts(sendoff)) == {"one", "two"}


def test_it_asks(sendoff):
    result = sendoff.run("import", "accounts", "-", text=LIST)
    assert result.status == 2 and "--yes does it without a question, --dry-run only says what" in result.err
    assert "blog" in result.out and accounts(sendoff) == {}
    out = sendoff("import", "accounts", "-", "--dry-run", text=LIST)
    assert "2 accounts would be added; a password would be made for 1." in out


def test_many(sendoff, tmp_path):
    count = 3000
    with open(tmp_path / "list.csv", "w") as file:
        file.write("name,sender,limit\n")
        file.writelines(f"account{n},d{n}.example.com,5000/day\n" for n in range(count))
    words = [PROGRAM, "--config", sendoff.config, "--json", "import", "accounts", tmp_path / "list.csv", "--yes"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == count == len(accounts(sendoff))
    assert json.loads(done.stdout.splitlines()[-1])["account"] == f"account{count - 1}"
