"""The policy engine by what it lets out and what it says: recipients of a staging site, checks that are observed or
switched off for an account, a domain or the gateway, and what the log keeps of every decision."""

import itertools
import json

import pytest

from sendoff_test.attempts import accepted_event, attempt, attempt_as, explained, refusal_event
from sendoff_test.client import dialogue
from sendoff_test.dns import txt
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM, TO, BOSS = "a@example.com", "r@dest.example.net", "boss@bank.example"
MODES = ("off", "observe", "enforce")
_numbers = itertools.count(1)


def nobody():
    """An address that no mail goes to, another one each time: one that bounced is suppressed."""
    return f"r@nowhere-{next(_numbers)}.invalid"



@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger("dest.example.net", utf8=True)


@pytest.fixture(scope="module")
def staging(gateway):
    to = ("--to", "dest.example.net", "--to", "me@own.example", "--not-to", "ceo@dest.example.net")
    return gateway.add_account("staging", *to)


def recipient_said(gateway, account, path):
    """The answer to a RCPT with that path."""
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, options=" SMTPUTF8")
        return talk.say(f"RCPT TO:{path}")


# Recipients.


@pytest.mark.parametrize(
    "path",
    [
        "<r@dest.example.net>",
        "<r@DEST.example.net>",
        "<r@dest.example.net.>",
        "<@relay.example:r@dest.example.net>",
        "<me@own.example>",
        "<ME@own.example>",
        '<"me"@OWN.example.>',
    ],
)
def test_a_staging_site_reaches_its_own_people(gateway, staging, path):
    assert recipient_said(gateway, staging, path).startswith("250 2.1.5"), path


@pytest.mark.parametrize(
    "path, told",
    [
        ("<x@else.example>", "allowed: dest.example.net, me@own.example"),
        ("<you@own.example>", "allowed: dest.example.net, me@own.example"),
        ("<r@sub.dest.example.net>", "allowed: dest.example.net"),
        ("<r@dest.example.net.example>", "allowed: dest.example.net"),
        ("<@dest.example.net:x@else.example>", "allowed: dest.example.net"),
        ('<"x@dest.example.net"@else.example>', "allowed: dest.example.net"),
        ("<r%dest.example.net@else.example>", "allowed: dest.example.net"),
        ("<r@[127.0.0.1]>", "allowed: dest.example.net"),
        ("<postmaster>", "allowed: dest.example.net"),
        ("<jörg@else.example>", "allowed: dest.example.net"),
        ("<ceo@dest.example.net>", "not allowed: ceo@dest.example.net"),
        ("<CEO@DEST.example.net.>", "not allowed: ceo@dest.example.net"),
        ('<"ceo"@dest.example.net>', "not allowed: ceo@dest.example.net"),
        ('<"c\\eo"@dest.example.net>', "not allowed: ceo@dest.example.net"),
        ("<@relay.example:ceo@dest.example.net>", "not allowed: ceo@dest.example.net"),
    ],
)
def test_and_nobody_else(gateway, staging, path, told):
    answer = recipient_said(gateway, staging, path)
    assert answer.startswith("550 5.7.1 staging may not write to "), answer
    assert told in answer and len(answer) < 300, answer
    event = refusal_event(gateway, answer)
    assert event["rule"] == "recipient" and event["checks"]["recipient"] == "refuse", event
    assert event["checks"]["reverse-path"] == "pass", event
    assert "--to" in explained(gateway, answer)


def test_the_others_of_the_message_get_it(gateway, staging, recipient):
    mark = marker()
    with dialogue(gateway, staging) as talk:
        talk.envelope(FROM, TO)
        assert talk.say("RCPT TO:<x@else.example>").startswith("550")
        event = accepted_event(gateway, talk.content(letter(FROM, TO, mark + "\r\n")))
    assert recipient.wait_for(mark).recipients == [TO]
    assert "checks" not in event, "nothing would have refused it"


def test_a_domain_beyond_ascii_is_one_domain(gateway):
    account = gateway.add_account("idn", "--to", "bücher.example", "--not-to", "*.bücher.example")
    for path in ("<r@bücher.example>", "<r@xn--bcher-kva.example>", "<r@BÜCHER.example>"):
        assert recipient_said(gateway, account, path).startswith("250"), path
    for path in ("<r@a.bücher.example>", "<r@a.XN--bcher-kva.example>", "<r@bucher.example>"):
        assert recipient_said(gateway, account, path).startswith("550"), path


def test_recipients_can_be_observed(gateway, staging, recipient):
    """From the next command on of a session that was open before, without a restart; and enforced again."""
    mark = marker()
    with dialogue(gateway, staging) as talk:
        assert attempt(talk, FROM, [TO, "x@else.example"]).startswith("550 5.7.1")
        gateway.sendoff("account", "set", "staging", "--recipient", "observe")
        answer = attempt(talk, FROM, [TO, "x@else.example", "y@else.example"], letter(FROM, TO, mark + "\r\n"))
        event = accepted_event(gateway, answer)
        assert list(event["checks"]) == ["recipient"], "said once, of the first"
        assert event["checks"]["recipient"].startswith("would refuse: staging may not write to x@else.example"), event
        gateway.sendoff("account", "set", "staging", "--recipient", "enforce")
        assert attempt(talk, FROM, ["x@else.example"]).startswith("550 5.7.1")
    recipient.wait_for(mark)
    text = gateway.sendoff("log", "show", answer.split()[4])
    assert "recipient would refuse: staging may not write to x@else.example" in text


# Modes.


@pytest.fixture(scope="module")
def bank(lab, gateway, staging):
    domain = lab.new_domain("bank")
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    return domain


@pytest.mark.parametrize("header, check", [("From", "header-from"), ("Sender", "header-sender")])
def test_a_foreign_author_can_be_observed(gateway, recipient, bank, header, check):
    account = gateway.add_account(f"blog-{check}")
    mark = marker()
    content = letter(FROM, TO, mark + "\r\n", extra=f"Sender: {BOSS}\r\n")
    if header == "From":
        content = letter(BOSS, TO, mark + "\r\n")
    with dialogue(gateway, account) as talk:
        refused = attempt(talk, FROM, [TO], content)
        assert refused.startswith(f"553 5.7.1 {account.name} may not send with {header}: {BOSS}; allowed: "), refused
        assert refusal_event(gateway, refused)["checks"][check] == "refuse"
        gateway.sendoff("account", "set", account.name, f"--{check}", "observe")
        event = accepted_event(gateway, attempt(talk, FROM, [TO], content))
        said = f"would refuse: {account.name} may not send with {header}: {BOSS}, allowed: example.com"
        assert event["checks"] == {check: said}, event
        gateway.sendoff("account", "set", account.name, f"--{check}", "off")
        assert "checks" not in accepted_event(gateway, attempt(talk, FROM, [TO], content.replace(mark.encode(), b"other")))
    recipient.wait_for(mark)


def set_mode(gateway, account, domain, modes):
    """Of account, domain and gateway."""
    for noun, mode in zip((("account", "set", account.name), ("domain", "set", domain), ("gateway", "set")), modes):
        gateway.sendoff(*noun, "--header-from", mode)


@pytest.fixture
def own_gateway(lab):
    made = lab.gateway()
    yield made
    made.stop()


def test_the_most_specific_mode_holds(lab, own_gateway):
    """The gateway's for all, over it the domain's of the From field, over it the account's."""
    gateway, account = own_gateway, own_gateway.add_account("blog")
    domain = lab.new_domain("author")
    gateway.add_domain(domain, "--key", "ed25519", publish=False)
    sender = f"x@{domain}"
    with dialogue(gateway, account) as talk:

        def outcome():
            answer = attempt(talk, FROM, [nobody()], letter(sender, TO))
            if not answer.startswith("250"):
                return "enforce"
            return "observe" if "header-from" in accepted_event(gateway, answer).get("checks", {}) else "off"

        assert outcome() == "enforce", "as it is without settings"
        for mode in MODES:
            gateway.sendoff("gateway", "set", "--header-from", mode)
            assert outcome() == mode
        for mode in MODES:
            gateway.sendoff("domain", "set", domain, "--header-from", mode)
            assert outcome() == mode
        for mode in MODES:
            set_mode(gateway, account, domain, (mode, "enforce" if mode == "off" else "off", "observe"))
            assert outcome() == mode


def test_a_limit_can_be_observed(own_gateway):
    """Counted all the while; and not announced as if it held (RFC 9422)."""
    gateway, account = own_gateway, own_gateway.add_account("limited", "--limit", "1/day", "--limit", "1rcpt/message")
    with dialogue(gateway, account) as talk:
        assert "MAILMAX=1" in talk.say("EHLO client.example")
        assert "checks" not in accepted_event(gateway, attempt(talk, FROM, [nobody()]))
        refused = attempt(talk, FROM, [nobody()])
        assert refused.startswith("452 4.7.1"), refused
        assert refusal_event(gateway, refused)["checks"]["limits"] == "refuse 1 of 1/day"
        gateway.sendoff("account", "set", "limited", "--limits", "observe")
        event = accepted_event(gateway, attempt(talk, FROM, [nobody()]))
        assert event["checks"]["limits"].startswith("would refuse: limited: 1 of 1 messages today"), event
        assert "MAILMAX" not in talk.say("EHLO client.example")
        gateway.sendoff("account", "set", "limited", "--limits", "off")
        assert "checks" not in accepted_event(gateway, attempt(talk, FROM, [nobody(), nobody()]))
        gateway.sendoff("account", "set", "limited", "--limits", "enforce")
        assert "3 of 1 messages today" in attempt(talk, FROM, [nobody()])


def test_an_observed_smooth_limit_holds_nothing_back(own_gateway):
    gateway, account = own_gateway, own_gateway.add_account("smooth", "--limit", "1/hour:smooth")
    gateway.sendoff("account", "set", "smooth", "--limits", "observe")
    for _ in range(3):
        accepted_event(gateway, attempt_as(gateway, account, FROM, [nobody()]))
    gateway.wait_event("bounced", "--account", "smooth", count=3)


# What is kept of a decision.


def test_a_refused_header_keeps_what_was_decided(gateway, recipient):
    """Of every stage before, although the commands that it was said with have long gone; of the recipients, what became
    of those that are in the message. Nothing of the checks behind the one that refuses: they were not asked."""
    account = gateway.add_account("keeps", "--to", "dest.example.net")
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO)
        assert talk.say("RCPT TO:<x@else.example>").startswith("550")
        for _ in range(20):
            talk.say("NOOP " + "z" * 200)
        event = refusal_event(gateway, talk.content(letter(BOSS, TO)))
    assert event["rule"] == "header-from"
    expected = {name: "pass" for name in ("account", "reverse-path", "recipient-count", "recipient", "limits", "room")}
    assert event["checks"] == {
        **expected,
        "spf": event["checks"]["spf"],
        "header-from": "refuse",
        "suppression": "pass",
    }
    text = gateway.sendoff("why", event["ref"])
    assert "header-from refuse" in text and "reverse-path pass" in text


def test_a_refused_recipient_keeps_its_own_results(gateway, recipient):
    """Not those of a recipient before it; and the message keeps nothing of it."""
    account = gateway.add_account("listed", "--to", "dest.example.net", "--recipient", "observe")
    gateway.sendoff("suppression", "add", "gone@dest.example.net", "--account", "listed")
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, nobody())
        refused = talk.say("RCPT TO:<gone@dest.example.net>")
        event = accepted_event(gateway, talk.content(letter(FROM, TO)))
    checks = refusal_event(gateway, refused)["checks"]
    assert [checks[name] for name in ("recipient-count", "recipient", "suppression")] == ["pass", "pass", "refuse"], checks
    assert set(event["checks"]) == {"recipient"}, event


def test_an_observed_check_says_nothing_of_a_refused_recipient(gateway, recipient):
    account = gateway.add_account("strict", "--to", "dest.example.net", "--recipient", "observe")
    gateway.sendoff("suppression", "add", "gone@else.example", "--account", "strict")
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO)
        refused = talk.say("RCPT TO:<gone@else.example>")
        event = accepted_event(gateway, talk.content(letter(FROM, TO)))
    assert refusal_event(gateway, refused)["checks"]["recipient"] == "would refuse"
    assert "checks" not in event, event


def test_a_refusal_at_the_commit_keeps_every_result(own_gateway):
    """Two sessions that both may, until the first is kept: the store decides."""
    gateway, account = own_gateway, own_gateway.add_account("exact", "--limit", "1/day")
    with dialogue(gateway, account) as first, dialogue(gateway, account) as second:
        for talk in (first, second):
            talk.envelope(FROM, nobody())
            assert talk.say("DATA").startswith("354")
        for talk in (first, second):
            talk.send(letter(FROM, TO) + b".\r\n")
        answers = sorted(talk.reply() for talk in (first, second))
    assert [answer[:3] for answer in answers] == ["250", "452"], answers
    checks = refusal_event(gateway, answers[1])["checks"]
    assert checks["limits"] == "refuse 1 of 1/day", checks
    for name in ("account", "reverse-path", "recipient", "header-from", "header-sender", "from-form"):
        assert checks[name] == "pass", checks


def test_several_observed_checks_are_all_named(lab, own_gateway):
    gateway = own_gateway
    options = ("--to", "else.example", "--recipient", "observe", "--header-from", "observe", "--header-sender", "observe")
    account = gateway.add_account("all", *options, "--reverse-path", "observe", "--limit", "1KB/day", "--limits", "observe")
    lab.dns.set("fails.example", "TXT", txt("v=spf1 -all"))
    long = "x" * 60
    content = letter(f"{long}@{long}.example", TO, extra=f"Sender: {long}@{long}.example.net\r\n")
    for _ in range(2):
        event = accepted_event(gateway, attempt_as(gateway, account, f"{long}@fails.example", [nobody()], content * 9))
    names = {"recipient", "header-from", "header-sender", "reverse-path", "limits", "spf"}
    assert set(event["checks"]) == names, json.dumps(event, indent=1)
    assert all(text.startswith("would refuse") for text in event["checks"].values()), event


def test_a_note_is_kept_whole(own_gateway):
    """Of the longest address that there can be, in characters of two octets: no half of one, and the end is there."""
    gateway, account = own_gateway, own_gateway.add_account("utf8", "--to", "else.example", "--recipient", "observe")
    recipient = "ö" * 110 + "@nowhere.invalid"
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, recipient, options=" SMTPUTF8")
        event = accepted_event(gateway, talk.content(letter(FROM, TO)))
    said = event["checks"]["recipient"]
    assert said == f"would refuse: utf8 may not write to {'ö' * 38}..., allowed: else.example", said
    patterns = [word for n in range(9) for word in ("--to", f"{n}.{'x' * 20}.example")]
    gateway.sendoff("account", "set", "utf8", *patterns)
    said = accepted_event(gateway, attempt_as(gateway, account, FROM, [nobody()]))["checks"]["recipient"]
    assert len(said) == len("would refuse: ") + 200, said


def test_what_is_observed_of_another_recipient_does_not_stick(gateway, recipient):
    """A transaction that was given up leaves nothing in the next."""
    account = gateway.add_account("fresh", "--to", "dest.example.net", "--recipient", "observe")
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, "x@else.example")
        talk.say("RSET")
        assert "checks" not in accepted_event(gateway, attempt(talk, FROM, [TO]))


def test_a_suspended_account_says_so_with_the_rest(gateway):
    account = gateway.add_account("paused")
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO)
        gateway.sendoff("account", "suspend", "paused", "--reason", "unpaid")
        answer = wait_until(lambda: (said := talk.say(f"RCPT TO:<{TO}>"))[0] == "5" and said, "it is suspended")
    checks = refusal_event(gateway, answer)["checks"]
    assert checks["account"] == "refuse" and checks["reverse-path"] == "pass", checks
