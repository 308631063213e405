"""Fixtures for the tests of the whole program. One lab for each file; most files share one running gateway in it."""

import os
import signal

import pytest

from sendoff_test.lab import Lab


@pytest.fixture(scope="module")
def lab():
    made = Lab()
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(lab):
    """A running gateway that sends for example.com from 127.0.0.2."""
    return lab.gateway()


def pytest_configure():
    """No test is skipped, so that what passes has been tested. What a shell ignores for what it starts in the background would be
    ignored by every program that a test starts."""
    for one, handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGQUIT, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(one) == signal.SIG_IGN:
            signal.signal(one, handler)
    if os.geteuid() != 0:
        pytest.exit("run the tests as root: some have a network, a small disk or another user of their own", returncode=1)


@pytest.fixture
def port(lab):
    """That nothing listens at."""
    return lab.block.new_port()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the gateways, and other mail servers, said last."""
    outcome = yield
    report = outcome.get_result()
    made = getattr(item, "funcargs", {}).get("lab")
    if report.failed and made:
        named = [(f"gateway {number}", one) for number, one in enumerate(made.gateways, 1)]
        for name, one in [*named, *((server.package, server) for server in made.servers)]:
            try:
                output = one.output()
            except FileNotFoundError:  # the lab has closed, and its folder is gone
                continue
            report.sections.append((name, output[-3000:]))
