"""The system clock was wrong while the gateway ran, and has been set right before it is started again: what the store then
holds is edited in, and nobody's mail may wait for years or expire for it."""

import time

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.stored import edit

FROM = "a@example.com"
YEARS = 5 * 365 * 86400 * 1000000


def deferred(lab, delivery=""):
    """A gateway that is stopped, with a message whose host has put it off once."""
    gateway = lab.gateway(retry=["2s", "4s"], expire="1h", delivery=delivery)
    lab.exchanger("example.com")
    host = lab.exchanger(lab.new_domain())
    account = gateway.add_account("app")
    host.replies["RCPT"] = "450 4.2.1 later"
    mark = submit_marked(gateway, account, FROM, [f"r@{host.domain}"])
    gateway.wait_event("deferred", "--to", f"r@{host.domain}")
    gateway.stop()
    return gateway, host, mark


@pytest.mark.parametrize(
    "what, statements",
    [
        ("all of it in 2031", [f"UPDATE messages SET created_us = created_us + {YEARS}, expires_us = expires_us + {YEARS}",
                               f"UPDATE recipients SET next_us = next_us + {YEARS}"]),
        ("put off in 2031", [f"UPDATE recipients SET next_us = next_us + {YEARS}"]),
    ],
)  # fmt: skip
def test_mail_of_2031_does_not_wait_until_then(lab, what, statements):
    gateway, host, mark = deferred(lab)
    for statement in statements:
        edit(gateway, statement)
    host.replies.clear()
    gateway.start()
    host.wait_for(mark)
    assert 'event="times of the queue corrected"' in gateway.output()
    gateway.stop()


def test_mail_is_not_expired_by_a_clock_that_has_jumped_ahead(lab):
    """Everything in the store, the log too, is five years old: the gateway has slept, or the clock is wrong."""
    gateway, host, mark = deferred(lab)
    ids = YEARS // 1000 << 21  # base/id.h: milliseconds above 21 bits
    # Ids from 2026 minus five years would be before their epoch: so mail and log go back by two years only.
    for statement in (
        f"UPDATE messages SET created_us = created_us - {YEARS * 2 // 5}, expires_us = expires_us - {YEARS * 2 // 5}",
        f"UPDATE recipients SET next_us = next_us - {YEARS * 2 // 5}",
        f"UPDATE events SET id = id - {ids * 2 // 5}",
    ):
        edit(gateway, statement)
    gateway.configure(retry=["2s", "4s"], expire="1h", retain="36500d").start()
    gateway.wait_event("deferred", "--to", f"r@{host.domain}", count=3)
    assert gateway.log("--event", "expired") == []
    host.replies.clear()
    host.wait_for(mark)
    gateway.stop()


def test_a_restart_at_once_extends_nothing(lab):
    gateway, host, _ = deferred(lab)
    edit(gateway, f"UPDATE messages SET expires_us = {int(time.time() * 1e6)} - 1")
    gateway.start()
    gateway.wait_event("expired", "--to", f"r@{host.domain}")
    assert "times of the queue corrected" not in gateway.output()
    gateway.stop()
