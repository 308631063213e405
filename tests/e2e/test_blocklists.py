"""Sources at DNS blocklists (docs/blocklists.md). The lists are zones of the tests' DNS server; the global addresses are on
the loopback interface of a network of this test's own."""

import ipaddress

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.dns import BROKEN, txt
from sendoff_test.lab import Lab
from sendoff_test.own_network import OwnNetwork
from sendoff_test.processes import wait_until

FROM = "a@example.com"
HELO = "smtp.example.com"
ONE, TWO, SIX = "193.0.2.25", "193.0.2.26", "2a00:5f:1::25"
GOOD, DOMAINS = "good.bl.example", "domains.bl.example"
ALL, NONE, REFUSES, PARKED, DEAD = "all.bl.example", "none.bl.example", "no.bl.example", "parked.bl.example", f"bl.{BROKEN}"
REASON = "sends spam, see https://good.bl.example/lookup?ip=25"


@pytest.fixture(scope="module")
def lab():
    network = OwnNetwork(f"{ONE}/32", f"{TWO}/32", f"{SIX}/128")
    made = Lab()
    made.dns.update(
        {
            (f"2.0.0.127.{GOOD}", "A"): ["127.0.0.2"],
            (f"test.{DOMAINS}", "A"): ["127.0.1.2"],
            (f"*.{ALL}", "A"): ["127.0.0.2"],
            (f"*.{REFUSES}", "A"): ["127.255.255.254"],
            (f"*.{PARKED}", "A"): ["192.0.2.80"],
        }
    )
    yield made
    made.close()
    network.close()


@pytest.fixture(autouse=True)
def nothing_listed(lab):
    yield
    for address in (ONE, TWO):
        set_listed(lab, address, False)
    lab.dns.set(f"example.com.{DOMAINS}", "A")


def set_listed(lab, address, listed=True):
    name = ipaddress.ip_address(address).reverse_pointer.removesuffix(".in-addr.arpa") + "." + GOOD
    lab.dns.update({(name, "A"): ["127.0.0.4"] if listed else [], (name, "TXT"): [txt(REASON)] if listed else []})


def blocks(*lists, every="1s", domains=()):
    made = [f'blocklist "{name}" {{ kind = "ip" every = "{every}" }}' for name in lists]
    return "\n".join(made + [f'blocklist "{name}" {{ kind = "domain" every = "{every}" }}' for name in domains])


def start(lab, *lists, every="1s", domains=()):
    return lab.new_gateway().configure(retry=["1s"], more=blocks(*lists, every=every, domains=domains)).start()


def add(gateway, address, *options):
    gateway.sendoff("source", "add", address, "--helo", HELO, *options)


def source(gateway, address):
    return next(one for one in gateway.sendoff.json("source", "list") if one["address"] == address)


def note(gateway, address, name):
    return next((one for one in source(gateway, address)["blocklists"] if one["list"] == name), None)


def wait_state(gateway, address, name, state):
    def found():
        one = note(gateway, address, name)
        return one if one and one["state"] == state else None

    return wait_until(found, f"{address} is {state} at {name}", 30)


def lines(gateway, said, *parts):
    return [l for l in gateway.output().splitlines() if said in l and all(part in l for part in parts)]


def send(gateway, account, host):
    return submit_marked(gateway, account, FROM, [f"r@{host.name}"])


def test_which_lists_are_believed(lab):
    gateway = start(lab, GOOD, ALL, NONE, REFUSES, PARKED, DEAD, domains=(DOMAINS, NONE.replace("none", "nodomains")))
    add(gateway, ONE, "--on-listing", "pause")
    add(gateway, TWO)
    add(gateway, "127.0.0.2", "--pool", "other")
    for address in (ONE, TWO):
        good = wait_state(gateway, address, GOOD, "clean")
        assert good["answered"] and (good["codes"], good["text"], good["trouble"]) == ("", "", "")
        assert "lists everything" in wait_state(gateway, address, ALL, "unusable")["text"]
        assert "does not list 127.0.0.2" in wait_state(gateway, address, NONE, "unusable")["text"]
        assert "does not answer public resolvers" in wait_state(gateway, address, REFUSES, "unusable")["text"]
        assert "192.0.2.80" in wait_state(gateway, address, PARKED, "unusable")["text"]
        dead = wait_state(gateway, address, DEAD, "unknown")
        assert dead["trouble"].startswith("DNS did not answer for 2.0.0.127") and dead["answered"] is None
        assert wait_state(gateway, address, DOMAINS, "clean")["subject"] == HELO
    assert {one["list"] for one in source(gateway, "127.0.0.2")["blocklists"]} == {DOMAINS, "nodomains.bl.example"}
    assert not any(source(gateway, address)["listed"] for address in (ONE, TWO)) and source(gateway, ONE)["usable"]
    status = gateway.shown_status()
    assert (status["sources_listed"], status["blocklists_failing"], status["listings"]) == (0, 6, [])
    table = gateway.sendoff("source", "list")
    assert table.count(f"{ALL} is not believed") == table.count(f"{DEAD} does not answer") == 1
    for name in (ALL, NONE, REFUSES, PARKED):
        assert len(lines(gateway, "blocklist not believed", f"list={name} ")) == 1, gateway.output()
    assert len(lines(gateway, "blocklist does not answer", f"list={DEAD} ")) == 1
    assert not lines(gateway, "source listed")
    account = gateway.add_account("app")
    host = lab.exchanger()
    host.wait_for(send(gateway, account, host))
    gateway.stop()


def test_a_list_that_works_again_is_believed(lab):
    gateway = start(lab, "late.bl.example")
    add(gateway, ONE)
    wait_state(gateway, ONE, "late.bl.example", "unusable")
    lab.dns.set("2.0.0.127.late.bl.example", "A", "127.0.0.2")
    wait_state(gateway, ONE, "late.bl.example", "clean")
    assert len(lines(gateway, "blocklist answers again", "list=late.bl.example ")) == 1
    # It lists the source, and then everything: that is no listing any more.
    lab.dns.set("25.2.0.193.late.bl.example", "A", "127.0.0.2")
    wait_state(gateway, ONE, "late.bl.example", "listed")
    lab.dns.set("1.0.0.127.late.bl.example", "A", "127.0.0.2")
    wait_state(gateway, ONE, "late.bl.example", "unusable")
    assert len(lines(gateway, "source delisted", f"source={ONE} ", "not believed")) == 1
    gateway.stop()


def test_a_listing_is_an_alarm(lab):
    gateway = start(lab, GOOD)
    add(gateway, ONE)
    wait_state(gateway, ONE, GOOD, "clean")
    set_listed(lab, ONE)
    listed = wait_state(gateway, ONE, GOOD, "listed")
    assert (listed["codes"], listed["text"], listed["subject"]) == ("127.0.0.4", REASON, ONE)
    assert listed["next"].endswith("ask for removal at https://good.bl.example/lookup?ip=25")
    one = source(gateway, ONE)
    assert one["listed"] and one["usable"] and one["on_listing"] == "warn"
    table = gateway.sendoff("source", "list")
    assert "usable, listed" in table and f"{ONE}: listed by {GOOD} since" in table and REASON in table
    wait_until(lambda: gateway.shown_status()["listings"], "the daemon has the new directory", 10)
    status = gateway.shown_status()
    assert status["sources_listed"] == 1
    assert [(l["subject"], l["list"], l["text"]) for l in status["listings"]] == [(ONE, GOOD, REASON)]
    assert f"{ONE} by {GOOD} since" in gateway.sendoff("status")
    # Asked again and again, it is said once; and mail leaves all the same.
    account = gateway.add_account("app")
    host = lab.exchanger()
    host.wait_for(send(gateway, account, host))
    assert gateway.wait_event("delivered")[0]["source"] == ONE
    wait_until(lambda: note(gateway, ONE, GOOD)["answered"] > listed["answered"], "it was asked again", 20)
    (line,) = lines(gateway, "source listed", f"source={ONE} ")
    assert f"list={GOOD} " in line and REASON in line and "mail leaves from it all the same" in line
    set_listed(lab, ONE, False)
    clean = wait_state(gateway, ONE, GOOD, "clean")
    assert clean["since"] > listed["since"] and clean["text"] == ""
    assert len(lines(gateway, "source delisted", f"source={ONE} ")) == 1
    wait_until(lambda: not gateway.shown_status()["listings"], "the alarm is over", 10)
    gateway.stop()


def test_a_listing_pauses_the_source(lab):
    gateway = start(lab, GOOD)
    add(gateway, ONE, "--on-listing", "pause")
    add(gateway, TWO, "--on-listing", "pause")
    account = gateway.add_account("app")
    set_listed(lab, ONE)
    wait_state(gateway, ONE, GOOD, "listed")
    assert not source(gateway, ONE)["usable"] and "paused: listed" in gateway.sendoff("source", "list")
    assert lines(gateway, "source listed", f"source={ONE} ", "no mail leaves from it")
    hosts = [lab.exchanger() for _ in range(6)]
    for host in hosts:
        host.wait_for(send(gateway, account, host))
    assert {event["source"] for event in gateway.wait_event("delivered", count=6)} == {TWO}
    assert gateway.log("--event", "deferred") == []
    # None is left.
    set_listed(lab, TWO)
    wait_state(gateway, TWO, GOOD, "listed")
    host = lab.exchanger()
    mark = send(gateway, account, host)
    event = gateway.wait_event("deferred")[0]
    assert f"while {GOOD} lists it (127.0.0.4)" in event["text"] and "of the pool default 1 more" in event["text"]
    assert (event["code"], event["enhanced"], event["rule"]) == (451, "4.3.5", "source")
    assert "blocklist" in gateway.sendoff("why", event["message"])
    assert "lists it" in gateway.sendoff("queue", "show", event["message"])
    assert not host.arrivals
    # By itself, when one is delisted.
    set_listed(lab, TWO, False)
    host.wait_for(mark)
    assert gateway.wait_event("delivered", count=7)[-1]["source"] == TWO
    # By command, although it is listed.
    gateway.sendoff("source", "remove", TWO, "--yes")
    gateway.sendoff("source", "set", ONE, "--on-listing", "warn")
    host = lab.exchanger()
    host.wait_for(send(gateway, account, host))
    assert source(gateway, ONE)["listed"] and source(gateway, ONE)["usable"]
    gateway.stop()


def test_the_domain_of_the_helo_name(lab):
    gateway = start(lab, domains=(DOMAINS,))
    lab.dns.set(f"example.com.{DOMAINS}", "A", "127.0.1.2")
    add(gateway, "127.0.0.2", "--on-listing", "pause")
    listed = wait_state(gateway, "127.0.0.2", DOMAINS, "listed")
    assert (listed["subject"], listed["codes"]) == (HELO, "127.0.1.2")
    account = gateway.add_account("app")
    host = lab.exchanger()
    mark = send(gateway, account, host)
    event = gateway.wait_event("deferred")[0]
    assert f"no mail leaves from 127.0.0.2 while {DOMAINS} lists {HELO}" in event["text"]
    # Another name: what was said of the first is forgotten, and it goes on.
    gateway.sendoff("source", "set", "127.0.0.2", "--helo", "smtp.example.org")
    host.wait_for(mark)
    assert wait_state(gateway, "127.0.0.2", DOMAINS, "clean")["subject"] == "smtp.example.org"
    gateway.sendoff("source", "set", "127.0.0.2", "--helo", HELO)
    wait_until(lambda: source(gateway, "127.0.0.2")["listed"], "it is asked about anew", 20)
    gateway.stop()


def test_a_restart_asks_nothing_again_and_pauses_at_once(lab):
    gateway = start(lab, GOOD, every="1h")
    set_listed(lab, ONE)
    add(gateway, ONE, "--on-listing", "pause")
    add(gateway, TWO, "--pool", "two")
    before = wait_state(gateway, ONE, GOOD, "listed"), wait_state(gateway, TWO, GOOD, "clean")
    account = gateway.add_account("app")
    gateway.kill()
    set_listed(lab, ONE, False)
    gateway.start()
    wait_until(lambda: len(lines(gateway, "source listed", f"source={ONE} ")) == 1, "it is said again", 20)
    host = lab.exchanger()
    send(gateway, account, host)
    assert f"while {GOOD} lists it" in gateway.wait_event("deferred")[0]["text"]
    gateway.wait_event("deferred", count=3)
    assert (note(gateway, ONE, GOOD), note(gateway, TWO, GOOD)) == before
    # A list that is not used any more says nothing.
    gateway.stop()
    gateway.configure(retry=["1s"]).start()
    wait_until(lambda: host.arrivals, "the mail went", 20)
    wait_until(lambda: source(gateway, ONE)["blocklists"] == [], "what it said is forgotten", 20)
    gateway.stop()


def test_over_ipv6(lab):
    """A list of IPv4 addresses alone is not believed about an IPv6 source."""
    gateway = start(lab, GOOD)
    add(gateway, SIX)
    assert "no IPv6 addresses" in wait_state(gateway, SIX, GOOD, "unusable")["text"]
    tail = ipaddress.ip_address("::ffff:7f00:2").reverse_pointer.removesuffix(".ip6.arpa")
    here = ipaddress.ip_address(SIX).reverse_pointer.removesuffix(".ip6.arpa")
    lab.dns.update({(f"{tail}.{GOOD}", "A"): ["127.0.0.2"], (f"{here}.{GOOD}", "A"): ["127.0.0.3"]})
    assert wait_state(gateway, SIX, GOOD, "listed")["codes"] == "127.0.0.3"
    gateway.stop()


@pytest.mark.parametrize(
    "written, said",
    [
        ('blocklist "zen" { }', 'blocklist "zen": write the list\'s name in DNS, as in "bl.example.org"'),
        ('blocklist "http://bl.example.org/" { }', "write the list's name in DNS"),
        ('blocklist "bl.example.org" { kind = "url" }', 'kind = "url": write "ip" or "domain"'),
        ('blocklist "bl.example.org" { every = "0s" }', "every = \"0s\": write a duration from 1s to 7d"),
        ('blocklist "bl.example.org" { }\nblocklist "bl.example.org" { }', "bl.example.org"),
        ("\n".join(f'blocklist "bl{i}.example.org" {{ }}' for i in range(33)), "blocklist: write 32 of them at most"),
    ],
)
def test_what_cannot_be_configured(lab, written, said):
    gateway = lab.new_gateway().configure(more=written)
    result = gateway.sendoff.run("config", "check")
    assert result.status == 1 and said in result.err and "sendoff.conf:" in result.err


def test_what_cannot_be_set(lab):
    gateway = lab.new_gateway().configure()
    result = gateway.sendoff.run("source", "add", ONE, "--helo", HELO, "--on-listing", "stop")
    assert result.status == 2 and "--on-listing stop: write pause" in result.err
    result = gateway.sendoff.run("source", "set", ONE, "--on-listing", "pause")
    assert result.status == 1 and ONE in result.err
