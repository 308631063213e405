"""REQUIRETLS (RFC 8689 4.2.1): only to a host that DNSSEC, its certificate and its own word vouch for; and what becomes
of the notices about such mail (5)."""

import pytest

from sendoff_test.client import submit_with
from sendoff_test.dns import BROKEN
from sendoff_test.letters import letter, marker, report
from sendoff_test.mx import DROP, GARBAGE

FROM = "a@example.com"


@pytest.fixture(scope="module", autouse=True)
def mailbox(lab):
    """Where notices go; there before anybody asks, since the answer "none" is remembered."""
    return lab.exchanger("example.com", tls="verified", offers=["REQUIRETLS", "DSN"])


@pytest.fixture(scope="module")
def gateway(lab):
    return lab.gateway(delivery=f'trust = "{lab.authority.roots}"')


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("app")


def send(gateway, account, *recipients, sender=FROM, mail=("REQUIRETLS",), header_from=FROM):
    mark = marker()
    content = letter(header_from, "r@example.net", f"{mark}\r\nthe body of it\r\n", subject=mark)
    submit_with(gateway, account, sender, recipients, content, mail)
    return mark


def failed(mailbox, mark):
    back = mailbox.wait_for(mark)
    (recipient,) = report(back.content)["recipients"]
    assert recipient["action"] == "failed"
    return back, recipient


def test_it_is_handed_on_to_a_host_that_keeps_it(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), tls="verified", offers=["REQUIRETLS"])
    arrival = mx.wait_for(send(gateway, account, f"r@{mx.domain}"))
    assert "REQUIRETLS" in arrival.mail and arrival.tls.startswith("TLSv1.")
    (event,) = gateway.wait_event("delivered", "--to", f"r@{mx.domain}")
    assert event["tls"].startswith("TLSv1.") and event["verified"] == "ca"
    assert f"tls      {event['tls']} {event['cipher']}, verified by a CA" in gateway.sendoff("log", "show", event["message"])


def test_other_mail_to_such_a_host_says_nothing_of_it(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), tls="verified", offers=["REQUIRETLS"])
    assert "REQUIRETLS" not in mx.wait_for(send(gateway, account, f"r@{mx.domain}", mail=())).mail


def test_the_domain_itself_may_be_the_host(lab, gateway, account):
    """No MX: the name to be shown is the one that the sender wrote."""
    mx = lab.exchanger(None, tls="verified", offers=["REQUIRETLS"])
    assert "REQUIRETLS" in mx.wait_for(send(gateway, account, f"r@{mx.name}")).mail


@pytest.mark.parametrize(
    "manner,status",
    [
        ({"tls": "verified"}, "5.7.30"),
        ({"tls": None, "offers": ["REQUIRETLS"]}, "5.7.10"),
        ({"tls": "good", "offers": ["REQUIRETLS"]}, "5.7.10"),  # self-signed, for another name
    ],
    ids=["no REQUIRETLS", "no TLS", "no good certificate"],
)
def test_it_comes_back_from_a_host_that_does_not(lab, gateway, account, mailbox, manner, status):
    mx = lab.exchanger(lab.new_domain(), **manner)
    _, recipient = failed(mailbox, send(gateway, account, f"r@{mx.domain}"))
    assert recipient["status"] == status, recipient
    assert not mx.arrivals
    mx.wait_for(send(gateway, account, f"r@{mx.domain}", mail=()))


def test_a_certificate_for_another_name(lab, gateway, account, mailbox):
    other = lab.exchanger(None, tls="verified", offers=["REQUIRETLS"])
    domain = lab.new_domain()
    lab.dns.set(f"mx.{domain}", "A", other.address)
    lab.dns.set(domain, "MX", f"10 mx.{domain}.")
    _, recipient = failed(mailbox, send(gateway, account, f"r@{domain}"))
    assert recipient["status"] == "5.7.10" and "certificate" in recipient["diagnostic-code"]
    assert not other.arrivals


def test_broken_tls_is_no_reason_for_clear_text(lab, gateway, account, mailbox):
    mx = lab.exchanger(lab.new_domain(), tls="verified", offers=["REQUIRETLS"])
    mx.replies["STARTTLS"] = GARBAGE
    _, recipient = failed(mailbox, send(gateway, account, f"r@{mx.domain}"))
    assert recipient["status"] == "5.7.10" and not mx.arrivals


def test_a_host_that_breaks_off_is_tried_again(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), tls="verified", offers=["REQUIRETLS"])
    mx.replies["STARTTLS"] = DROP
    mark = send(gateway, account, f"r@{mx.domain}")
    gateway.wait_event("deferred", "--to", f"r@{mx.domain}")
    mx.replies.clear()
    assert mx.wait_for(mark).tls


def test_another_host_of_the_domain_may_do(lab, gateway, account):
    domain = lab.new_domain()
    bad = lab.exchanger(domain, tls="verified")
    good = lab.exchanger(None, tls="verified", offers=["REQUIRETLS"])
    lab.dns.set(domain, "MX", f"10 {bad.name}.", f"20 {good.name}.")
    assert "REQUIRETLS" in good.wait_for(send(gateway, account, f"r@{domain}")).mail
    assert not bad.arrivals


def test_a_host_that_is_away_is_waited_for(lab, gateway, account, mailbox):
    """One host cannot have it, the other cannot be reached now: it waits for that."""
    domain = lab.new_domain()
    bad = lab.exchanger(domain, tls="verified")
    away = lab.exchanger(None, tls="verified", offers=["REQUIRETLS"])
    away.replies["GREETING"] = "421 4.3.2 not now"
    lab.dns.set(domain, "MX", f"10 {away.name}.", f"20 {bad.name}.")
    mark = send(gateway, account, f"r@{domain}")
    gateway.wait_event("deferred", "--to", f"r@{domain}")
    away.replies.clear()
    away.wait_for(mark)
    assert not bad.arrivals and not any(mark.encode() in a.content for a in mailbox.arrivals)


def test_without_dnssec_it_comes_back(lab, gateway, account, mailbox):
    mx = lab.exchanger(None, tls="verified", offers=["REQUIRETLS"])
    lab.dns.fix({(BROKEN, "MX"): f"10 {mx.name}."})
    _, recipient = failed(mailbox, send(gateway, account, f"r@{BROKEN}"))
    assert recipient["status"] == "5.7.10" and "DNSSEC" in recipient["diagnostic-code"]
    assert not mx.arrivals
    mx.wait_for(send(gateway, account, f"r@{BROKEN}", mail=()))


def test_roots_that_cannot_be_read_are_refused(lab):
    gateway = lab.new_gateway().configure(delivery=f'trust = "{lab.folder}/none.pem"')
    for words in (("config", "check"), ("serve",)):
        result = gateway.sendoff.run(*words)
        assert result.status == 1 and "none.pem" in result.err, result


# RFC 8689 5.


def test_its_notice_requires_tls_too_and_has_no_body(lab, gateway, account, mailbox):
    mx = lab.exchanger(lab.new_domain(), tls="verified", offers=["REQUIRETLS"])
    mx.replies["RCPT"] = "550 5.1.1 nobody here"
    back, recipient = failed(mailbox, send(gateway, account, f"r@{mx.domain}", mail=["REQUIRETLS", "RET=FULL"]))
    assert recipient["status"] == "5.1.1"
    assert "REQUIRETLS" in back.mail and "RET" not in back.mail
    assert b"the body of it" not in back.content


@pytest.mark.parametrize("manner", [{}, {"tls": "good"}, {"tls": "verified"}], ids=["clear", "opportunistic", "verified"])
def test_a_notice_is_not_lost_for_want_of_it(lab, gateway, manner):
    home = lab.exchanger(lab.new_domain(), **manner)
    account = gateway.add_account(home.domain.split(".")[0], senders=(home.domain,))
    mx = lab.exchanger(lab.new_domain(), tls="verified", offers=["REQUIRETLS"])
    mx.replies["RCPT"] = "550 5.1.1 nobody here"
    sender = f"a@{home.domain}"
    mark = send(gateway, account, f"r@{mx.domain}", sender=sender, header_from=sender)
    back, _ = failed(home, mark)
    assert "REQUIRETLS" not in back.mail and bool(back.tls) == ("tls" in manner)
