"""Plays the written dialogues of this folder against the real daemon, and checks that together they show every reply
that it can give."""

import pathlib
import re

import pytest

from sendoff_test import restricted, script
from sendoff_test.client import submit
from sendoff_test.letters import letter, marker

HERE = pathlib.Path(__file__).parent
SOURCES = HERE.parent.parent
ROOMS = ("relay/submission", "relay/smtp", "relay/mime", "policy")  # where replies to clients are worded
FILES = sorted(HERE.glob("[0-9]*.smtp"))
DESTINATION = "dest.example.net"
SETTINGS = (
    'max_message_size = "400K"  max_recipients = 5  login_failures_per_address = 0  login_failures_per_account = 0 '
    "max_sessions_per_address = 200"
)

# Replies that no dialogue can bring about: a file that shows them, or why none does.
ELSEWHERE = {
    "out of memory": "an allocation would have to fail",
    "that is not base64": "an allocation would have to fail",
    "the message could not be signed; try": "libopendkim or OpenSSL would have to fail in the middle of a message",
    "stopping; try again in a minute": "needs a command between the signal and the loop's next turn",
    "%s is stopping; try again in a minute": "needs a command between the signal and the loop's next turn",
    "%s": "e2e/test_bans.py",
    "%s; publish for %s: TXT ": "e2e/test_dmarc.py",
    "%s; have it signed: sendoff domain add ": "e2e/test_dmarc.py",
    "the gateway cannot decide it": "a check would have to ask at a stage that cannot wait (unit/policy/policy)",
    "refused by the check": "a rule would have to be without words (unit/policy/policy)",
    "too many failed logins": "e2e/test_bans.py",
    "%s: wait for the greeting before sending anything": "e2e/test_patience.py",
    "the message cannot be stored now": "e2e/test_trouble.py",
    "the message could not be stored": "e2e/test_store_files.py",
    "the disk is almost full: ": "e2e/test_disk.py",
    "the disk is full": "e2e/test_trouble.py",
    "the store's files have gone": "e2e/test_store_files.py",
    "the message could not be signed for": "e2e/test_trouble.py",
    "the message cannot be signed for ": "e2e/test_repairs.py",
    "the header is over ": "e2e/test_repairs.py",
    "account %s is no longer here": "e2e/test_trouble.py",
    "the login of this session no longer holds": "e2e/test_login_ends.py",
    "your certificate is not bound to that account; sendoff account set NAME": "e2e/test_external.py",
    "TLS is not available here": "e2e/test_trouble.py",
    "no AUTH by the local socket": "e2e/test_local_socket.py",
    "%s has no account here; give it one: ": "e2e/test_local_socket.py",
    "the gateway runs in a user namespace": "e2e/test_local_socket.py",
    "too many sessions of your user": "e2e/test_local_socket.py",
    "the machine's database of users does not say who you are": "e2e/test_local_socket.py",
    "the TLS handshake failed": "e2e/test_tls_failures.py",
    "the TLS handshake ended once the client had the certificate, which it may not trust": "e2e/test_tls_failures.py",
    "the client ended TLS, probably because it does not trust the certificate": "e2e/test_tls_failures.py",
    "what this session logged in with was changed while": "needs a change between two looks; unit/store/standing.c has the decision",
}

seen = set()  # the lines of every reply so far


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(limits=SETTINGS, delivery='simulator = "sim.example.com"')


@pytest.fixture(scope="module")
def recipient(lab):
    return lab.exchanger(DESTINATION, utf8=True)


@pytest.fixture(scope="module")
def accounts(lab, gateway, recipient):
    others = restricted.prepare(lab, gateway) | {
        "eight": gateway.add_account("eight", "--eight-bit", "accept"),
        "suspended": gateway.add_account("gone"),
        "any": gateway.add_account("any", senders=["*"]),
        "trial": gateway.add_account("trial", "--sandbox"),
        "printer": gateway.add_account("printer", "--rewrite-from", "printer@example.com"),
    }
    gateway.sendoff("account", "suspend", "gone", "--reason", "unpaid")
    return others


@pytest.fixture(scope="module")
def account(gateway, accounts):
    """One that refuses what others have repaired; "eight" is one of those."""
    return gateway.add_account("app", "--eight-bit", "refuse", "--long-lines", "refuse")


def arrived(recipient, mark):
    return [arrival for arrival in recipient.arrivals if mark.encode() in arrival.content]


def settle(gateway, account, recipient):
    """All that was accepted before has arrived."""
    gateway.wait_delivered()
    mark = marker()
    submit(gateway, account, "a@example.com", [f"r@{DESTINATION}"], letter("a@example.com", "r@x", subject=mark))
    recipient.wait_for(mark)


def ways(path):
    """Every way in which every dialogue of a file is played."""
    for dialogue in script.read(path):
        for over in dialogue.over:
            for feed in dialogue.feed:
                yield dialogue, over, feed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogues(path, gateway, account, accounts, recipient):
    wrong, awaited = {}, []  # the first difference of each dialogue
    for dialogue, over, feed in ways(path):
        mark = marker()
        words = script.words_for(account, accounts, mark)
        player = script.Player(gateway, dialogue, over, feed, words, seed=f"{dialogue.where} {over} {feed}")
        try:
            player.play()
        except AssertionError as difference:
            wrong.setdefault(dialogue.where, str(difference))
        seen.update(player.seen)
        if dialogue.arrives:
            body = script.octets(dialogue.arrives, words)
            awaited.append((player.name, mark, [] if body == b"nothing" else [body]))
    assert gateway.running()
    if awaited:
        settle(gateway, account, recipient)
    for name, mark, expected in awaited:
        bodies = [arrival.body for arrival in arrived(recipient, mark)]
        if bodies != expected:
            wrong.setdefault(name, f"{name}: {bodies} arrived instead of {expected}")
    assert not wrong, "\n".join([f"{len(wrong)} differences", *list(wrong.values())[:12]])


def replies_of_the_sources():
    """(file, code, enhanced, words as the format has them) of every reply whose words stand in the sources."""
    text = r'((?:"(?:[^"\\]|\\.)*"\s*(?:PRIu64\s*)?)+)'
    calls = re.compile(r'\b(?:reply|reply_refused|refuse|intake_refuse)\(&?\w[\w>-]*, (\d{3}),\s*(NULL|"[\d.]+"),\s*(?:/\*.*?\*/\s*)?(?:(?:RULE_\w+|found->rule),\s*)?(?:/\*.*?\*/\s*)?' + text)
    for path in sorted(path for room in ROOMS for path in (SOURCES / room).rglob("*.c")):
        for code, enhanced, words in calls.findall(path.read_text()):
            words = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', words)).replace('\\"', '"')
            yield path.name, code, enhanced.strip('"').replace("NULL", ""), words


def is_shown(code, enhanced, words):
    pattern = ".*".join(re.escape(part) for part in re.split(r"%(?:\.\*)?(?:z|ll)?[sudc]", words))
    whole = re.compile(f"{code}[ -]{enhanced}{' ' if enhanced else ''}{pattern}.*")
    return any(whole.fullmatch(line) for line in seen)


def is_elsewhere(words):
    return any(words == start or (words.startswith(start) and start != "%s") for start in ELSEWHERE)


def test_every_reply_is_shown():
    replies = list(replies_of_the_sources())
    assert len(replies) > 100, "the words of replies are written in another way, or elsewhere"
    missing = [
        f"{name}: {code} {enhanced} {words}"
        for name, code, enhanced, words in replies
        if not is_elsewhere(words) and not is_shown(code, enhanced, words)
    ]
    assert not missing, "no dialogue brings these about:\n" + "\n".join(missing)


def test_what_is_shown_elsewhere_is():
    for words, where in ELSEWHERE.items():
        if where.startswith("e2e/"):
            assert words.split("%s")[-1].lstrip(": ") in (HERE.parent / where).read_text(), (words, where)
