"""DELIVERBY (RFC 2852): what is left of the time is handed on, mail is returned when it is over, and senders are told."""

import time

import pytest

from sendoff_test.client import submit_with
from sendoff_test.letters import letter, marker, report
from sendoff_test.mx import HANG

FROM = "a@example.com"


@pytest.fixture(scope="module", autouse=True)
def mailbox(lab):
    """Where notices go; there before anybody asks, since the answer "none" is remembered."""
    return lab.exchanger("example.com")


@pytest.fixture(scope="module")
def gateway(lab):
    """A queue that sleeps for longer than any deadline of these tests."""
    return lab.gateway(retry=["1h"])


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


@pytest.fixture
def quick(lab):
    return lab.exchanger(lab.new_domain(), offers=["DELIVERBY", "DSN"])


@pytest.fixture
def plain(lab):
    return lab.exchanger(lab.new_domain())


def send(gateway, account, recipient, by, rcpt=()):
    mark = marker()
    content = letter(FROM, recipient, f"{mark}\r\n", subject=mark)
    submit_with(gateway, account, FROM, [recipient], content, [f"BY={by}"], rcpt)
    return mark


def told(mailbox, mark, action, timeout=20.0):
    said = report(mailbox.wait_for(mark, timeout).content)
    (recipient,) = said["recipients"]
    assert recipient["action"] == action, recipient
    assert "deliver-by-date" in said["message"]
    return recipient


def nothing_told(gateway, mailbox, *marks):
    gateway.wait_empty()
    assert not any(mark.encode() in a.content for mark in marks for a in mailbox.arrivals)


@pytest.mark.parametrize("by", ["1000;R", "1000;N"])
def test_what_is_left_is_handed_on(gateway, account, mailbox, quick, by):
    mark = send(gateway, account, f"r@{quick.domain}", by)
    seconds, _, mode = quick.wait_for(mark).mail["BY"].partition(";")
    assert 990 <= int(seconds) <= 1000 and mode == by[-1]
    nothing_told(gateway, mailbox, mark)


def test_late_with_n_is_handed_on_as_late(gateway, account, quick):
    mark = send(gateway, account, f"r@{quick.domain}", "-500;N")
    seconds, _, mode = quick.wait_for(mark).mail["BY"].partition(";")
    assert -510 <= int(seconds) <= -500 and mode == "N"


def test_trace_is_told_and_handed_on(gateway, account, mailbox, quick):
    mark = send(gateway, account, f"r@{quick.domain}", "1000;NT")
    assert quick.wait_for(mark).mail["BY"].endswith(";NT")
    told(mailbox, mark, "relayed")
    quiet = send(gateway, account, f"r@{quick.domain}", "1000;NT", rcpt=["NOTIFY=NEVER"])
    quick.wait_for(quiet)
    nothing_told(gateway, mailbox, quiet)


def test_n_to_a_host_without_is_relayed(gateway, account, mailbox, plain):
    mark = send(gateway, account, f"r@{plain.domain}", "1000;N", rcpt=["NOTIFY=FAILURE"])
    assert "BY" not in plain.wait_for(mark).mail
    told(mailbox, mark, "relayed")
    quiet = send(gateway, account, f"r@{plain.domain}", "1000;N", rcpt=["NOTIFY=NEVER"])
    plain.wait_for(quiet)
    nothing_told(gateway, mailbox, quiet)


def test_r_to_a_host_without_comes_back(gateway, account, mailbox, plain):
    mark = send(gateway, account, f"r@{plain.domain}", "1000;R")
    recipient = told(mailbox, mark, "failed")
    assert recipient["status"] == "5.4.7" and "DELIVERBY" in recipient["diagnostic-code"]
    assert not plain.arrivals


def test_r_to_a_host_that_wants_more_time_comes_back(lab, gateway, account, mailbox):
    slow = lab.exchanger(lab.new_domain(), offers=["DELIVERBY 600"])
    recipient = told(mailbox, send(gateway, account, f"r@{slow.domain}", "500;R"), "failed")
    assert recipient["status"] == "5.4.7" and "600" in recipient["diagnostic-code"]
    slow.wait_for(send(gateway, account, f"r@{slow.domain}", "700;R"))
    slow.wait_for(send(gateway, account, f"r@{slow.domain}", "500;N"))


def test_r_comes_back_at_its_deadline(gateway, account, mailbox, quick):
    quick.replies["RCPT"] = "451 4.7.1 not yet"
    begin = time.monotonic()
    mark = send(gateway, account, f"r@{quick.domain}", "5;R")
    gateway.wait_event("deferred", "--to", f"r@{quick.domain}")
    recipient = told(mailbox, mark, "failed")
    assert 4 < time.monotonic() - begin < 8
    assert recipient["status"] == "5.4.7" and "451 4.7.1 not yet" not in recipient["diagnostic-code"].split(";")[0]
    assert "not yet" in recipient["diagnostic-code"]
    assert gateway.story(gateway.log("--to", f"r@{quick.domain}")[0]["message"])[-1] == "expired"


def test_r_with_never_comes_back_in_silence(gateway, account, mailbox, quick):
    quick.replies["RCPT"] = "451 4.7.1 not yet"
    mark = send(gateway, account, f"r@{quick.domain}", "2;R", rcpt=["NOTIFY=NEVER"])
    gateway.wait_event("expired", "--to", f"r@{quick.domain}")
    nothing_told(gateway, mailbox, mark)


def test_a_deadline_holds_while_its_site_is_left_alone(lab, gateway, account, mailbox):
    """The site cannot be reached, so its domain is not looked at for minutes: but for what must come back."""
    domain = lab.new_domain()
    lab.dns.set(f"dead.{domain}", "A", lab.block.new_address())
    lab.dns.set(domain, "MX", f"10 dead.{domain}.")
    begin = time.monotonic()
    marks = [send(gateway, account, f"{who}@{domain}", by) for who, by in (("x", "3;R"), ("y", "7;R"), ("z", "900;N"))]
    gateway.wait_event("deferred", "--to", f"x@{domain}")
    told(mailbox, marks[0], "failed")
    assert 2 < time.monotonic() - begin < 6
    told(mailbox, marks[1], "failed")
    assert 6 < time.monotonic() - begin < 11
    (left,) = gateway.queue("--to", f"*@{domain}")
    assert left["to"] == f"z@{domain}"
    gateway.sendoff("queue", "drop", left["message"])


def test_a_deadline_holds_while_a_host_says_nothing(gateway, account, mailbox, quick):
    """What waits for a connection waits no longer than that."""
    quick.replies["GREETING"] = HANG
    begin = time.monotonic()
    mark = send(gateway, account, f"r@{quick.domain}", "4;R")
    recipient = told(mailbox, mark, "failed")
    assert 3 < time.monotonic() - begin < 8 and recipient["status"] == "5.4.7"


def test_a_deadline_holds_across_a_restart(lab, gateway, account, mailbox, quick):
    quick.replies["RCPT"] = "451 4.7.1 not yet"
    begin = time.monotonic()
    mark = send(gateway, account, f"r@{quick.domain}", "10;R")
    gateway.wait_event("deferred", "--to", f"r@{quick.domain}")
    gateway.restart()
    told(mailbox, mark, "failed")
    assert 9 < time.monotonic() - begin < 14


def test_n_is_told_once_that_it_is_late(gateway, account, mailbox, quick):
    quick.replies["RCPT"] = "451 4.7.1 not yet"
    begin = time.monotonic()
    mark = send(gateway, account, f"r@{quick.domain}", "4;N", rcpt=["NOTIFY=FAILURE"])
    recipient = told(mailbox, mark, "delayed")
    assert 3 < time.monotonic() - begin < 8
    assert recipient["status"] == "4.4.7" and "not yet" in recipient["diagnostic-code"]
    quick.replies.clear()
    (waiting,) = gateway.queue("--to", f"r@{quick.domain}")
    gateway.sendoff("queue", "retry", waiting["message"])
    assert int(quick.wait_for(mark).mail["BY"].partition(";")[0]) <= 0
    assert sum(mark.encode() in a.content for a in mailbox.arrivals) == 1
