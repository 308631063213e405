"""`sendoff doctor`: what it finds of names, sources, the way out, accounts and the queue."""

import time

import pytest

from sendoff_test.client import submit
from sendoff_test.dns import txt
from sendoff_test.doctor import HURTS, doctor, gateway_that_is_well, of, one_of
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter
from sendoff_test.processes import wait_until
from sendoff_test.stored import edit


@pytest.fixture(scope="module")
def well(lab):
    return gateway_that_is_well(lab)


# Names.


def test_hostname(lab):
    gateway = lab.new_gateway().configure()
    with open(gateway.config) as config:
        text = config.read()

    def named(name):
        with open(gateway.config, "w") as config:
            config.write(text.replace('"smtp.example.com"', f'"{name}"'))
        return gateway

    one_of(named("gateway"), "hostname", "error", "no name that others can look up", fix="hostname = ")
    one_of(named("mail.local"), "hostname", "error", "no name that others can look up")
    one_of(named("nowhere.example.org"), "hostname", "warning", "has no address in DNS", fix="nowhere.example.org. A ADDRESS")
    lab.dns.set("nat.example.org", "A", "193.0.2.80")
    one_of(named("nat.example.org"), "hostname", "note", "leads to 193.0.2.80", fix="--public 193.0.2.80")
    gateway.sendoff("source", "add", SOURCE, "--helo", "nat.example.org", "--public", "193.0.2.80")
    assert not of(doctor(gateway), "hostname")


def test_sources(lab):
    gateway = lab.new_gateway().configure(local="no")
    gateway.sendoff.run("source", "add", "192.0.2.10", "--helo", "smtp.example.com")
    gateway.sendoff("source", "add", "127.0.0.9", "--helo", "smtp.example.com")
    gateway.sendoff("source", "add", "127.0.0.8", "--helo", "smtp.example.com", "--public", "193.0.2.8")
    gateway.add_account("blog", "--pool", "bulk")
    found = {one["about"]: one for one in of(doctor(gateway), "sources")}
    assert found["192.0.2.10"]["severity"] == "error" and "sendoff source remove 192.0.2.10" in found["192.0.2.10"]["fix"]
    assert "is a private address" in found["127.0.0.9"]["text"] and "--public" in found["127.0.0.9"]["fix"]
    assert found["193.0.2.8"]["severity"] == "warning"
    assert found["193.0.2.8"]["fix"].startswith("8.2.0.193.in-addr.arpa. PTR smtp.example.com.")
    assert "pool bulk, which has no source" in found["blog"]["text"]


def test_ipv6_without_a_name(lab):
    gateway = lab.new_gateway().configure()
    gateway.sendoff("source", "add", "::1", "--helo", "smtp.example.com", "--public", "2a02:db8::25")
    found = one_of(gateway, "sources", "error", "no mail leaves from this IPv6 address", about="2a02:db8::25")
    assert ".ip6.arpa. PTR smtp.example.com." in found["fix"] and "smtp.example.com. AAAA 2a02:db8::25" in found["fix"]


def test_blocklists(well):
    edit(well, "INSERT INTO blocklist_notes(list, subject, state, since_us, answered_us, asked_us, codes, text, trouble) VALUES ('bl.example.org', ?, 2, 1, 1, 1, '127.0.0.2', 'see https://bl.example.org/why', '')", SOURCE)
    edit(well, "UPDATE meta SET value = value + 1 WHERE key = 'config'")
    try:
        one_of(well, "blocklists", "error", "is listed by bl.example.org (127.0.0.2)", about=SOURCE, fix="https://bl.example.org/why")
    finally:
        edit(well, "DELETE FROM blocklist_notes")
        edit(well, "UPDATE meta SET value = value + 1 WHERE key = 'config'")


def test_domains(lab):
    """What is missing is printed as the record to publish, and once it is there, nothing is said."""
    gateway = lab.new_gateway().configure()
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    gateway.add_domain("shop.example", "--key", "ed25519", publish=False)
    found = of(doctor(gateway), "domains", "shop.example")
    fixes = [one["fix"] for one in found]
    assert any(fix.startswith("shop.example. TXT \"v=spf1 ip4:127.0.0.2") for fix in fixes), fixes
    assert any("._domainkey.shop.example. TXT \"v=DKIM1" in fix for fix in fixes), fixes
    gateway.publish(gateway.sendoff.json("domain", "records", "shop.example"))
    lab.dns.update({("shop.example", "TXT"): [txt(f"v=spf1 ip4:{SOURCE} -all")], ("shop.example", "MX"): ["10 mx.shop.example."], ("mx.shop.example", "A"): ["193.0.2.9"]})
    wait_until(lambda: not [one for one in of(doctor(gateway), "domains") if one["severity"] in HURTS], "the records are right")


def test_dns_does_not_answer(lab):
    """It does not wait for long, and nothing is called wrong for it."""
    gateway = lab.new_gateway().configure(servers=[lab.black_hole().server], anchor="")
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com", "--public", "193.0.2.8")
    gateway.sendoff("domain", "add", "dark.example", "--key", "ed25519")
    began = time.monotonic()
    found = doctor(gateway)
    assert time.monotonic() - began < 60
    for check in ("hostname", "sources", "outgoing", "domains"):
        assert of(found, check) and not [one for one in of(found, check) if one["severity"] in HURTS], found


# The way out.


def test_port_25_is_blocked(lab, well):
    """Nobody listens at the providers' addresses: as where a port is blocked, but quicker."""
    gateway = lab.new_gateway(delivery_port=lab.block.new_port()).configure()
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    words = (f"no mail gets out from {SOURCE}", "Connection refused")
    one_of(gateway, "outgoing", "error", *words, about=SOURCE, fix="sendoff route add '*'")
    gateway.sendoff("route", "add", "*", f"[{well.address}]:{well.ports['optional']}")
    assert not [one for one in of(doctor(gateway), "outgoing") if one["severity"] == "error"]


def test_a_provider_refuses_us(lab):
    gateway = lab.new_gateway().configure()
    exchanger = lab.exchanger("yahoo.com")
    exchanger.replies["GREETING"] = "554 5.7.1 you are on our list"
    lab.dns.set("gmail.com", "MX")
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    one_of(gateway, "outgoing", "warning", "refuses connections", "you are on our list")


# Mail.


def test_accounts(lab):
    gateway = lab.gateway("busy.example")
    lab.exchanger(domain := lab.new_domain())
    account = gateway.add_account("busy", "--limit", "2/day", senders=("busy.example",))
    gateway.add_account("quiet", senders=("busy.example",))
    for _ in range(2):
        submit(gateway, account, "a@busy.example", [f"r@{domain}"], letter("a@busy.example", f"r@{domain}", "Hello.\r\n"))
    one_of(gateway, "accounts", "warning", "has used up 2/day", about="busy", fix="sendoff account usage busy")
    gateway.sendoff("account", "suspend", "quiet", "--reason", "it is late")
    one_of(gateway, "accounts", "note", "is suspended: it is late", about="quiet", fix="sendoff account resume quiet")
    gateway.stop()
    gateway.sendoff("account", "set", "busy", "--limit", "none", "--brake", "on")
    now = int(time.time() * 1000000)
    assert edit(gateway, "UPDATE brake SET step = 2, mode = 2, since_us = ?, braked_us = ?, over_us = ? WHERE account = 'busy'", now, now, now)
    one_of(gateway, "accounts", "warning", 'the brake is at "hold"', about="busy", fix="sendoff account review busy")


def test_queue(lab):
    gateway = lab.gateway("slow.example", retry=("1h",))
    account = gateway.add_account("app", senders=("slow.example",))
    exchanger = lab.exchanger(domain := lab.new_domain())
    exchanger.replies["RCPT"] = "450 4.2.1 the mailbox is busy"
    submit(gateway, account, "a@slow.example", [f"r@{domain}"], letter("a@slow.example", f"r@{domain}", "Hello.\r\n"))
    gateway.wait_event("deferred", "--to", f"r@{domain}")
    assert not of(doctor(gateway), "queue")
    gateway.stop()
    day = 86400 * 1000000
    edit(gateway, "UPDATE messages SET created_us = created_us - ?, expires_us = expires_us + ?", 2 * day, day)
    found = one_of(gateway, "queue", "warning", "1 recipient waits, the oldest message for 2d", "the mailbox is busy", about=domain)
    assert found["fix"] == f"sendoff queue list --to '*@{domain}'"
    (queued,) = gateway.queue()
    gateway.sendoff("queue", "hold", queued["message"] if "message" in queued else queued["id"])
    one_of(gateway, "queue", "note", "1 recipients are held", about=domain, fix="sendoff queue release")
    soon = int((time.time() + 7200) * 1000000)
    row = "INSERT INTO site_notes(site, source, connections, refused_at, closed_after, rate, paused_until_us, action, reason, updated_us) VALUES ('google', ?, 1, 0, 0, 0.0, ?, 'pause', '421 too much', 1)"
    edit(gateway, row, SOURCE, soon)
    one_of(gateway, "queue", "warning", f"takes nothing from {SOURCE} for another 1h59m", "421 too much", about="google")
    gateway.sendoff("site", "pause", "provider.example")
    one_of(gateway, "queue", "note", "is paused by command", about="provider.example", fix="sendoff site resume provider.example")
