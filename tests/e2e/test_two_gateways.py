"""What one gateway hands on, another takes: the extensions of both sides against each other."""

import pytest

from sendoff_test.client import submit_with
from sendoff_test.lab import SOURCE, exchanger_name
from sendoff_test.letters import letter, marker, report

FROM = "a@example.com"


@pytest.fixture(scope="module")
def first(lab):
    return lab.gateway(delivery=f'trust = "{lab.authority.roots}"')


@pytest.fixture(scope="module")
def account(first):
    return first.add_account("app")


@pytest.fixture(scope="module")
def second(lab):
    """Listens where the first delivers to, knows the first by its address, takes no more than three recipients, and
    delivers to another port of the same hosts."""
    address, port = lab.block.new_address(), lab.block.new_port()
    ports = {"optional": lab.delivery_port, "starttls": lab.block.new_port()}
    gateway = lab.new_gateway(delivery_port=port, address=address, ports=ports)
    certificate, key = lab.authority.certificate(exchanger_name(address))
    gateway.configure(delivery=f'trust = "{lab.authority.roots}"', certificate=certificate, key=key, limits="max_recipients = 3")
    gateway.add_account("first", "--client-ip", f"{SOURCE}/32", senders=("*",))
    return gateway.start()


@pytest.fixture(scope="module", autouse=True)
def mailbox(lab, second):
    """Where the second gateway's notices go."""
    return lab.exchanger("example.com", port=second.delivery_port, tls="verified", offers=["REQUIRETLS"])


@pytest.fixture
def end(lab, second):
    """Makes the exchanger behind the second gateway, of a domain of its own."""
    made = []

    def make(**manner):
        made.append(lab.exchanger(lab.new_domain(), address=second.address, port=second.delivery_port, **manner))
        return made[-1]

    yield make
    for mx in made:
        lab.silence(mx)
    second.restart()  # or it would use its connection to this one for the next, which has the same name and address


def send(gateway, account, recipients, mail=(), rcpt=()):
    mark = marker()
    submit_with(gateway, account, FROM, recipients, letter(FROM, "r@example.net", f"{mark}\r\n", subject=mark), mail, rcpt)
    return mark


def test_all_of_the_envelope(first, second, account, end):
    mx = end(offers=["DSN", "DELIVERBY", "MT-PRIORITY"])
    mail = ["RET=FULL", "ENVID=Q+2B1", "BY=5000;N", "MT-PRIORITY=4"]
    mark = send(first, account, [f"r@{mx.domain}"], mail, ["NOTIFY=SUCCESS", "ORCPT=rfc822;o@example.org"])
    arrival = mx.wait_for(mark)
    assert arrival.content.count(b"\r\nReceived: by ") + arrival.content.startswith(b"Received: by ") == 2, arrival.content
    assert (arrival.mail["RET"], arrival.mail["ENVID"], arrival.mail["MT-PRIORITY"]) == ("FULL", "Q+2B1", "4")
    seconds, _, mode = arrival.mail["BY"].partition(";")
    assert 4900 < int(seconds) <= 5000 and mode == "N"
    assert arrival.rcpt == [{"NOTIFY": "SUCCESS", "ORCPT": "rfc822;o@example.org"}]


def test_limits(first, second, account, end):
    mx = end()
    everybody = [f"r{n}@{mx.domain}" for n in range(8)]
    mark = send(first, account, everybody)
    arrivals = [a for a in mx.wait(3) if mark.encode() in a.content]
    assert sorted(r for a in arrivals for r in a.recipients) == sorted(everybody)
    assert sorted(len(a.recipients) for a in arrivals) == [2, 3, 3]
    assert not first.log("--event", "deferred", "--to", f"*@{mx.domain}")


def test_required_tls_all_the_way(first, second, account, end):
    mx = end(tls="verified", offers=["REQUIRETLS"])
    arrival = mx.wait_for(send(first, account, [f"r@{mx.domain}"], ["REQUIRETLS"]))
    assert "REQUIRETLS" in arrival.mail and arrival.tls


def test_required_tls_that_ends_half_way(first, second, account, mailbox, end):
    """The second gateway's notice comes back under REQUIRETLS."""
    mx = end(tls="verified")
    back = mailbox.wait_for(send(first, account, [f"r@{mx.domain}"], ["REQUIRETLS"]))
    assert report(back.content)["recipients"][0]["status"] == "5.7.30" and "REQUIRETLS" in back.mail
    assert not mx.arrivals
