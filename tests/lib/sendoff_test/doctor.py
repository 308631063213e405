"""What `sendoff doctor` finds."""

import json

from .dns import txt
from .lab import SOURCE

HURTS = {"error", "warning"}


def doctor(gateway, *words):
    """The findings, worst first, once its exit status has been compared with them."""
    result = gateway.sendoff.run("--json", "doctor", *words)
    found = [json.loads(line) for line in result.out.splitlines()]
    order = ["error", "warning", "note", "ok"]
    ranks = [order.index(one["severity"]) for one in found]
    assert ranks == sorted(ranks), found
    assert result.status == (1 if any(one["severity"] in HURTS for one in found) else 0), result.err
    assert not result.err
    return found


def of(found, check, about=None):
    return [one for one in found if one["check"] == check and about in (None, one["about"])]


def one_of(gateway, check, severity, *says, about=None, fix=""):
    """The one finding of that check, and what it says."""
    found = of(doctor(gateway), check, about)
    assert len(found) == 1, found
    assert found[0]["severity"] == severity, found
    for word in says:
        assert word in found[0]["text"], found
    assert fix in found[0]["fix"], found
    return found[0]


def gateway_that_is_well(lab):
    """A gateway that all is well with, but for what tests/lib has not: a certificate that everybody trusts."""
    gateway = lab.new_gateway().configure()
    gateway.add_domain("example.com", "--key", "ed25519")
    gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
    gateway.add_account("blog", "--client-ip", f"{gateway.address}/32")
    exchanger = lab.exchanger("gmail.com")
    lab.dns.update(
        {
            ("example.com", "TXT"): [txt(f"v=spf1 ip4:{SOURCE} -all")],
            ("example.com", "MX"): [f"10 {exchanger.name}."],
            ("smtp.example.com", "A"): [gateway.address],
        }
    )
    return gateway.start()
