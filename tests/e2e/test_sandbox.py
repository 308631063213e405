"""Accounts whose mail goes through everything and never leaves; that it does not, the kernel's view of the gateway proves."""

import re

import pytest

from sendoff_test.client import connect, submit, submit_marked, submit_with
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until
from sendoff_test.stored import edit

FROM = "a@example.com"
SIMULATOR = "sim.example.com"
SOURCE = "127.0.0.2"
CONNECT = re.compile(r"connect\(\d+, \{sa_family=AF_INET6?, sin6?_port=htons\((\d+)\)")


class Watched:
    """A gateway whose every connect() is written down, and who is at the other end."""

    def __init__(self, lab, **configuration):
        self.lab, self.traces = lab, 0
        self.gateway = lab.new_gateway().configure(retry=["1s"], delivery=f'simulator = "{SIMULATOR}"', **configuration)
        self.gateway.add_domain("example.com", "--key", "ed25519")
        self.gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
        self.host = lab.exchanger(lab.new_domain())
        self.mailbox = lab.exchanger("example.com")
        self.start()

    def start(self):
        self.traces += 1
        trace = ("strace", "-D", "-f", "-qq", "-e", "trace=connect", "-o", self._trace(self.traces))
        self.gateway.start(wrapper=("env", "ASAN_OPTIONS=detect_leaks=0", *trace))  # leaks cannot be looked for under strace

    def _trace(self, number):
        return f"{self.gateway.folder}/connects-{number}"

    def ports(self):
        """Those that the gateway has connected to, but for DNS."""
        found = set()
        for number in range(1, self.traces + 1):
            with open(self._trace(number)) as trace:
                found |= {int(port) for port in CONNECT.findall(trace.read())}
        return found - {int(self.lab.dns.server.rpartition("@")[2])}

    def nothing_left(self):
        assert not self.host.arrivals and not self.mailbox.arrivals
        assert not self.ports(), "the gateway connected to somebody"


@pytest.fixture(scope="module")
def watched(lab):
    return Watched(lab)


@pytest.fixture
def gateway(watched):
    return watched.gateway


@pytest.fixture
def account(gateway):
    return gateway.add_account(marker()[:20].lower(), "--sandbox")


def ended(gateway, account, event="delivered", count=1):
    return gateway.wait_event(event, "--account", account.name, count=count)


def test_what_it_would_have_been(watched, gateway, account):
    domain = watched.host.domain
    with connect(gateway, account) as session:
        session.mail(FROM)
        session.rcpt(f"r@{domain}")
        session.rcpt(f"s@{domain}")
        code, reply = session.data(letter(FROM, f"r@{domain}"))
    assert code == 250 and re.fullmatch(rb"2\.0\.0 accepted as \w+; sandbox: it is not sent", reply), reply
    for one in ended(gateway, account, count=2):
        assert (one["host"], one["rule"], one["code"], one["source"]) == ("sandbox", "sandbox", 250, "")
        at = f"{watched.host.name}[{watched.host.address}]:{watched.lab.delivery_port}"
        assert one["text"] == f"sandbox: would have been sent to {at} from {SOURCE}, with TLS if it is offered"
    (accepted,) = gateway.log("--account", account.name, "--event", "accepted")
    assert accepted["text"].endswith("; sandbox: it is not sent") and accepted["numbers"]["sandbox"] == 1
    assert "sandbox: would have been sent to" in gateway.sendoff("log", "show", accepted["message"])
    watched.nothing_left()


def test_dns_that_says_no_or_nothing(watched, gateway, account):
    lost = watched.lab.new_domain("lost")
    submit_marked(gateway, account, FROM, [f"r@{lost}", "r@[203.0.113.9]"])
    texts = {one["to"]: one["text"] for one in ended(gateway, account, count=2)}
    assert texts[f"r@{lost}"] == f"sandbox: would have been returned: the domain {lost} does not exist"
    assert "203.0.113.9" in texts["r@[203.0.113.9]"]
    watched.nothing_left()


def test_dns_that_is_away(lab):
    """A trial machine without a resolver: its mail ends all the same."""
    gateway = lab.gateway(servers=[lab.black_hole().server])
    gateway.sendoff("gateway", "set", "--spf", "off", "--dmarc", "off")
    account = gateway.add_account("offline", "--sandbox")
    submit_marked(gateway, account, FROM, ["r@far.example"])
    (one,) = gateway.wait_event("delivered", timeout=60)
    assert one["text"].startswith("sandbox: would have been tried again: "), one["text"]
    gateway.stop()


def test_a_policy_is_not_fetched(watched, gateway, account):
    """The domain announces an MTA-STS policy: its web server is not asked for the sake of a trial."""
    host = watched.lab.exchanger(watched.lab.new_domain("policied"))
    watched.lab.dns.update(
        {
            (f"_mta-sts.{host.domain}", "TXT"): ['"v=STSv1; id=1"'],
            (f"mta-sts.{host.domain}", "A"): [watched.lab.block.new_address()],
        }
    )
    submit_marked(gateway, account, FROM, [f"r@{host.domain}"])
    (one,) = ended(gateway, account)
    assert f"would have been sent to {host.name}[" in one["text"] and not host.arrivals
    watched.nothing_left()


def test_a_route_by_command(watched, gateway, account):
    next_hop = watched.lab.exchanger(None, port=watched.lab.block.new_port())
    where = f"{next_hop.name}:{next_hop.port}"
    gateway.sendoff("route", "add", "routed.example", where, "--tls", "verify", "--account", account.name)
    submit_marked(gateway, account, FROM, ["r@routed.example"])
    (one,) = ended(gateway, account)
    assert f"{next_hop.name}[{next_hop.address}]:{next_hop.port} from {SOURCE}, TLS required by its route" in one["text"]
    assert not next_hop.arrivals
    watched.nothing_left()


def test_the_simulator_and_notices(watched, gateway, account):
    """It answers as always; the notice to the sender is played as well."""
    submit_marked(gateway, account, FROM, [f"{name}@{SIMULATOR}" for name in ("bounce", "greylist", "delivered")])
    (bounced,) = ended(gateway, account, "bounced")
    assert bounced["host"] == "simulator"
    played = [one for one in ended(gateway, account, count=3) if one["to"] == FROM]
    (notice,) = wait_until(lambda: played or [o for o in gateway.log("--account", account.name, "--event", "delivered")
                                              if o["to"] == FROM], "the notice is played")
    assert notice["host"] == "sandbox" and watched.mailbox.name in notice["text"]
    submit_with(gateway, account, FROM, [f"r@{watched.host.domain}"], letter(FROM, "r@x.example"), rcpt=["NOTIFY=SUCCESS"])
    ended(gateway, account, count=5)
    assert gateway.sendoff.json("suppression", "list") == []
    watched.nothing_left()


def test_whose_limits_it_counts_towards(watched, gateway):
    """Its own, and nobody else's: neither the domain's nor the gateway's, though those are used up."""
    gateway.sendoff("gateway", "set", "--limit", "1/day")
    gateway.sendoff("domain", "set", "example.com", "--limit", "1/day")
    try:
        account = gateway.add_account("counted", "--limit", "3/hour", "--sandbox")
        for _ in range(3):
            submit_marked(gateway, account, FROM, [f"r@{watched.host.domain}"])
        ended(gateway, account, count=3)
        answer = None
        with connect(gateway, account) as session:
            answer = session.mail(FROM)
        assert answer[0] == 452 and b"3 of 3 messages" in answer[1], answer
        words = ("policy", "replay", "--since", "1h", "--limit", "1/day")
        assert not any(row["messages"] for row in gateway.sendoff.json(*words, "--gateway"))
        (review,) = gateway.sendoff.json("account", "review", "counted")
        assert not review["known_recipients"] and not any(one["used"] for one in review["budgets"].values()), review
    finally:
        gateway.sendoff("gateway", "set", "--limit", "none")
        gateway.sendoff("domain", "set", "example.com", "--limit", "none")
    watched.nothing_left()


def test_switched_off(watched, gateway, account):
    """What was accepted under it never leaves: not when it is released, moved to another pool, or read by another start."""
    gateway.sendoff("source", "add", "127.0.0.3", "--helo", "other.example.com", "--pool", "other")
    gateway.sendoff("account", "set", account.name, "--limit", "1/hour:smooth")
    for _ in range(3):
        submit_marked(gateway, account, FROM, [f"r@{watched.host.domain}"])
    ended(gateway, account)
    gateway.sendoff("queue", "hold", "--account", account.name, "--yes")
    gateway.sendoff("account", "set", account.name, "--sandbox", "off")
    waiting = gateway.queue("--account", account.name)
    assert len(waiting) == 2 and all(one["sandbox"] and one["state"] == "held" for one in waiting)
    assert "(sandbox)" in gateway.sendoff("queue", "list")
    gateway.sendoff("queue", "reroute", waiting[0]["message"], "--to-pool", "other", "--yes")
    gateway.kill()
    edit(gateway, "UPDATE recipients SET not_before_us = 0")  # a release keeps to the limit's hour
    watched.start()
    gateway.sendoff("queue", "release", "--account", account.name, "--yes")
    ends = ended(gateway, account, count=3)
    assert {one["host"] for one in ends} == {"sandbox"} and "from 127.0.0.3" in " ".join(one["text"] for one in ends)
    watched.nothing_left()


def test_returned_by_command(watched, gateway, account):
    """The notice of a bounce by command does not leave either, also when the account is no sandbox any more."""
    gateway.sendoff("account", "set", account.name, "--limit", "1/hour:smooth")
    for _ in range(2):
        submit_marked(gateway, account, FROM, [f"r@{watched.host.domain}"])
    ended(gateway, account)
    (waiting,) = gateway.queue("--account", account.name)
    gateway.sendoff("account", "set", account.name, "--sandbox", "off")
    gateway.sendoff("queue", "bounce", waiting["message"])
    (bounced,) = gateway.wait_event("bounced", "--account", account.name, timeout=60)
    assert bounced["message"] == waiting["message"]
    ends = ended(gateway, account, count=2)
    assert {one["host"] for one in ends} == {"sandbox"} and ends[-1]["to"] == FROM, ends
    watched.nothing_left()


def test_a_crash_at_any_time(watched, gateway, account):
    """Each message has one end, whenever the gateway dies."""
    for _ in range(3):
        submit_marked(gateway, account, FROM, [f"r@{watched.host.domain}", f"slow@{SIMULATOR}"])
        gateway.kill()
        watched.start()
    wait_until(lambda: not gateway.queue("--account", account.name), "nothing of it waits", timeout=60)
    assert len(gateway.log("--account", account.name, "--event", "delivered")) == 6
    watched.nothing_left()


def test_shown(gateway, account):
    (shown,) = gateway.sendoff.json("account", "show", account.name)
    assert shown["sandbox"] == "on" and re.search(r"sandbox +on", gateway.sendoff("account", "show", account.name))
    (row,) = [line for line in gateway.sendoff("account", "list").split("\n") if line.startswith(f"{account.name} ")]
    assert row.split()[-1] == "sandbox"
    words = ("explain", "--account", account.name, "--from", FROM, "--to", "r@example.com")
    text = gateway.sendoff(*words)
    assert "; sandbox: it is not sent" in text.split("\n")[0] and "this is where it would go" in text
    (facts,) = gateway.sendoff.json(*words)
    assert facts["sandbox"] is True and facts["simulator"] is None
    assert gateway.sendoff.run("account", "set", account.name, "--sandbox", "perhaps").status == 2


def test_the_watch_sees_what_leaves(lab):
    """Mail of another account, to the same host: the kernel's view has it."""
    watched = Watched(lab)
    account = watched.gateway.add_account("real")
    submit_marked(watched.gateway, account, FROM, [f"r@{watched.host.domain}"])
    wait_until(lambda: watched.host.arrivals, "it arrives")
    assert watched.ports() == {lab.delivery_port}
    watched.gateway.stop()


def test_switched_on_and_off_again(lab):
    """What was accepted before it is held, and sent only when somebody says so; what comes after it is played; and the same
    message again, once it is off, is sent."""
    gateway = lab.gateway(retry=["1h"])
    host = lab.exchanger(lab.new_domain())
    host.replies["RCPT"] = "451 4.2.1 later"
    account, to = gateway.add_account("shop"), f"r@{host.domain}"
    submit_marked(gateway, account, FROM, [to])
    gateway.wait_event("deferred")
    said = gateway.sendoff("account", "set", "shop", "--sandbox", "on", "--for", "server")
    assert "1 queued recipient of mail that was to be sent before it is held" in said and "\nFor a Postfix" in said
    host.replies.clear()
    content = letter(FROM, to, subject=marker(), extra="Message-ID: <same@example.com>\r\n")
    submit(gateway, account, FROM, [to], content)
    gateway.wait_event("delivered")
    assert not host.arrivals
    gateway.sendoff("queue", "release", "--account", "shop", "--yes")
    wait_until(lambda: len(host.arrivals) == 1, "the real one leaves when it is released")
    gateway.sendoff("account", "set", "shop", "--sandbox", "off")
    submit(gateway, account, FROM, [to], content)
    wait_until(lambda: len(host.arrivals) == 2, "what was played before is sent now")
    gateway.stop()
