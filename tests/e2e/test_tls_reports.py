"""TLS reports (RFC 8460): what became of TLS with each domain's hosts is counted, and sent to who asks for it, once."""

import time

import pytest

from sendoff_test.client import submit_marked, submit_with
from sendoff_test.dns import BROKEN, txt
from sendoff_test.lab import SOURCE
from sendoff_test.letters import letter, marker
from sendoff_test.mx import GARBAGE
from sendoff_test.policy_server import PolicyServer, policy
from sendoff_test.processes import wait_until
from sendoff_test.stored import edit
from sendoff_test.tls_report import ReportServer, checked, of_mail
from sendoff_test.tlsa import tlsa
from sendoff_test.verify import verified

FROM, REPORTER = "a@example.com", "tls-reports@example.com"
REPORTS = f'tls_reports {{ from = "{REPORTER}"  organization = "The Example"  contact = "postmaster@example.com" }}'
TABLES = ("tls_days", "tls_domains", "tls_policies")


@pytest.fixture()
def make(lab):
    """A gateway of the test's own that reports, with an account."""

    def make_one(more=REPORTS, retry=("2s", "4s"), **configuration):
        roots = f'trust = "{lab.authority.roots}"  https_trust = "{lab.authority.roots}"'
        gateway = lab.gateway(more=more, delivery=roots, retry=list(retry), **configuration)
        gateway.account = gateway.add_account("reports")
        return gateway

    return make_one


def send(gateway, *domains):
    for domain in domains:
        submit_marked(gateway, gateway.account, FROM, [f"r@{domain}"])


def asks(lab, domain, *uris):
    lab.dns.set(f"_smtp._tls.{domain}", "TXT", txt("v=TLSRPTv1; rua=" + ",".join(uris)))


def counted(gateway, domain):
    """Of today, once the gateway has stopped: as much is in the store then."""
    (report,) = gateway.sendoff.json("tls-report", "show", domain)
    return [(one["policy"], one["summary"], one.get("failure-details", [])) for one in checked(report)["policies"]]


def yesterday(gateway, days=1):
    """Today's results become those of so many days ago; the gateway does not run."""
    for table in TABLES:
        edit(gateway, f"UPDATE {table} SET day = day - {days}")


def listed(gateway, domain):
    (row,) = gateway.sendoff.json("tls-report", "list", domain)
    return row


def wait_state(gateway, domain, state):
    return wait_until(lambda: (row := listed(gateway, domain))["report"] == state and row, f"the report of {domain} is {state}")


def publish(lab, host, *rdata):
    lab.dns.set(f"_{lab.delivery_port}._tcp.{host}", "TLSA", *rdata)


def test_every_session_is_counted_once_by_what_became_of_it(lab, make):
    gateway = make()
    own = lab.certificate()[0]
    good, plain, refused, broken = (lab.exchanger(lab.new_domain(), tls=tls) for tls in ("good", None, "good", "good"))
    refused.replies["STARTTLS"], broken.replies["STARTTLS"] = "454 4.7.0 no TLS now", GARBAGE
    right, wrong, useless = (lab.exchanger(lab.new_domain(), tls="good") for _ in range(3))
    publish(lab, right.name, tlsa(3, 1, 1, own), tlsa(3, 0, 2, own))
    publish(lab, wrong.name, tlsa(3, 1, 1, own, wrong=True))
    publish(lab, useless.name, tlsa(1, 1, 1, own))
    unknown = lab.exchanger(lab.new_domain(), tls="good")
    lab.dns.set(f"_{lab.delivery_port}._tcp.{unknown.name}", "CNAME", f"nobody.{BROKEN}.")
    everybody = (good, plain, refused, broken, right, wrong, useless, unknown)
    send(gateway, *(mx.domain for mx in everybody))
    for mx in (good, plain, refused, broken, right, useless):
        mx.wait()
    for mx in (wrong, unknown):
        gateway.wait_event("deferred", "--to", f"r@{mx.domain}")
    gateway.stop()

    def only(mx):
        ((policy, summary, details),) = counted(gateway, mx.domain)
        sessions = summary["total-successful-session-count"], summary["total-failure-session-count"]
        return policy, sessions, details

    assert only(good) == ({"policy-type": "no-policy-found", "policy-domain": good.domain}, (1, 0), [])
    policy, sessions, (detail,) = only(plain)
    assert policy["policy-type"] == "no-policy-found" and sessions == (0, 1)
    assert detail == {
        "result-type": "starttls-not-supported",
        "sending-mta-ip": SOURCE,
        "receiving-ip": plain.address,
        "receiving-mx-hostname": plain.name,
        "receiving-mx-helo": detail["receiving-mx-helo"],
        "failed-session-count": 1,
        "failure-reason-code": "the host does not offer STARTTLS",
    }
    _, sessions, (detail,) = only(refused)
    assert sessions == (0, 1) and detail["result-type"] == "starttls-not-supported"
    assert detail["failure-reason-code"] == "the host refused STARTTLS: 454 4.7.0 no TLS now"
    _, (successes, failures), details = only(broken)  # later it went without TLS, which was not asked for then
    assert successes == 0 and failures >= 1 and {one["result-type"] for one in details} == {"validation-failure"}
    policy, sessions, details = only(right)
    assert policy["policy-type"] == "tlsa" and policy["policy-domain"] == right.name and sessions == (1, 0) and not details
    assert sorted(line.lower() for line in policy["policy-string"]) == sorted([tlsa(3, 1, 1, own), tlsa(3, 0, 2, own)])
    policy, (successes, failures), (detail,) = only(wrong)
    assert policy["policy-type"] == "tlsa" and successes == 0 and failures == detail["failed-session-count"] >= 1
    assert detail["result-type"] == "certificate-not-trusted" and "TLSA" in detail["failure-reason-code"]
    _, sessions, (detail,) = only(useless)
    assert sessions == (0, 1) and detail["result-type"] == "tlsa-invalid"
    policy, (successes, failures), (detail,) = only(unknown)
    assert policy["policy-type"] == "tlsa" and successes == 0 and failures >= 1
    assert detail["result-type"] == "dnssec-invalid" and detail["receiving-mx-hostname"] == unknown.name
    rows = {row["domain"]: row for row in gateway.sendoff.json("tls-report", "list", "--day", "today")}
    assert {mx.domain for mx in everybody} <= set(rows) and rows[good.domain]["successes"] == 1
    assert good.domain in gateway.sendoff("tls-report", "list")


def test_a_policy_of_mta_sts_is_named_with_what_became_of_it(lab, make):
    gateway, web = make(), PolicyServer(lab)
    good, plain = web.exchanger(), web.exchanger(tls=None)
    unnamed = web.exchanger(mode="testing", named=False)
    untrusted = web.exchanger(mode="testing", tls="good")
    off = web.exchanger(mode="none")
    missing, unreadable, foreign = web.exchanger(), web.exchanger(), web.exchanger()
    web.serve(missing.domain, "", status=404)
    web.serve(unreadable.domain, "version: STSv2\r\n")
    web.certify(foreign.domain, lab.certificate())
    going = [good, unnamed, untrusted, off, missing, unreadable, foreign]
    send(gateway, plain.domain, *(mx.domain for mx in going))
    for mx in going:
        mx.wait()
    gateway.wait_event("deferred", "--to", f"r@{plain.domain}")
    gateway.stop()

    def only(mx):
        (entry,) = counted(gateway, mx.domain)
        return entry

    def result(mx):
        """Of its policy; None: success."""
        how, summary, details = only(mx)
        assert how["policy-type"] == "sts" and how["policy-domain"] == mx.domain, how
        assert bool(details) == bool(summary["total-failure-session-count"]) != bool(summary["total-successful-session-count"])
        return details[0]["result-type"] if details else None

    how, _, _ = only(good)
    assert how["policy-string"] == policy(good.name).split("\r\n")[:-1] and how["mx-host"] == [good.name], how
    assert result(good) is None
    assert result(plain) == "starttls-not-supported"
    assert result(unnamed) == "validation-failure"
    assert result(untrusted) in ("certificate-not-trusted", "certificate-host-mismatch")
    assert only(off)[0]["policy-type"] == "no-policy-found"
    assert result(missing) == "sts-policy-fetch-error"
    assert result(unreadable) == "sts-policy-invalid"
    assert result(foreign) == "sts-webpki-invalid"


def test_a_kept_connection_is_one_session(lab, make):
    gateway = make()
    mx = lab.exchanger(lab.new_domain(), tls="good")
    send(gateway, *5 * [mx.domain])
    connections = {arrival.connection for arrival in mx.wait(5)}
    gateway.stop()
    ((_, summary, _),) = counted(gateway, mx.domain)
    assert summary["total-successful-session-count"] == len(connections)


def test_who_asks_gets_the_report_by_mail_and_by_https_once(lab, make):
    gateway = make()
    mx, plain, silent = lab.exchanger(lab.new_domain(), tls="good"), lab.exchanger(lab.new_domain()), lab.exchanger(lab.new_domain())
    receiver, server = lab.exchanger(lab.new_domain()), ReportServer(lab, "mx-reports.host")
    asks(lab, mx.domain, f"mailto:tls@{receiver.domain}", server.url)
    asks(lab, plain.domain, f"mailto:other@{receiver.domain}")
    send(gateway, mx.domain, plain.domain, silent.domain)
    for one in (mx, plain, silent):
        one.wait()
    gateway.stop()
    yesterday(gateway)
    today = time.strftime("%F", time.gmtime())
    gateway.start()
    printed = {report["report-id"]: report for report in gateway.sendoff.json("tls-report", "send", "--dry-run")}
    assert len(printed) == 3
    gateway.sendoff("tls-report", "send")
    arrivals = {arrival.recipients[0]: arrival for arrival in receiver.wait(2)}
    for name, of in (("tls", mx), ("other", plain)):
        arrival = arrivals[f"{name}@{receiver.domain}"]
        report = of_mail(arrival, of.domain, "smtp.example.com")
        assert report == printed[report["report-id"]]
        assert report["organization-name"] == "The Example" and report["contact-info"] == "postmaster@example.com"
        assert report["date-range"]["end-datetime"] < today
        assert arrival.sender in ("", None) and arrival.message["From"].addresses[0].addr_spec == REPORTER
        assert ("example.com", "ed25519-sha256") in verified(arrival.content, lab.dns)
    wait_state(gateway, mx.domain, "sent")
    assert [(path, kind) for path, kind, _ in server.posts] == [("/v1/tlsrpt", "application/tlsrpt+gzip")]
    assert server.reports() == [of_mail(arrivals[f"tls@{receiver.domain}"], mx.domain, "smtp.example.com")]
    assert {copy["state"] for copy in listed(gateway, mx.domain)["copies"]} == {"sent"}
    assert wait_state(gateway, silent.domain, "none")["copies"] == []
    gateway.sendoff("tls-report", "send")
    gateway.restart()
    gateway.sendoff("tls-report", "send")
    mark = marker()
    submit_with(gateway, gateway.account, FROM, [f"r@{receiver.domain}"], letter(FROM, f"r@{receiver.domain}", mark + "\r\n"))
    receiver.wait_for(mark)
    assert len(receiver.arrivals) == 3 and len(server.posts) == 1
    gateway.stop()
    # What carried the reports is in no report (RFC 8460 3): one session of today's, with the mail that is none.
    (row,) = gateway.sendoff.json("tls-report", "list", receiver.domain)
    assert row["successes"] + row["failures"] == 1


def test_a_smarthost_has_reports_of_its_own(lab, make):
    gateway = make()
    domain, mx = lab.new_domain(), lab.exchanger(tls="verified")
    gateway.sendoff("route", "add", domain, f"{mx.name}:{lab.delivery_port}", "--tls", "verify")
    send(gateway, domain)
    mx.wait()
    gateway.stop()
    ((policy, summary, _),) = counted(gateway, mx.name)
    assert policy == {"policy-type": "no-policy-found", "policy-domain": mx.name}
    assert summary["total-successful-session-count"] == 1
    assert not gateway.sendoff.json("tls-report", "list", domain)


def due(lab, gateway, *uris):
    """A domain that has mail of yesterday, and asks for its report there. The gateway has stopped."""
    mx = lab.exchanger(lab.new_domain(), tls="good")
    asks(lab, mx.domain, *uris)
    send(gateway, mx.domain)
    mx.wait()
    gateway.stop()
    yesterday(gateway)
    return mx.domain


def test_a_server_that_does_not_answer_keeps_no_gateway_from_stopping(lab, make):
    gateway, server = make(), ReportServer(lab, "mx-silent.host")
    server.silent = True
    domain = due(lab, gateway, server.url)
    gateway.start()
    gateway.sendoff("tls-report", "send")
    wait_until(lambda: server.posts, "the report is on its way")
    gateway.stop()
    assert listed(gateway, domain)["report"] == "open"


def test_a_long_answer_is_an_answer(lab, make):
    gateway, server = make(), ReportServer(lab, "mx-long.host")
    server.body = 300_000 * b"x"
    domain = due(lab, gateway, server.url)
    gateway.start()
    gateway.sendoff("tls-report", "send")
    wait_state(gateway, domain, "sent")
    assert len(server.posts) == 1


def test_an_authority_that_is_not_trusted_gets_nothing(lab, make):
    gateway, server = make(), ReportServer(lab, "mx-other-name.host")
    lab.dns.set("mx-wrong-name.host", "A", server.address)
    domain = due(lab, gateway, server.url.replace(server.name, "mx-wrong-name.host"))
    gateway.start()
    gateway.sendoff("tls-report", "send")
    row = wait_until(lambda: (row := listed(gateway, domain))["reason"] and row, "it is tried again later")
    assert row["report"] == "open" and not server.posts


def test_what_is_not_taken_is_tried_again_until_it_is(lab, make):
    gateway = make()
    mx, server = lab.exchanger(lab.new_domain(), tls="good"), ReportServer(lab, "mx-busy.host")
    server.status = 503
    asks(lab, mx.domain, server.url)
    send(gateway, mx.domain)
    mx.wait()
    gateway.stop()
    yesterday(gateway)
    gateway.start()
    gateway.sendoff("tls-report", "send")
    wait_until(lambda: server.posts, "it was tried")
    row = wait_until(lambda: (row := listed(gateway, mx.domain))["reason"] and row, "it is tried again later")
    assert row["report"] == "open" and row["reason"] == "HTTP status 503" and row["next"]
    server.status = 200
    gateway.stop()
    edit(gateway, "UPDATE tls_domains SET next_us = 0")
    gateway.start()
    gateway.sendoff("tls-report", "send")
    wait_state(gateway, mx.domain, "sent")
    assert len(server.posts) == 2 and server.reports()[0] == server.reports()[1]


@pytest.mark.parametrize("days, comes", [(2, True), (3, False)])
def test_it_comes_by_itself_when_its_day_is_over(lab, make, days, comes):
    """Yesterday's may still wait for its moment; of three days ago nobody waits for any more."""
    gateway = make()
    mx, server = lab.exchanger(lab.new_domain(), tls="good"), ReportServer(lab, f"mx-{days}-days.host")
    asks(lab, mx.domain, server.url)
    send(gateway, mx.domain)
    mx.wait()
    gateway.stop()
    yesterday(gateway, days)
    gateway.start()
    if comes:
        wait_state(gateway, mx.domain, "sent")
    else:
        assert "not sent" in gateway.sendoff("tls-report", "list", mx.domain)
        day = listed(gateway, mx.domain)["day"]
        gateway.sendoff("tls-report", "send", "--day", day)  # but by command
        wait_state(gateway, mx.domain, "sent")
    assert len(server.reports()) == 1


def test_a_report_comes_though_tls_is_what_is_broken(lab, make):
    gateway = make()
    mx = lab.exchanger(lab.new_domain(), tls="good")
    publish(lab, mx.name, tlsa(3, 1, 1, lab.certificate()[0], wrong=True))
    asks(lab, mx.domain, f"mailto:tls@{mx.domain}")
    send(gateway, mx.domain)
    gateway.wait_event("deferred", "--to", f"r@{mx.domain}")
    gateway.stop()
    yesterday(gateway)
    gateway.start()
    gateway.sendoff("tls-report", "send")
    (arrival,) = mx.wait()
    (entry,) = of_mail(arrival, mx.domain, "smtp.example.com")["policies"]
    assert entry["policy"]["policy-type"] == "tlsa" and entry["failure-details"][0]["result-type"] == "certificate-not-trusted"


def refused(gateway, *words):
    result = gateway.sendoff.run("tls-report", *words)
    assert result.status != 0
    return result.err


def test_without_an_address_or_its_key_none_are_sent(lab, make):
    assert "tls_reports { from }" in refused(make(more=""), "send")
    keyless = make(more='tls_reports { from = "tls@nokey.example" }')
    keyless.sendoff("tls-report", "send")
    wait_until(lambda: "tls reports are not sent" in keyless.output(), "the gateway says why")
    assert "a whole day" in refused(keyless, "send", "--day", "today")
    assert "no session with" in refused(keyless, "show", "example.net")
