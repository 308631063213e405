"""Fairness: one account's mail does not stand in front of another's, nor bulk mail in front of transactional."""

import asyncio

import pytest
from sendoff_test.client import connect
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM = "a@example.com"
FEW = 20  # as many as there may be connections to a site, each of which may have taken another message before
MANY = 45  # messages of 100 recipients each: more than a lane may have in memory for one domain (schedule.h: 3,750)


@pytest.fixture
def busy(lab):
    """An exchanger that keeps all waiting until `go` is set."""
    mx = lab.exchanger(lab.new_domain(), offers=["LIMITS MAILMAX=1000"])
    mx.going = False

    async def late(_):
        while not mx.going:
            await asyncio.sleep(0.05)

    mx.replies["GREETING"] = late
    return mx


def fill(gateway, account, mx, extra=""):
    with connect(gateway, account) as session:
        for n in range(MANY):
            to = [f"r{n}-{i}@{mx.domain}" for i in range(100)]
            session.sendmail(FROM, to, letter(FROM, "r@example.net", extra=extra))


def send_one(gateway, account, mx):
    text = marker()
    with connect(gateway, account) as session:
        session.sendmail(FROM, [f"one@{mx.domain}"], letter(FROM, "r@example.net", text))
    return text


def came_before(mx, text):
    """How many transactions ended before the one with this text."""
    mx.wait_for(text, timeout=60)
    return next(n for n, arrived in enumerate(mx.arrivals) if text.encode() in arrived.content)


def test_one_message_behind_another_accounts_many(gateway, busy):
    large, small = gateway.add_account("large"), gateway.add_account("small")
    fill(gateway, large, busy)
    text = send_one(gateway, small, busy)
    busy.going = True
    assert came_before(busy, text) <= FEW


def test_one_message_behind_bulk_of_its_own_account(gateway, busy):
    account = gateway.add_account("both")
    fill(gateway, account, busy, extra="X-Sendoff-Stream: bulk\r\n")
    text = send_one(gateway, account, busy)
    busy.going = True
    assert came_before(busy, text) <= FEW


def test_behind_a_restart(gateway, busy):
    """Then all of it is read from the store."""
    large, small = gateway.add_account("before"), gateway.add_account("behind")
    fill(gateway, large, busy)
    text = send_one(gateway, small, busy)
    gateway.kill()
    gateway.start()
    busy.going = True
    assert came_before(busy, text) <= FEW


def send(gateway, account, mx, count, extra=""):
    with connect(gateway, account) as session:
        for n in range(count):
            session.sendmail(FROM, [f"r{n}@{mx.domain}"], letter(FROM, "r@example.net", extra=extra))


def waiting(gateway, account):
    """What `queue list` says of the account's mail that waits for a connection, longest waiting first."""
    rows = [row["under_way"] for row in gateway.queue("--account", account.name) if row["under_way"]]
    return [row for row in rows if row["ahead"]]


def test_the_queue_says_what_is_ahead(gateway, busy):
    large, small = gateway.add_account("many"), gateway.add_account("few")
    send(gateway, large, busy, 60)
    send(gateway, large, busy, 30, extra="X-Sendoff-Stream: bulk\r\n")
    send(gateway, small, busy, 1)
    wait_until(lambda: len(waiting(gateway, large)) + len(waiting(gateway, small)) == 91, "all of it waits")
    (one,) = waiting(gateway, small)
    assert one["ahead"]["own"] == 0 and one["ahead"]["messages"] <= 3 and one["expected"] is None
    all_ahead = sorted(row["ahead"]["messages"] for row in [*waiting(gateway, large), one])
    assert all_ahead == list(range(91)), "each has a place of its own"
    last = max((row["ahead"] for row in waiting(gateway, large)), key=lambda ahead: ahead["messages"])
    assert last == {"messages": 90, "own": 29, "other": "many", "of_other": 60}, "bulk is last, behind its own account's other mail"
    text = gateway.sendoff("queue", "list", "--account", large.name)
    assert "; 90 ahead, 29 of them its own, 60 of many" in text
    busy.going = True
    wait_until(lambda: not gateway.queue("--account", large.name), "all of it is delivered")


def test_the_queue_says_when_it_expects_a_turn(gateway, lab):
    mx = lab.exchanger(lab.new_domain())

    async def slow(_):
        await asyncio.sleep(0.5)

    mx.replies["RCPT"] = slow
    account = gateway.add_account("patient")
    send(gateway, account, mx, 150)

    def expected():
        rows = waiting(gateway, account)
        return rows if rows and all(row["expected"] for row in rows) else None

    rows = sorted(wait_until(expected, "turns have been taken"), key=lambda row: row["ahead"]["messages"])
    assert [row["expected"] for row in rows] == sorted(row["expected"] for row in rows)
    gateway.sendoff("queue", "drop", "--account", account.name, "--yes")
