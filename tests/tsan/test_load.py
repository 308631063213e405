"""A short busy life of the daemon that was built with ThreadSanitizer: many sessions, deliveries with and without TLS,
retries, commands and a reload at the same time. Any report fails it (the gateway's own stop() looks)."""

import threading

from sendoff_test.client import connect
from sendoff_test.letters import letter
from sendoff_test.postfix import source

FROM = "a@example.com"
CLIENTS, MESSAGES, EXTRA = 10, 60, 500


def test_everything_at_once(lab):
    gateway = lab.gateway(limits="max_sessions_per_address = 1000")
    account = gateway.add_account("busy", "--limit", "100000/day")
    gateway.add_account("printer", "--client-ip", "127.0.0.1")
    plain, secure, moody = (
        lab.exchanger(lab.new_domain()),
        lab.exchanger(lab.new_domain(), tls="good"),
        lab.exchanger(lab.new_domain()),
    )
    refusals = iter(["450 4.2.1 not yet"] * 30)
    moody.replies["RCPT"] = lambda _: next(refusals, None)
    failures = []

    def client(number):
        try:
            with connect(gateway, account, "implicit" if number % 2 else "starttls") as session:
                for count in range(MESSAGES):
                    recipients = [f"r{count}@{mx.domain}" for mx in (plain, secure, moody)]
                    session.sendmail(FROM, recipients, letter(FROM, recipients[0], ("x" * 70 + "\r\n") * 10))
        except Exception as failure:  # a thread's failure must reach the test
            failures.append(failure)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for one in clients:
        one.start()
    source(gateway.endpoint("optional"), FROM, f"s@{plain.domain}", sessions=10, messages=EXTRA)
    gateway.reload()
    gateway.sendoff("account", "set", "busy", "--limit", "50000/day")
    gateway.sendoff.run("queue", "retry", "--account", "busy", "--yes")
    for one in clients:
        one.join()
    assert not failures, failures
    total = CLIENTS * MESSAGES
    plain.wait(total + EXTRA, 60)
    secure.wait(total, 60)
    moody.wait(total, 60)
    gateway.wait_empty()
    gateway.stop()
