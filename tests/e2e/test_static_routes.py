"""Next hops by command: `sendoff route`. Which route a message takes, what its host may be, and that changes count at once."""

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.dns import BROKEN

FROM = "a@example.com"


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("routed", senders=("example.com", "*.example.com", "other.example"))


@pytest.fixture(scope="module")
def second(gateway):
    return gateway.add_account("second")


@pytest.fixture(autouse=True)
def no_routes_left(gateway):
    yield
    for route in gateway.sendoff.json("route", "list"):
        gateway.sendoff("route", "remove", route["to"], *key(route))


def key(route):
    words = ["--account", route["account"]] if route["account"] else []
    return words + (["--sender", route["sender"]] if route["sender"] else [])


def send(gateway, account, domain, sender=FROM):
    return submit_marked(gateway, account, sender, [f"r@{domain}"])


def add(gateway, *words):
    gateway.sendoff("route", "add", *words)


def test_a_domains_mail_goes_to_the_host_and_to_no_exchanger(lab, gateway, account, port):
    usual, other = lab.exchanger(lab.new_domain()), lab.exchanger(port=port)
    add(gateway, usual.domain, f"{other.name}:{port}")
    other.wait_for(send(gateway, account, usual.domain))
    (event,) = gateway.wait_event("delivered", "--to", f"r@{usual.domain}")
    assert event["host"] == f"{other.name}[{other.address}]:{port}" and not usual.arrivals
    gateway.sendoff("route", "remove", usual.domain)  # without a restart
    usual.wait_for(send(gateway, account, usual.domain))
    assert len(other.arrivals) == 1


def test_a_host_is_asked_for_addresses_alone(lab, gateway, account):
    """As Postfix has it with brackets, which may be written, too."""
    real, mx = lab.exchanger(), lab.exchanger()
    domain = lab.new_domain()
    lab.dns.update({(domain, "A"): [real.address], (domain, "MX"): [f"10 {mx.name}."]})
    for host in (domain, f"[{domain}]"):
        to = lab.new_domain()
        add(gateway, to, host)
        real.wait_for(send(gateway, account, to))
    add(gateway, "*", f"mx:{domain}")
    mx.wait_for(send(gateway, account, lab.new_domain()))
    assert len(real.arrivals) == 2 and len(mx.arrivals) == 1


def test_literals(lab, gateway, account, port):
    host = lab.exchanger(port=port)
    for written in (f"{host.address}:{port}", f"[{host.address}]:{port}", f"[::ffff:{host.address}]:{port}"):
        to = lab.new_domain()
        add(gateway, to, written)
        host.wait_for(send(gateway, account, to))


def test_the_most_exact_route_is_taken(lab, gateway, account, second, port):
    """One order: the recipient's domain first; then account with sender, account, sender, all."""
    names = [
        ("*",),
        ("*", "--sender", "example.com"),
        ("*", "--account", "routed"),
        ("*", "--account", "routed", "--sender", "example.com"),
        ("*.parent.example",),
        ("*.sub.parent.example", "--account", "second"),
        ("*.sub.parent.example",),
        ("exact.sub.parent.example",),
    ]
    hosts = {words: lab.exchanger(port=port) for words in names}
    for words, host in hosts.items():
        add(gateway, words[0], f"{host.address}:{port}", *words[1:])
    for who, sender, domain, wanted in [
        (account, FROM, "exact.sub.parent.example", ("exact.sub.parent.example",)),
        (account, FROM, "deep.sub.parent.example", ("*.sub.parent.example",)),
        (second, FROM, "deep.sub.parent.example", ("*.sub.parent.example", "--account", "second")),
        (account, FROM, "sub.parent.example", ("*.parent.example",)),
        (account, FROM, "parent.example", ("*", "--account", "routed", "--sender", "example.com")),
        (account, "a@other.example", "parent.example", ("*", "--account", "routed")),
        (second, FROM, "parent.example", ("*", "--sender", "example.com")),
        (account, "a@x.example.com", "parent.example", ("*", "--account", "routed")),
    ]:
        hosts[wanted].wait_for(send(gateway, who, domain, sender))
        explained = gateway.sendoff.run("--json", "explain", "--account", who.name, "--from", sender, "--to", f"r@{domain}")
        assert f'"{hosts[wanted].address}' in explained.out.replace("[", ""), explained.out
    listed = [(r["to"], *key(r)) for r in gateway.sendoff.json("route", "list")]
    assert listed == [names[i] for i in (7, 5, 6, 4, 3, 2, 1, 0)], "in the order in which they are looked at"


def test_direct_is_an_exception(lab, gateway, account, port):
    usual, everything = lab.exchanger(lab.new_domain()), lab.exchanger(port=port)
    add(gateway, "*", f"{everything.address}:{port}")
    add(gateway, usual.domain, "direct")
    usual.wait_for(send(gateway, account, usual.domain))
    everything.wait_for(send(gateway, account, lab.new_domain()))


@pytest.mark.parametrize("what", ["nowhere", "broken", "itself"])
def test_a_route_that_leads_nowhere_returns_no_mail(lab, gateway, account, what):
    """It is the operator who wrote it, and can correct it; and the mail of others to that domain is not kept waiting."""
    real, to = lab.exchanger(), lab.new_domain()
    hosts = {
        "nowhere": lab.new_domain(),
        "broken": f"smarthost.{BROKEN}",
        "itself": "%s:%s" % gateway.endpoint("optional"),
    }
    add(gateway, to, hosts[what])
    mark = send(gateway, account, to)
    (event, *_) = gateway.wait_event("deferred", "--to", f"r@{to}")
    assert event["rule"] == ("dns" if what == "broken" else "route"), event
    assert "route" in gateway.sendoff("why", event["message"])
    gateway.sendoff("route", "set", to, real.address)
    real.wait_for(mark, timeout=40)


def test_an_exchanger_on_loopback_is_the_operators_word(lab, account):
    """Without local_next_hops: a literal may be, and what DNS says may not."""
    host = lab.exchanger()
    strict = lab.new_gateway(address=lab.block.new_address()).configure(local="no")
    strict.add_domain("example.com", "--key", "ed25519")
    strict.start()
    who = strict.add_account("strict")
    named, literal = lab.new_domain(), lab.new_domain()
    add(strict, named, host.name)
    add(strict, literal, f"{host.address}")
    host.wait_for(send(strict, who, literal))
    send(strict, who, named)
    (event, *_) = strict.wait_event("deferred", "--to", f"r@{named}")
    assert event["rule"] == "route" and "a loopback address" in event["text"], event
    strict.stop()


def test_routes_outlive_a_restart(lab, gateway, account, port):
    host, to = lab.exchanger(port=port), lab.new_domain()
    add(gateway, to, f"{host.name}:{port}")
    gateway.restart()
    host.wait_for(send(gateway, account, to))


def test_domains_share_the_connection_to_their_next_hop(lab, gateway, account, port):
    host = lab.exchanger(port=port)
    domains = [lab.new_domain() for _ in range(3)]
    for domain in domains:
        add(gateway, domain, f"{host.address}:{port}")
        host.wait_for(send(gateway, account, domain))
    assert host.connections == 1


def test_a_bounce_without_a_sender_takes_the_route_of_all(lab, gateway, account, port):
    """The report to the sender is mail like any; its reverse-path is null, so no --sender fits it."""
    back, host = lab.exchanger(port=port), lab.exchanger(lab.new_domain())
    other = lab.exchanger(port=port)
    host.replies["RCPT"] = "550 5.1.1 nobody"
    add(gateway, "example.com", f"{back.address}:{port}")
    add(gateway, "example.com", f"{other.address}:{port}", "--sender", "example.com")
    back.wait_for(send(gateway, account, host.domain))
    assert back.arrivals[0].sender == "" and not other.arrivals


# The command.


def test_the_list_for_people_and_for_scripts(gateway, account):
    gateway.sendoff(
        *("route", "add", "*", "[Smtp.Example.NET]:587", "--user", "me@example.net", "--password-stdin"), text="secret words\n"
    )
    add(gateway, "x.example", "[2001:db8::25]", "--implicit-tls")
    text = gateway.sendoff("route", "list")
    assert max(map(len, text.splitlines())) <= 80, text
    assert "secret" not in text
    add(gateway, "Bücher.example", "mx:example.org", "--account", "routed", "--sender", "*.Example.com")
    literal, book, everything = gateway.sendoff.json("route", "list")
    created = [route.pop("created") for route in (book, literal, everything)]
    assert all(created)
    assert everything == {
        **{"to": "*", "account": None, "sender": None, "host": "smtp.example.net", "port": 587, "lookup": "address"},
        **{"tls": "verify", "implicit_tls": False, "user": "me@example.net", "login": "password", "oauth2": None},
    }
    assert book["to"] == "xn--bcher-kva.example" and book["sender"] == "*.example.com" and book["lookup"] == "mx"
    assert literal["host"] == "[IPv6:2001:db8::25]" and literal["port"] == 465 and literal["tls"] == "may"


@pytest.mark.parametrize(
    "words, said",
    [
        (["add", "*"], "write: sendoff route add"),
        (["add", "no domain", "smtp.example.net"], "no domain is no domain"),
        (["add", "*.*", "smtp.example.net"], "no domain"),
        (["add", "*", "smtp.example.net:0"], "is no next hop"),
        (["add", "*", "smtp.example.net:70000"], "is no next hop"),
        (["add", "*", "[smtp.example.net"], "is no next hop"),
        (["add", "*", "192.0.2.300"], "is no next hop"),
        (["add", "*", "mx:[192.0.2.1]"], "is no next hop"),
        (["add", "*", "smtp.example.net", "--tls", "maybe"], "--tls is none, may or verify"),
        (["add", "*", "smtp.example.net", "--tls", "none", "--implicit-tls"], "contradict"),
        (["add", "*", "direct", "--implicit-tls"], "name the host"),
        (["add", "*", "smtp.example.net", "--user", "me"], "--password-stdin is needed"),
        (["add", "*", "smtp.example.net", "--password-stdin"], "--user NAME is needed"),
        (["add", "*", "mx:example.net", "--user", "me", "--password-stdin"], "a login is for one host"),
    ],
)
def test_usage_errors(gateway, words, said):
    done = gateway.sendoff.run("route", *words, text="secret\n")
    assert done.status == 2 and said in done.err and len(done.err.splitlines()) == 1, done.err


def test_what_the_store_refuses(gateway, account):
    add(gateway, "twice.example", "smtp.example.net")
    for words, said in [
        (["add", "twice.example", "other.example.net"], "there is a route for twice.example already"),
        (["add", "*", "smtp.example.net", "--account", "nobody"], "there is no account nobody"),
        (["set", "never.example", "smtp.example.net"], "there is no route for never.example"),
        (["remove", "twice.example", "--sender", "example.com"], "there is no route for twice.example --sender example.com"),
    ]:
        done = gateway.sendoff.run("route", *words)
        assert done.status == 1 and said in done.err, done.err


def test_help_has_an_example(gateway):
    assert "sendoff route add '*' smtp.example.com:587 --user" in gateway.sendoff("route", "--help")
    assert "sendoff route remove '*'" in gateway.sendoff("route", "remove", "--help")
    assert "route add" in gateway.sendoff("--help")


def test_an_accounts_routes_go_with_it(gateway):
    gateway.add_account("leaving")
    gateway.sendoff(
        *("route", "add", "*", "smtp.example.net", "--account", "leaving", "--user", "u", "--password-stdin"), text="secret\n"
    )
    gateway.sendoff("account", "remove", "leaving", "--yes")
    assert gateway.sendoff.json("route", "list") == []
