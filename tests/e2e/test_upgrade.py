"""Stores that earlier versions wrote: today's Sendoff opens them, and nothing in them is lost or changed."""

import glob
import json
import os

import pytest

from sendoff_test import stored
from sendoff_test.client import dialogue, new_client
from sendoff_test.command import Account
from sendoff_test.dns import txt
from sendoff_test.lab import Lab
from sendoff_test.letters import letter, marker, report, values
from sendoff_test.scram import Scram, login
from sendoff_test.verify import verified

FOLDERS = sorted(glob.glob(f"{stored.FIXTURES}/store-*"))
KEYS = {"example.com": {"rsa-sha256", "ed25519-sha256"}, "shop.example": {"rsa-sha256"}, "news.example": {"ed25519-sha256"}}


LATER = {"gateway": 6, "suppressions": 6, "paused": 7, "routes": 8}  # what earlier versions did not have


class Upgrade:
    """A running gateway with a store of before, and the world as it was but for its mailboxes, which now have room."""

    def __init__(self, folder):
        with open(f"{folder}/expected.json") as file:
            self.expected = json.load(file)
        self.expected["usage_rows"] = [stored.usage_row(row) for row in self.expected["usage_rows"]]
        self.version = int(folder.rpartition("-")[2])
        self.lab = Lab()
        self.mailbox = self.lab.exchanger("example.com")
        self.exchangers = {
            name: self.lab.exchanger(name, utf8=True)
            for name in ("up.example.net", "down.example.net", "dark.example.net", "lost.example")
        }
        for records in self.expected["records"].values():
            self.lab.dns.update({(one["name"], one["type"]): [txt(one["value"])] for one in records})
        self.gateway = self.lab.new_gateway().configure(retry=("18250d",), expire=stored.FOREVER, retain=stored.FOREVER)  # retry as when it was made
        stored.restore(folder, self.gateway.data)
        self.gateway.start()
        self.shown = stored.shown(self.gateway.sendoff, self.gateway.data)

    def account(self, name):
        return Account(name, self.expected["passwords"][name])

    def subjects(self, state):
        """The subjects of the messages that wait in that state; the DSN among them has none."""
        waiting = {one["message"] for one in self.expected["queue"] if one["state"] == state}
        return {subject: message for subject, message in self.expected["messages"].items() if message in waiting}


@pytest.fixture(scope="module", params=FOLDERS, ids=os.path.basename)
def upgrade(request):
    made = Upgrade(request.param)
    yield made
    made.lab.close()


@pytest.fixture(scope="module")
def delivered(upgrade):
    """The same once all that is queued was retried and has left."""
    queued = {one["message"] for one in upgrade.expected["queue"] if one["state"] == "queued"}
    assert len(queued) >= 11
    upgrade.gateway.sendoff("queue", "retry", *sorted(queued), "--yes")
    for one in upgrade.expected["queue"]:
        if one["state"] == "queued":
            upgrade.gateway.wait_event("delivered", "--to", one["to"], "--limit", "0")
    return upgrade


def differences(expected, got, where):
    """What is not as it was. Fields may be added to an object, elements to a list may not."""
    if isinstance(expected, dict) and isinstance(got, dict):
        missing = [f"{where}.{key} is gone" for key in expected if key not in got]
        return missing + [d for key in expected if key in got for d in differences(expected[key], got[key], f"{where}.{key}")]
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return [f"{where}: {len(got)} elements, not {len(expected)}"]
        return [d for at, pair in enumerate(zip(expected, got)) for d in differences(*pair, f"{where}[{at}]")]
    if where.endswith(".eight_bit"):
        return []  # what was the default refuses mail that people send: an upgrade accepts it
    return [] if expected == got else [f"{where}: {got!r}, not {expected!r}"]


def test_there_is_a_store_to_open():
    assert FOLDERS


@pytest.mark.parametrize(
    "what, least",
    [
        ("accounts", 5),
        ("domains", 4),
        ("records", 4),
        ("keys", 5),
        ("sources", 3),
        ("gateway", 1),
        ("suppressions", 2),
        ("paused", 1),
        ("routes", 3),
        ("queue", 16),
        ("contents", 14),
        ("usage", 5),
        ("usage_rows", 4),
        ("log", 60),
    ],
)
def test_everything_is_as_it_was(upgrade, what, least):
    if upgrade.version < LATER.get(what, 0):
        return
    assert len(upgrade.expected[what]) >= least, "the fixture has lost what this test is for"
    found = differences(upgrade.expected[what], upgrade.shown[what], what)
    assert not found, "\n".join(found)


def test_passwords_still_log_in(upgrade):
    assert len(upgrade.expected["passwords"]) >= 4
    for name, password in upgrade.expected["passwords"].items():
        with dialogue(upgrade.gateway, tls="implicit", source=new_client()) as talk:
            talk.login(name, password)
        with dialogue(upgrade.gateway, tls="implicit", source=new_client()) as talk:
            assert login(talk, Scram(name, password)).startswith("235"), name


def test_a_wrong_password_does_not(upgrade):
    with dialogue(upgrade.gateway, tls="implicit", source=new_client()) as talk:
        assert login(talk, Scram("blog", "not the password")).startswith("535")


def test_queued_mail_is_delivered_with_its_signatures(delivered):
    queued = delivered.subjects("queued")
    assert len(queued) >= 10
    arrivals = [a for exchanger in delivered.exchangers.values() for a in exchanger.arrivals]
    for subject in queued:
        (arrival,) = [a for a in arrivals if values(a.content, "Subject") == [subject]]
        domain = arrival.sender.partition("@")[2]
        assert set(verified(arrival.content, delivered.lab.dns)) == {(domain, key) for key in KEYS[domain]}, subject
    (several,) = [a for a in arrivals if values(a.content, "Subject") == ["several recipients"]]
    assert set(several.recipients) == {f"{who}@down.example.net" for who in ("list", "silent", "late")}
    (spooled,) = [a for a in arrivals if values(a.content, "Subject") == ["spooled"]]
    assert len(spooled.body) > 256 * 1024
    assert not [name for _, _, names in os.walk(f"{delivered.gateway.data}/spool") for name in names]


def test_a_queued_dsn_is_delivered(delivered):
    (arrival,) = delivered.exchangers["lost.example"].arrivals
    assert arrival.sender == ""
    assert report(arrival.content)["recipients"][0]["action"] == "failed"


def test_parameters_still_count(delivered):
    """NOTIFY=SUCCESS, ORCPT and ENVID of one message, BY with trace of another; the next hop has neither extension."""
    told = {r["final-recipient"]: (one["message"], r) for one in (report(a.content) for a in delivered.mailbox.wait(2)) for r in one["recipients"]}
    message, recipient = told.pop("rfc822; list@down.example.net")
    assert message["original-envelope-id"] == "QQ314159"
    assert recipient["action"] == "relayed" and recipient["original-recipient"] == "rfc822; li+st@example.org"
    message, recipient = told.pop("rfc822; by@down.example.net")
    assert recipient["action"] == "relayed"
    assert not told


def test_held_mail_stays_held(delivered):
    held = [one for one in delivered.expected["queue"] if one["state"] == "held"]
    assert len(held) >= 3
    found = differences(held, delivered.gateway.queue(), "queue")
    assert not found, "\n".join(found)


def test_mail_held_with_its_account_leaves_when_that_resumes(delivered):
    held = [one for one in delivered.expected["queue"] if one["account"] == "in-arrears"]
    if delivered.version < 10:
        return
    assert [one["state"] for one in held] == ["held"]
    delivered.gateway.sendoff("account", "resume", "in-arrears")
    delivered.exchangers["down.example.net"].wait_for("\r\nSubject: held with its account\r\n")


def test_held_mail_can_be_released(delivered):
    message = delivered.subjects("held")["held"]
    delivered.gateway.sendoff("queue", "release", message)
    arrival = delivered.exchangers["down.example.net"].wait_for("\r\nSubject: held\r\n")
    assert verified(arrival.content, delivered.lab.dns) == [("news.example", "ed25519-sha256")]


def test_new_mail_is_signed_by_the_old_keys_and_counted(upgrade):
    before, mark = upgrade.gateway.usage("blog"), marker()
    sender, to = "blog@example.com", "r@up.example.net"
    with dialogue(upgrade.gateway, upgrade.account("blog"), source=new_client()) as talk:
        talk.envelope(sender, to)
        assert talk.content(letter(sender, to, mark + "\r\n")).startswith("250")
    arrival = upgrade.exchangers["up.example.net"].wait_for(mark)
    assert set(verified(arrival.content, upgrade.lab.dns)) == {("example.com", key) for key in KEYS["example.com"]}
    after = upgrade.gateway.usage("blog")
    assert after["total_messages"] == before["total_messages"] + 1
    assert after["total_recipients"] == before["total_recipients"] + 1
