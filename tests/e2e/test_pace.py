"""Pace per site: the table of providers, what their replies mean, pauses, and what outlives a restart."""

import asyncio
import json
import time

import pytest

from sendoff_test.client import submit
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM = "a@example.com"

TABLE = """
provider "lab" {{
  mx = {{"{site}.host"}}
  connections = {connections}
  messages_per_connection = {messages}
  {more}
}}
"""


@pytest.fixture
def table(tmp_path):
    """Writes a table for the exchangers of one site, and gives its path."""
    path = tmp_path / "shaping.conf"

    def write(site, more="", connections=2, messages=100):
        path.write_text(TABLE.format(site=site, connections=connections, messages=messages, more=more))
        path.chmod(0o644)
        return str(path)

    return write


def new_gateway(lab, path, **options):
    return lab.new_gateway().configure(delivery=f'shaping = "{path}"', **options).start()


def send(gateway, account, to):
    mark = marker()
    submit(gateway, account, FROM, [to], letter(FROM, to, subject=mark))
    return mark


def sites(gateway):
    return [json.loads(line) for line in gateway.sendoff("--json", "site", "list").splitlines()]


def site(gateway, name="lab"):
    found = [s for s in sites(gateway) if s["site"] == name]
    assert len(found) == 1, found
    return found[0]


def test_connections_and_their_messages_are_the_tables(lab, table):
    hosts = [lab.exchanger(lab.new_domain(), site="one") for _ in range(4)]
    gateway = new_gateway(lab, table("one", connections=2, messages=3))
    account = gateway.add_account("app")
    for host in hosts:
        host.replies["CONTENT"] = lambda _: asyncio.sleep(0.3)
    marks = [(host, send(gateway, account, f"r{n}@{host.domain}")) for n in range(5) for host in hosts]
    open_at_once = [site(gateway)["open"]]
    while len(gateway.log("--event", "delivered")) < len(marks) and len(open_at_once) < 500:
        open_at_once.append(site(gateway)["open"])
    for host, mark in marks:
        host.wait_for(mark)
    assert max(open_at_once) == 2, open_at_once
    for host in hosts:
        counts = [a.connection for a in host.arrivals]
        assert max(counts.count(c) for c in counts) <= 3, counts
    shown = site(gateway)
    assert shown["accepted"] == 20 and shown["connections_most"] == 2 and shown["messages_per_connection"] == 3, shown
    gateway.stop()


def test_a_rate_is_kept_to_and_what_waits_says_so(lab, table):
    hosts = [lab.exchanger(lab.new_domain(), site="two") for _ in range(2)]
    gateway = new_gateway(lab, table("two", "messages_per_minute = 20"))
    account = gateway.add_account("app")
    for n in range(3):
        for host in hosts:
            send(gateway, account, f"r{n}@{host.domain}")
    gateway.wait_event("delivered", count=1)
    waiting = [r["under_way"] for r in gateway.queue() if r["under_way"] and r["under_way"]["stage"] == "pace"]
    assert waiting and {w["host"] for w in waiting} == {"lab"} and any(w["until"] for w in waiting), gateway.queue()
    assert "waiting for its turn at lab" in gateway.sendoff("queue", "list")
    events = gateway.wait_event("delivered", count=3)
    assert len(events) <= 4, events  # one in three seconds
    assert gateway.log("--event", "deferred") == []
    gateway.stop()


def test_next_hops_of_one_site_take_turns_and_the_queue_says_so(lab, table):
    hosts = [lab.exchanger(lab.new_domain(), site="turns") for _ in range(2)]
    gateway = new_gateway(lab, table("turns", "messages_per_minute = 6"))
    account = gateway.add_account("app")
    for n in range(10):
        send(gateway, account, f"r{n}@{hosts[n % 2].domain}")

    def waiting():
        rows = [row["under_way"] for row in gateway.queue()]
        paced = [row for row in rows if row and row["stage"] == "pace"]
        return paced if paced and len({row["host"] for row in paced}) == 1 and len(paced) == len(rows) else None

    rows = wait_until(waiting, "what has not left waits for the site's turn")
    places = sorted(row["ahead"]["messages"] for row in rows)
    assert places == list(range(len(rows))), "one place each, over both next hops"
    assert max(row["ahead"]["own"] for row in rows) <= len(rows) // 2 + 1
    gateway.stop()


def test_mail_is_back_when_the_reply_says(lab, table):
    host = lab.exchanger(lab.new_domain(), site="three")
    rule = 'rule { code = 45 reply = "try again in" action = "greylist" example = "450 try again in 5 seconds" }'
    gateway = new_gateway(lab, table("three", rule), retry=["1h"])
    account = gateway.add_account("app")
    begun = time.monotonic()
    refusals = iter(["451 4.7.1 greylisted, try again in 4 seconds"])
    host.replies["RCPT"] = lambda _: next(refusals, None)
    host.wait_for(send(gateway, account, f"r@{host.domain}"), timeout=40)
    assert time.monotonic() - begun >= 4
    gateway.stop()


PAUSE = """
  rule { reply = "[TSS04]" action = "pause" time = "10m" example = "421 4.7.0 [TSS04] deferred" }
  rule { reply = "[BL1]" action = "block" time = "10m" example = "554 5.7.1 [BL1] blocked" }
"""


def test_a_reply_pauses_the_site_for_all_its_domains(lab, table):
    first, other = (lab.exchanger(lab.new_domain(), site="four") for _ in range(2))
    second = lab.exchanger(site="four")
    lab.dns.set(first.domain, "MX", f"10 {first.name}.", f"20 {second.name}.")
    gateway = new_gateway(lab, table("four", PAUSE))
    account = gateway.add_account("app")
    first.replies["MAIL"] = "421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred"
    send(gateway, account, f"r@{first.domain}")
    (event,) = gateway.wait_event("deferred", "--to", f"r@{first.domain}")
    assert "[TSS04]" in event["text"]
    assert not second.connections, "another host of a site that has asked to wait was tried"
    send(gateway, account, f"r@{other.domain}")
    (event,) = gateway.wait_event("deferred", "--to", f"r@{other.domain}")
    assert event["rule"] == "pace" and "paused" in event["text"] and "[TSS04]" in event["text"], event
    assert not other.connections
    assert "sendoff site" in gateway.sendoff("why", event["message"])
    (waiting,) = gateway.queue("--to", f"r@{other.domain}")
    shown = site(gateway)
    assert shown["paused_until"] and shown["action"] == "pause" and "[TSS04]" in shown["reason"], shown
    assert waiting["next"] >= shown["paused_until"] and waiting["attempts"] == 0, (waiting, shown)
    # It is remembered, and ended by command.
    gateway.restart()
    assert site(gateway)["paused_until"], sites(gateway)
    gateway.sendoff("site", "resume", "lab")
    assert not site(gateway)["paused_until"], sites(gateway)
    del first.replies["MAIL"]
    gateway.sendoff("queue", "retry", "--to", "*", "--yes")
    gateway.wait_event("delivered", count=2)
    gateway.stop()


def test_a_reply_pauses_the_site_for_all_sources(lab, table):
    rule = 'rule { reply = "come tomorrow" action = "pause-all" time = "10m" example = "421 come tomorrow" }'
    host = lab.exchanger(lab.new_domain(), site="nine")
    gateway = new_gateway(lab, table("nine", rule))
    accounts = {}
    for pool in "one", "two":
        gateway.sendoff("source", "add", lab.block.new_address(), "--helo", "smtp.example.com", "--pool", pool)
        accounts[pool] = gateway.add_account(pool, "--pool", pool)
        host.wait_for(send(gateway, accounts[pool], f"{pool}@{host.domain}"))
    host.replies["MAIL"] = "421 4.7.0 come tomorrow"
    send(gateway, accounts["one"], f"a@{host.domain}")
    gateway.wait_event("deferred", "--to", f"a@{host.domain}")
    del host.replies["MAIL"]
    send(gateway, accounts["two"], f"b@{host.domain}")
    (event,) = gateway.wait_event("deferred", "--to", f"b@{host.domain}")
    assert event["rule"] == "pace" and "come tomorrow" in event["text"], event
    assert all(s["paused_until"] for s in sites(gateway)) and len(sites(gateway)) == 2, sites(gateway)
    gateway.stop()


def test_a_provider_with_tls_gets_nothing_in_the_clear(lab, table):
    clear, safe = lab.exchanger(lab.new_domain(), site="ten"), lab.exchanger(lab.new_domain(), site="ten", tls="good")
    gateway = new_gateway(lab, table("ten", "require_tls = yes"))
    account = gateway.add_account("app")
    send(gateway, account, f"r@{clear.domain}")
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{clear.domain}", count=2)  # also when it has waited
    assert event["rule"] == "tls" and "require_tls" in event["text"], event
    assert safe.wait_for(send(gateway, account, f"r@{safe.domain}")).tls and not clear.arrivals
    gateway.stop()


def test_a_block_is_an_alarm_once(lab, table):
    host = lab.exchanger(lab.new_domain(), site="five")
    gateway = new_gateway(lab, table("five", PAUSE))
    account = gateway.add_account("app")
    host.replies["MAIL"] = "554 5.7.1 [BL1] blocked"
    send(gateway, account, f"r1@{host.domain}")
    gateway.wait_event("bounced", "--to", f"r1@{host.domain}")
    send(gateway, account, f"r2@{host.domain}")
    gateway.wait_event("deferred", "--to", f"r2@{host.domain}")
    alarms = [line for line in gateway.output().splitlines() if "source blocked" in line]
    assert len(alarms) == 1 and "site=lab" in alarms[0] and "[BL1]" in alarms[0], gateway.output()
    assert host.connections == 1
    assert json.loads(gateway.sendoff("--json", "status"))["sites_blocked"] == 1
    assert "BLOCKED" in gateway.sendoff("site", "list")
    gateway.stop()


def test_a_site_is_paused_by_command(lab, table):
    host, elsewhere = lab.exchanger(lab.new_domain(), site="six"), lab.exchanger(lab.new_domain())
    gateway = new_gateway(lab, table("six"))
    account = gateway.add_account("app")
    gateway.sendoff("site", "pause", "lab", "--until", "1h")
    gateway.restart()
    send(gateway, account, f"r@{host.domain}")
    (event,) = gateway.wait_event("deferred", "--to", f"r@{host.domain}")
    assert event["rule"] == "pace" and "by command" in event["text"], event
    elsewhere.wait_for(send(gateway, account, f"r@{elsewhere.domain}"))
    assert site(gateway)["paused_by_command"] and not host.connections
    gateway.sendoff("site", "resume", "lab")
    gateway.sendoff("queue", "retry", "--to", "*", "--yes")
    gateway.wait_event("delivered", "--to", f"r@{host.domain}")
    assert not site(gateway)["paused_by_command"]
    for words in (["--until", "yesterday"], ["--source", "here"]):
        assert gateway.sendoff.run("site", "pause", "lab", *words).status == 2
    gateway.stop()


def test_a_pause_says_what_is_paused(lab, table):
    """By the name of a site, not of a recipient's domain; of one source or all; and the list shows each pause."""
    host = lab.exchanger(lab.new_domain(), site="twelve")
    gateway = new_gateway(lab, table("twelve"))
    account, used, other = gateway.add_account("app"), lab.block.new_address(), lab.block.new_address()
    gateway.sendoff("source", "add", used, "--helo", "smtp.example.com")
    host.wait_for(send(gateway, account, f"r@{host.domain}"))
    run = gateway.sendoff.run

    def paused():
        return {s["source"]: s["paused_by_command"] for s in sites(gateway) if s["site"] == "lab"}

    assert paused() == {used: False}
    assert run("site", "pause", "LAB", "--source", other, "--until", "1h").out.startswith(f"nothing is sent to lab from {other} now")
    assert paused() == {used: False, other: True}
    shown = [json.loads(line) for line in gateway.sendoff("--json", "site", "show", "Lab").splitlines()]
    assert [s["source"] for s in shown if s["paused_by_command"]] == [other], shown
    assert run("site", "pause", "lab").out.startswith("nothing is sent to lab now")
    assert paused() == {used: True, other: True}

    result = run("site", "resume", "lab", "--source", used)
    assert result.status == 1 and "it is paused from all sources; to end that: sendoff site resume lab" in result.err, result
    assert "again" not in result.out and paused()[used]
    result = run("--json", "site", "resume", "lab", "--source", other)
    assert result.status == 1 and json.loads(result.out) == {
        "site": "lab",
        "source": other,
        "was_paused_by_command": True,
        "paused_by_command": True,
    }
    assert "lab is sent to again; " in gateway.sendoff("site", "resume", "lab") and paused() == {used: False}
    assert "lab was not paused" in gateway.sendoff("site", "resume", "lab")

    # A recipient's domain is no site, and mail goes on; one that mail may come to go to is paused with a warning.
    gateway.sendoff("site", "pause", "lab.example")
    result = run("site", "pause", "la.example")
    assert result.status == 0 and "nothing is sent" not in result.out, result
    assert "no mail has gone to a site la.example yet; did you mean lab.example?" in result.err, result
    for verb in "resume", "forget":
        result = run("site", verb, "lob.example")
        assert result.status == 1 and "there is no site lob.example; did you mean lab.example?" in result.err, result
    for name in "*", "a b", "":
        result = run("site", "pause", name)
        assert result.status == 2 and "is no site" in result.err, result
    gateway.stop()


def test_the_table_is_read_again_and_a_bad_one_is_not_taken(lab, table):
    host = lab.exchanger(lab.new_domain(), site="seven")
    path = table("seven", connections=2)
    gateway = new_gateway(lab, path)
    account = gateway.add_account("app")
    host.wait_for(send(gateway, account, f"r@{host.domain}"))
    assert site(gateway)["connections_most"] == 2
    table("seven", connections=7)
    gateway.reload()
    wait_until(lambda: site(gateway)["connections_most"] == 7, "the new table")
    table("seven", "speed = 9", connections=5)
    gateway.reload()
    wait_until(lambda: "was not reloaded" in gateway.output(), "the bad table's line")
    assert f"{path}:6: no such option 'speed'" in gateway.output()
    assert site(gateway)["connections_most"] == 7
    host.wait_for(send(gateway, account, f"r2@{host.domain}"))
    gateway.stop()


def test_what_a_site_bears_is_learnt_and_remembered(lab, table):
    """It closes after three messages on a connection; that is found out, and known after a restart."""
    host = lab.exchanger(lab.new_domain(), site="eight")
    carried = {}

    def close_after_three(_):
        newest = host.connections
        carried[newest] = carried.get(newest, 0) + 1
        return "421 4.7.0 too many for one connection" if carried[newest] > 3 else None

    host.replies["MAIL"] = close_after_three
    gateway = new_gateway(lab, table("eight", connections=1))
    account = gateway.add_account("app")
    marks = [send(gateway, account, f"r{n}@{host.domain}") for n in range(14)]
    for mark in marks:
        host.wait_for(mark, timeout=60)
    wait_until(lambda: site(gateway)["messages_per_connection"] == 3, "its limit")
    gateway.restart()
    assert site(gateway)["messages_per_connection"] == 3
    before = len(host.arrivals)
    deferred = len(gateway.log("--event", "deferred"))
    marks = [send(gateway, account, f"s{n}@{host.domain}") for n in range(6)]
    for mark in marks:
        host.wait_for(mark, timeout=60)
    assert len(host.arrivals) == before + 6 and len(gateway.log("--event", "deferred")) == deferred
    gateway.stop()


def test_check_says_what_can_never_fire(lab, tmp_path):
    path = tmp_path / "bad.conf"
    path.write_text('provider "p" {\n  mx = {"example.net."}\n  rule { reply = "a" action = "slow" example = "421 b" }\n}\n')
    gateway = lab.gateway()
    result = gateway.sendoff.run("site", "check", str(path))
    said = result.err
    assert result.status == 1
    assert f"{path}:2: mx" in said and f"{path}:3: this rule is not for its own example" in said, said
