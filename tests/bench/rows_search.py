"""Searching the delivery log: each kind of search, in a process of its own as an operator runs it."""

import subprocess
import time

import load
import log_events
import sendoff
from measure import Expected, Measure, Subject
from sendoff_test.processes import wait_until

EVENTS = 1_000_000
AT_MOST = 200


def searches(m):
    """What is rare, what is frequent, and what is not there at all; `m` is a message in the log."""
    order = m["subject"].split()[-1]
    return {
        "the newest": [],
        "an account": ["--account", m["account"]],
        "an account's bounces": ["--account", m["account"], "--event", "bounced"],
        "an address": ["--to", m["to"]],
        "a part of an address": ["--address", m["to"][:12]],
        "a part of an address, frequent": ["--address", "gmail"],
        "subject words": ["--subject", m["subject"]],
        "a number in subjects": ["--subject", order],
        "subject words, frequent": ["--subject", "order"],
        "subject words, none": ["--subject", "order nowhere"],
        "a Message-ID": ["--message-id", m["header_id"]],
        "a domain": ["--domain", m["to"].split("@")[1]],
        "a domain's bounces": ["--domain", m["domain"], "--event", "bounced"],
        "an hour": ["--since", "50h", "--until", "49h"],
        "an event": ["--event", "bounced"],
        "an event, none": ["--event", "refused"],
        "a source": ["--source", "198.51.100.7"],
        "a source, none": ["--source", "198.51.100.8"],
        "a host": ["--host", "mx1.firma33."],
        "reply text": ["--reply", "no such user"],
        "reply text, none": ["--reply", "mailbox full"],
    }


def timed(gateway, options):
    words = [sendoff.program(), "--config", gateway.config, "--json", "log", *options]
    began = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.monotonic() - began)


def search(bench):
    ours = bench.ours()
    ours.make()
    database = f"{ours.gateway.data}/sendoff.db"
    message = log_events.fill(database, EVENTS)
    began = time.monotonic()
    ours.start_again()
    wait_until(lambda: log_events.is_indexed(database), "the log is indexed", 300)
    index = Subject("Sendoff", [EVENTS / (time.monotonic() - began)])
    bench.tell(f"{EVENTS:,} events indexed, {index.median:,.0f}/s")
    measures = [Measure("search-index", f"indexing a log of {EVENTS:,} events", "events/s", [index])]
    try:
        for name, options in searches(message).items():
            subject = Subject("Sendoff", [timed(ours.gateway, options) for _ in range(bench.rounds(9, 5))])
            bench.tell(f"{name}: {subject.median:.0f} ms")
            measures.append(Measure(f"search-{name}", f"log of {EVENTS:,} events: {name}", "ms", [subject], [Expected(at_most=AT_MOST)]))
    except subprocess.CalledProcessError as failure:
        raise load.Failed(str(failure)) from failure
    finally:
        ours.stop()
    return measures


ROWS = (search,)
