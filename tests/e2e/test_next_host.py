"""RFC 5321 5.1: what one exchanger puts off goes to the next in the same attempt; what it refuses, or may have taken, does not."""

import time

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.mx import DROP, DROP_MIDWAY
from sendoff_test.processes import wait_until

FROM = "a@example.com"
TEXT = "x" * 70 + "\r\n"


@pytest.fixture(scope="module")
def gateway(lab, mailbox):
    """Its retries are far away: whatever arrives does so in the first attempt."""
    return lab.gateway(retry=("1h",), expire="1d")


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("next")


@pytest.fixture(scope="module")
def mailbox(lab):
    return lab.exchanger("example.com")


def site(lab, count, **manner):
    """A domain with exchangers in this order of preference."""
    domain = lab.new_domain()
    hosts = [lab.exchanger(**manner) for _ in range(count)]
    lab.dns.set(domain, "MX", *(f"{10 * (n + 1)} {mx.name}." for n, mx in enumerate(hosts)))
    return domain, hosts


def send(gateway, account, domain, *names, text=TEXT):
    return submit_marked(gateway, account, FROM, [f"{name}@{domain}" for name in names or ("r",)], text)


def refused(mx):
    """How often each stage was asked, while it refuses."""
    return sum(mx.asked.values())


def puts_off(mx, stage, answer):
    mx.asked = {stage: 0}

    def told(_):
        mx.asked[stage] += 1
        return answer

    mx.replies[stage] = told


TEMPORARY = [(stage, "451 4.3.0 not now") for stage in ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT")]
CLOSING = [(stage, "421 4.3.2 closing") for stage in ("GREETING", "MAIL", "RCPT", "DATA", "CONTENT")]
CUTS = [("GREETING", DROP), ("EHLO", DROP), ("MAIL", DROP), ("RCPT", DROP), ("DATA", DROP)]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("stage, answer", TEMPORARY + CLOSING + CUTS)
def test_the_next_exchanger_gets_it(lab, gateway, account, stage, answer, pipelining):
    domain, (first, second) = site(lab, 2, pipelining=pipelining)
    puts_off(first, stage, answer)
    mark = send(gateway, account, domain)
    second.wait_for(mark)
    (event,) = gateway.wait_event("delivered", "--to", f"r@{domain}")
    assert second.name in event["host"] and not first.arrivals
    assert not gateway.log("--to", f"r@{domain}", "--event", "deferred")
    if stage not in ("GREETING", "EHLO"):  # those are not of the message
        assert first.name in event["text"], event
    assert first.connections == 1 and refused(first) <= 1


def test_cut_off_in_the_middle_of_the_message(lab, gateway, account):
    """The final dot was not sent, so nobody has it."""
    domain, (first, second) = site(lab, 2)
    first.replies["DATA"] = DROP_MIDWAY
    mark = send(gateway, account, domain, text=TEXT * 100000)
    second.wait_for(mark)
    (event,) = gateway.wait_event("delivered", "--to", f"r@{domain}")
    assert first.name in event["text"] and first.connections == 1, event


def test_a_host_that_puts_off_is_asked_once_and_all_are_named(lab, gateway, account):
    domain, hosts = site(lab, 4)
    answers = [("RCPT", "450 4.2.1 first of them"), ("MAIL", "451 4.3.1 second of them"), ("GREETING", "421 third of them")]
    for mx, (stage, answer) in zip(hosts, answers):
        puts_off(mx, stage, answer)
    lab.silence(hosts[3])
    send(gateway, account, domain)
    (event,) = gateway.wait_event("deferred", "--to", f"r@{domain}")
    for mx, (_, answer) in zip(hosts, answers):
        assert mx.name in event["text"] and answer in event["text"], event
    assert hosts[3].name in event["host"] + event["text"]
    assert [mx.connections for mx in hosts[:3]] == [1, 1, 1]
    (row,) = gateway.queue("--to", f"r@{domain}")
    assert row["attempts"] == 1, row


def test_only_those_put_off_go_on(lab, gateway, account, mailbox):
    domain, (first, second) = site(lab, 2)
    answers = {"later": "450 4.2.0 later", "never": "550 5.1.1 never"}
    first.replies["RCPT"] = lambda address: answers.get(address.split("@")[0])
    mark = send(gateway, account, domain, "now", "later", "never")
    assert first.wait_for(mark).recipients == [f"now@{domain}"]
    assert second.wait_for(mark).recipients == [f"later@{domain}"]
    assert gateway.wait_event("bounced", "--to", f"never@{domain}")[0]["enhanced"] == "5.1.1"
    mailbox.wait_for(mark)
    gateway.wait_event("delivered", "--to", f"later@{domain}")
    assert len(first.arrivals) == len(second.arrivals) == 1


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "CONTENT"])
def test_a_permanent_refusal_is_final(lab, gateway, account, mailbox, stage):
    domain, (first, second) = site(lab, 2)
    first.replies[stage] = "550 5.7.1 no"
    mark = send(gateway, account, domain)
    gateway.wait_event("bounced", "--to", f"r@{domain}")
    mailbox.wait_for(mark)
    assert second.connections == 0


def test_a_permanent_refusal_by_the_next_is_final_too(lab, gateway, account, mailbox):
    domain, (first, second, third) = site(lab, 3)
    first.replies["RCPT"] = "450 4.2.1 busy"
    second.replies["RCPT"] = "550 5.1.1 unknown"
    mark = send(gateway, account, domain)
    (event,) = gateway.wait_event("bounced", "--to", f"r@{domain}")
    assert event["enhanced"] == "5.1.1" and first.name in event["text"] and "450 4.2.1 busy" in event["text"], event
    notice = mailbox.wait_for(mark).content
    assert b"550 5.1.1 unknown" in notice and third.connections == 0


@pytest.mark.parametrize("answer", [DROP, "354 what?"])
def test_after_the_final_dot_nobody_else_gets_it(lab, gateway, account, answer):
    """No answer that can be understood: the host may have it, and another one would make two."""
    domain, (first, second) = site(lab, 2)
    first.replies["CONTENT"] = answer
    send(gateway, account, domain)
    (event,) = gateway.wait_event("deferred", "--to", f"r@{domain}")
    assert first.name in event["host"] and "may arrive twice" in event["text"]
    assert second.connections == 0


def test_same_address_under_another_name_is_not_another_host(lab, gateway, account):
    domain, (first,) = site(lab, 1)
    lab.dns.set("alias." + domain, "A", first.address)
    lab.dns.set(domain, "MX", f"10 {first.name}.", f"20 alias.{domain}.")
    puts_off(first, "MAIL", "451 4.3.0 not now")
    send(gateway, account, domain)
    gateway.wait_event("deferred", "--to", f"r@{domain}")
    assert first.connections == 1


def test_what_was_true_of_a_host_does_not_stay_so(lab, gateway, account):
    """The connection to the second has been used for longer than that; the first is back, and takes what the second puts off."""
    domain, (first, second) = site(lab, 2)
    puts_off(first, "GREETING", "421 4.3.2 not now")
    until = time.monotonic() + 11
    while time.monotonic() < until:
        second.wait_for(send(gateway, account, domain))
        time.sleep(1)
    first.replies.clear()
    second.replies["RCPT"] = "450 4.2.1 busy"
    first.wait_for(send(gateway, account, domain))
    assert second.connections == 1, "the second has not kept its connection"


def test_several_addresses_of_one_exchanger(lab, gateway, account):
    domain, (first, second) = site(lab, 2)
    lab.dns.set("both." + domain, "A", first.address, second.address)
    lab.dns.set(domain, "MX", f"10 both.{domain}.")
    puts_off(first, "MAIL", "451 4.3.0 not now")
    second.wait_for(send(gateway, account, domain))


def test_what_the_next_host_cannot_take_is_not_lost(lab, gateway, account):
    """The first would take it later, so that the second is too small is no reason to return it."""
    domain = lab.new_domain()
    first, second = lab.exchanger(), lab.exchanger(size=100)
    lab.dns.set(domain, "MX", f"10 {first.name}.", f"20 {second.name}.")
    puts_off(first, "RCPT", "450 4.2.1 busy")
    send(gateway, account, domain)
    (event,) = gateway.wait_event("deferred", "--to", f"r@{domain}")
    assert "450 4.2.1 busy" in event["text"], event
    assert not gateway.log("--to", f"r@{domain}", "--event", "bounced")


def test_number_of_hosts_is_bounded(lab, gateway, account):
    """Ten addresses in an attempt."""
    domain, hosts = site(lab, 12)
    for mx in hosts:
        puts_off(mx, "MAIL", "451 4.3.0 not now")
    send(gateway, account, domain)
    (event,) = gateway.wait_event("deferred", "--to", f"r@{domain}")
    assert [mx.connections for mx in hosts] == [1] * 10 + [0] * 2
    assert hosts[0].name in event["text"] and hosts[9].name in event["host"], event


def test_many_messages_past_a_host_that_defers(lab, gateway, account):
    """Each tries the first; all arrive once, over few connections."""
    domain, (first, second) = site(lab, 2)
    first.replies["RCPT"] = "451 4.3.0 not now"
    marks = [send(gateway, account, domain) for _ in range(40)]
    wait_until(lambda: len(second.arrivals) >= 40, "all arrive")
    gateway.wait_event("delivered", "--to", f"r@{domain}", count=40)
    assert sorted(m for a in second.arrivals for m in marks if m.encode() in a.content) == sorted(marks)
    assert second.connections <= 5 and not first.arrivals


def test_last_reply_of_several_lines_counts(lab, gateway, account):
    """Codes that differ: the message was taken, and is not sent again."""
    domain, (first, second) = site(lab, 2)
    first.replies["CONTENT"] = lambda _: "250-2.0.0 it is\r\n251 2.0.0 kept"
    mark = send(gateway, account, domain)
    (event,) = gateway.wait_event("delivered", "--to", f"r@{domain}")
    assert event["code"] == 251 and event["text"] == "it is kept", event
    assert len(first.arrivals) == 1 and first.wait_for(mark) and second.connections == 0
