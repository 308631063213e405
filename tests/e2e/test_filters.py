"""What a filter says that finds nothing: that nothing matches, that nothing is there, or that there is no such account."""

import pytest

from sendoff_test.client import submit
from sendoff_test.letters import letter

FROM, TO = "a@example.com", "r@dest.example.net"


@pytest.fixture(scope="module")
def full(lab):
    """A gateway whose queue has mail of one account; another has none, a third is gone and left its log."""
    lab.exchanger("dest.example.net").replies["RCPT"] = "450 4.2.1 not now"
    gateway = lab.new_gateway().configure(retry=("1h",))
    gateway.sendoff("source", "add", "127.0.0.2", "--helo", "smtp.example.com")
    accounts = {name: gateway.add_account(name) for name in ("newsletter", "quiet", "gone")}
    gateway.start()
    assert gateway.sendoff("queue", "list") == "the queue is empty\n"
    for name in ("newsletter", "gone"):
        submit(gateway, accounts[name], FROM, [TO], letter(FROM, TO, "x\r\n"))
    gateway.wait_event("deferred", count=2)
    gateway.sendoff("queue", "drop", "--account", "gone", "--yes")
    gateway.sendoff("account", "remove", "gone", "--yes")
    return gateway


def test_nothing_matches(full):
    assert "newsletter" in full.sendoff("queue", "list")
    for words in (("--account", "quiet"), ("--account", "gone"), ("--to", "*@nowhere.example"), ("--state", "held")):
        assert full.sendoff("queue", "list", *words) == "nothing in the queue matches; all of it: sendoff queue list\n"
        assert full.sendoff.json("queue", "list", *words) == []


@pytest.mark.parametrize(
    "words",
    [("queue", "list"), ("queue", "retry"), ("queue", "hold"), ("queue", "release"), ("queue", "drop"), ("log",), ("log", "--follow"), ("log", "--since", "1h")],
)
@pytest.mark.parametrize("json", [(), ("--json",)])
def test_an_account_that_never_was(full, words, json):
    for name, hint in (("newletter", "did you mean newsletter? "), ("Quiet", "did you mean quiet? "), ("something-else", "")):
        result = full.sendoff.run(*json, *words, "--account", name)
        assert result.status == 1
        assert result.err == f"sendoff: there is no account {name}; {hint}see: sendoff account list\n"


def test_an_account_that_has_gone(full):
    assert [event["event"] for event in full.log("--account", "gone", "--event", "accepted")] == ["accepted"]
    assert full.log("--account", "gone", "--event", "bounced") == [] == full.log("--account", "quiet")
    assert full.sendoff.run("queue", "drop", "--account", "quiet", "--yes").err == "sendoff: nothing in the queue matches; see: sendoff queue list\n"


def test_controls_of_strangers_are_escaped(lab, full):
    """C1 as well: one is the beginning of a command to many terminals."""
    rude = lab.exchanger(lab.new_domain("rude"), utf8=True)
    rude.replies["RCPT"] = "450 4.2.1 not\u009b2Jnow\u202e"
    account = full.add_account("patient")
    submit(full, account, FROM, [f"r@{rude.domain}"], letter(FROM, f"r@{rude.domain}", "x\r\n"))
    full.wait_event("deferred", "--account", "patient")
    for words in (("log", "--account", "patient"), ("queue", "list", "--account", "patient")):
        for out in (full.sendoff("--json", *words), full.sendoff(*words)):
            assert "2Jnow" in out and "\u009b" not in out
        assert "not\\u009B2Jnow\\u202E" in full.sendoff("--json", *words)
    (queued,) = full.queue("--account", "patient")
    assert "not\u009b2Jnow" in queued["last"]
