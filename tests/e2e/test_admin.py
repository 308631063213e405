"""What an operator changes while the gateway runs takes effect at once."""

import pytest

from sendoff_test.attempts import attempt, attempt_as, refusal_event
from sendoff_test.client import dialogue, plain, submit
from sendoff_test.command import Account
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM = "a@example.com"
AT_ONCE = 3.0  # seconds; a person's "at once", on a busy machine


@pytest.fixture(scope="module")
def gateway(lab):
    """Retries so late that what happens earlier was asked for."""
    return lab.gateway(retry=("1h",))


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net")


def login_answer(gateway, account):
    with dialogue(gateway, tls="implicit") as talk:
        return talk.say(f"AUTH PLAIN {plain(account.name, account.password)}")


def test_suspend_and_resume(gateway, recipient):
    account = gateway.add_account("late-payer")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, ["r@dest.example.net"]).startswith("250")
        gateway.sendoff("account", "suspend", "late-payer", "--reason", "unpaid since May")
        wait_until(
            lambda: attempt(talk, FROM, ["r@dest.example.net"])[0] in "45", "the open session is refused", AT_ONCE
        )
        refusal = attempt(talk, FROM, ["r@dest.example.net"])
        assert refusal.startswith("550 5.7.1 late-payer is suspended: unpaid since May. sendoff why ")
        event = refusal_event(gateway, refusal)
        assert event["rule"] == "suspended" and "account resume late-payer" in event["advice"]
    assert attempt_or_login_refused(gateway, account)
    gateway.sendoff("account", "resume", "late-payer")
    wait_until(lambda: not attempt_or_login_refused(gateway, account), "it may send again", AT_ONCE)


def attempt_or_login_refused(gateway, account):
    if not login_answer(gateway, account).startswith("235"):
        return True
    return not attempt_as(gateway, account, FROM, ["r@dest.example.net"]).startswith("250")


def test_remove(gateway, recipient):
    account = gateway.add_account("gone")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, ["r@dest.example.net"]).startswith("250")
        gateway.sendoff("account", "remove", "gone", "--yes")
        wait_until(
            lambda: attempt(talk, FROM, ["r@dest.example.net"])[:1] in ("4", "5", ""),
            "the open session is refused",
            AT_ONCE,
        )
    assert login_answer(gateway, account).startswith("535")
    assert gateway.log("--account", "gone", "--event", "accepted"), "the log has forgotten it"


def test_new_password(gateway):
    old = gateway.add_account("rotating")
    assert login_answer(gateway, old).startswith("235")
    (made,) = gateway.sendoff.json("account", "password", "rotating")
    new = Account("rotating", made["password"])
    wait_until(lambda: login_answer(gateway, new).startswith("235"), "the new password works", AT_ONCE)
    assert login_answer(gateway, old).startswith("535")


def test_password_of_ones_own_choice(gateway):
    gateway.sendoff(
        "account", "add", "chosen", "--sender", "example.com", "--password-stdin", text="correct horse battery\n"
    )
    account = Account("chosen", "correct horse battery")
    wait_until(lambda: login_answer(gateway, account).startswith("235"), "the password works", AT_ONCE)


def test_sender_change(gateway, recipient):
    account = gateway.add_account("moving")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, "a@other.example", ["r@dest.example.net"]).startswith("553")
        gateway.sendoff("account", "set", "moving", "--sender", "other.example")
        wait_until(
            lambda: attempt(talk, "a@other.example", ["r@dest.example.net"]).startswith("250"),
            "the new domain",
            AT_ONCE,
        )
        assert attempt(talk, FROM, ["r@dest.example.net"]).startswith("553")


# The queue.


@pytest.fixture
def stuck(lab, gateway):
    """A message that waits for an hour, its address, and the exchanger that will take it from now on."""
    name = f"queue{len(gateway.sendoff.json('account', 'list'))}"
    account = gateway.add_account(name)
    mx = lab.exchanger(lab.new_domain())
    mx.replies["RCPT"] = "450 4.2.1 not yet"
    mark, address = marker(), f"r@{mx.domain}"
    submit(gateway, account, FROM, [address], letter(FROM, address, mark))
    gateway.wait_event("deferred", "--to", address)
    mx.replies.clear()
    (entry,) = gateway.queue("--to", address)
    return entry["message"], address, mx, mark


def test_queue_shows_what_waits_and_why(gateway, stuck):
    message, address, mx, mark = stuck
    (entry,) = gateway.queue("--to", address)
    assert entry["state"] == "queued" and entry["attempts"] == 1 and "not yet" in entry["last"]
    assert address in gateway.sendoff("queue", "show", message)
    assert mark in gateway.sendoff("queue", "show", message, "--content")
    assert mx.domain in gateway.sendoff("queue", "summary")


def test_retry_now(gateway, stuck):
    message, address, mx, mark = stuck
    gateway.sendoff("queue", "retry", message)
    mx.wait_for(mark, timeout=10)
    gateway.wait_event("delivered", "--to", address)


def test_hold_and_release(gateway, stuck):
    message, address, mx, mark = stuck
    gateway.sendoff("queue", "hold", message)
    (entry,) = gateway.queue("--to", address)
    assert entry["state"] == "held"
    assert gateway.queue("--state", "held", "--to", address)
    gateway.sendoff("queue", "release", "--to", address, "--yes")
    mx.wait_for(mark, timeout=10)
    gateway.wait_event("delivered", "--to", address)
    kinds = gateway.story(message)
    assert kinds[:2] == ["accepted", "deferred"] and kinds[2:] == ["held", "released", "delivered"], kinds


def test_drop(gateway, stuck):
    message, address, mx, mark = stuck
    gateway.sendoff("queue", "drop", message)
    assert gateway.queue("--to", address) == []
    assert gateway.story(message)[-1] == "dropped"
    assert not mx.arrivals


def test_nothing_matches(gateway):
    assert gateway.sendoff.run("queue", "drop", "--to", "nobody@nowhere.example", "--yes").status == 1
    assert gateway.sendoff.run("queue", "show", "5A74VY7Z2400").status == 1
    assert gateway.sendoff.run("queue", "drop").status == 2, "dropping everything must be said"


def test_an_id_of_nothing_is_not_everything(gateway, stuck):
    _, address, *_ = stuck
    for verb in ("drop", "hold", "show"):
        assert gateway.sendoff.run("queue", verb, "0").status in (1, 2)
    (entry,) = gateway.queue("--to", address)
    assert entry["state"] == "queued"


# The words of commands.


@pytest.mark.parametrize(
    "words, status",
    [
        (["account", "show", "nobody"], 1),
        (["account", "add", "late-payer", "--sender", "example.com"], 1),
        (["account", "add"], 2),
        (["account", "frobnicate"], 2),
        (["nonsense"], 2),
        (["account", "list", "--colour"], 2),
        (["domain", "show", "unknown.example"], 1),
        (["source", "add", "not-an-address", "--helo", "x.example"], 2),
        (["queue", "list", "--state", "tired"], 2),
        (["account", "suspend", "late-payer", "--reason", "two\nlines"], 2),
        (["account", "suspend", "late-payer", "--reason", "x" * 161], 2),
        ([], 2),
    ],
)
def test_exit_status(gateway, words, status):
    result = gateway.sendoff.run(*words)
    assert result.status == status, result
    assert result.err.strip(), "nothing said"


@pytest.mark.parametrize(
    "words", [[], ["account"], ["account", "add"], ["queue", "list"], ["log"], ["domain", "add"], ["init"], ["serve"]]
)
def test_help_everywhere(gateway, words):
    text = gateway.sendoff(*words, "--help")
    assert "sendoff" in text


@pytest.mark.parametrize("verb", ["suspend", "remove"])
@pytest.mark.parametrize("leave", [False, True])
def test_the_queue_of_an_account_that_ends(gateway, stuck, verb, leave):
    """Held with it, and said so; with --leave-queue it goes on as before."""
    message, address, mx, mark = stuck
    (entry,) = gateway.queue("--to", address)
    words = ["account", verb, entry["account"], *(["--reason", "hacked"] if verb == "suspend" else [])]
    said = gateway.sendoff(*words, *(["--leave-queue"] if leave else []), *(["--yes"] if verb == "remove" else []))
    (entry,) = gateway.queue("--to", address)
    assert entry["state"] == ("queued" if leave else "held")
    assert ("1 queued recipient of" in said) != leave, said
    gateway.sendoff("queue", *(("retry", message) if leave else ("release", "--account", entry["account"], "--yes")))
    mx.wait_for(mark)


def test_suspending_says_it_in_json(gateway, stuck):
    _, address, *_ = stuck
    (entry,) = gateway.queue("--to", address)
    (said,) = gateway.sendoff.json("account", "suspend", entry["account"], "--reason", "x")
    assert (said["account"], said["state"], said["reason"], said["held"]) == (entry["account"], "suspended", "x", 1)


def test_the_narrowest_mode_counts_at_once(gateway, recipient):
    """A sender that is not allowed: observed or refused, in one open session."""
    account, to = gateway.add_account("moded"), "r@dest.example.net"

    def answer(code):
        assert attempt(talk, "x@bank.example", [to]).startswith(code)  # the command returns when it holds

    with dialogue(gateway, account) as talk:
        answer("553")
        gateway.sendoff("gateway", "set", "--reverse-path", "observe", "--header-from", "observe")
        answer("250")
        gateway.sendoff("account", "set", "moded", "--reverse-path", "enforce")
        answer("553")
        gateway.sendoff("account", "set", "moded", "--reverse-path", "off")
        answer("250")
        gateway.sendoff("account", "set", "moded", "--reverse-path", "default")
        answer("250")
        gateway.sendoff("gateway", "set", "--reverse-path", "default", "--header-from", "default")
        answer("553")


def test_limits_that_are_switched_off(gateway, recipient):
    account, to = gateway.add_account("unlimited", "--limit", "1/month"), "r@dest.example.net"
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [to]).startswith("250")
        assert attempt(talk, FROM, [to]).startswith("452")
        gateway.sendoff("account", "set", "unlimited", "--limits", "off")
        assert attempt(talk, FROM, [to]).startswith("250")
        gateway.sendoff("account", "set", "unlimited", "--limits", "default")
        assert attempt(talk, FROM, [to]).startswith("452")
