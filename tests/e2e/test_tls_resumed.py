"""TLS sessions with exchangers are resumed (RFC 8446 2.2), whatever the exchanger has to prove, and cost no mail where that fails."""

import pytest

from sendoff_test.client import submit_marked
from sendoff_test.mx import GARBAGE, server_context
from sendoff_test.tlsa import tlsa

FROM = "a@example.com"

TABLE = """
provider "lab" {
  mx = {"once.host"}
  messages_per_connection = 1
}
"""


@pytest.fixture(scope="module")
def gateway(lab, tmp_path_factory):
    """Each message has a connection of its own, and no second attempt."""
    table = tmp_path_factory.mktemp("table") / "shaping.conf"
    table.write_text(TABLE)
    table.chmod(0o644)
    delivery = f'shaping = "{table}"\n  trust = "{lab.authority.roots}"'
    return lab.new_gateway().configure(delivery=delivery, retry=("1h",), expire="1d").start()


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("resumed")


def send(gateway, account, mx):
    return mx.wait_for(submit_marked(gateway, account, FROM, [f"r@{mx.domain}"]))


def breaks(mx, how, times):
    """So many handshakes come to nothing."""
    answers = iter([how] * times)
    mx.replies["STARTTLS"] = lambda _: next(answers, None)


def not_resumed(gateway, mx):
    return [line for line in gateway.output().splitlines() if "tls session not resumed" in line and mx.name in line]


def test_sessions_are_resumed(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), tls="good", site="once")
    arrivals = [send(gateway, account, mx) for _ in range(4)]
    assert [(a.connection, a.tls, a.resumed) for a in arrivals] == [(n, "TLSv1.3", n > 1) for n in range(1, 5)]


def test_who_has_to_prove_itself_does_so_again(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), tls="good", site="once")
    lab.dns.set(f"_{lab.delivery_port}._tcp.{mx.name}", "TLSA", tlsa(3, 1, 1, lab.certificate()[0]))
    assert [send(gateway, account, mx).resumed for _ in range(3)] == [False, True, True]
    events = gateway.wait_event("delivered", "--to", f"r@{mx.domain}", count=3)
    assert {(e["verified"], e["tlsa"], e["tls"]) for e in events} == {("dane", "3 1 1", "TLSv1.3")}


def test_an_exchanger_that_has_forgotten(lab, gateway, account):
    mx = lab.exchanger(lab.new_domain(), tls="good", site="once")
    send(gateway, account, mx)
    mx.tls_context = server_context(*lab.certificate())
    assert [(a.tls, a.resumed) for a in (send(gateway, account, mx), send(gateway, account, mx))] == [
        ("TLSv1.3", False),
        ("TLSv1.3", True),
    ]


@pytest.mark.parametrize("required", [False, True])
def test_a_session_that_cannot_be_resumed_costs_one_connection(lab, gateway, account, required):
    """It says nothing of whole handshakes: the same host is met again at once, and not in the clear."""
    mx = lab.exchanger(lab.new_domain(), tls="good", site="once")
    if required:
        lab.dns.set(f"_{lab.delivery_port}._tcp.{mx.name}", "TLSA", tlsa(3, 1, 1, lab.certificate()[0]))
    send(gateway, account, mx)
    breaks(mx, GARBAGE, 1)
    again = send(gateway, account, mx)
    assert (again.connection, again.tls, again.resumed) == (3, "TLSv1.3", False)
    (line,) = not_resumed(gateway, mx)
    assert "level=info" in line and "a new connection with a whole handshake" in line
    assert not send(gateway, account, mx).resumed, "it is asked again only after a while"
    assert not gateway.log("--event", "deferred", "--to", f"r@{mx.domain}")


def test_broken_tls_is_broken_tls(lab, gateway, account):
    """The whole handshake fails, too: as with any host whose TLS does not work."""
    mx = lab.exchanger(lab.new_domain(), tls="good", site="once")
    send(gateway, account, mx)
    breaks(mx, GARBAGE, 2)
    submit_marked(gateway, account, FROM, [f"r@{mx.domain}"])
    (event,) = gateway.wait_event("deferred", "--to", f"r@{mx.domain}")
    assert event["rule"] == "tls" and mx.connections == 3
    assert len(mx.arrivals) == 1
