"""What account, domain and gateway usage say: the same messages, counted for each whose they are."""

import re

import pytest

from sendoff_test.attempts import attempt
from sendoff_test.client import dialogue
from sendoff_test.gateway import pause_until_safe
from sendoff_test.letters import letter

TO = "r@dest.example.net"
BULK = "X-Sendoff-Stream: bulk\r\n"


@pytest.fixture(scope="module")
def gateway(lab):
    lab.exchanger("dest.example.net")
    made = lab.gateway()
    made.add_domain("example.org", publish=False)
    made.sendoff("gateway", "set", "--limit", "1000/day", "--limit", "9MB/message")
    made.sendoff("domain", "set", "example.com", "--limit", "500rcpt/month")
    return made


def usage(gateway, *words):
    (used,) = gateway.sendoff.json(words[0], "usage", *words[1:])
    return used


def counted(used):
    return used["total_messages"], used["day"]["recipients"]


def lasting(used):
    """Without the windows that roll: what is in them may have left meanwhile."""
    return {key: value for key, value in used.items() if key not in ("second", "minute", "hour")}


def limits(used):
    return {limit["limit"]: limit["used"] for limit in used["limits"]}


def test_each_message_counts_for_all_whose_it_is(gateway):
    pause_until_safe(86400, 60)
    blog = gateway.add_account("blog", "--limit", "50/day", "--stream-limit", "bulk:2/day", senders=("example.com", "example.org"))
    shop = gateway.add_account("shop", senders=("example.com",))
    with dialogue(gateway, blog) as talk:
        for _ in range(2):
            assert attempt(talk, "a@example.com", [TO], letter("a@example.com", TO, extra=BULK)).startswith("250")
        over = attempt(talk, "a@example.com", [TO], letter("a@example.com", TO, extra=BULK))
        assert over.startswith("452 4.7.1 blog/bulk: 2 of 2 messages today"), over
        assert attempt(talk, "a@example.org", [TO, "s@dest.example.net"]).startswith("250"), "the other stream goes on"
    with dialogue(gateway, shop) as talk:
        assert attempt(talk, "a@example.com", [TO]).startswith("250")
    blog_used, all_used = usage(gateway, "account", "blog"), usage(gateway, "gateway")
    assert counted(blog_used) == (3, 4) and limits(blog_used) == {"50/day": 3}
    (bulk,) = blog_used["streams"]
    assert (bulk["stream"], counted(bulk), limits(bulk)) == ("blog/bulk", (2, 2), {"2/day": 2})
    assert bulk["limits"][0]["left"] == 0 and bulk["limits"][0]["next"]
    assert usage(gateway, "account", "shop")["streams"] == []
    domain = usage(gateway, "domain", "Example.COM")
    assert domain["domain"] == "example.com" and counted(domain) == (3, 3) and limits(domain) == {"500rcpt/month": 3}
    assert counted(usage(gateway, "domain", "example.org")) == (1, 2)
    assert counted(all_used) == (4, 5) and limits(all_used) == {"1000/day": 4, "9MB/message": 0}
    assert "streams" not in domain and "streams" not in all_used
    assert [one["domain"] for one in gateway.sendoff.json("domain", "usage")] == ["example.com", "example.org"]
    gateway.restart()
    assert lasting(usage(gateway, "gateway")) == lasting(all_used)
    assert lasting(usage(gateway, "domain", "example.com")) == lasting(domain)


def test_as_tables(gateway):
    gateway.add_account("tables", "--limit", "60/minute", "--stream-limit", "bulk:5/hour", "--time-zone", "Europe/Vienna")
    text = gateway.sendoff("account", "usage", "tables")
    account, bulk = text.split("tables/bulk, days and months in Europe/Vienna\n")
    assert account.startswith("tables, days and months in Europe/Vienna\n")
    assert re.search(r"^60/minute +0 +\[ {10}\] 0% +60 +now", account, re.M) and "5/hour" not in account
    assert re.search(r"^5/hour +0 +\[ {10}\] 0% +5 +now", bulk, re.M) and "60/minute" not in bulk
    gateway.sendoff("domain", "set", "example.org", "--limit", "70rcpt/month")
    assert re.search(r"^70rcpt/month +[0-9]+ ", gateway.sendoff("domain", "usage", "example.org"), re.M)
    text = gateway.sendoff("gateway", "usage")
    assert text.startswith("gateway, days and months in UTC\n") and re.search(r"^9MB/message +each message", text, re.M)
    everything = gateway.sendoff("domain", "usage")
    assert "example.com, days" in everything and "\n\nexample.org, days" in everything
    assert max(map(len, (text + everything).splitlines())) <= 80


def test_of_nobody(gateway):
    said = gateway.sendoff.run("domain", "usage", "nowhere.example")
    assert said.status == 1 and said.err == "sendoff: there is no domain nowhere.example; see: sendoff domain list\n"
    assert gateway.sendoff.run("domain", "usage", "no domain").status == 2
    assert gateway.sendoff.run("gateway", "usage", "blog").status == 2
