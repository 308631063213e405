"""What was never attempted before a restart is attempted at once behind it, however much there is, and whatever else
waits for the same domain."""

from sendoff_test.client import submit
from sendoff_test.letters import letter, marker
from sendoff_test.mx import HANG

FROM = "a@example.com"


def test_mail_that_was_never_attempted(lab):
    gateway = lab.gateway(retry=("25s",), expire="1h")
    account = gateway.add_account("app")
    mx = lab.exchanger(lab.new_domain("many"))
    mx.replies["RCPT"] = "450 4.2.1 later"
    retried, fresh = marker(), marker()
    submit(gateway, account, FROM, [f"later@{mx.domain}"], letter(FROM, f"later@{mx.domain}", subject=retried))
    gateway.wait_event("deferred")
    mx.replies["RCPT"], mx.replies["MAIL"] = None, HANG
    for number in range(6):  # more than one read of the queue gives
        to = [f"r{number}-{n}@{mx.domain}" for n in range(100)]
        submit(gateway, account, FROM, to, letter(FROM, to[0], f"{fresh}\r\n", subject=f"{fresh} {number}"))
    gateway.kill()
    mx.replies["MAIL"] = None
    gateway.start()
    mx.wait_for(retried, timeout=60)
    before = [a for a in mx.arrivals if fresh.encode() in a.content]
    assert sum(len(a.recipients) for a in before) == 600
