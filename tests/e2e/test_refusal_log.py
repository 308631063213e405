"""Every refusal is in the log, with the reference that its reply names, whoever was refused and whatever for; repeats
are counted, and found by when they last happened."""

import time

import pytest

from sendoff_test.attempts import REFERENCE, attempt
from sendoff_test.client import dialogue, new_client, plain
from sendoff_test.letters import letter
from sendoff_test.processes import wait_until

FROM, TO = "a@example.com", "r@dest.example.net"


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(limits="max_recipients = 2  login_failures_per_address = 0  login_failures_per_account = 0")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


def looked_up(gateway, answer):
    """The event of a refusal, once it is written."""
    ref = REFERENCE.search(answer).group(1)

    def there():
        return [event for event in gateway.log("--event", "refused", "--limit", "0") if event["ref"] == ref]

    wait_until(there, f"{ref} is in the log")
    (event,) = there()
    return event


SAID = [  # what a client that is logged in says, what of it is logged
    ("MAIL FROM:<no address>", "501 5.5.4", {"rule": "syntax", "from": "FROM:<no address>"}),
    ("MAIL FROM:<ceo@bank.example>", "553 5.7.1", {"rule": "sender", "from": "ceo@bank.example"}),
    ("MAIL FROM:<a@example.com> FOO=BAR", "555 5.5.4", {"rule": "parameter", "from": FROM}),
    ("RCPT TO:<r@dest.example.net>", "503 5.5.1", {"rule": "sequence"}),
    ("DATA", "503 5.5.1", {"rule": "sequence"}),
    ("WHAT", "500 5.5.1", {"rule": "syntax"}),
    ("AUTH PLAIN AGEAYg==", "503 5.5.1", {"rule": "sequence"}),
]


@pytest.mark.parametrize("line, code, expected", SAID)
def test_what_is_said(gateway, account, line, code, expected):
    with dialogue(gateway, account) as talk:
        answer = talk.say(line)
    assert answer.startswith(code), answer
    event = looked_up(gateway, answer)
    assert event["account"] == "app" and event["code"] == int(code[:3])
    assert {key: event[key] for key in expected} == expected


def test_recipients(gateway, account):
    with dialogue(gateway, account) as talk:
        talk.envelope(FROM, TO, "s@dest.example.net")
        for line, rule in (("RCPT TO:<t@dest.example.net>", "recipients"), ("RCPT TO:<not one>", "parameter")):
            answer = talk.say(line)
            event = looked_up(gateway, answer)
            assert event["rule"] == rule and event["from"] == FROM and event["to"] in ("t@dest.example.net", "TO:<not one>")


def test_without_a_login(gateway):
    source = new_client()
    with dialogue(gateway, tls="implicit", source=source) as talk:
        for line in (f"MAIL FROM:<{FROM}>", f"AUTH PLAIN {plain('nobody', 'secret words')}", f"AUTH PLAIN {plain('app', 'wrong')}"):
            event = looked_up(gateway, talk.say(line))
            assert event["host"] == source and "secret words" not in str(event) and "nobody" not in str(event)
            assert event["code"] in (530, 535)


def test_content(gateway, account):
    with dialogue(gateway, account) as talk:
        answer = attempt(talk, FROM, [TO], b"Subject: nobody\r\n\r\nHello.\r\n")
    event = looked_up(gateway, answer)
    assert event["rule"] == "header" and event["from"] == FROM and event["to"] == TO


def test_too_many_sessions(lab):
    gateway = lab.gateway(limits="max_sessions_per_address = 1")
    source = new_client()
    with dialogue(gateway, tls="optional", source=source), pytest.raises(AssertionError) as turned_away:
        dialogue(gateway, tls="optional", source=source).__enter__()
    assert "421" in str(turned_away.value)
    wait_until(lambda: [e for e in gateway.log("--event", "refused") if e["rule"] == "sessions" and e["host"] == source], "it is logged")


def test_repeats_are_found_by_their_latest_time(gateway):
    account = gateway.add_account("again", "--limit", "1/day")
    refused = []
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [TO]).startswith("250")
        refused.append(talk.say(f"MAIL FROM:<{FROM}>"))
        first = looked_up(gateway, refused[0])
        time.sleep(2.5)
        refused += [talk.say(f"MAIL FROM:<{FROM}>") for _ in range(3)]
    assert len({REFERENCE.search(answer).group(1) for answer in refused}) == 1
    wait_until(lambda: looked_up(gateway, refused[0])["count"] == 4, "all are counted")
    event = looked_up(gateway, refused[0])
    assert event["first"] == first["first"] and event["time"] > first["time"]
    recent = gateway.log("--account", "again", "--event", "refused", "--since", "2s")
    assert recent in ([event], []), "only its latest time counts"  # [] where this took two seconds since
    assert gateway.log("--account", "again", "--event", "refused", "--since", "60s") == [event]
    told = gateway.sendoff("why", event["ref"])
    assert "made     4 times, first " in told


def test_only_what_is_the_same_is_counted_together(gateway):
    account = gateway.add_account("several", "--limit", "1/day")
    with dialogue(gateway, account) as talk:
        assert attempt(talk, FROM, [TO]).startswith("250")
    refs = set()
    for source in (new_client(), new_client()):
        with dialogue(gateway, account, source=source) as talk:
            for sender in (FROM, "b@example.com"):
                answer = talk.say(f"MAIL FROM:<{sender}>")
                assert answer.startswith("452")
                event = looked_up(gateway, answer)
                assert (event["from"], event["host"], event["count"]) == (sender, source, 1)
                refs.add(event["ref"])
    assert len(refs) == 4



def test_each_fault_of_a_header_has_a_line(gateway, account):
    """What `sendoff why` says is what the reply said: one rule has many texts."""
    faults = ["Subject: x\r\n", "To: r@x\r\n", "X-Sendoff-Stream: news\r\n", "X-Sendoff-Stream: letter\r\n", "no field\r\n"]
    with dialogue(gateway, account) as talk:
        answers = [attempt(talk, FROM, [TO], letter(FROM, TO, extra=fault)) for fault in faults * 2]
    events = {}
    for answer in answers[: len(faults)]:
        event = looked_up(gateway, answer)
        assert event["text"] == answer[10:].partition(". sendoff why")[0], (event, answer)
        events[event["ref"]] = event
    assert len(events) == len(faults)
    assert {REFERENCE.search(answer).group(1) for answer in answers} == set(events), "a repeat has the line of the first"
