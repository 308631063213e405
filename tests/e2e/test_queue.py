"""The queue by command: what is selected, what is asked, what becomes of it. Mail that is returned by an operator; holds
that are told apart."""

import asyncio
import getpass
import os
import pty
import subprocess
import threading
import time

import pytest

from sendoff_test.client import dialogue, plain, submit
from sendoff_test.command import PROGRAM, SANITIZERS
from sendoff_test.letters import letter, marker, report
from sendoff_test.processes import wait_until

FROM = "a@example.com"
LATER = "451 4.7.1 greylisted, come back"
ME = f"({os.environ.get('SUDO_USER') or getpass.getuser()})"


@pytest.fixture(scope="module", autouse=True)
def mailbox(lab):
    """Where notices go; there before anybody asks, since the answer "none" is remembered."""
    return lab.exchanger("example.com")


@pytest.fixture(scope="module")
def gateway(lab):
    """What is put off comes back by command alone."""
    return lab.gateway(retry=("1h",))


@pytest.fixture
def account(gateway):
    return gateway.add_account(f"app{len(gateway.sendoff.json('account', 'list'))}")


@pytest.fixture
def busy(lab):
    """An exchanger that puts everything off."""
    made = lab.exchanger(lab.new_domain())
    made.replies["RCPT"] = LATER
    return made


def send(gateway, account, *to, sender=FROM, author=FROM):
    """The message's id, and its mark."""
    mark = marker()
    with dialogue(gateway, account) as talk:
        talk.envelope(sender, *to)
        answer = talk.content(letter(author, to[0], mark, subject=mark))
    assert answer.startswith("250"), answer
    return answer.split(" accepted as ")[1].split(";")[0].split()[0], mark


def tried(gateway, *messages):
    wait_until(lambda: all(one["attempts"] for one in gateway.queue() if one["message"] in messages), "all were tried")


def events(gateway, message, kind):
    return [one for one in gateway.sendoff.json("log", "show", message) if one["event"] == kind]


def in_queue(gateway, message):
    return [one for one in gateway.queue() if one["message"] == message]


def on_terminal(gateway, answer, *words):
    """Exit status, and all that a person sees."""
    master, slave = pty.openpty()
    process = subprocess.Popen([PROGRAM, "--config", gateway.config, *words], stdin=slave, stdout=slave, stderr=slave, env={**os.environ, **SANITIZERS})
    os.close(slave)
    os.write(master, answer.encode())
    seen = b""
    try:
        while piece := os.read(master, 65536):
            seen += piece
    except OSError:  # EIO: the other side has ended
        pass
    os.close(master)
    return process.wait(60), seen.decode().replace("\r\n", "\n")


# Returned by command.


def test_bounce(gateway, account, mailbox, busy):
    message, mark = send(gateway, account, f"r@{busy.domain}")
    tried(gateway, message)
    said = gateway.sendoff("queue", "bounce", message, "--reason", "that mailbox has moved")
    assert said == "1 recipient in 1 message to be returned to their senders\n"
    back = mailbox.wait_for(mark)
    notice = report(back.content)
    (recipient,) = notice["recipients"]
    assert back.sender == "" and back.recipients == [FROM]
    assert (recipient["action"], recipient["status"]) == ("failed", "5.0.0")
    text = "returned by the operator of this gateway: that mailbox has moved; the last reason was: greylisted, come back"
    assert text in " ".join(notice["text"].split())
    assert ME not in notice["text"], "who the operator is does not concern the sender"
    (event,) = events(gateway, message, "bounced")
    assert event["text"] == f"by command {ME}: {text}" and event["rule"] == "command" and event["code"] == 554
    assert not in_queue(gateway, message) and busy.arrivals == []
    assert gateway.sendoff.json("suppression", "list") == [], "it says nothing of the recipient"


def test_bounce_of_several_domains_is_one_notice(lab, gateway, account, mailbox, busy):
    other = lab.exchanger(lab.new_domain())
    other.replies["RCPT"] = LATER
    to = [f"r@{busy.domain}", f"s@{other.domain}", f"t@{busy.domain}", f"u@{other.domain}"]
    message, mark = send(gateway, account, *to)
    tried(gateway, message)
    gateway.sendoff("queue", "hold", message)  # also what is held
    gateway.sendoff("queue", "bounce", "--to", f"*@{busy.domain}", "--yes")
    gateway.wait_event("bounced", "--to", to[2])
    assert sorted(one["to"] for one in in_queue(gateway, message)) == [to[1], to[3]]
    gateway.sendoff("queue", "bounce", message)
    gateway.wait_event("bounced", "--to", to[3])
    notices = wait_until(lambda: [found] if len(found := [a for a in mailbox.arrivals if mark.encode() in a.content]) == 2 else None, "both notices")[0]
    assert [len(report(one.content)["recipients"]) for one in notices] == [2, 2]


def test_bounce_takes_all_domains_together(lab, gateway, account, mailbox, busy):
    other = lab.exchanger(lab.new_domain())
    other.replies["RCPT"] = LATER
    message, mark = send(gateway, account, f"r@{busy.domain}", f"s@{other.domain}")
    tried(gateway, message)
    gateway.sendoff("queue", "bounce", message)
    assert len(report(mailbox.wait_for(mark).content)["recipients"]) == 2


def test_bounce_of_many_recipients(gateway, account, mailbox, busy):
    """More than a transaction, and more than are read at once."""
    to = [f"r{n}@{busy.domain}" for n in range(230)]
    message, mark = send(gateway, account, *to)
    tried(gateway, message)
    mailbox.forget()
    gateway.sendoff("queue", "bounce", message)
    wait_until(lambda: not in_queue(gateway, message), "all have ended")
    assert sorted(one["to"] for one in events(gateway, message, "bounced")) == sorted(to)
    told = [r["final-recipient"].replace(" ", "") for back in mailbox.wait(3) if mark.encode() in back.content for r in report(back.content)["recipients"]]
    assert sorted(told) == sorted(f"rfc822;{address}" for address in to)


def test_bounce_of_a_notice_makes_no_notice(lab, gateway, account, mailbox, busy):
    mailbox.replies["RCPT"] = LATER
    try:
        message, mark = send(gateway, account, f"r@{busy.domain}")
        tried(gateway, message)
        gateway.sendoff("queue", "bounce", message)
        notice = wait_until(lambda: [one for one in gateway.queue("--to", FROM) if one["attempts"]], "the notice was tried")[0]["message"]
        result = gateway.sendoff.run("queue", "bounce", notice)
        assert result.status == 0 and "has no sender to notify" in result.err
        wait_until(lambda: not in_queue(gateway, notice), "it has ended")
        assert events(gateway, notice, "dropped") and not gateway.queue("--to", FROM)
    finally:
        mailbox.replies.clear()


def test_bounce_waits_for_what_is_under_way(gateway, account, mailbox, busy):
    """An attempt ends first: what it delivers is delivered, what it puts off is returned then."""
    delivered, put_off = f"r@{busy.domain}", f"s@{busy.domain}"
    gates = {address: False for address in (delivered, put_off)}

    async def answer(address):
        while not gates[address]:
            await asyncio.sleep(0.02)
        return None if address == delivered else LATER

    busy.replies["RCPT"] = answer
    one, kept = send(gateway, account, delivered)
    two, returned = send(gateway, account, put_off)
    wait_until(lambda: all(in_queue(gateway, m)[0]["under_way"] for m in (one, two)), "both are under way")
    gateway.sendoff("queue", "bounce", one, two)
    assert {in_queue(gateway, m)[0]["state"] for m in (one, two)} == {"returning"}
    gates[delivered] = gates[put_off] = True
    busy.wait_for(kept)
    mailbox.wait_for(returned)
    wait_until(lambda: not gateway.queue("--account", account.name, "--to", f"*@{busy.domain}"), "both have ended")
    assert events(gateway, one, "delivered") and not events(gateway, one, "bounced")
    assert len(events(gateway, two, "bounced")) == 1


def test_bounce_without_a_gateway(lab, mailbox):
    gateway = lab.gateway(retry=("1h",))
    account, busy = gateway.add_account("app"), lab.exchanger(lab.new_domain())
    busy.replies["RCPT"] = LATER
    message, mark = send(gateway, account, f"r@{busy.domain}")
    tried(gateway, message)
    gateway.stop()
    said = gateway.sendoff("queue", "bounce", message, "--reason", "wrong address")
    assert "the gateway is not running: their senders are notified when it starts" in said
    (shown,) = gateway.queue("--state", "returning")
    assert shown["message"] == message and shown["waits"]["for"] == "returning"
    assert f"returned to its sender when the gateway starts, by command of {ME[1:-1]}: wrong address" in shown["waits"]["text"]
    assert gateway.sendoff.run("queue", "retry", message).status == 1
    gateway.start()
    assert "wrong address" in mailbox.wait_for(mark).content.decode()
    gateway.wait_empty()
    gateway.stop()


def test_bounce_survives_kills(lab, mailbox):
    """Each recipient is returned, and each notice made, once, whatever happens to the gateway."""
    gateway = lab.gateway(retry=("1h",))
    account, busy = gateway.add_account("app"), lab.exchanger(lab.new_domain())
    busy.replies["RCPT"] = LATER
    mailbox.forget()
    marks = {}
    for number in range(60):
        to = [f"r{number}.{n}@{busy.domain}" for n in range(5)]
        message, mark = send(gateway, account, *to)
        marks[message] = mark
    tried(gateway, *marks)
    gateway.sendoff("queue", "bounce", "--account", "app", "--yes")
    for _ in range(4):
        gateway.kill()
        gateway.start()
        time.sleep(0.1)
    wait_until(lambda: not gateway.queue(), "the queue is empty", 60)
    for message, mark in marks.items():
        assert len(events(gateway, message, "bounced")) == 5
        mailbox.wait_for(mark)
    notices = [one for one in gateway.log("--event", "accepted", "--limit", "0") if one["text"].startswith("failure notice")]
    assert len(notices) == len(marks)
    gateway.stop()


# What is selected, and asked.


def test_by_site_and_reply(lab, gateway, account, busy):
    other = lab.exchanger(lab.new_domain())
    other.replies["RCPT"] = "452 4.2.2 mailbox full"
    one, _ = send(gateway, account, f"r@{busy.domain}")
    two, _ = send(gateway, account, f"r@{other.domain}")
    tried(gateway, one, two)
    (shown,) = in_queue(gateway, one)
    site = shown["site"]
    assert site in {known["site"] for known in gateway.sendoff.json("site", "list")}
    mine = ["--account", account.name]
    assert {row["message"] for row in gateway.queue(*mine, "--reply", "GREYLISTED")} == {one}
    if in_queue(gateway, two)[0]["site"] != site:
        assert {row["message"] for row in gateway.queue(*mine, "--site", site)} == {one}
    (said,) = gateway.sendoff.json("queue", "hold", *mine, "--reply", "mailbox full", "--yes")
    assert (said["action"], said["changed"], said["messages"]) == ("hold", 1, 1)
    assert in_queue(gateway, two)[0]["state"] == "held" and in_queue(gateway, two)[0]["hold"] == "command"
    refused = gateway.sendoff.run("queue", "retry", "--site", site + "x", "--yes")
    assert refused.status == 1 and f"there is no site {site}x; did you mean {site}?" in refused.err
    gateway.sendoff("queue", "drop", *mine, "--yes")


def test_a_selection_is_shown_and_asked_about(gateway, account, busy):
    messages = [send(gateway, account, f"r{n}@{busy.domain}")[0] for n in range(4)]
    tried(gateway, *messages)
    words = ["queue", "drop", "--account", account.name]
    result = gateway.sendoff.run(*words)
    assert result.status == 2 and "--yes does it without a question" in result.err
    assert result.out.startswith("queue drop: 4 messages, 4 recipients, of 1 account; the oldest came ")
    assert f"  {messages[0]}  {account.name}  r0@{busy.domain}\n" in result.out
    assert result.out.endswith("  and 1 more: sendoff queue list\n")
    assert gateway.sendoff.run("--json", *words).status == 2
    (dry,) = gateway.sendoff.json(*words, "--dry-run")
    assert dry["dry_run"] and (dry["messages"], dry["recipients"], dry["accounts"], dry["changed"]) == (4, 4, 1, 0)
    assert dry["examples"][0] == {"message": messages[0], "account": account.name, "to": f"r0@{busy.domain}"}
    status, seen = on_terminal(gateway, "n\n", *words)
    assert status == 1 and "drop them, without a notice to anybody? [y/N]" in seen and "nothing is changed" in seen
    assert len(gateway.queue("--account", account.name)) == 4
    status, seen = on_terminal(gateway, "y\n", *words)
    assert status == 0 and "4 recipients in 4 messages dropped" in seen
    assert gateway.sendoff.run(*words, "--yes").status == 1
    assert gateway.sendoff("queue", "list", "--account", account.name) != "the queue is empty\n" or not gateway.queue()


def test_few_ids_are_not_asked_about_and_many_are(gateway, account, busy):
    messages = [send(gateway, account, f"r{n}@{busy.domain}")[0] for n in range(11)]
    tried(gateway, *messages)
    assert gateway.sendoff.run("queue", "drop", *messages).status == 2
    assert gateway.sendoff("queue", "drop", *messages[:10]) == "10 recipients in 10 messages dropped\n"
    gateway.sendoff("queue", "drop", messages[10])


def test_an_id_that_is_named_twice(gateway, account, busy):
    message, other = (send(gateway, account, f"r{n}@{busy.domain}")[0] for n in range(2))
    tried(gateway, message, other)
    words = [message, other, message.lower(), message]
    (dry,) = gateway.sendoff.json("queue", "hold", *words, "--dry-run")
    assert (dry["messages"], dry["recipients"]) == (2, 2)
    assert gateway.sendoff("queue", "hold", *words) == "2 recipients in 2 messages held\n"
    gateway.sendoff("queue", "drop", *words)


def test_the_summary_tells_what_goes_back(gateway, account, busy):
    messages = [send(gateway, account, f"r{n}@{busy.domain}")[0] for n in range(3)]
    tried(gateway, *messages)
    gateway.stop()
    gateway.sendoff("queue", "hold", messages[0])
    gateway.sendoff("queue", "bounce", messages[1])
    (row,) = (one for one in gateway.sendoff.json("queue", "summary") if one["domain"] == busy.domain)
    assert (row["queued"], row["held"], row["returning"]) == (1, 1, 1)
    gateway.start()
    gateway.sendoff("queue", "drop", messages[0], messages[2])


def test_one_event_for_a_message(gateway, account, busy):
    message, _ = send(gateway, account, f"r@{busy.domain}", f"s@{busy.domain}")
    tried(gateway, message)
    gateway.sendoff("queue", "hold", message)
    gateway.sendoff("queue", "release", "--to", f"s@{busy.domain}", "--yes")
    (held,) = events(gateway, message, "held")
    assert held["to"] == "" and held["text"] == f"held by command {ME}: 2 recipients" and held["numbers"]["recipients"] == 2
    (released,) = events(gateway, message, "released")
    assert released["to"] == f"s@{busy.domain}" and released["text"] == f"released by command {ME}"
    gateway.sendoff("queue", "drop", message)
    assert {one["to"] for one in events(gateway, message, "dropped")} == {f"r@{busy.domain}", f"s@{busy.domain}"}


def test_release_says_what_leaves_later(gateway, account, busy):
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, f"r@{busy.domain}", options=" HOLDFOR=3600")
        message = talk.content(letter(FROM, f"r@{busy.domain}", subject=marker())).split()[-1]
    (before,) = in_queue(gateway, message)
    gateway.sendoff("queue", "hold", message)
    said = gateway.sendoff("queue", "release", message)
    assert "1 of them leaves later, from " in said and "their sender, or a smoothed limit, says so" in said
    (after,) = in_queue(gateway, message)
    assert after["next"] == before["next"] == after["not_before"]
    gateway.sendoff("queue", "drop", message)


# Accounts.


def test_resume_releases_what_the_suspension_held(gateway, account, busy):
    by_hand, _ = send(gateway, account, f"r@{busy.domain}")
    tried(gateway, by_hand)
    gateway.sendoff("queue", "hold", by_hand)
    with_it, mark = send(gateway, account, f"s@{busy.domain}")
    tried(gateway, with_it)
    said = gateway.sendoff("account", "suspend", account.name, "--reason", "unpaid")
    assert f'{account.name} is suspended: its mail is refused with "unpaid"' in said and "1 queued recipient of" in said
    assert said.endswith("\n1 recipient of it was held already\n")
    assert in_queue(gateway, with_it)[0]["hold"] == "suspension"
    assert "its account is suspended" in gateway.sendoff("queue", "show", with_it)
    said = gateway.sendoff("account", "suspend", account.name, "--reason", "unpaid")
    assert said.endswith("\n2 recipients of it were held already\n") and "none of its mail" not in said
    (said,) = gateway.sendoff.json("account", "suspend", account.name, "--reason", "unpaid")
    assert (said["held"], said["held_already"]) == (0, 2)
    busy.replies.clear()
    said = gateway.sendoff("account", "resume", account.name)
    assert f"{account.name} may send again; 1 recipient that the suspension held is released" in said
    assert f"1 recipient held for other reasons stays held; to let them go: sendoff queue release --account {account.name}" in said
    busy.wait_for(mark)
    assert in_queue(gateway, by_hand)[0]["hold"] == "command"
    gateway.sendoff("queue", "drop", by_hand)
    said = gateway.sendoff("account", "suspend", account.name, "--reason", "unpaid")
    assert said.endswith("\nnone of its mail waits in the queue\n") and "held" not in said


def test_a_suspended_account_is_refused_at_mail(lab, gateway):
    """With a reference, whatever it logs in by; a wrong password is told as what it is."""
    client = lab.block.new_address()
    account = gateway.add_account("late", "--client-ip", client)
    gateway.sendoff("account", "suspend", "late", "--reason", "unpaid bill")
    logins = {
        "PLAIN": lambda talk: talk.say(f"AUTH PLAIN {plain(account.name, account.password)}"),
        "LOGIN": lambda talk: talk.login(account.name, account.password),
        "client address": None,
    }
    for name, login in logins.items():
        with dialogue(gateway, tls="implicit", source=client if login is None else None) as talk:
            if login:
                answer = login(talk)
                assert answer is None or answer.startswith("235"), (name, answer)
            answer = talk.say(f"MAIL FROM:<{FROM}>")
            assert answer.startswith("550 5.7.1 late is suspended: unpaid bill. sendoff why "), (name, answer)
            (why,) = gateway.sendoff.json("why", answer.split()[-1])
            assert why["rule"] == "suspended"
    with dialogue(gateway, tls="implicit") as talk:
        assert talk.say(f"AUTH PLAIN {plain(account.name, 'wrong password')}").startswith("535")


def test_remove_asks_when_mail_waits(gateway, account, busy):
    message, _ = send(gateway, account, f"r@{busy.domain}")
    tried(gateway, message)
    result = gateway.sendoff.run("account", "remove", account.name)
    assert result.status == 2 and f"1 message of {account.name} with 1 recipient waits in the queue, and will be held" in result.out
    status, seen = on_terminal(gateway, "y\n", "account", "remove", account.name)
    assert status == 0 and "remove the account? [y/N]" in seen and f"account {account.name} is removed" in seen
    assert in_queue(gateway, message)[0]["hold"] == "removal"
    gateway.add_account(account.name)  # another one of that name
    gateway.sendoff("account", "suspend", account.name, "--reason", "x")
    gateway.sendoff("account", "resume", account.name)
    assert in_queue(gateway, message)[0]["state"] == "held"
    gateway.sendoff("queue", "drop", message)
    assert gateway.sendoff("account", "remove", account.name) == f"account {account.name} is removed\n"


def test_domain_remove_says_whom_it_concerns(lab, gateway, busy):
    domain = lab.new_domain("signed")
    account = gateway.add_account("signs", senders=[domain])
    gateway.add_domain(domain, "--key", "ed25519")
    message, _ = send(gateway, account, f"r@{busy.domain}", sender=f"a@{domain}", author=f"a@{domain}")
    tried(gateway, message)
    result = gateway.sendoff.run("domain", "remove", domain)
    assert result.status == 2 and "these accounts may send it: signs\n" in result.out
    assert "keep their records in DNS until it has left" in result.out
    (said,) = gateway.sendoff.json("domain", "remove", domain, "--yes")
    assert said == {"domain": domain, "removed": True, "accounts": ["signs"], "signed_mail_waits": True}
    gateway.sendoff("queue", "drop", message)
    gateway.sendoff("domain", "add", "quiet.example", "--key", "ed25519")
    assert gateway.sendoff("domain", "remove", "quiet.example") == "domain quiet.example is removed, with its keys\n"


def test_source_remove_says_whom_it_concerns(gateway, busy):
    first, second = "127.0.0.9", "127.0.0.10"
    for address in (first, second):
        gateway.sendoff("source", "add", address, "--helo", "smtp.example.com", "--pool", "paired")
    gateway.add_account("paired", "--pool", "paired")
    assert gateway.sendoff("source", "remove", first) == f"source {first} is removed\n"
    result = gateway.sendoff.run("source", "remove", second)
    assert result.status == 2 and f"{second} is the last source of the pool paired" in result.out
    assert "Its mail waits then until the pool has another one." in result.out and "Accounts that send from it: paired" in result.out
    (said,) = gateway.sendoff.json("source", "remove", second, "--yes")
    assert said == {"address": second, "removed": True, "empty_pool": "paired", "accounts": 1, "messages": 0}


# Each change prints what it made; what is not there is told with what was probably meant.


def test_changes_print_their_result(gateway):
    json, text = gateway.sendoff.json, gateway.sendoff
    gateway.add_account("printed")
    (said,) = json("account", "set", "printed", "--add-limit", "50/day", "--add-sender", "Shop.Example")
    assert said["account"] == "printed" and said["limits"] == ["50/day"] and "shop.example" in said["senders"]
    said = text("account", "set", "printed", "--remove-limit", "50/day", "--remove-sender", "shop.example")
    assert "account        printed" in said and "shop.example" not in said
    refused = gateway.sendoff.run("account", "set", "printed", "--remove-limit", "60/day")
    assert refused.status == 1 and "there is no limit 60/day" in refused.err
    refused = gateway.sendoff.run("account", "set", "printed", "--remove-sender", "shop.example")
    assert refused.status == 1 and "there is no sender shop.example; what is there: example.com" in refused.err
    text("domain", "add", "printed.example", "--key", "ed25519")
    (said,) = json("domain", "set", "printed.example", "--spf", "off")
    assert (said["domain"], said["spf"]) == ("printed.example", "off")
    (said,) = json("gateway", "set", "--limit", "1000000/day")
    assert said["limits"] == ["1000000/day"]
    assert "1000000/day" not in text("gateway", "set", "--limit", "none")
    (said,) = json("source", "add", "127.0.0.11", "--helo", "smtp.example.com", "--pool", "printed")
    assert (said["address"], said["pool"]) == ("127.0.0.11", "printed")
    assert text("source", "set", "127.0.0.11", "--weight", "3").startswith("source 127.0.0.11 is changed: HELO smtp.example.com, pool printed, weight 3")
    text("source", "remove", "127.0.0.11")
    (said,) = json("route", "add", "printed.example", "127.0.0.12:2525")
    assert (said["to"], said["host"], said["port"]) == ("printed.example", "[127.0.0.12]", 2525)
    assert text("route", "remove", "printed.example").startswith("route for printed.example is removed")
    (said,) = json("suppression", "add", "U@printed.example", "--account", "printed")
    assert (said["account"], said["address"]) == ("printed", "U@printed.example") or said["address"].lower() == "u@printed.example"
    assert "mail of printed to " in text("suppression", "remove", "u@printed.example", "--account", "printed")


@pytest.mark.parametrize(
    "words, says",
    [
        (["account", "show", "neerby"], "there is no account neerby; did you mean nearby? see: sendoff account list"),
        (["account", "suspend", "neerby", "--reason", "x"], "did you mean nearby?"),
        (["account", "set", "neerby", "--pool", "x"], "did you mean nearby?"),
        (["account", "usage", "neerby"], "did you mean nearby?"),
        (["account", "review", "neerby"], "did you mean nearby?"),
        (["account", "trust", "neerby"], "did you mean nearby?"),
        (["queue", "list", "--account", "neerby"], "did you mean nearby?"),
        (["log", "--account", "neerby"], "did you mean nearby?"),
        (["suppression", "add", "u@example.net", "--account", "neerby"], "did you mean nearby?"),
        (["explain", "--account", "neerby", "--from", FROM, "--to", "u@example.net"], "did you mean nearby?"),
        (["domain", "show", "near.exmaple"], "there is no domain near.exmaple; did you mean near.example? see: sendoff domain list"),
        (["domain", "set", "near.exmaple", "--spf", "off"], "did you mean near.example?"),
        (["domain", "remove", "near.exmaple"], "did you mean near.example?"),
        (["dkim", "rotate", "near.exmaple"], "did you mean near.example?"),
        (["source", "set", "127.0.0.133", "--weight", "1"], "there is no source 127.0.0.133; did you mean 127.0.0.13? see: sendoff source list"),
        (["source", "remove", "127.0.0.133"], "did you mean 127.0.0.13?"),
        (["route", "remove", "neer.example"], "there is no route for neer.example; did you mean near.example? see: sendoff route list"),
        (["site", "resume", "neer"], "did you mean near?"),
        (["site", "forget", "neer"], "did you mean near?"),
        (["site", "show", "neer"], "there is no site neer; did you mean near? see: sendoff site list"),
    ],
)
def test_near_names(near, words, says):
    result = near.sendoff.run(*words)
    assert result.status == 1 and says in result.err, result


@pytest.fixture(scope="module")
def near(gateway):
    gateway.add_account("nearby")
    gateway.sendoff("domain", "add", "near.example", "--key", "ed25519")
    gateway.sendoff("source", "add", "127.0.0.13", "--helo", "smtp.example.com", "--pool", "near")
    gateway.sendoff("route", "add", "near.example", "127.0.0.14:2525")
    gateway.sendoff("site", "pause", "near", "--until", "1h")
    return gateway


def test_drop_of_what_is_under_way(lab, gateway, account, mailbox, busy):
    """Its attempt ends, and nobody is notified of that: not of a failure, nor (of what the host has taken) of a success."""
    slow, asked, go = lab.exchanger(lab.new_domain()), [], threading.Event()

    async def wait(address):
        asked.append(address)
        while not go.is_set():
            await asyncio.sleep(0.05)
        return None if address.startswith("taken") else "550 5.1.1 unknown"

    slow.replies["RCPT"] = wait
    mark, names = marker(), ("kept", "refused", "taken")
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM)
        for name in names:
            assert talk.say(f"RCPT TO:<{name}@{slow.domain}> NOTIFY=SUCCESS,FAILURE").startswith("250")
        assert talk.content(letter(FROM, f"kept@{slow.domain}", mark, subject=mark)).startswith("250")
    wait_until(lambda: asked, "it is under way")
    gateway.sendoff("queue", "drop", "--to", f"refused@{slow.domain}", "--yes")
    gateway.sendoff("queue", "drop", "--to", f"taken@{slow.domain}", "--yes")
    go.set()
    gateway.wait_event("bounced", "--to", f"kept@{slow.domain}")
    notice = report(mailbox.wait_for(mark).content)
    assert [one["final-recipient"] for one in notice["recipients"]] == [f"rfc822; kept@{slow.domain}"]
    assert "refused@" not in notice["text"] and "taken@" not in notice["text"]

    go.clear()
    asked.clear()
    alone, mark = send(gateway, account, f"refused@{slow.domain}")
    wait_until(lambda: asked, "it is under way")
    gateway.sendoff("queue", "drop", alone)
    go.set()
    fresh, last = send(gateway, account, f"r@{busy.domain}")
    tried(gateway, fresh)
    gateway.sendoff("queue", "bounce", fresh)
    mailbox.wait_for(last)
    wait_until(lambda: gateway.sendoff.json("status")[0]["in_flight"] == 0, "its attempt has ended")
    assert [one["event"] for one in gateway.sendoff.json("log", "show", alone)] == ["accepted", "dropped"]
    assert not [one for one in mailbox.arrivals if mark.encode() in one.content]


# What waits in memory, for a connection to its site.


@pytest.mark.parametrize("verb", ["hold", "drop", "bounce"])
def test_what_waits_for_a_connection(lab, gateway, account, busy, verb):
    """Only what an exchanger has been asked about goes on; the rest stays here, and when it is released is sent once."""
    slow, asked, go, count = lab.exchanger(lab.new_domain()), [], threading.Event(), 60

    async def wait(address):
        asked.append(address)
        while not go.is_set():
            await asyncio.sleep(0.05)

    slow.replies["RCPT"] = wait
    other, _ = send(gateway, account, f"r@{busy.domain}")
    tried(gateway, other)
    to = [f"r{i}@{slow.domain}" for i in range(count)]
    for one in to:
        send(gateway, account, one)
    wait_until(lambda: asked, "some are under way")
    gateway.sendoff("queue", verb, "--to", f"*@{slow.domain}", "--yes")
    del busy.replies["RCPT"]
    gateway.sendoff("queue", "retry", other)
    wait_until(lambda: busy.arrivals, "the gateway has seen a later command")
    under_way = set(asked)
    assert 0 < len(under_way) < count
    go.set()
    arrived = lambda: sorted(one.recipients[0] for one in slow.arrivals)
    wait_until(lambda: under_way <= set(arrived()), "what was under way has arrived")
    time.sleep(2)
    assert set(arrived()) == under_way
    left = [one["to"] for one in gateway.queue() if one["to"].endswith(f"@{slow.domain}")]
    if verb == "hold":
        assert sorted([*left, *arrived()]) == sorted(to)
        gateway.sendoff("queue", "release", "--to", f"*@{slow.domain}", "--yes")
        wait_until(lambda: len(slow.arrivals) >= count, "all have arrived")
    elif verb == "bounce":
        wait_until(lambda: len(gateway.log("--event", "bounced", "--to", f"*@{slow.domain}")) == count - len(under_way), "the rest is returned")
    wait_until(lambda: not [one for one in gateway.queue() if one["to"].endswith(f"@{slow.domain}")], "nothing is left")
    assert len(arrived()) == len(set(arrived())), "each once"
