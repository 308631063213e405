"""Recipients of one message at several domains with the same next hop go in one transaction (RFC 5321 3.1), each with an
outcome of its own; a host that does not take them together gets each domain by itself, at once."""

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.processes import wait_until

FROM = "a@example.com"
DOMAINS = 50
GOOGLE = "451 4.3.0 Multiple destination domains per transaction is unsupported. Please try again."
MICROSOFT = "452 4.5.3 Recipients belong to multiple regions ATTR38"


@pytest.fixture(scope="module")
def mailbox(lab):
    return lab.exchanger("example.com")


@pytest.fixture(scope="module")
def gateway(lab, mailbox):
    """Its retries are far away: whatever arrives does so in the first attempt."""
    return lab.gateway(retry=("1h",), expire="1d")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("many")


def site(lab, count, **manner):
    made = lab.exchanger(**manner)
    names = [lab.new_domain("shared") for _ in range(count)]
    lab.dns.update({(name, "MX"): [f"10 {made.name}."] for name in names})
    return made, names


def send(gateway, account, names, *who):
    return submit_marked(gateway, account, FROM, [f"{one}@{name}" for name in names for one in who or ("r",)])


def arrived(made, mark, count):
    """All transactions with that mark, once they have so many recipients."""


    def taken():
        return [a for a in made.arrivals if mark.encode() in a.content]

    wait_until(lambda: sum(len(a.recipients) for a in taken()) == count, f"{count} recipients have arrived")
    return taken()


def takes_one_domain(made):
    """Once it has a `reply`, recipients of another domain than the transaction's first get that; how often they did."""
    refused, made.reply = [], None

    async def rcpt(server, session, envelope, address, options):
        if made.reply and envelope.rcpt_tos and envelope.rcpt_tos[0].split("@")[1] != address.split("@")[1]:
            refused.append(address)
            return made.reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    made.handle_RCPT = rcpt
    return refused


def test_one_transaction_for_all_domains(lab, gateway, account):
    made, names = site(lab, DOMAINS)
    mark = send(gateway, account, names)
    taken = arrived(made, mark, DOMAINS)
    # Routes are found one by one, so what is found later than the connection is ready makes further ones.
    print(f"{len(taken)} transactions for {DOMAINS} domains, {made.connections} connections")
    assert len(taken) <= DOMAINS / 5
    delivered = gateway.wait_event("delivered", "--to", "r@shared*", count=DOMAINS)
    assert {event["to"] for event in delivered} == {f"r@{name}" for name in names}
    again = send(gateway, account, names)  # the routes are known
    taken = arrived(made, again, DOMAINS)
    assert len(taken) <= 3, [a.recipients for a in taken]


def test_never_more_recipients_than_a_transaction_has(lab, gateway, account):
    made, names = site(lab, 30)
    send(gateway, account, names)
    wait_until(lambda: sum(len(a.recipients) for a in made.arrivals) == 30, "the routes are known")
    mark = send(gateway, account, names, *(f"r{n}" for n in range(7)))
    taken = arrived(made, mark, 210)
    assert all(len(a.recipients) <= 100 for a in taken) and len(taken) <= 6, [len(a.recipients) for a in taken]


def test_each_recipient_has_its_own_outcome(lab, gateway, account, mailbox):
    made, names = site(lab, 4)
    made.replies["RCPT"] = lambda argument: "550 5.1.1 nobody" if names[1] in argument else "450 4.2.1 full" if names[2] in argument else None
    mark = send(gateway, account, names)
    arrived(made, mark, 2)
    for name in (names[0], names[3]):
        gateway.wait_event("delivered", "--to", f"r@{name}")
    (bounced,) = gateway.wait_event("bounced", "--to", f"r@{names[1]}")
    assert bounced["code"] == 550
    (deferred,) = gateway.wait_event("deferred", "--to", f"r@{names[2]}")
    assert deferred["code"] == 450 and "full" in deferred["text"], deferred
    (row,) = gateway.queue("--to", f"r@{names[2]}")
    assert row["attempts"] == 1 and row["domain"] == names[2]
    mailbox.wait_for(names[1])


@pytest.mark.parametrize("reply", [GOOGLE, MICROSOFT, "450 4.7.1 not that one"])
def test_a_host_that_wants_one_domain_gets_each_at_once(lab, gateway, account, reply):
    made, names = site(lab, 5)
    refused = takes_one_domain(made)
    send(gateway, account, names)
    wait_until(lambda: sum(len(a.recipients) for a in made.arrivals) == 5, "the routes are known")
    made.reply = reply
    taken = arrived(made, send(gateway, account, names, "x", "y"), 10)
    assert {len({r.split("@")[1] for r in a.recipients}) for a in taken} == {1}, [a.recipients for a in taken]
    assert refused, "they were not tried together"
    for name in names:
        assert not gateway.log("--event", "deferred", "--to", f"x@{name}")
    asked = len(refused)
    arrived(made, send(gateway, account, names, "x", "y"), 10)
    if "ultiple" in reply:  # and so it is remembered
        assert len(refused) == asked, refused
