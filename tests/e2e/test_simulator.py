"""The simulator: a domain that the gateway plays itself, address by address; and what it must not teach anybody."""

import smtplib
import time

import pytest

from sendoff_test.attempts import attempt_as, explained
from sendoff_test.client import submit, submit_marked
from sendoff_test.letters import letter, marker
from sendoff_test.processes import wait_until

FROM = "a@example.com"
DOMAIN = "sim.example.com"  # which DNS does not know
DELIVERY = f'simulator = "{DOMAIN}"'
NAMES = "delivered, bounce, defer, greylist, slow, suppressed"


@pytest.fixture(scope="module")
def mailbox(lab):
    return lab.exchanger("example.com")


@pytest.fixture(scope="module")
def gateway(lab, mailbox):  # whose domain it looks up when it starts
    return lab.gateway(retry=["1s"], delivery=DELIVERY)


@pytest.fixture
def account(gateway):
    return gateway.add_account(marker()[:20].lower())


def address(name):
    return f"{name}@{DOMAIN}"


def send(gateway, account, *names):
    submit_marked(gateway, account, FROM, [address(name) for name in names])


def story(gateway, account, name):
    return [
        (one["event"], one["code"], one["enhanced"]) for one in gateway.log("--account", account.name, "--to", address(name))
    ]


def notices(mailbox, name):
    """Those that say something of that address."""
    return [one for one in mailbox.arrivals if not one.sender and address(name).encode() in one.content]


def test_delivered(gateway, account):
    send(gateway, account, "delivered", "Delivered+order-12")
    for name in ("delivered", "Delivered+order-12"):
        (one,) = gateway.wait_event("delivered", "--account", account.name, "--to", address(name))
        assert (one["host"], one["code"], one["enhanced"], one["source"]) == ("simulator", 250, "2.0.0", "")
        assert one["text"] == "simulated: delivered"
    assert gateway.usage(account.name)["total_recipients"] == 2, "limits count it"


def test_bounce(gateway, account, mailbox):
    name = f"bounce+{marker()}"
    send(gateway, account, name)
    (one,) = gateway.wait_event("bounced", "--account", account.name)
    assert (one["host"], one["code"], one["enhanced"]) == ("simulator", 550, "5.1.1")
    (notice,) = wait_until(lambda: notices(mailbox, name), "the notice")
    assert notice.recipients == [FROM]
    assert b"Status: 5.1.1" in notice.content and b"550 5.1.1 simulated: no such user" in notice.content


def test_greylist(gateway, account):
    send(gateway, account, "greylist")
    gateway.wait_event("delivered", "--account", account.name)
    assert story(gateway, account, "greylist")[1:] == [("deferred", 451, "4.7.1"), ("delivered", 250, "2.0.0")]


def test_slow_keeps_no_other_waiting(gateway, account):
    send(gateway, account, "slow", "delivered")
    for name in ("slow", "delivered"):
        gateway.wait_event("delivered", "--account", account.name, "--to", address(name))
    ends = {one["to"]: one for one in gateway.log("--account", account.name, "--event", "delivered")}
    assert list(ends) == [address("delivered"), address("slow")]
    assert "after a while" in ends[address("slow")]["text"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_slow_over_a_restart(lab, end):
    gateway = lab.gateway(retry=["1s"], delivery=DELIVERY)
    account = gateway.add_account("slowly")
    before = time.monotonic()
    send(gateway, account, "slow+1", "slow+2")
    getattr(gateway, end)()
    gateway.start()
    gateway.wait_event("delivered", count=2, timeout=60)
    assert time.monotonic() - before > 4
    assert len(gateway.log("--event", "delivered")) == 2 and not gateway.queue()
    gateway.stop()


def test_defer_until_it_expires(lab, mailbox):
    gateway = lab.gateway(retry=["1s"], expire="3s", delivery=DELIVERY)
    account, name = gateway.add_account("later"), f"defer+{marker()}"
    send(gateway, account, name)
    (one,) = gateway.wait_event("expired", timeout=60)
    assert "451 4.3.0 simulated: put off each time" in one["text"] and one["host"] == "simulator"
    tries = gateway.log("--event", "deferred")
    assert len(tries) >= 2 and {(try_["code"], try_["enhanced"]) for try_ in tries} == {(451, "4.3.0")}
    wait_until(lambda: notices(mailbox, name), "the notice")
    assert gateway.sendoff.json("suppression", "list") == []
    gateway.stop()


def test_what_it_does_not_have(gateway, account):
    answer = attempt_as(gateway, account, FROM, [address("bounces")])
    assert answer.startswith(f"550 5.1.1 the simulator has no address {address('bounces')}; it has: {NAMES}"), answer
    assert "as in bounce+order12@" in str(explained(gateway, answer))
    gateway.sendoff("account", "set", account.name, "--recipient", "observe")
    send(gateway, account, "bounces")  # then it is played as what it is: nobody's address
    (one,) = gateway.wait_event("bounced", "--account", account.name)
    assert one["enhanced"] == "5.1.1" and NAMES in one["text"]


def test_who_may_not_write_to_it(gateway):
    account = gateway.add_account("narrow", "--to", "example.net")
    answer = attempt_as(gateway, account, FROM, [address("delivered")])
    assert answer.startswith("550 5.7.1 narrow may not write to delivered@"), answer


def test_suppressed(gateway, account):
    answer = attempt_as(gateway, account, FROM, [address("suppressed+a")])
    assert answer.startswith(f"550 5.1.1 {address('suppressed+a')} is suppressed: "), answer
    gateway.sendoff("account", "set", account.name, "--suppressed", "drop")
    send(gateway, account, "suppressed", "delivered")
    gateway.wait_event("delivered", "--account", account.name)
    (one,) = gateway.log("--account", account.name, "--event", "dropped")
    assert one["to"] == address("suppressed") and one["rule"] == "suppression"
    gateway.sendoff("account", "set", account.name, "--suppression", "observe")
    send(gateway, account, "suppressed+b")
    (one,) = gateway.wait_event("bounced", "--account", account.name)
    assert (one["to"], one["enhanced"]) == (address("suppressed+b"), "5.1.1")
    assert gateway.sendoff.json("suppression", "list") == []


def test_it_teaches_nobody(gateway, account):
    """Neither the suppression list, nor the brake, nor what is known of sites."""
    for _ in range(4):
        send(gateway, account, "bounce", "delivered")
    gateway.wait_event("bounced", "--account", account.name, count=4)
    gateway.wait_event("delivered", "--account", account.name, count=4)
    assert gateway.sendoff.json("suppression", "list") == []
    assert all(DOMAIN not in str(site) for site in gateway.sendoff.json("site", "list"))
    (review,) = gateway.sendoff.json("account", "review", account.name)
    assert not review["known_recipients"] and not any(one["used"] for one in review["budgets"].values()), review


def test_a_limit_holds(gateway):
    account = gateway.add_account("limited", "--limit", "2rcpt/hour")
    send(gateway, account, "delivered", "slow")
    with pytest.raises(smtplib.SMTPException):
        send(gateway, account, "delivered")


def test_explain(gateway, account):
    def explain(name):
        return "explain", "--account", account.name, "--from", FROM, "--to", address(name)

    text = gateway.sendoff(*explain("bounce"))
    assert "the simulator, in the gateway itself: mail to it bounces with 550 5.1.1" in text
    assert "there is no such domain" not in text
    (facts,) = gateway.sendoff.json(*explain("bounce"))
    assert facts["simulator"] == "bounces with 550 5.1.1" and not facts["next_hops"] and not facts["sandbox"]
    for name, check in (("nobody", "recipient"), ("suppressed", "suppression")):
        result = gateway.sendoff.run(*explain(name))
        assert result.status == 1 and f"refused by the check {check}: " in result.out, result


def test_signed_and_queued_as_any(gateway, account):
    """A held message is there whole, signed; and goes when it is released."""
    gateway.sendoff("account", "set", account.name, "--limit", "1/hour:smooth")
    mark = marker()
    for _ in range(2):
        submit(gateway, account, FROM, [address("delivered")], letter(FROM, address("delivered"), subject=mark + marker()))
    gateway.wait_event("delivered", "--account", account.name)
    (one,) = gateway.queue("--account", account.name)
    content = gateway.sendoff("queue", "show", one["message"], "--content")
    assert "DKIM-Signature:" in content and mark in content
    gateway.sendoff("queue", "drop", one["message"])
