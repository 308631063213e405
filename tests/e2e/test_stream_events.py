"""Transactional and bulk mail: what the delivery log says of a message's stream, from its acceptance to its end."""

import pytest

from sendoff_test.client import submit
from sendoff_test.letters import letter, marker

FROM = "a@example.com"
FIELDS = {
    "bulk": "X-Sendoff-Stream: bulk\r\n",
    "transactional": "",
}


@pytest.fixture(scope="module")
def gateway(lab):
    made = lab.gateway(retry=["1s"], expire="1h")
    lab.exchanger("example.com")
    return made


def events_of(gateway, to, last, count=1):
    """All events of the message that went to that recipient, once `count` of the kind `last` are there."""
    gateway.wait_event(last, "--to", to, count=count)
    return [(event["event"], event["stream"]) for event in gateway.log("--to", to)]


@pytest.mark.parametrize("stream", FIELDS)
def test_every_event_of_a_message_says_its_stream(lab, gateway, stream):
    host = lab.exchanger(lab.new_domain())
    account = gateway.add_account(f"app-{stream}")
    to = f"later@{host.domain}"
    host.replies["RCPT"] = "451 4.2.0 later"
    submit(gateway, account, FROM, [to], letter(FROM, to, subject=marker(), extra=FIELDS[stream]))
    gateway.wait_event("deferred", "--to", to)
    gateway.sendoff("queue", "hold", "--account", account.name, "--yes")
    gateway.wait_event("held", "--to", to)
    del host.replies["RCPT"]
    gateway.sendoff("queue", "release", "--account", account.name, "--yes")
    seen = events_of(gateway, to, "delivered")
    assert {"accepted", "deferred", "held", "released", "delivered"} <= {kind for kind, _ in seen}, seen
    assert {said for _, said in seen} == {stream}, seen


def test_a_bounce_its_suppression_and_its_notice(lab, gateway):
    host = lab.exchanger(lab.new_domain())
    account = gateway.add_account("news", "--stream", "bulk")
    to = f"gone@{host.domain}"
    host.replies["RCPT"] = "550 5.1.1 User unknown"
    submit(gateway, account, FROM, [to], letter(FROM, to, subject=marker()))
    seen = events_of(gateway, to, "suppressed")
    assert {kind for kind, _ in seen} == {"accepted", "bounced", "suppressed"}
    assert {said for _, said in seen} == {"bulk"}, "an event of the message is of another stream"
    (notice,) = gateway.log("--account", "news", "--event", "accepted", "--to", FROM)
    assert notice["stream"] == "transactional", "what the gateway writes itself is no bulk mail"


def test_what_is_no_message_has_no_stream(gateway):
    account = gateway.add_account("refused-app", senders=("example.org",))
    with pytest.raises(Exception, match="may not send as"):
        submit(gateway, account, FROM, ["r@dest.example.net"], letter(FROM, "r@dest.example.net"))
    (event,) = gateway.log("--account", "refused-app", "--event", "refused")
    assert "stream" not in event
