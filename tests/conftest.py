"""Fixtures for the tests of the whole program. One lab for each file; most files share one running gateway in it."""

import os

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


MAY_SKIP = ("init takes that user",)  # what depends on the machine, also for root


def fail_if_skipped(report):
    """As root, with what deploy/install-packages installs, every test can be run: one that skips tests nothing, unseen."""
    if not report.skipped or hasattr(report, "wasxfail") or os.geteuid() != 0:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.endswith(MAY_SKIP):
        report.outcome, report.longrepr = "failed", f"root can run this test, and it was skipped: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the gateways said last."""
    outcome = yield
    report = outcome.get_result()
    fail_if_skipped(report)
    made = getattr(item, "funcargs", {}).get("lab")
    if report.failed and made:
        for number, one in enumerate(made.gateways, 1):
            report.sections.append((f"gateway {number}", one.output()[-3000:]))
