"""Finding mail in the log as people look for it: real messages of several clients, odd subjects, ids and patterns; what
follows, what a terminal shows, what is exported, and what goes."""

import contextlib
import csv
import datetime
import fcntl
import io
import json
import os
import pty
import re
import sqlite3
import struct
import subprocess
import termios
import time

import pytest

from sendoff_test.attempts import attempt, attempt_as, logged_reference
from sendoff_test.client import dialogue, submit
from sendoff_test.letters import marker
from sendoff_test.processes import wait_until
from sendoff_test.stored import edit

FROM = "shop@example.com"
DOMAIN = "dest.example.net"

# name: the fields as a program writes them, the subject as people read it
SUBJECTS = {
    "plain": ("Subject: Your order #48213 has shipped", "Your order #48213 has shipped"),
    "q": ("Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_Z=C3=BCrich?=", "Grüße aus Zürich"),
    "b": ("Subject: =?UTF-8?B?UGFzc3dvcnQgenVyw7xja3NldHplbg==?=", "Passwort zurücksetzen"),
    "latin": ("Subject: =?iso-8859-1?Q?Caf=E9_=FCber_der_Stra=DFe?=", "Café über der Straße"),
    "folded": ("Subject: =?utf-8?Q?Rechnung?=\r\n =?utf-8?Q?_Nummer_7?=\r\n und mehr", "Rechnung Nummer 7 und mehr"),
    "emoji": ("Subject: =?utf-8?B?8J+OiSBQYXJ0eSDwn46J?=", "🎉 Party 🎉"),
    "syntax": ("Subject: \"quoted\" AND NEAR(x) OR -y* 100%_", "\"quoted\" AND NEAR(x) OR -y* 100%_"),
    "formula": ("Subject: =HYPERLINK(\"http://x.example\";\"a, b\")", "=HYPERLINK(\"http://x.example\";\"a, b\")"),
    "raw": ("Subject: Müllabfuhr für alle", "Müllabfuhr für alle"),
    "long": (f"Subject: {'lang ' * 80}", None),
    "none": ("X-Nothing: 1", ""),
}
ODD_IDS = ("<it's*odd%_\"$@host.example>", "<no-at-sign>", "<A.b+c=d/e@[192.0.2.1]>")


def text(fields, to, message_id=None):
    lines = [f"From: {FROM}", f"To: {to}", "Date: Sat, 28 Nov 2026 10:00:00 +0000", fields]
    if message_id:
        lines.append(f"Message-ID: {message_id}")
    return ("\r\n".join(lines) + "\r\n\r\nhello\r\n").encode()


@pytest.fixture(scope="module")
def exchanger(lab):
    server = lab.exchanger(DOMAIN)
    server.replies["RCPT"] = lambda address: "550 5.1.1 no such user here (cid=77)" if address.startswith("nobody") else None
    return server


@pytest.fixture(scope="module")
def sent(gateway, exchanger):
    """Each of the messages above, to a recipient of its own; its id by name."""
    account = gateway.add_account("shop")
    for name, (fields, _) in SUBJECTS.items():
        submit(gateway, account, FROM, [f"{name}.reader@{DOMAIN}"], text(fields, f"{name}.reader@{DOMAIN}"))
    for number, odd in enumerate(ODD_IDS):
        submit(gateway, account, FROM, [f"odd{number}.reader@{DOMAIN}"], text("Subject: odd", f"odd{number}.reader@{DOMAIN}", odd))
    delivered = gateway.wait_event("delivered", "--account", "shop", count=len(SUBJECTS) + len(ODD_IDS))
    ids = {event["to"].split(".reader")[0]: event["message"] for event in delivered}
    return {**ids, **{odd: ids[f"odd{number}"] for number, odd in enumerate(ODD_IDS)}}


def found(gateway, *options):
    return {event["message"] for event in gateway.log(*options)}


@pytest.mark.parametrize("name", [name for name, (_, subject) in SUBJECTS.items() if subject])
def test_subjects_are_kept_as_people_read_them(gateway, sent, name):
    for event in gateway.sendoff.json("log", "show", sent[name]):
        assert event["subject"] == SUBJECTS[name][1], event
        assert event["message_id"].startswith("<")
        assert event["stream"] == "transactional"


def test_a_long_subject_is_cut(gateway, sent):
    (first, *_) = gateway.sendoff.json("log", "show", sent["long"])
    assert len(first["subject"]) <= 255 and first["subject"].startswith("lang lang")


@pytest.mark.parametrize(
    "words, name",
    [
        ("48213", "plain"),
        ("shipped ORDER", "plain"),
        ("#482", "plain"),
        ("ZÜRICH grüße", "q"),
        ("GRÜSSE", "q"),
        ("Zurückset", "b"),
        ("CAFÉ", "latin"),
        ("strasse", "latin"),
        ("rechnung nummer 7 und", "folded"),
        ("🎉", "emoji"),
        ('"quoted"', "syntax"),
        ("NEAR(x)", "syntax"),
        ("100%_", "syntax"),
        ("-y", "syntax"),
        ("OR and", "syntax"),
        ("=HYPERLINK(", "formula"),
        ("MÜLL", "raw"),
    ],
)
def test_subject_words(gateway, sent, words, name):
    """All events of the message, and of no other."""
    assert found(gateway, "--subject", words) == {sent[name]}
    events = {event["event"] for event in gateway.log("--subject", words)}
    assert {"accepted", "delivered"} <= events
    assert found(gateway, "--subject", words, "--event", "delivered") == {sent[name]}


@pytest.mark.parametrize("words", ["48214", "order missing", "'; DROP TABLE events; --", "%", "100_%", '"', "NOT", "nichts*da"])
def test_subject_words_that_find_nothing_else(gateway, sent, words):
    assert found(gateway, "--subject", words) <= {sent["syntax"], sent["formula"]}


@pytest.mark.parametrize("command", ["log", "log summary --by domain", "log export --format csv"])
def test_an_empty_value_is_not_all(gateway, sent, command):
    """As of a variable that a script has not set."""
    words = command.split()
    for option in ("since", "until", *(("account", "subject", "address", "message-id") if "summary" not in command else ())):
        result = gateway.sendoff.run(*words, f"--{option}", "")
        assert result.status == 2 and not result.out and f"--{option} is empty: leave it out, or say which" in result.err, result
    if "summary" not in command:
        gateway.sendoff(*words, "--from", "", "--to", "")  # of a notice, or of nobody
    result = gateway.sendoff.run(*words, "--since", "1h", "--until", "2h")
    assert result.status == 2 and "--until is not after --since" in result.err, result


@pytest.mark.parametrize("odd", ODD_IDS)
def test_message_ids(gateway, sent, odd):
    assert found(gateway, "--message-id", odd) == {sent[odd]}
    assert found(gateway, "--message-id", odd.strip("<>")) == {sent[odd]}
    assert not found(gateway, "--message-id", odd.strip("<>")[:-1])


def test_a_message_id_is_no_pattern(gateway, sent):
    assert not found(gateway, "--message-id", "<*>") and not found(gateway, "--message-id", "%")


def test_addresses(gateway, sent):
    assert found(gateway, "--to", f"q.reader@{DOMAIN}") == {sent["q"]}
    assert found(gateway, "--to", f"Q.READER@{DOMAIN.upper()}") == {sent["q"]}
    assert found(gateway, "--to", "q.reader") == set()
    assert found(gateway, "--address", "latin.rea") == {sent["latin"]}
    assert found(gateway, "--address", "lat*n.reader@d") == {sent["latin"]}
    assert found(gateway, "--from", "shop@*", "--to", "odd1.*") == {sent["<no-at-sign>"]}
    assert not found(gateway, "--to", f"q_reader@{DOMAIN}") and not found(gateway, "--to", f"q%@{DOMAIN}")
    assert found(gateway, "--domain", "Dest.Example.NET") >= set(sent.values())
    assert not found(gateway, "--domain", "example.net")


def test_hosts_sources_and_replies(gateway, sent):
    (delivered,) = gateway.log("--subject", "48213", "--event", "delivered")
    assert sent["q"] in found(gateway, "--source", delivered["source"])
    assert not found(gateway, "--source", "192.0.2.254")
    assert sent["q"] in found(gateway, "--host", delivered["host"].split("[")[0])
    assert sent["q"] in found(gateway, "--site", delivered["host"].split("[")[0][:-2])
    account = gateway.add_account("wrong")
    submit(gateway, account, FROM, [f"nobody@{DOMAIN}"], text("Subject: x", f"nobody@{DOMAIN}"))
    gateway.wait_event("bounced", "--account", "wrong")
    (bounced,) = gateway.log("--reply", "NO SUCH user here (cid", "--event", "bounced")
    assert bounced["to"] == f"nobody@{DOMAIN}"
    assert gateway.log("--reply", "550 5.1.1", "--event", "bounced") == [bounced] == gateway.log("--reply", "5.1.1 no*cid=77", "--event", "bounced")
    assert not gateway.log("--reply", "Message-ID", "--event", "accepted")


def test_clients_in_wide_use(gateway, exchanger):
    account = gateway.add_account("clients")
    host, port = gateway.endpoint("starttls")
    words = ["swaks", "--server", host, "--port", str(port), "--tls", "--auth", "PLAIN", "--auth-user", account.name]
    words += ["--auth-password", account.password, "--from", FROM, "--to", f"swaks@{DOMAIN}"]
    mark = marker()
    subprocess.run([*words, "--header", f"Subject: von swaks für {mark}"], check=True, capture_output=True, timeout=60)
    wait_until(lambda: len(found(gateway, "--subject", f"SWAKS FÜR {mark}")) == 1, "swaks' message is found by its subject")


def test_the_story(gateway, sent):
    told = gateway.sendoff("log", "show", sent["q"])
    assert re.search(r"^subject +Grüße aus Zürich$", told, re.M)
    assert re.search(r"^message-id +<\S+>$", told, re.M)
    assert re.search(r"delivered +250 .*\(after [\d.]+m?s\)$", told, re.M)
    assert "tls      TLSv1.3" in told and "source" in told
    accepted, *_, delivered = gateway.sendoff.json("log", "show", sent["q"])
    assert accepted["after_ms"] == 0 <= delivered["attempt_ms"] <= delivered["after_ms"]
    assert accepted["tls"] == "TLSv1.3" and "verified" not in accepted and "attempt_ms" not in accepted
    assert re.search(r"^times +first attempt after \S+, delivered after \S+$", told, re.M)
    assert re.search(r"^    took +\S+$", told, re.M) and delivered["numbers"]["took_ms"] >= 0


def test_the_story_has_the_decision(gateway, sent):
    """Signatures and results have lines, and fields, of their own."""
    keys = gateway.sendoff.json("dkim", "list", "example.com")
    (accepted, *_) = gateway.sendoff.json("log", "show", sent["plain"])
    expected = {("example.com", key["selector"], f"{key['algorithm']}-sha256") for key in keys if key["state"] == "active"}
    assert expected and {(one["domain"], one["selector"], one["algorithm"]) for one in accepted["signed"]} == expected
    assert accepted["spf"] in ("pass", "none") and accepted["spf_reason"]
    told = gateway.sendoff("log", "show", sent["plain"])
    for domain, selector, algorithm in expected:
        assert re.search(rf"^    (signed)? +{selector}\._domainkey\.{re.escape(domain)} \({algorithm}\)$", told, re.M)
    assert f"    spf      {accepted['spf']} ({accepted['spf_reason']})\n" in told


def test_the_story_of_unsigned_mail(gateway, exchanger):
    account = gateway.add_account("unsigned", senders=["unsigned.example"])
    submit(gateway, account, "a@unsigned.example", [f"u@{DOMAIN}"], text("Subject: u", f"u@{DOMAIN}").replace(FROM.encode(), b"a@unsigned.example"))
    (accepted,) = gateway.wait_event("accepted", "--account", "unsigned")
    assert accepted["signed"] == [] and "not signed: no key for unsigned.example" in accepted["text"]
    assert re.search(r"^    signed +no$", gateway.sendoff("log", "show", accepted["message"]), re.M)


def environment(**more):
    return {**os.environ, **more}


def run(gateway, *words, **env):
    done = subprocess.run(gateway.sendoff.words(*words), capture_output=True, text=True, timeout=60, env=environment(**env))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_times_are_local_or_utc(gateway, sent):
    """Nine hours ahead of UTC, without a summer time."""
    (event,) = gateway.log("--subject", "48213", "--event", "accepted")
    utc = event["time"]
    local = (datetime.datetime.fromisoformat(utc[:19]) + datetime.timedelta(hours=9)).isoformat()
    here = run(gateway, "log", "--subject", "48213", "--event", "accepted", TZ="Asia/Tokyo")
    assert here.startswith(local) and not here.split()[0].endswith("Z")
    assert run(gateway, "log", "--subject", "48213", "--event", "accepted", "--utc", TZ="Asia/Tokyo").startswith(utc)
    at = here.split()[0]
    assert run(gateway, "log", "--subject", "48213", "--event", "accepted", "--since", at, TZ="Asia/Tokyo") == here
    assert run(gateway, "log", "--subject", "48213", "--event", "accepted", "--until", at, TZ="Asia/Tokyo") == ""
    assert run(gateway, "log", "--subject", "48213", "--event", "accepted", "--since", at, "--utc", TZ="Asia/Tokyo") == ""
    assert run(gateway, "log", "--subject", "48213", "--event", "accepted", "--since", utc, TZ="Asia/Tokyo") == here


def on_terminal(gateway, rows, columns, *words):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    child = subprocess.Popen(gateway.sendoff.words(*words), stdout=follower, env={**env, "TERM": "xterm"})
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert child.wait(60) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()


def test_a_screenful(gateway, sent):
    lines = on_terminal(gateway, 12, 70, "log")
    assert len(lines) == 11 and all(len(line) <= 70 for line in lines), lines
    assert any(line.endswith("…") for line in lines)
    assert len(on_terminal(gateway, 12, 70, "log", "--since", "1d")) > 11
    assert len(on_terminal(gateway, 12, 70, "log", "--limit", "3")) == 3
    assert len(run(gateway, "log").splitlines()) > 24


def test_follow(gateway, sent):
    account = gateway.add_account("followed")
    child = subprocess.Popen(
        gateway.sendoff.words("--json", "log", "--subject", "später", "--follow"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for subject in ("jetzt", "sp=C3=A4ter"):
            submit(gateway, account, FROM, [f"f@{DOMAIN}"], text(f"Subject: =?utf-8?Q?{subject}?=", f"f@{DOMAIN}"))
        seen = [json.loads(child.stdout.readline()) for _ in range(2)]
    finally:
        child.kill()
        child.communicate()
    assert [event["event"] for event in seen] == ["accepted", "delivered"]
    assert {event["subject"] for event in seen} == {"später"}


def test_summary(gateway, sent):
    by_account = {line["account"]: line for line in gateway.sendoff.json("log", "summary", "--by", "account", "--since", "1d")}
    shop, all_of_them = by_account["shop"], len(SUBJECTS) + len(ODD_IDS)
    assert shop["accepted"] == shop["delivered"] == all_of_them and shop["bounced"] == 0 and shop["delivered_rate"] == 1
    (domain,) = [line for line in gateway.sendoff.json("log", "summary", "--by", "domain") if line["domain"] == "example.com"]
    assert domain["delivered"] >= all_of_them
    assert {line["stream"] for line in gateway.sendoff.json("log", "summary", "--by", "stream")} == {"transactional"}
    for by in ("site", "source"):
        lines = gateway.sendoff.json("log", "summary", "--by", by, "--since", "1d")
        assert sum(line["delivered"] for line in lines) >= all_of_them and all(line["accepted"] == 0 for line in lines)
    shown = run(gateway, "log", "summary", "--by", "account", COLUMNS="80")
    assert all(len(line) <= 80 for line in shown.splitlines()) and "####" in shown and "100.0%" in shown
    assert "nothing in the log" in run(gateway, "log", "summary", "--by", "account", "--until", "2020-01-01", "--since", "2019-01-01")
    assert gateway.sendoff.run("log", "summary").status == 2


def test_summary_counts_nobodys_notices(lab, gateway):
    """A bounce of one's mail that reaches its sender is no delivery of one's mail."""
    home, away = lab.exchanger("home.example.org"), lab.exchanger("away.example.org")
    away.replies["RCPT"] = "550 5.1.1 no such mailbox"
    sender = f"back@{home.domain}"
    account = gateway.add_account("returning", senders=(home.domain,))
    letter = text("Subject: comes back", f"nobody@{away.domain}").replace(FROM.encode(), sender.encode())
    submit(gateway, account, sender, [f"nobody@{away.domain}"], letter)
    home.wait(1)
    gateway.wait_event("delivered", "--to", sender)
    (line,) = [one for one in gateway.sendoff.json("log", "summary", "--by", "account") if one["account"] == "returning"]
    assert (line["accepted"], line["delivered"], line["bounced"], line["delivered_rate"]) == (1, 0, 1, 0)
    (line,) = [one for one in gateway.sendoff.json("log", "summary", "--by", "site") if away.name in one["site"]]
    assert (line["delivered"], line["bounced"]) == (0, 1)
    (line,) = gateway.sendoff.json("policy", "replay", "--since", "1d", "--account", "returning", "--limit", "1/day")
    assert (line["messages"], line["refused"]) == (1, 0)

    # What the account itself sends with a null reverse-path, as autoresponders do, is its mail.
    submit(gateway, account, "", [f"friend@{home.domain}"], letter.replace(b"comes back", b"I am away"))
    gateway.wait_event("delivered", "--to", f"friend@{home.domain}")
    (line,) = [one for one in gateway.sendoff.json("log", "summary", "--by", "account") if one["account"] == "returning"]
    assert (line["accepted"], line["delivered"], line["bounced"]) == (2, 1, 1)


def test_export(gateway, sent):
    rows = list(csv.DictReader(io.StringIO(run(gateway, "log", "export", "--format", "csv", "--account", "shop"), newline="")))
    events = gateway.log("--account", "shop")
    assert [row["id"] for row in rows] == [event["id"] for event in events]
    subjects = {row["subject"] for row in rows}
    assert "'=HYPERLINK(\"http://x.example\";\"a, b\")" in subjects and "🎉 Party 🎉" in subjects
    for row, event in zip(rows, events):
        assert (row["time"], row["event"], row["to"].lstrip("'")) == (event["time"], event["event"], event["to"])
    lines = [json.loads(line) for line in run(gateway, "log", "export", "--format", "jsonl", "--subject", "HYPERLINK").splitlines()]
    assert lines and {line["subject"] for line in lines} == {SUBJECTS["formula"][1]}
    assert gateway.sendoff.run("log", "export", "--format", "xml").status == 2
    assert run(gateway, "log", "export", "--format", "csv", "--until", "2020-01-01").count("\n") == 1


def test_formulas_of_strangers(lab):
    gateway = lab.new_gateway()
    wrong = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\uff0b1", " \uff0d1", "\uff201", "=cmd|' /C calc'!A0\",\"x"]
    for subject in wrong + ["a=1", "\"", "a\nb", "' x"]:
        put_events(gateway, 1, subject=subject)
    rows = list(csv.DictReader(io.StringIO(run(gateway, "log", "export", "--format", "csv"), newline="")))
    shown = ["'" + one.replace("\r", "\n") for one in wrong]  # as Python reads a pipe
    assert [row["subject"] for row in rows] == shown + ["a=1", "\"", "a\nb", "' x"]


def put_events(gateway, count, **columns):
    """Events of ten days ago and since, behind the gateway's back, as a large log has them."""
    start = int((time.time() - 10 * 86400 - 1704067200) * 1000)
    row = {"message_id": 0, "kind": 1, "account": "old", "sender": "", "recipient": "", "code": 550, "enhanced": "5.7.1"}
    row.update(text="x" * 300, host="192.0.2.1", source="", count=1, **columns)
    ids = [(start + number * 1000) << 21 for number in range(count)]
    names = ", ".join(["id", *row])
    with contextlib.closing(sqlite3.connect(f"{gateway.data}/sendoff.db", timeout=20)) as store, store:
        store.executemany(f"INSERT INTO events({names}) VALUES ({', '.join('?' * (len(row) + 1))})", [(one, *row.values()) for one in ids])


def indexed(gateway):
    with contextlib.closing(sqlite3.connect(f"{gateway.data}/sendoff.db")) as store:
        return store.execute("SELECT count(*) FROM log_parts").fetchone()[0]


def test_a_large_log(lab, exchanger):
    """Searched while it is indexed and mail comes; what is over its size goes, and the file is smaller then."""
    gateway = lab.new_gateway().configure(retry=("1h",))
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    account = gateway.add_account("busy")
    put_events(gateway, 60000, recipient="hay@haystack.example")
    edit(gateway, "UPDATE events SET recipient = 'needle@haystack.example' WHERE id = (SELECT min(id) FROM events)")
    gateway.start()
    for number in range(5):
        submit(gateway, account, FROM, [f"busy{number}@{DOMAIN}"], text(f"Subject: busy {number}", f"busy{number}@{DOMAIN}"))
        assert [event["to"] for event in gateway.log("--address", "needle")] == ["needle@haystack.example"]
    assert found(gateway, "--subject", "busy 4") and len(gateway.log("--to", "hay@*", "--limit", "50")) == 50
    wait_until(lambda: indexed(gateway) == 60005 // 2048, "it is indexed", 60)
    assert [event["to"] for event in gateway.log("--address", "needle")] == ["needle@haystack.example"]
    gateway.stop()
    large = os.path.getsize(f"{gateway.data}/sendoff.db")
    gateway.configure(retry=("1h",), log='max_size = "4M"')
    gateway.start()
    wait_until(lambda: os.path.getsize(f"{gateway.data}/sendoff.db") < large - 10e6, "the file is smaller", 60)
    assert gateway.log("--address", "needle") == [] and len(gateway.log("--to", "hay@*", "--limit", "50")) == 50
    assert found(gateway, "--subject", "busy 4")
    refused = gateway.sendoff.run("log", "compact")
    assert refused.status == 1 and refused.err.startswith("sendoff: stop the gateway first")
    gateway.stop()
    (done,) = gateway.sendoff.json("log", "compact")
    assert done["after"] <= done["before"] and found(gateway, "--subject", "busy 4")
    gateway.sendoff("log", "compact", "--forget-subjects")
    assert not found(gateway, "--subject", "busy") and found(gateway, "--to", f"busy4@{DOMAIN}")
    with open(f"{gateway.data}/sendoff.db", "rb") as file:
        assert b"busy 4" not in file.read()
    assert "deliver" in run(gateway, "log", "summary", "--by", "account", "--since", "20d").lower()


ELSEWHERE = "ceo@bank.example"  # which no account here may send as


def refused_as(gateway, account, subject, message_id=None, extra=""):
    """Sent twice in a session: the same message has the same reference."""
    content = text(f"Subject: {subject}{extra}", f"r@{DOMAIN}", message_id).replace(f"From: {FROM}".encode(), f"From: {ELSEWHERE}".encode())
    with dialogue(gateway, account) as talk:
        answers = {attempt(talk, FROM, [f"r@{DOMAIN}"], content) for _ in range(2)}
    (answer,) = answers
    assert answer.startswith("5"), answer
    return logged_reference(gateway, answer)


def refused(gateway, *words):
    return [event["ref"] for event in gateway.log("--event", "refused", *words)]


def test_what_was_not_sent_is_found(gateway, exchanger):
    """The customer says: the mail of order 4711 did not come. It was refused after its content."""
    account = gateway.add_account("refused")
    ref = refused_as(gateway, account, "=?utf-8?Q?Bestellung_4711_f=C3=BCr_Sie?=", "<4711@shop.example>", "\r\nX-Sendoff-Stream: bulk")
    assert refused(gateway, "--subject", "bestellung 4711 FÜR") == [ref] == refused(gateway, "--message-id", "4711@shop.example")
    assert refused(gateway, "--stream", "bulk", "--account", "refused") == [ref]
    (event,) = gateway.log("--subject", "Bestellung 4711")
    assert (event["subject"], event["message_id"], event["stream"]) == ("Bestellung 4711 für Sie", "<4711@shop.example>", "bulk")
    told = gateway.sendoff("why", ref)
    assert "    subject  Bestellung 4711 für Sie\n" in told and "    message-id <4711@shop.example>\n" in told
    assert refused_as(gateway, account, "Bestellung 4712") != ref
    (event,) = gateway.log("--subject", "Bestellung 4712")
    assert "message_id" not in event, "the client gave none"


def test_what_was_not_sent_for_its_header_is_found(gateway, exchanger):
    """The header itself is refused."""
    account = gateway.add_account("malformed")
    content = text("Subject: order 99\r\nTo: again@dest.example", f"r@{DOMAIN}", "<99@shop.example>")
    answer = attempt_as(gateway, account, FROM, [f"r@{DOMAIN}"], content)
    ref = logged_reference(gateway, answer)
    assert refused(gateway, "--subject", "order 99") == [ref] == refused(gateway, "--message-id", "99@shop.example")


def test_what_was_not_sent_for_its_limit_is_found(gateway, exchanger):
    """The store refuses, with the commit: this message is too large for a limit."""
    account = gateway.add_account("small", "--limit", "1KB/message")
    answer = attempt_as(gateway, account, FROM, [f"r@{DOMAIN}"], text("Subject: order 98", f"r@{DOMAIN}", "<98@shop.example>") + (b"x" * 70 + b"\r\n") * 30)
    assert answer.startswith("5"), answer
    ref = logged_reference(gateway, answer)
    assert refused(gateway, "--subject", "order 98") == [ref] == refused(gateway, "--message-id", "98@shop.example")


def test_without_subjects(lab, exchanger):
    """From then on: what is there stays."""
    gateway = lab.new_gateway().configure(retry=("1h",))
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    account = gateway.add_account("private")
    gateway.start()
    submit(gateway, account, FROM, [f"a@{DOMAIN}"], text("Subject: before it was off", f"a@{DOMAIN}"))
    gateway.stop()
    gateway.configure(retry=("1h",), log="subject = no")
    gateway.start()
    submit(gateway, account, FROM, [f"b@{DOMAIN}"], text("Subject: after it was off", f"b@{DOMAIN}"))
    kept = [event.get("subject") for event in gateway.log("--event", "accepted")]
    assert kept == ["before it was off", None]
    assert not gateway.log("--subject", "after") and gateway.log("--subject", "before")
    ref = refused_as(gateway, account, "after, and refused", "<off@shop.example>")
    assert refused(gateway, "--message-id", "off@shop.example") == [ref] and not gateway.log("--subject", "refused")
