"""What the tests of MTA-STS share: a gateway that follows policies, and a web server that has them. A file of tests imports
the fixtures by name."""

import pytest

from .client import submit_marked, submit_with
from .letters import letter, marker
from .policy_server import PolicyServer

FROM = "a@example.com"


@pytest.fixture(scope="module")
def settings(lab):
    return f'trust = "{lab.authority.roots}"  https_trust = "{lab.authority.roots}"'


@pytest.fixture(scope="module")
def gateway(lab, settings):
    return lab.gateway(delivery=settings)


@pytest.fixture(scope="module")
def account(gateway):
    return gateway.add_account("sts")


@pytest.fixture(scope="module")
def web(lab):
    return PolicyServer(lab)


def send(gateway, account, domain, mail=None, extra=""):
    """A message to r@domain; `mail`: parameters of MAIL."""
    if not mail:
        return submit_marked(gateway, account, FROM, [f"r@{domain}"], extra=extra)
    mark = marker()
    submit_with(gateway, account, FROM, [f"r@{domain}"], letter(FROM, f"r@{domain}", mark + "\r\n"), mail=mail)
    return mark


def delivered(gateway, domain):
    return gateway.wait_event("delivered", "--to", f"r@{domain}", timeout=60)[0]


def deferred(gateway, domain, count=1):
    return gateway.wait_event("deferred", "--to", f"r@{domain}", count=count, timeout=60)[-1]
