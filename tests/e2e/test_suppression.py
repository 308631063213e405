"""The suppression list: who gets onto it by bounces of a real next hop, who does not, and how long; and the commands."""

import re
import time

import pytest

from sendoff_test.attempts import attempt_as, explained
from sendoff_test.client import dialogue, submit, submit_marked
from sendoff_test.letters import letter, marker
from sendoff_test.stored import edit

FROM = "a@example.com"
DAY = 86400 * 1000000


def entries(gateway, *words):
    return gateway.sendoff.json("suppression", "list", *words)


def addresses(gateway, *words):
    return [entry["address"] for entry in entries(gateway, *words)]


def send(gateway, account, to, event="bounced"):
    before = len(gateway.log("--event", event, "--to", to))
    submit(gateway, account, FROM, [to], letter(FROM, to, subject=marker()))
    gateway.wait_event(event, "--to", to, count=before + 1)


def fails(gateway, status, *words):
    result = gateway.sendoff.run(*words)
    assert result.status == status, result
    return result


@pytest.fixture
def place(lab):
    gateway = lab.gateway(retry=["1s"], expire="1h")
    lab.exchanger("example.com")
    host = lab.exchanger(lab.new_domain())
    yield gateway, host, gateway.add_account("app")
    gateway.stop()


def test_hard_bounces_within_a_week(place):
    gateway, host, account = place
    gone = f"gone@{host.domain}"
    host.replies["RCPT"] = "550 5.1.1 <gone>: Recipient address rejected: User unknown"
    for _ in range(2):
        send(gateway, account, gone)
    assert entries(gateway) == []
    send(gateway, account, gone.replace("gone", "GONE"))
    (entry,) = entries(gateway)
    assert (entry["address"], entry["account"], entry["origin"], entry["hard"]) == (gone, "app", "bounce", 3)
    assert entry["code"] == 550 and "User unknown" in entry["text"] and entry["message"]
    (told,) = gateway.log("--event", "suppressed")
    assert told["rule"] == "suppression" and told["to"].lower() == gone
    gateway.kill()  # the entry was written with the outcome
    gateway.start()
    assert addresses(gateway) == [gone]
    gateway.sendoff("suppression", "remove", gone, "--account", "app")
    send(gateway, account, gone)  # from the beginning again
    assert entries(gateway) == []


@pytest.mark.parametrize(
    "reply, hard, soft",
    [
        ("552 5.2.2 mailbox full", 0, 3),
        ("550 5.7.1 blocked by policy", 0, 0),
        ("550 5.1.1 your IP address is listed at dnsbl.example", 0, 0),
        ("550 5.1.8 sender domain unknown", 0, 0),
    ],
)
def test_other_bounces_suppress_nobody(place, reply, hard, soft):
    gateway, host, account = place
    to = f"r@{host.domain}"
    host.replies["RCPT"] = reply
    for _ in range(3):
        send(gateway, account, to)
    assert entries(gateway) == []
    counted = gateway.sendoff.json("suppression", "list", "--bounces")
    assert [(row["hard"], row["soft"]) for row in counted] == ([(hard, soft)] if hard + soft else [])


def test_old_bounces_do_not_count_and_entries_expire(place):
    gateway, host, account = place
    to = f"gone@{host.domain}"
    host.replies["RCPT"] = "550 5.1.1 no such user"
    for _ in range(2):
        send(gateway, account, to)
    gateway.stop()
    edit(gateway, f"UPDATE suppression_hits SET at_us = at_us - {7 * DAY}")
    gateway.start()
    send(gateway, account, to)
    assert entries(gateway) == []
    for _ in range(2):
        send(gateway, account, to)
    (entry,) = entries(gateway)
    assert entry["expires"] > entry["added"]
    edit(gateway, f"UPDATE suppressions SET expires_us = {int(time.time() * 1e6)}")
    assert entries(gateway) == []


def test_commands(place):
    gateway, _, _ = place
    sendoff = gateway.sendoff
    sendoff("suppression", "add", "User@Example.NET", "--reason", "asked us to", "--forever")
    sendoff("suppression", "add", "user@example.net", "--account", "app", "--until", "90d")
    both = entries(gateway)
    assert [(e["account"], e["address"], e["origin"]) for e in both] == [
        ("", "user@example.net", "manual"),
        ("app", "user@example.net", "manual"),
    ]
    assert both[0]["expires"] is None and both[0]["reason"] == "asked us to" and both[1]["expires"]
    assert addresses(gateway, "*@example.org") == []
    assert addresses(gateway, "--account", "app") == ["user@example.net"]
    assert "asked us to" in sendoff("suppression", "list")
    sendoff("suppression", "remove", "USER@example.net", "--account", "app")
    refused = fails(gateway, 1, "suppression", "remove", "user@example.net", "--account", "app")
    assert "sendoff suppression remove user@example.net" in refused.err
    fails(gateway, 1, "suppression", "add", "user@example.net", "--account", "nobody")
    fails(gateway, 2, "suppression", "add", "no address")
    assert "an entry is one address" in fails(gateway, 2, "suppression", "add", "*@example.org").err
    assert addresses(gateway, "*@example.org") == []
    fails(gateway, 2, "suppression", "add", "a@b.example", "--until", "yesterday")


def test_import_and_export(place, tmp_path):
    gateway, _, _ = place
    sendoff, source, out = gateway.sendoff, tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(
        b"\xef\xbb\xbfEmail Address,Reason,Created\r\n"
        b'One@Example.net,"said ""no"", twice",2026-01-02 10:00:00\r\n'
        b"nobody\r\n"
        b'two@example.net,"line\r\nbreak",1767312000\r\n'
        b'"open\r\n'
        b"three@example.net\r\n"
    )
    dry = fails(gateway, 1, "suppression", "import", str(source), "--dry-run")
    assert "3 of 5" in dry.out and entries(gateway) == []
    done = fails(gateway, 1, "suppression", "import", str(source), "--account", "app")
    assert "line 3: nobody is no address" in done.err and "line 6: its quotes" in done.err
    first = entries(gateway, "--account", "app")
    assert [e["address"] for e in first] == ["one@example.net", "three@example.net", "two@example.net"]
    assert first[0]["reason"] == 'said "no", twice' and first[0]["added"].startswith("2026-01-02T10:00")
    sendoff("suppression", "export", str(out), "--account", "app")
    assert sendoff("suppression", "export", "-", "--account", "app").splitlines() == out.read_text().splitlines()
    for entry in first:
        sendoff("suppression", "remove", entry["address"], "--account", "app")
    sendoff("suppression", "import", str(out), "--account", "app")
    assert entries(gateway, "--account", "app") == first
    again = sendoff.json("suppression", "import", str(out), "--account", "app")[0]
    assert (again["added"], again["kept"]) == (0, 3)


def test_many_are_imported_in_reasonable_time(place, tmp_path):
    gateway, host, account = place
    source = tmp_path / "many.csv"
    source.write_text("address\n" + "".join(f"user{i}@example.net\n" for i in range(20000)))
    (done,) = gateway.sendoff.json("suppression", "import", str(source), "--forever")
    assert done["added"] == 20000
    to = f"r@{host.domain}"
    send(gateway, account, to, event="delivered")
    assert addresses(gateway, "user19999@*") == ["user19999@example.net"]


def test_one_bounce_is_enough_for_an_account_that_says_so(place):
    gateway, host, account = place
    gateway.stop()
    edit(gateway, "UPDATE accounts SET suppress_after = 1")
    gateway.start()
    host.replies["RCPT"] = "550 5.1.1 no such user"
    send(gateway, account, f"gone@{host.domain}")
    assert addresses(gateway, "--account", "app") == [f"gone@{host.domain}"]


def test_one_bounce_is_enough_for_bulk_mail(place):
    gateway, host, account = place
    host.replies["RCPT"] = "450 4.2.1 later"
    send(gateway, account, f"gone@{host.domain}", event="deferred")
    gateway.stop()
    edit(gateway, "UPDATE messages SET flags = flags | 1024")
    host.replies["RCPT"] = "550 5.1.1 no such user"
    gateway.start()
    gateway.wait_event("suppressed", "--to", f"gone@{host.domain}")
    assert addresses(gateway, "--account", "app") == [f"gone@{host.domain}"]


def test_a_suppressed_recipient_is_refused_or_dropped(place):
    gateway, host, account = place
    gone, there = f"gone@{host.domain}", f"there@{host.domain}"
    gateway.sendoff("suppression", "add", gone, "--account", "app", "--reason", "asked us to", "--until", "1h")
    answer = attempt_as(gateway, account, FROM, [gone.upper()])
    assert re.match(rf"550 5\.1\.1 {gone.upper()} is suppressed: asked us to; until .* UTC \(in 59m\d+s\)", answer), answer
    assert "suppression refuse" in explained(gateway, answer)
    (event,) = gateway.log("--event", "refused")
    assert event["rule"] == "suppression"
    # Accepted, logged and not delivered; the others of the message get it.
    gateway.sendoff("account", "set", "app", "--suppressed", "drop")
    mark = submit_marked(gateway, account, FROM, [gone, there])
    host.wait_for(mark)
    gateway.wait_event("delivered", "--to", there)
    (dropped,) = gateway.log("--event", "dropped")
    assert (dropped["to"], dropped["rule"]) == (gone, "suppression"), dropped
    assert attempt_as(gateway, account, FROM, [gone]).startswith("250")
    gateway.wait_event("dropped", count=2)
    assert [arrival.recipients for arrival in host.arrivals] == [[there]], "nobody else got anything"
    assert gateway.queue() == []
    # Nobody else's list; off the list, it is written to again.
    gateway.sendoff("suppression", "remove", gone, "--account", "app")
    mark = submit_marked(gateway, account, FROM, [gone])
    host.wait_for(mark)


def test_one_among_pipelined_recipients(place):
    """The store is asked in the middle of a pipeline: every reply is its own command's, in order, and none is lost."""
    gateway, host, account = place
    names = [f"r{n}@{host.domain}" for n in range(6)]
    for name in (names[1], names[4]):
        gateway.sendoff("suppression", "add", name, "--account", "app")
    with dialogue(gateway, account) as talk:
        talk.send("".join([f"MAIL FROM:<{FROM}>\r\n", *(f"RCPT TO:<{n}>\r\n" for n in names), "DATA\r\n"]).encode())
        replies = [talk.reply()[:3] for _ in range(len(names) + 2)]
        assert replies == ["250", "250", "550", "250", "250", "550", "250", "354"], replies
        talk.send(letter(FROM, names[0], subject=marker()) + b".\r\n")
        assert talk.reply().startswith("250")
        # A client that goes while the store is asked.
        talk.send(f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{names[1]}>\r\n".encode())
    gateway.wait_event("delivered", count=4)
    assert gateway.running()
