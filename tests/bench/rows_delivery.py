"""The rows of delivery alone: of a queue that is full before the first message leaves."""

from statistics import median

import load
from measure import Expected, Measure, Subject
from sendoff import SITES, SITES_DOMAIN
from sendoff_test.processes import wait_until

RATE, MILLISECONDS = "messages/s", "ms"


def arrivals(board):
    """When the messages came, in order."""
    return sorted(arrived for _, _, arrived in board.passages() if arrived)


def rate_of(times):
    """Of the messages after the first: what the start takes is not part of it."""
    return (len(times) - 1) / (times[-1] - times[0])


# --- how much ---


def site(bench):
    """Beside Postfix, whose queue can be held in the same way."""
    systems = [bench.ours(), *(peer for peer in bench.peers() if peer.name == "postfix")]
    messages = {"sendoff": bench.rounds(20000, 6000), "postfix": bench.rounds(3000, 1000)}
    subjects = {system.name: Subject(system.title) for system in systems}
    for _ in range(bench.rounds(5, 2)):
        for system in systems:
            rate = rate_of(arrivals(load.drain(bench.processes, system, messages[system.name])))
            subjects[system.name].values.append(rate)
            bench.tell(f"one site: {system.title} {rate:,.0f}/s")
    return [Measure("site", "4 KB, delivery of a full queue to one site", RATE, list(subjects.values()))]


def sites(bench):
    each = bench.rounds(10, 3)
    rate, reached = Subject("Sendoff"), Subject("Sendoff")
    options = dict(addresses=SITES, domains=SITES, to_domain=SITES_DOMAIN)
    for _ in range(bench.rounds(5, 2)):
        board = load.drain(bench.processes, bench.ours(), each * SITES, **options)
        times = [arrived for _, _, arrived in board.passages()]
        first_of_each = sorted(min(times[number::SITES]) for number in range(SITES))
        rate.values.append(rate_of(sorted(times)))
        reached.values.append(first_of_each[-1] - first_of_each[0])
        bench.tell(f"{SITES:,} sites: {rate.values[-1]:,.0f}/s, each has mail after {reached.values[-1]:.2f} s")
    title = f"4 KB, delivery of {each} messages to each of {SITES:,} sites"
    return [
        Measure("sites", title, RATE, [rate]),
        Measure("sites-reached", f"{title}: until each has one", "s", [reached], [Expected(at_most=3)]),
    ]


# --- whose turn ---

DELAY_MS = 50  # that the site takes for a message on each connection
CONNECTIONS = 20  # to a site, at most
PROBES = 20


def fairness(bench):
    """One account's many messages wait for a site that takes its time, and another's come one at a time."""
    many = bench.rounds(100_000, 10_000)
    behind, alone, slowest, turns = Subject(f"behind {many:,}"), Subject("alone"), Subject("Sendoff"), Subject("Sendoff")
    for _ in range(bench.rounds(3, 1)):
        alone.values.append(median(_probe(bench, 0)[0]))
        delays, meanwhile = _probe(bench, many)
        behind.values.append(median(delays))
        slowest.values.append(max(0, max(delays) - DELAY_MS))
        turns.values.append(max(meanwhile))
        bench.tell(
            f"a message behind {many:,}: {behind.values[-1]:.1f} ms, at most {max(delays):.1f}; alone {alone.values[-1]:.1f}; "
            f"{turns.values[-1]} others meanwhile"
        )
    title = f"a message behind {many:,} of another account, to a site that takes {DELAY_MS} ms for one"
    return [
        Measure("fairness", f"{title}, last dot to delivered, median", MILLISECONDS, [behind, alone]),
        Measure("fairness-slowest", f"{title}: the slowest, beyond these {DELAY_MS} ms", MILLISECONDS, [slowest], [Expected(at_most=DELAY_MS)]),
        Measure("fairness-turns", f"{title}: the most others meanwhile", "messages", [turns], [Expected(at_most=2 * CONNECTIONS)]),
    ]


def _probe(bench, many):
    """Of each of the small account's messages: the milliseconds from its last dot to the sink, and how many others came there
    meanwhile."""
    ours = bench.ours()
    board = load.Board(many + PROBES)
    sink = load.Sink(bench.processes, board, hold=True, delay=DELAY_MS)
    ours.start()
    try:
        if many:
            load.source(ours.endpoint, board, messages=many, sessions=40, keep=True)
        sink.let_go()
        wait_until(lambda: board.arrived >= min(many, 50 * CONNECTIONS), "all connections are in use")
        small = dict(messages=PROBES, sessions=1, keep=True, tls=True, auth=ours.auth, rate=5)
        load.source(ours.submission, board, first=many, **small)
        wait_until(lambda: all(arrived for _, _, arrived in board.passages()[many:]), "the small account's mail is there", timeout=60)
    finally:
        ours.stop()
        sink.stop()
    passages = board.passages()
    others = [arrived for _, _, arrived in passages[:many]]
    probes = [(dot, arrived) for dot, _, arrived in passages[many:]]
    return [1000 * (end - begin) for begin, end in probes], [sum(begin < at < end for at in others) for begin, end in probes]


ROWS = (site, sites, fairness)
