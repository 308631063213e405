"""`import opendkim`: domains and keys of an OpenDKIM installation come over, as its tables, its configuration or its folders say;
and mail is signed with the old selectors, whose records stay as they are."""

import base64
import json
import os
import pty
import re
import subprocess

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.command import PROGRAM, Command
from sendoff_test.dns import txt
from sendoff_test.lab import SOURCE
from sendoff_test.private_keys import make_private_key, published
from sendoff_test.verify import signatures, tags, verified


def in_a_line(path, *form):
    """Base64 of a key's DER, as a KeyTable may have it in place of a path."""
    words = ["openssl", "pkey", "-in", path, "-outform", "DER", *form]
    return base64.b64encode(subprocess.run(words, capture_output=True, check=True).stdout).decode()


@pytest.fixture
def sendoff(tmp_path):
    command = Command(f"{tmp_path}/etc/sendoff.conf")
    command("init", "--hostname", "smtp.example.com", "--data-dir", tmp_path / "data")
    return command


@pytest.fixture
def place(tmp_path):
    """OpenDKIM's folder, which nobody has written to."""
    folder = tmp_path / "old/opendkim"
    folder.mkdir(parents=True)
    return folder


def imported(sendoff, place, *options, status=0):
    """The lines, and the exit status as expected."""
    result = sendoff.run("--json", "import", "opendkim", place, *(options or ("--yes",)))
    assert result.status == status, result
    return [json.loads(line) for line in result.out.splitlines()]


def brief(lines):
    return [(line["domain"], line["selector"], line["action"]) for line in lines]


def domains(sendoff):
    return {d["domain"]: (d["subdomains"], {k["selector"] for k in d["keys"]}) for d in sendoff.json("domain", "list")}


def debian(place):
    """As Debian's wiki has it: refile, paths below /etc/opendkim of a machine that is gone, a folder a domain."""
    keys = [make_private_key(place / f"keys/{name}/mail.private") for name in ("example.com", "example.org")]
    (place.parent / "opendkim.conf").write_text(
        "# Log to syslog\nSyslog\t\t\tyes\nUMask 007\n"
        "KeyTable           refile:/etc/no-such/opendkim/KeyTable # the keys\n"
        "SigningTable       refile:/etc/no-such/opendkim/SigningTable\nMode sv\n"
    )
    (place / "KeyTable").write_text(
        "mail._domainkey.example.com example.com:mail:/etc/no-such/opendkim/keys/example.com/mail.private\n"
        "\n# the other\nmail._domainkey.example.org\texample.org:mail:keys/example.org/mail.private\n"
    )
    (place / "SigningTable").write_text(
        "*@example.com\tmail._domainkey.example.com\n*@*.example.com mail._domainkey.example.com\n"
        "*@example.org mail._domainkey.example.org # all of it\n"
    )
    return keys


def test_tables(sendoff, place):
    com, org = debian(place)
    dry = imported(sendoff, place, "--dry-run")
    assert domains(sendoff) == {}
    lines = imported(sendoff, place)
    assert [{**line, "dry_run": True} for line in lines] == dry
    assert lines[0] == {
        "domain": "example.com",
        "selector": "mail",
        "algorithm": "rsa",
        "bits": 2048,
        "file": str(com),
        "action": "imported",
        "text": "",
        "dry_run": False,
    }
    assert brief(lines) == [("example.com", "mail", "imported"), ("example.org", "mail", "imported")]
    assert domains(sendoff) == {"example.com": (True, {"mail"}), "example.org": (False, {"mail"})}
    for domain, key in (("example.com", com), ("example.org", org)):
        records = {r["name"]: r["value"] for r in sendoff.json("domain", "records", domain)}
        assert records[f"mail._domainkey.{domain}"] == f"v=DKIM1; k=rsa; p={published(key)}"
    assert brief(imported(sendoff, place)) == [("example.com", "mail", "present"), ("example.org", "mail", "present")]


def test_what_cannot_be_taken_over(sendoff, place):
    make_private_key(place / "good")
    make_private_key(place / "short", "genrsa", "1024")
    make_private_key(place / "locked", "genrsa", "-aes256", "-passout", "pass:x", "2048")
    make_private_key(place / "open", mode=0o644)
    ed25519 = make_private_key(place / "ed", "genpkey", "-algorithm", "ED25519")
    (place / "KeyTable").write_text(
        "good good.example:s:./good\nshort short.example:s:./short\nlocked locked.example:s:./locked\n"
        "open open.example:s:open\nnone none.example:s:./none\nodd odd.example:under_score:./good\nline\n"
        f"line8 line8.example:l8:{in_a_line(place / 'good')}\nline1 line1.example:l1:{in_a_line(place / 'good', '-traditional')}\n"
        f"ed ed.example:e:{in_a_line(ed25519)}\n"
        "any %:s:./%\nall all.example:s:./good\n"
    )
    names = ("good", "short", "locked", "open", "none", "odd", "line8", "line1", "ed")
    table = "".join(f"*@{name}.example {name}\n" for name in names)
    (place / "SigningTable").write_text(
        f"{table}ceo@lost.example good\nceo@good.example good\nnews@.good.example good\n*@other.example good\n*@a.good.example good\n*@lost.example lost\n*bad.example good\n"
        "good any\n* any\n* all\n*@any.example any\nplain\n"
    )
    make_private_key(place / "any.example")
    dry, lines = imported(sendoff, place, "--dry-run", status=1), imported(sendoff, place, status=1)
    assert [line["action"] for line in dry] == [line["action"] for line in lines]
    texts = {(line["domain"], line["action"]): line["text"] for line in lines}
    assert {d for d, action in texts if action == "imported"} == {
        "good.example",
        "line8.example",
        "line1.example",
        "ed.example",
        "all.example",
        "any.example",
    }
    assert set(domains(sendoff)) == {d for d, action in texts if action == "imported"}
    for domain, says in (
        ("short.example", "1024 bits is too short"),
        ("locked.example", "passphrase"),
        ("open.example", "chmod 600"),
        ("none.example", "No such file"),
        ("odd.example", "no selector"),
        ("other.example", "is signed as good.example"),
        ("a.good.example", "domain set good.example --subdomains on"),
        ("lost.example", "has no key lost"),
        ("all.example", "--fallback on"),
    ):
        assert says in texts[domain, "skipped"], domain
    skipped = [line["text"] for line in lines if line["action"] == "skipped"]
    for says in (
        "ceo@lost.example is not all of a domain",
        "news@.good.example is not",
        "KeyTable line 7",
        "SigningTable line 21",
        "*bad.example is no domain",
        "good is no domain",
        "* is mail of every domain; import the key",
    ):
        assert any(says in text for text in skipped), says
    assert not any("ceo@good" in text for text in skipped), "its domain is signed for all the same"
    (short,) = (line for line in lines if line["domain"] == "short.example")
    assert (short["algorithm"], short["bits"], short["file"]) == ("rsa", 1024, str(place / "short"))
    said = sendoff.run("import", "opendkim", place, "--yes")
    assert said.status == 1 and "left out" in said.err and "PRIVATE" not in said.out + said.err
    assert "MII" not in said.out + said.err, "a key"


def test_what_is_there_already(sendoff, place, tmp_path):
    com, org = debian(place)
    other = make_private_key(tmp_path / "other")
    sendoff("domain", "add", "example.com", "--import", com, "--selector", "mail")
    sendoff("domain", "add", "example.org", "--import", other, "--selector", "mail")
    before = domains(sendoff)
    lines = imported(sendoff, place, status=1)
    assert brief(lines) == [("example.com", "mail", "present"), ("example.org", "mail", "skipped")]
    assert "--subdomains on" in lines[0]["text"] and "another key" in lines[1]["text"]
    assert domains(sendoff) == before


def test_single_users_whose_domain_is_signed_for_anyway(sendoff, place):
    for name in ("a", "b"):
        make_private_key(place / name)
    (place / "KeyTable").write_text("a example.com:a:./a\na2 example.com:a:./b\nb example.com:b:./b\n")
    (place / "SigningTable").write_text("news@example.com a\nceo@example.com b\nx@.example.com a\n*@example.com a\n*@example.com a2\n")
    lines = imported(sendoff, place, status=1)
    assert brief(lines) == [
        ("example.com", None, "skipped"),
        (None, None, "skipped"),
        ("example.com", "a", "imported"),
        ("example.com", "a", "skipped"),
    ]
    assert "ceo@" in lines[0]["text"] and "x@.example.com" in lines[1]["text"]
    assert "same domain and selector" in lines[3]["text"]


def test_the_first_line_signs_unless_all_do(sendoff, place):
    for name in ("a", "b"):
        make_private_key(place / name)
    (place / "opendkim.conf").write_text("KeyTable KeyTable\nSigningTable file:SigningTable\n")
    (place / "KeyTable").write_text("a example.com:a:./a\nb example.com:b:./b\n")
    (place / "SigningTable").write_text("example.com a\nexample.com b\n.example.com b\n")
    lines = imported(sendoff, place, status=1, *("--dry-run",))
    assert [line["action"] for line in lines] == ["imported", "skipped", "imported"]
    assert "MultipleSignatures" in lines[1]["text"]
    with open(place / "opendkim.conf", "a") as conf:
        conf.write("multiplesignatures Yes\n")
    assert [line["action"] for line in imported(sendoff, place)] == ["imported", "imported"]
    assert domains(sendoff) == {"example.com": (True, {"a", "b"})}


@pytest.mark.parametrize("listed", ["Example.com, example.org", "file:domains", "csl:example.com,example.org"])
def test_one_key_without_tables(sendoff, place, listed):
    key = make_private_key(place / "2020.private")
    (place / "opendkim.conf").write_text(f"Domain {listed}\nSelector 2020\nKeyFile {key}\nSubDomains yes\n")
    (place / "domains").write_text("example.com\n# and\nexample.org\n")
    assert brief(imported(sendoff, place)) == [(name, "2020", "imported") for name in ("example.com", "example.org")]
    assert domains(sendoff) == {name: (True, {"2020"}) for name in ("example.com", "example.org")}


def test_folders_without_tables(sendoff, place):
    for name in ("example.com/mail", "example.com/2021", "example.org/mail"):
        make_private_key(place / f"keys/{name}.private")
        (place / f"keys/{name}.txt").write_text("mail._domainkey IN TXT ...")
    (place / "keys/example.net").mkdir()
    lines = imported(sendoff, place)
    assert brief(lines) == [
        ("example.com", "2021", "imported"),
        ("example.com", "mail", "imported"),
        ("example.org", "mail", "imported"),
    ]
    assert domains(sendoff) == {"example.com": (False, {"2021", "mail"}), "example.org": (False, {"mail"})}


def test_nothing_to_read(sendoff, place, tmp_path):
    for folder, says in ((place, "says of no key"), (tmp_path / "none", "No such file")):
        result = sendoff.run("import", "opendkim", folder, "--yes")
        assert result.status == 1 and says in result.err
    (place / "opendkim.conf").write_text("KeyTable dsn:mysql://u:p@localhost/dkim/table=t\n")
    result = sendoff.run("import", "opendkim", place, "--yes")
    assert result.status == 1 and "flat file" in result.err and "u:p" not in result.err
    (place / "opendkim.conf").write_text("KeyTable /etc/no-such/table\nSigningTable x\n")
    assert "No such file" in sendoff.run("import", "opendkim", place, "--yes").err
    os.mkfifo(place / "KeyTable")
    (place / "opendkim.conf").write_text("Mode sv\n")
    assert "is no file" in sendoff.run("import", "opendkim", place, "--yes").err


def answered(sendoff, answer, *words):
    """At a terminal: what was printed, and the exit status."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([PROGRAM, "--config", sendoff.config, *map(str, words)], stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.close(follower)
    os.write(leader, answer)
    out = process.communicate(timeout=120)[0].decode()
    os.close(leader)
    return process.returncode, out


def test_it_asks(sendoff, place):
    debian(place)
    result = sendoff.run("import", "opendkim", place)
    assert result.status == 2 and "--yes" in result.err, "nobody is there to ask"
    assert result.out.startswith("import    mail of example.com, RSA 2048")
    assert sendoff.run("--json", "import", "opendkim", place).status == 2
    status, out = answered(sendoff, b"n\n", "import", "opendkim", place)
    assert (status, domains(sendoff)) == (1, {}) and "Import 2 keys? [y/N]" in out
    status, out = answered(sendoff, b"y\n", "import", "opendkim", place)
    assert status == 0 and set(domains(sendoff)) == {"example.com", "example.org"}
    assert re.search(r"^imported  mail of example.org, RSA 2048, /.*mail\.private$", out, re.M), out
    assert "2 keys imported, 0 there already, 0 skipped" in out


def test_mail_is_signed_with_the_old_selector(lab, tmp_path):
    """The record that was published for OpenDKIM verifies what the gateway signs."""
    place = tmp_path / "opendkim"
    key, domain = make_private_key(place / "keys/old/mail2019.private"), lab.new_domain("moved")
    (place / "KeyTable").write_text(f"mail {domain}:mail2019:/etc/opendkim/keys/old/mail2019.private\n")
    (place / "SigningTable").write_text(f"*@{domain} mail\n*@*.{domain} mail\n")
    lab.dns.set(f"mail2019._domainkey.{domain}", "TXT", txt(f"v=DKIM1; h=sha256; k=rsa; p={published(key)}"))
    gateway = lab.new_gateway().configure()
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    gateway.start()
    account = gateway.add_account("app", senders=(domain, f"*.{domain}"))
    box = lab.exchanger(lab.new_domain())
    gateway.sendoff("import", "opendkim", place, "--yes")
    for sender in (domain, f"below.{domain}"):
        arrival = box.wait_for(submit_marked(gateway, account, f"a@{sender}", [f"r@{box.domain}"]))
        (signature,) = signatures(arrival.content)
        assert (tags(signature)["d"], tags(signature)["s"]) == (domain, "mail2019")
        assert verified(arrival.content, lab.dns) == [(domain, "rsa-sha256")]
    gateway.stop()
