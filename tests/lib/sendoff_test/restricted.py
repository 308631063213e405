"""Accounts whose mail the policy refuses, puts off or holds, each in one way that lasts: whatever is tried, and however
often, the answer stays the same. The replies to clients are in tests/session, what people see in tests/e2e."""

import sqlite3
import time

from .attempts import attempt_as
from .dns import txt
from .gateway import pause_until_safe
from .letters import letter

FROM = "a@example.com"
UNCONFIRMED = "1.2.3.4"  # a source whose name no DNS server of a test knows; nothing ever leaves from it
ELSEWHERE = txt("v=spf1 ip4:192.0.2.1 -all")

# name: options of `account add`, what it sends as
ACCOUNTS = {
    # limits; those of a window are used up once `prepare` has sent one message
    "daily": ("--limit 1/day", "example.com"),
    "patient": ("--limit 1/day:defer", "example.com"),
    "monthly": ("--limit 1/month", "example.com"),
    "hourly": ("--limit 2rcpt/hour", "example.com"),
    "heavy": ("--limit 3KB/day", "example.com"),
    "paced": ("--limit 100/day:smooth", "example.com"),
    "stuck": ("--limit 1/month:smooth", "example.com"),
    "streams": ("--stream-limit bulk:1/day", "example.com"),
    "shared": ("", "full.example"),
    "narrow": ("--limit 2rcpt/day", "example.com"),
    "splitting": ("--limit 2rcpt/day:defer", "example.com"),
    "few": ("--limit 2rcpt/message:defer", "example.com"),
    "small": ("--limit 2rcpt/message", "example.com"),
    "light": ("--limit 1KB/message", "example.com"),
    # recipients and senders
    "staging": ("--to dest.example.net --not-to ceo@dest.example.net", "example.com"),
    "dropping": ("--suppressed drop", "example.com"),
    "lists": ("", "example.com"),
    # what DNS says
    "strict": ("", "strict.example"),
    "dmarc": ("", "reject.example other.example"),
    "bulk": ("--stream bulk --bulk-rules enforce", "example.com"),
    "unsigned": ("--stream bulk --bulk-rules enforce", "unsigned.example"),
    "two": ("--stream bulk --bulk-rules enforce", "example.com other.example"),
    "undeclared": ("--stream bulk --bulk-rules enforce", "undeclared.example"),
    "unnamed": ("--stream bulk --bulk-rules enforce --pool unnamed", "example.com"),
    # the brake
    "slowed": ("--brake on", "example.com"),
    "withheld": ("--brake on", "example.com"),
    "braked": ("--brake on", "example.com"),
}
USED_UP = ("daily", "patient", "monthly", "hourly", "heavy", "paced", "stuck", "streams", "shared", "slowed", "withheld")
STEPS = {"slowed": 1, "withheld": 2}
BRAKED = "brake: the account is suspended: 1100 first-time recipients today (budget 200); see: sendoff account review braked"

SUPPRESSED = """address,origin,reason,code,enhanced,expires
bounced@dest.example.net,bounce,,550,5.1.1,never
"""


def _domains(lab, gateway):
    gateway.add_domain("full.example", publish=False)
    gateway.sendoff("domain", "set", "full.example", "--limit", "1/day")
    gateway.add_domain("strict.example")
    gateway.sendoff("domain", "set", "strict.example", "--spf", "enforce")
    lab.dns.set("strict.example", "TXT", '"v=spf1 -all"')
    gateway.add_domain("reject.example", publish=False)
    gateway.sendoff("domain", "set", "reject.example", "--dmarc", "enforce")
    gateway.add_domain("other.example", publish=False)
    gateway.add_domain("undeclared.example", publish=False)
    gateway.sendoff("source", "add", UNCONFIRMED, "--helo", "smtp.example.com", "--pool", "unnamed")
    lab.dns.update({("reject.example", "TXT"): [ELSEWHERE], ("_dmarc.reject.example", "TXT"): [txt("v=DMARC1; p=reject")]})


def _suppressions(gateway, folder):
    gateway.sendoff("suppression", "add", "asked@dest.example.net", "--reason", "asked us to", "--forever")
    gateway.sendoff("suppression", "add", "gone@dest.example.net", "--until", "90d")
    gateway.sendoff("suppression", "add", "listed@dest.example.net", "--account", "lists", "--forever")
    with open(f"{folder}/suppressed.csv", "w") as listed:
        listed.write(SUPPRESSED)
    gateway.sendoff("suppression", "import", f"{folder}/suppressed.csv")


def _use_up(gateway, accounts):
    pause_until_safe(86400, 300)
    for name in USED_UP:
        sender = f"a@{ACCOUNTS[name][1].split()[0]}"
        extra = "Precedence: bulk\r\n" if name == "streams" else ""
        answer = attempt_as(gateway, accounts[name], sender, ["r@dest.example.net"], letter(sender, "r@x", extra=extra))
        assert answer.startswith("250"), (name, answer)


def brake(gateway, steps):
    """Has accounts that have sent at a step of the brake from now on, as if their mail had led them there."""
    gateway.stop()
    store = sqlite3.connect(f"{gateway.data}/sendoff.db", timeout=20)
    now = int(time.time() * 1000000)
    for name, step in steps.items():
        times = "since_us = ?2, braked_us = ?2, over_us = ?2, acted_us = ?2, began_us = ?2 - 2592000000000"
        times += ", slow_next_us = ?2 + 3600000000"  # an hour's mail waits
        store.execute(f"UPDATE brake SET step = ?1, mode = 2, {times} WHERE account = ?3", (step, now, name))
    store.commit()
    store.close()
    gateway.start()


def prepare(lab, gateway):
    """All of them, by name, at a gateway that sends for example.com and is running; it is restarted."""
    _domains(lab, gateway)
    accounts = {name: gateway.add_account(name, *options.split(), senders=senders.split()) for name, (options, senders) in ACCOUNTS.items()}
    _suppressions(gateway, gateway.folder)
    _use_up(gateway, accounts)
    gateway.sendoff("account", "suspend", "braked", "--reason", BRAKED, "--leave-queue")
    brake(gateway, STEPS)
    return accounts
