"""MT-PRIORITY (RFC 6710): what waits for the same destination goes in that order."""

import asyncio

from sendoff_test.client import connect
from sendoff_test.letters import letter

FROM = "a@example.com"


def test_higher_priority_goes_first(lab, gateway):
    account = gateway.add_account("app")
    mx = lab.exchanger(lab.new_domain(), offers=["MT-PRIORITY", "LIMITS MAILMAX=100"])

    async def late(_):
        await asyncio.sleep(3)

    mx.replies["GREETING"] = late
    sent = [1, 0, 1, 4, 0, 9, 1, 4, 9, 0]  # below 0 it is bulk mail, which has its own turns (test_fairness)
    with connect(gateway, account) as session:
        for n, priority in enumerate(sent):
            session.sendmail(FROM, [f"r{n}@{mx.domain}"], letter(FROM, "r@example.net"), mail_options=[f"MT-PRIORITY={priority}"])
    arrived = [int(a.mail.get("MT-PRIORITY", "0")) for a in mx.wait(len(sent))]
    # Two connections look for the host at first, and either may be a step ahead of the other.
    wanted = sorted(sent, reverse=True)
    assert all(a in wanted[max(0, n - 1) : n + 2] for n, a in enumerate(arrived)), arrived
