"""Fairness: one account's mail does not stand in front of another's, nor bulk mail in front of transactional."""

import asyncio

import pytest
from sendoff_test.client import connect
from sendoff_test.letters import letter, marker

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
