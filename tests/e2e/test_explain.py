"""The decision dry (explain), as it was (why), and what a limit would have done (policy replay)."""

import re

import pytest

from sendoff_test.attempts import attempt_as, explained
from sendoff_test.client import submit, submit_marked
from sendoff_test.dns import txt
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker
from sendoff_test.restricted import brake

FROM = "a@example.com"


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("shop", "--limit", "1000/day", "--limit", "100rcpt/message", senders=["*"])


def explain(gateway, sender, to, *options, status=0):
    words = ["explain", "--account", "shop", "--from", sender, "--to", to, *options]
    result = gateway.sendoff.run("--json", *words)
    assert result.status == status, result
    said = gateway.sendoff.json(*words)[0] if status == 0 else None
    text = gateway.sendoff.run(*words)
    assert text.status == status
    return said, text.out


def checks(said):
    return {row["check"]: row for row in said["checks"]}


def test_what_would_be_accepted(lab, gateway, account):
    host = lab.exchanger()
    domain = lab.new_domain("explain")
    gateway.add_domain(domain, "--key", "rsa2048")
    lab.dns.set(domain, "TXT", txt(f"v=spf1 ip4:{SOURCE} -all"))
    sender = f"a@{domain}"
    for _ in range(2):
        mark = submit_marked(gateway, account, sender, [f"r@{host.name}"])
        host.wait_for(mark)
    gateway.wait_event("delivered", "--from", sender, count=2)
    said, text = explain(gateway, sender, f"r@{host.name}")
    assert said["accepted"] is True and said["spf"] == "pass" and said["stream"] == "transactional"
    assert checks(said)["limits"]["result"] == "pass" and checks(said)["account"]["mode"] == "always"
    assert {"of": "shop", "limit": "1000/day", "used": 2, "count": 1000} in said["limits"]
    (signature,) = said["signatures"]
    assert signature["domain"] == domain and signature["published"] == "matches"
    assert [source["source"] for source in said["sources"]] == [SOURCE]
    assert said["next_hops"] and said["history"]["delivered"] == 2
    names = [row["check"] for row in gateway.sendoff.json("policy", "list")]
    assert [row["check"] for row in said["checks"]] == names, "the same table, in the same order"
    for piece in ("accepted", "1000/day: 2 used", f"d={domain}", "2 delivered", SOURCE):
        assert piece in text, text


def test_what_would_be_refused(lab, gateway, account):
    gateway.sendoff("account", "set", "shop", "--not-to", "blocked.example")
    try:
        _, text = explain(gateway, FROM, "r@blocked.example", status=1)
        assert text.startswith("refused by the check recipient: 550 5.7.1 shop may not write to r@blocked.example"), text
        answer = attempt_as(gateway, account, FROM, ["r@blocked.example"])
        assert "shop may not write to r@blocked.example" in answer, "the live path says the same"
        told = explained(gateway, answer)
        assert "recipient refuse" in told and "account pass" in told and "reverse-path pass" in told, told
    finally:
        gateway.sendoff("account", "set", "shop", "--not-to", "none")


def test_dmarc_and_suppression_are_foretold(lab, gateway, account):
    domain = lab.new_domain("explain")
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    gateway.sendoff("domain", "set", domain, "--dmarc", "enforce")
    lab.dns.set(domain, "TXT", txt("v=spf1 -all"))
    lab.dns.set(f"_dmarc.{domain}", "TXT", txt("v=DMARC1; p=reject"))
    _, text = explain(gateway, f"a@{domain}", "r@dest.example.net", status=1)
    assert "refused by the check dmarc: 550 5.7.26" in text and "p=reject" in text, text
    gateway.sendoff("suppression", "add", "gone@dest.example.net", "--account", "shop", "--reason", "asked us to")
    _, text = explain(gateway, FROM, "GONE@dest.example.net", status=1)
    assert "check suppression: 550 5.1.1" in text and "asked us to" in text, text


def test_when_it_leaves_is_foretold(lab, gateway):
    """As the reply says it: of a smoothed limit, of an account that the brake has slowed, and of one that it holds."""
    host = lab.exchanger()
    options = {"smooth": ("--limit", "1/hour:smooth"), "slow": ("--brake", "on"), "hold": ("--brake", "on")}
    accounts = {name: gateway.add_account(name, *words) for name, words in options.items()}
    for account in accounts.values():
        assert attempt_as(gateway, account, FROM, [f"r@{host.domain}"]).startswith("250")
    brake(gateway, {"slow": 1, "hold": 2})

    def foretold(name):
        words = ["explain", "--account", name, "--from", FROM, "--to", f"r@{host.domain}"]
        (said,) = gateway.sendoff.json(*words)
        assert said["accepted"] is True
        first = gateway.sendoff(*words).splitlines()[:2]
        return "; ".join(line.strip() for line in first), checks(said), attempt_as(gateway, accounts[name], FROM, [f"r@{host.domain}"])

    leaves = re.compile(r"; leaves (\S{10})[T ](\d\d:\d\d).*\), (at 1/hour:smooth|slowed by the brake)")
    for name, check in [("smooth", "limits"), ("slow", "brake")]:
        first, found, answer = foretold(name)
        assert leaves.search(first).groups() == leaves.search(answer).groups(), (first, answer)
        assert "leaves " in found[check]["text"]
    first, found, answer = foretold("hold")
    assert first.endswith("; new mail is held; see: sendoff account review hold") and "held for the operator" in answer
    assert found["brake"]["result"] == "hold"


@pytest.mark.parametrize(
    "words, piece",
    [
        (["--account", "nobody", "--from", FROM, "--to", "r@example.net"], "sendoff account list"),
        (["--account", "shop", "--from", "nonsense", "--to", "r@example.net"], "--from nonsense"),
        (["--account", "shop", "--from", FROM, "--to", "nonsense"], "--to nonsense"),
        (["--account", "shop", "--from", FROM], "--to ADDRESS"),
    ],
)
def test_wrong_questions_say_what_to_write(gateway, account, words, piece):
    result = gateway.sendoff.run("explain", *words)
    assert result.status in (1, 2) and piece in result.err and len(result.err.splitlines()) == 1, result


def test_replay_counts_what_counted(lab, gateway):
    """Not a submission that was answered as a repeat, and not a recipient that was dropped."""
    account = gateway.add_account("counted", "--suppressed", "drop")
    host = lab.exchanger()
    gateway.sendoff("suppression", "add", f"gone@{host.name}", "--account", "counted")
    content = letter(FROM, "r@x", extra=f"Message-ID: <{marker()}@example.com>\r\n")
    for _ in range(3):
        submit(gateway, account, FROM, [f"r@{host.name}", f"gone@{host.name}"], content)
    usage = gateway.usage("counted")
    assert (usage["total_messages"], usage["total_recipients"]) == (1, 1), usage
    for spec, refused in (("1/day", 0), ("1rcpt/day", 0)):
        (row,) = gateway.sendoff.json("policy", "replay", "--since", "1h", "--account", "counted", "--limit", spec)
        assert (row["messages"], row["refused"]) == (1, refused), row


def test_replay(lab, gateway):
    account = gateway.add_account("replayed")
    host = lab.exchanger()
    for n in range(5):
        to = [f"r{n}-{i}@{host.name}" for i in range(3 if n == 4 else 1)]
        submit(gateway, account, FROM, to, letter(FROM, "r@x", subject=marker()))

    def replay(spec):
        (row,) = gateway.sendoff.json("policy", "replay", "--since", "1h", "--account", "replayed", "--limit", spec)
        return row["messages"], row["refused"], row["put_off"]

    assert replay("3/hour") == (5, 2, 0)
    assert replay("5/hour") == (5, 0, 0)
    assert replay("4rcpt/hour") == (5, 1, 0), "the last has three"
    assert replay("2rcpt/message") == (5, 1, 0)
    assert replay("1/hour:smooth") == (5, 0, 4)
    assert replay("1KB/day")[1] > 0
    assert gateway.usage("replayed")["total_messages"] == 5, "nothing is counted, or refused, by it"
    assert "replayed" in gateway.sendoff("policy", "replay", "--since", "1h", "--limit", "3/hour")
    assert gateway.sendoff.run("policy", "replay", "--since", "1h").status == 2
    assert gateway.sendoff.run("policy", "replay", "--since", "never", "--limit", "1/day").status == 2
