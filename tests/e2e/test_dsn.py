"""Delivery status notifications: what is handed on to a next hop that has DSN (RFC 3461), and what its sender is told
here where it has not (RFC 3464), in which form (RFC 6522, RFC 6533)."""

import email
import email.policy

import pytest

from sendoff_test import postfix
from sendoff_test.client import submit_with
from sendoff_test.letters import letter, marker, report

FROM = "a@example.com"


@pytest.fixture(scope="module", autouse=True)
def mailbox(lab):
    """Where notices go; there before anybody asks, since the answer "none" is remembered."""
    return lab.exchanger("example.com", offers=["DSN"])


@pytest.fixture(scope="module", autouse=True)
def home(lab):
    """The same for a sender whose address is beyond ASCII."""
    return lab.exchanger("xn--gre-6ka8l.example.com", utf8=True)


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(delivery='delay_notice = "3s"')


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app", senders=("example.com", "grüße.example.com"))


@pytest.fixture
def dsn(lab):
    return lab.exchanger(lab.new_domain(), offers=["DSN"])


@pytest.fixture
def plain(lab):
    return lab.exchanger(lab.new_domain())


def send(gateway, account, recipients, mail=(), rcpt=(), sender=FROM, text="", extra="", header_from=FROM):
    mark = marker()
    content = letter(header_from, "r@example.net", f"{mark}\r\n{text}".encode(), subject=mark, extra=extra)
    submit_with(gateway, account, sender, recipients, content, mail, rcpt)
    return mark


def told(mailbox, mark, action):
    """The notice, and its report, whose one recipient has that action."""
    back = mailbox.wait_for(mark)
    assert back.sender == ""
    said = report(back.content)
    (recipient,) = said["recipients"]
    assert recipient["action"] == action, recipient
    return back, said, recipient


# Handing on.


def test_everything_is_handed_on_as_it_came(gateway, account, dsn):
    mark = send(
        *(gateway, account),
        [(f"x@{dsn.domain}", ["NOTIFY=SUCCESS,DELAY", "ORCPT=RFC822;Old+2Bx@example.org"]), (f"y@{dsn.domain}", ["NOTIFY=NEVER"]), f"z@{dsn.domain}"],
        mail=["RET=HDRS", "ENVID=QQ+2B1"],
    )
    arrival = dsn.wait_for(mark)
    assert (arrival.mail["RET"], arrival.mail["ENVID"]) == ("HDRS", "QQ+2B1")
    x, y, z = arrival.rcpt
    assert x == {"NOTIFY": "SUCCESS,DELAY", "ORCPT": "RFC822;Old+2Bx@example.org"}
    assert y == {"NOTIFY": "NEVER", "ORCPT": f"rfc822;y@{dsn.domain}"}
    assert z == {"ORCPT": f"rfc822;z@{dsn.domain}"}


def test_nothing_is_made_up(gateway, account, dsn):
    arrival = dsn.wait_for(send(gateway, account, [f"r@{dsn.domain}"]))
    assert not {"RET", "ENVID", "BY", "MT-PRIORITY", "REQUIRETLS"} & set(arrival.mail)


def test_a_host_without_dsn_hears_none_of_it(gateway, account, plain):
    arrival = plain.wait_for(send(gateway, account, [f"r@{plain.domain}"], mail=["RET=FULL", "ENVID=Q"], rcpt=["NOTIFY=FAILURE"]))
    assert set(arrival.mail) <= {"SIZE", "BODY"} and arrival.rcpt == [{}]


def test_priority(lab, gateway, account, plain):
    known = lab.exchanger(lab.new_domain(), offers=["MT-PRIORITY MIXER"])
    mark = send(gateway, account, [f"r@{known.domain}", f"r@{plain.domain}"], mail=["MT-PRIORITY=-3"])
    assert known.wait_for(mark).mail["MT-PRIORITY"] == "-3"
    assert "MT-PRIORITY" not in plain.wait_for(mark).mail


def test_limits_of_the_next_hop(lab, gateway, account):
    small = lab.exchanger(lab.new_domain(), offers=["LIMITS RCPTMAX=3 MAILMAX=2 RCPTDOMAINMAX=1"])
    everybody = [f"r{n}@{small.domain}" for n in range(10)]
    send(gateway, account, everybody)
    arrivals = small.wait(4)
    assert sorted(r for a in arrivals for r in a.recipients) == sorted(everybody)
    assert [len(a.recipients) for a in arrivals] and max(len(a.recipients) for a in arrivals) == 3
    of_each = [sum(a.connection == c for a in arrivals) for c in {a.connection for a in arrivals}]
    assert max(of_each) <= 2


def test_through_postfix(lab, gateway, account):
    """Another's implementation understands what it is told, hands it on, and keeps to it."""
    end = lab.exchanger(None, offers=["DSN"])
    domain, address = lab.new_domain(), lab.block.new_address()
    postfix.relay(lab, address, lab.delivery_port, end)
    lab.dns.set(f"relay.{domain}", "A", address)
    lab.dns.set(domain, "MX", f"10 relay.{domain}.")
    mail, rcpt = ["RET=HDRS", "ENVID=QQ+2B1"], ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;old+2Br@example.org"]
    arrival = end.wait_for(send(gateway, account, [f"r@{domain}", f"s@{domain}"], mail=mail, rcpt=rcpt))
    assert (arrival.mail["RET"], arrival.mail["ENVID"]) == ("HDRS", "QQ+2B1")
    assert arrival.rcpt[0]["NOTIFY"] == "SUCCESS,FAILURE" and arrival.rcpt[0]["ORCPT"] == "rfc822;old+2Br@example.org"
    end.replies["RCPT"] = lambda to: "550 5.1.1 nobody here" if to.startswith("gone") else None
    mark = send(gateway, account, [f"gone@{domain}"], mail=mail, rcpt=rcpt)
    said = report(end.wait_for(mark).content)
    assert said["message"]["reporting-mta"] == "dns; relay.example.net" and said["message"]["original-envelope-id"] == "QQ+1"
    assert said["recipients"][0]["original-recipient"].replace(" ", "") == "rfc822;old+r@example.org"


# Telling: RFC 3461 5.2.


def test_success_to_a_host_without_dsn_is_relayed(gateway, account, mailbox, plain):
    mark = send(gateway, account, [f"r@{plain.domain}"], mail=["ENVID=Q+2B7"], rcpt=["NOTIFY=SUCCESS", "ORCPT=rfc822;o+2Br@example.org"])
    plain.wait_for(mark)
    back, said, recipient = told(mailbox, mark, "relayed")
    assert recipient["status"].startswith("2.")
    assert recipient["original-recipient"].replace(" ", "") == "rfc822;o+r@example.org"
    assert recipient["final-recipient"].replace(" ", "") == f"rfc822;r@{plain.domain}"
    assert plain.name in recipient["remote-mta"] and "diagnostic-code" not in recipient
    assert said["message"]["original-envelope-id"] == "Q+7"
    assert f"Subject: {mark}" in said["returned"]
    assert back.rcpt == [{"NOTIFY": "NEVER", "ORCPT": f"rfc822;{FROM}"}], "RFC 3461 6.1"


def test_success_to_a_host_with_dsn_is_its_to_tell(gateway, account, mailbox, dsn, plain):
    quiet = send(gateway, account, [f"r@{dsn.domain}"], rcpt=["NOTIFY=SUCCESS"])
    dsn.wait_for(quiet)
    mailbox.wait_for(send(gateway, account, [f"r@{plain.domain}"], rcpt=["NOTIFY=SUCCESS"]))
    assert not any(quiet.encode() in a.content for a in mailbox.arrivals)


@pytest.mark.parametrize(
    "notify,wanted",
    [(None, True), ("FAILURE", True), ("SUCCESS,FAILURE", True), ("SUCCESS", False), ("DELAY", False), ("NEVER", False)],
)
def test_who_hears_of_failure(gateway, account, mailbox, plain, dsn, notify, wanted):
    plain.replies["RCPT"] = dsn.replies["RCPT"] = "550 5.1.1 nobody here"
    rcpt = [f"NOTIFY={notify}"] if notify else []
    marks = [send(gateway, account, [f"r@{mx.domain}"], rcpt=rcpt) for mx in (plain, dsn)]
    gateway.wait_event("bounced", "--to", f"r@{plain.domain}")
    gateway.wait_event("bounced", "--to", f"r@{dsn.domain}")
    plain.replies.clear()
    last = send(gateway, account, [f"r@{plain.domain}"], rcpt=["NOTIFY=SUCCESS"])
    mailbox.wait_for(last)
    for mark in marks:
        if wanted:
            _, said, recipient = told(mailbox, mark, "failed")
            assert recipient["status"] == "5.1.1" and "original-recipient" not in recipient
            assert "original-envelope-id" not in said["message"]
        else:
            assert not any(mark.encode() in a.content for a in mailbox.arrivals)


def test_several_failures_in_one_notice(gateway, account, mailbox, plain):
    plain.replies["RCPT"] = lambda address: None if address.startswith("ok") else "550 5.1.1 nobody here"
    mark = send(gateway, account, [f"{who}@{plain.domain}" for who in ("a", "ok", "b")])
    plain.wait_for(mark)
    said = report(mailbox.wait_for(mark).content)
    assert [r["final-recipient"].split("; ")[1] for r in said["recipients"]] == [f"a@{plain.domain}", f"b@{plain.domain}"]
    assert {r["action"] for r in said["recipients"]} == {"failed"}


def test_failure_and_relay_in_one_notice(gateway, account, mailbox, plain):
    plain.replies["RCPT"] = lambda address: None if address.startswith("ok") else "550 5.1.1 nobody here"
    mark = send(gateway, account, [f"a@{plain.domain}", f"ok@{plain.domain}"], rcpt=["NOTIFY=SUCCESS,FAILURE"])
    said = report(mailbox.wait_for(mark).content)
    assert [r["action"] for r in said["recipients"]] == ["failed", "relayed"]


def test_delay_is_told_once(gateway, account, mailbox, plain):
    plain.replies["RCPT"] = lambda _: "451 4.7.1 not yet" if len(said_no) < 4 and not said_no.append(1) else None
    said_no = []
    mark = send(gateway, account, [f"r@{plain.domain}"], rcpt=["NOTIFY=DELAY,FAILURE"])
    _, said, recipient = told(mailbox, mark, "delayed")
    assert recipient["status"] == "4.7.1" and "451 4.7.1 not yet" in recipient["diagnostic-code"]
    assert "will-retry-until" in recipient
    plain.wait_for(mark, timeout=40)
    assert len(said_no) == 4
    assert sum(mark.encode() in a.content for a in mailbox.arrivals) == 1
    deferred = gateway.log("--to", f"r@{plain.domain}", "--event", "deferred")
    assert len(deferred) == 4


def test_delay_is_not_told_unasked(gateway, account, mailbox, plain):
    said_no = []
    plain.replies["RCPT"] = lambda _: "451 4.7.1 not yet" if len(said_no) < 3 and not said_no.append(1) else None
    marks = [send(gateway, account, [f"r@{plain.domain}"], rcpt=rcpt) for rcpt in ([], ["NOTIFY=FAILURE"])]
    for mark in marks:
        plain.wait_for(mark, timeout=40)
    assert not any(mark.encode() in a.content for mark in marks for a in mailbox.arrivals)


def test_the_null_reverse_path_is_never_told(gateway, mailbox, plain):
    anybody = gateway.add_account("nobody", senders=("*",))
    plain.replies["RCPT"] = "550 5.1.1 nobody here"
    mark = send(gateway, anybody, [f"null@{plain.domain}"], rcpt=["NOTIFY=FAILURE"], sender="")
    gateway.wait_event("bounced", "--to", f"null@{plain.domain}")
    gateway.wait_empty()
    assert not any(mark.encode() in a.content for a in mailbox.arrivals)


# What comes back of the message: RFC 3461 4.3.


@pytest.mark.parametrize("size", ["small", "in a file"])
@pytest.mark.parametrize("ret", ["FULL", "HDRS", None])
def test_ret(gateway, account, mailbox, plain, ret, size):
    plain.replies["CONTENT"] = "554 5.6.0 no"
    text = "the body of it\r\n" * (10 if size == "small" else 10000)
    mark = send(gateway, account, [f"r@{plain.domain}"], mail=[f"RET={ret}"] if ret else [], text=text)
    back, _, _ = told(mailbox, mark, "failed")
    original = email.message_from_bytes(back.content).get_payload()[2]
    assert f"Subject: {mark}" in original.as_string()
    if ret == "FULL":
        assert original.get_content_type() == "message/rfc822"
        assert text.replace("\r\n", "\n") in original.as_string()
    else:
        assert original.get_content_type() == "text/rfc822-headers"
        assert "the body of it" not in original.as_string()


def test_full_is_for_failures_only(gateway, account, mailbox, plain):
    mark = send(gateway, account, [f"r@{plain.domain}"], mail=["RET=FULL"], rcpt=["NOTIFY=SUCCESS"], text="the body of it\r\n")
    back, _, _ = told(mailbox, mark, "relayed")
    assert b"the body of it" not in back.content


def test_a_message_over_the_limit_comes_back_as_its_header(gateway, account, mailbox, plain):
    plain.replies["CONTENT"] = "554 5.6.0 no"
    mark = send(gateway, account, [f"r@{plain.domain}"], mail=["RET=FULL"], text="x" * 70 + "\r\n" + "the body of it\r\n" * 80000)
    back, _, _ = told(mailbox, mark, "failed")
    assert len(back.content) < 20000 and b"the body of it" not in back.content


# Beyond ASCII: RFC 6531, RFC 6533.


def test_domains_go_in_a_labels(lab, gateway, account):
    mx = lab.exchanger("xn--bcher-kva.example.net", offers=["DSN"])
    mark = send(gateway, account, ["leser@bücher.example.net"], mail=["SMTPUTF8"], sender="a@grüße.example.com")
    arrival = mx.wait_for(mark)
    assert arrival.recipients == ["leser@xn--bcher-kva.example.net"]
    assert arrival.sender == "a@xn--gre-6ka8l.example.com"
    assert arrival.rcpt == [{"ORCPT": "utf-8;leser@b\\x{FC}cher.example.net"}]
    assert "SMTPUTF8" not in arrival.mail


def test_a_local_part_beyond_ascii_bounces_alone(gateway, account, mailbox, plain):
    mark = send(gateway, account, [f"jörg@{plain.domain}", f"r@{plain.domain}"], mail=["SMTPUTF8"])
    assert plain.wait_for(mark).recipients == [f"r@{plain.domain}"]
    back, said, recipient = told(mailbox, mark, "failed")
    assert recipient["status"] == "5.6.7"
    assert recipient["final-recipient"] == f"utf-8; j\\x{{F6}}rg@{plain.domain}", recipient
    assert max(back.content) < 0x80


def test_a_header_beyond_ascii_bounces(gateway, account, mailbox, plain):
    mark = send(gateway, account, [f"r@{plain.domain}"], mail=["SMTPUTF8", "BODY=8BITMIME"], extra="Comments: Grüße\r\n")
    back, said, recipient = told(mailbox, mark, "failed")
    assert recipient["status"] == "5.6.9"
    original = email.message_from_bytes(back.content).get_payload()[2]
    assert original.get_content_type() == "message/global-headers"
    assert max(back.content) < 0x80


def test_to_a_host_with_smtputf8_all_goes_as_it_is(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), utf8=True, offers=["DSN"])
    mark = send(gateway, account, [f"jörg@{mx.domain}"], mail=["SMTPUTF8", "BODY=8BITMIME"], extra="Comments: Grüße\r\n")
    arrival = mx.wait_for(mark)
    assert arrival.recipients == [f"jörg@{mx.domain}"] and "SMTPUTF8" in arrival.mail
    assert arrival.rcpt == [{"ORCPT": f"utf-8;jörg@{mx.domain}"}]
    assert "Comments: Grüße".encode() in arrival.content


def test_a_sender_beyond_ascii_is_told_in_utf8(lab, gateway, account, home):
    mx = lab.exchanger(lab.new_domain(), utf8=True)
    mx.replies["RCPT"] = "550 5.1.1 nobody here"
    mark = send(gateway, account, [f"jörg@{mx.domain}"], mail=["SMTPUTF8"], sender="günther@grüße.example.com")
    back = home.wait_for(mark)
    assert "SMTPUTF8" in back.mail and back.recipients == ["günther@grüße.example.com"]
    parsed = email.message_from_bytes(back.content, policy=email.policy.SMTPUTF8)
    status = parsed.get_payload()[1]
    assert status.get_content_type() == "message/global-delivery-status"
    assert f"Final-Recipient: utf-8; jörg@{mx.domain}".encode() in back.content
    assert "To: <günther@grüße.example.com>\r\n".encode() in back.content
    assert parsed.get_param("report-type") == "global-delivery-status"
    assert parsed["Content-Transfer-Encoding"] == "8bit"


def test_a_reply_in_utf8_reaches_the_sender(lab, gateway, account, home, mailbox):
    """As it is where the notice goes with SMTPUTF8 (RFC 6533 3); else in the part for people only."""
    mx = lab.exchanger(lab.new_domain(), utf8=True)
    mx.replies["RCPT"] = "550 5.1.1 Empfänger unbekannt"
    mark = send(gateway, account, [f"jörg@{mx.domain}"], mail=["SMTPUTF8"], sender="günther@grüße.example.com")
    content = home.wait_for(mark).content
    assert "Diagnostic-Code: smtp; 550 5.1.1 Empfänger unbekannt\r\n".encode() in content
    mark = send(gateway, account, [f"r@{mx.domain}"])
    back, said, recipient = told(mailbox, mark, "failed")
    assert recipient["diagnostic-code"] == "smtp; 550 5.1.1 Empf??nger unbekannt"
    human = email.message_from_bytes(back.content, policy=email.policy.default).get_payload()[0]
    assert "Empfänger unbekannt" in human.get_content() and max(back.content) < 0x80


EIGHT_BIT_TEXT = "Grüße aus der Küche"


@pytest.mark.parametrize("eight_bit", [True, False])
def test_a_whole_message_in_8bit_comes_back(lab, gateway, account, plain, eight_bit):
    """The outer encoding is the inner one's (RFC 2045 6.4), also when the notice had to be converted for its next hop."""
    there = lab.exchanger(lab.new_domain(), eight_bit=eight_bit)
    account = gateway.add_account(f"whole{eight_bit}", senders=(there.domain,))
    plain.replies["RCPT"] = "550 5.1.1 nobody here"
    sender = f"a@{there.domain}"
    extra = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    mail, text = ["BODY=8BITMIME", "RET=FULL"], f"{EIGHT_BIT_TEXT}\r\n"
    mark = send(gateway, account, [f"r@{plain.domain}"], mail, sender=sender, text=text, extra=extra, header_from=sender)
    back = there.wait_for(mark)
    report(back.content)  # with its checks of the encodings
    parsed = email.message_from_bytes(back.content, policy=email.policy.default)
    (original,) = parsed.get_payload()[2].get_payload()
    assert EIGHT_BIT_TEXT in original.get_content()
    if not eight_bit:
        assert max(back.content) < 0x80


# The story of a message names the notices made for it.


def test_the_story_names_its_notices(lab, gateway, account, mailbox, plain):
    plain.replies["RCPT"] = "550 5.1.1 nobody here"
    mark = send(gateway, account, [f"r@{plain.domain}"])
    mailbox.wait_for(mark)
    (bounced,) = gateway.wait_event("bounced", "--to", f"r@{plain.domain}")
    notice = bounced["notice"]
    assert notice and "notice" not in bounced["numbers"] and bounced["numbers"]["attempt"] == 1
    story = gateway.sendoff("log", "show", bounced["message"])
    assert f"notice   {notice}" in story and f"notice   {notice}" in gateway.sendoff("why", bounced["message"])
    gateway.wait_event("delivered", "--to", FROM)
    (made, *_) = gateway.sendoff.json("log", "show", notice)
    assert made["text"] == f"failure notice for message {bounced['message']}" and made["notice"] == ""


def test_the_story_names_each_notice(lab, gateway, account, mailbox, plain):
    """One of delay, one of failure; a recipient that nobody is notified of has none."""
    plain.replies["RCPT"] = lambda address: "450 4.2.1 later" if address.startswith("late") else None
    mark = send(gateway, account, [f"late@{plain.domain}", (f"good@{plain.domain}", ["NOTIFY=FAILURE"])], rcpt=["NOTIFY=DELAY,FAILURE"])
    back = mailbox.wait_for(mark)
    assert report(back.content)["recipients"][0]["action"] == "delayed"
    (good,) = gateway.wait_event("delivered", "--to", f"good@{plain.domain}")
    assert good["notice"] == ""
    notices = {e["notice"] for e in gateway.log("--event", "deferred", "--to", f"late@{plain.domain}")} - {""}
    assert len(notices) == 1
    gateway.sendoff("queue", "drop", good["message"])
