"""The rows of the table: what each measures, how often, and what is expected of it."""

import json
import select
import socket
import subprocess
import time

import load
import place
import process
import rows_delivery
import rows_search
import syncs
from measure import Expected, Measure, Subject
from sendoff import DOWN_DOMAIN
from sendoff_test.processes import wait_until

POSTFIX = "Postfix + OpenDKIM"
RATE, MILLISECONDS = "messages/s", "ms"
MB = 1e6


def delivered_rate(said):
    return said["messages"] / said["delivered_seconds"]


def accepted_rate(said):
    return said["messages"] / said["accepted_seconds"]


# --- throughput beside the peers ---


def beside_peers(bench, name, title, expected, messages, **options):
    """`messages`: for each system, about as many as it moves in five seconds (--quick: two)."""
    systems = [bench.ours(), *bench.peers()]
    subjects = {system.name: Subject(system.title) for system in systems}
    for _ in range(bench.rounds(5, 2)):
        for system in systems:
            count = messages[system.name] // bench.rounds(1, 3)
            said = load.once(bench.processes, system, count, sessions=40, **options)
            subjects[system.name].values.append(delivered_rate(said))
            bench.tell(f"{title}: {system.title} {delivered_rate(said):,.0f}/s, {said['verified']} verified")
    for system in systems if bench.rounds(True, name == "connection") else ():
        count = 1000 if system.name == "sendoff" else 200
        subjects[system.name].syncs = syncs.per_message(bench.processes, system, count, sessions=40, **options)
    return [Measure(name, title, RATE, list(subjects.values()), [expected])]


def connection(bench):
    messages = {"sendoff": 12000, "postfix": 1500, "exim": 600, "opensmtpd": 1500}
    expected = Expected(at_least=12, of=POSTFIX)
    return beside_peers(bench, "connection", "4 KB, 40 sessions, a connection a message", expected, messages)


def kept(bench):
    messages = {"sendoff": 15000, "postfix": 1500, "exim": 600, "opensmtpd": 1500}
    expected = Expected(at_least=15, of=POSTFIX)
    return beside_peers(bench, "kept", "4 KB, 40 sessions, connections kept", expected, messages, keep=True)


def large(bench):
    messages = {"sendoff": 4000, "postfix": 1200, "exim": 450, "opensmtpd": 900}
    expected = Expected(at_least=5, of=POSTFIX)
    return beside_peers(bench, "large", "100 KB, 40 sessions, a connection a message", expected, messages, length=100_000)


def harness(bench):
    """What generator and sink come to without a gateway between them: the ceiling of everything else."""
    subjects = []
    for title, options in (("a connection a message", {}), ("connections kept", {"keep": True})):
        subject = Subject(title)
        for _ in range(bench.rounds(3, 1)):
            board = load.Board(20000)
            sink = load.Sink(bench.processes, board)
            said = load.source((place.SINK, 25), board, messages=20000, sessions=40, wait=10, **options)
            subject.values.append(delivered_rate(said))
            sink.stop()
        subjects.append(subject)
    return [Measure("harness", "4 KB, generator straight into the sink", RATE, subjects)]


# --- TLS and signatures ---


def tls(bench):
    ours = bench.ours()
    subjects = {False: Subject("Sendoff"), True: Subject("Sendoff")}
    for _ in range(bench.rounds(5, 2)):
        for resume in (False, True):
            said = load.once(
                bench.processes,
                ours,
                bench.rounds(6000, 2000),
                **dict(sessions=40, tls=True, resume=resume, endpoint=ours.submission, auth=lambda: ours.auth),
            )
            if said["handshakes"] < said["messages"] or (resume and said["resumed"] < 0.9 * said["messages"]):
                raise load.Failed(f"{said['handshakes']} handshakes, {said['resumed']} of them resumed")
            subjects[resume].values.append(delivered_rate(said))
            bench.tell(f"STARTTLS and AUTH{', resumed' if resume else ''}: {delivered_rate(said):,.0f}/s")
    return [
        Measure("tls", "4 KB, STARTTLS and AUTH PLAIN on each connection", RATE, [subjects[False]], [Expected(at_least=1000)]),
        Measure("tls-resumed", "the same, with TLS resumption", RATE, [subjects[True]], [Expected(at_least=2000)]),
    ]


def ed25519(bench):
    subjects = {"both": Subject("RSA and Ed25519"), "rsa2048": Subject("RSA alone")}
    for _ in range(bench.rounds(15, 2)):
        for key, subject in subjects.items():
            said = load.once(bench.processes, bench.ours(key), bench.rounds(12000, 4000), sessions=40, keep=True)
            subject.values.append(delivered_rate(said))
            bench.tell(f"{subject.title}: {delivered_rate(said):,.0f}/s")
    expected = [Expected(at_least=0.85, of="RSA alone")]
    return [Measure("ed25519", "4 KB, connections kept, RSA and Ed25519 on each", RATE, list(subjects.values()), expected)]


# --- time ---


def latency(bench):
    systems = [bench.ours(), *bench.peers()]
    halves = {part: [Subject(system.title) for system in systems] for part in ("p50", "p99")}
    for _ in range(bench.rounds(3, 1)):
        for at, system in enumerate(systems):
            said = load.once(bench.processes, system, bench.rounds(200, 100), sessions=1, keep=True, rate=20)
            for part, subjects in halves.items():
                subjects[at].values.append(said["deliver_ms"][part])
            bench.tell(f"one at a time: {system.title} {said['deliver_ms']}")
    for at, system in enumerate(systems if bench.rounds(True, False) else ()):
        halves["p50"][at].syncs = syncs.per_message(bench.processes, system, 50, sessions=1, rate=20, keep=True)
    title = "4 KB, one at a time, last dot to delivered"
    return [
        Measure("latency", f"{title}, median", MILLISECONDS, halves["p50"], [Expected(at_most=5)]),
        Measure("latency-99", f"{title}, 99th percentile", MILLISECONDS, halves["p99"], [Expected(at_most=20)]),
    ]


def cpu(bench):
    rates = {10: bench.rounds(300, 60), 100: bench.rounds(1500, 400), 1000: bench.rounds(10000, 3000)}
    subjects = {rate: Subject(f"at {rate:,}/s") for rate in rates}
    ours = bench.ours()
    for _ in range(bench.rounds(3, 1)):
        for rate, messages in rates.items():
            subjects[rate].values.append(1000 * _cpu_a_message(bench, ours, messages, rate))
            bench.tell(f"CPU at {rate}/s: {subjects[rate].values[-1]:.3f} ms a message")
    expected = [Expected(at_most=1.25, of=subjects[rate].title) for rate in (100, 1000)]
    return [Measure("cpu", "CPU a message, a connection a message", MILLISECONDS, list(subjects.values()), expected)]


def _cpu_a_message(bench, ours, messages, rate):
    used = []

    def begin():
        used.append(process.cpu_seconds(ours.pid))

    load.once(bench.processes, ours, messages, sessions=40, rate=rate, on_begin=begin, on_end=begin)
    return (used[1] - used[0]) / messages


# --- memory ---


def idle(bench):
    """Memory before and with the sessions; the throughput with them, then, in the same gateway, without."""
    count, messages = bench.rounds(10_000, 1_000), bench.rounds(12000, 4000)
    each, with_them, without = Subject("Sendoff"), Subject("with them"), Subject("without")
    for _ in range(bench.rounds(9, 1)):
        ours = bench.ours()
        ours.start()
        try:
            before = process.memory(ours.pid)
            crowd = Crowd(ours, count)
            try:
                each.values.append((process.memory(ours.pid) - before) / count / 1000)
                with_them.values.append(_rate_of_running(bench, ours, messages))
            finally:
                crowd.leave()
            wait_until(lambda: ours.status()["sessions"] < 50, "the idle sessions are gone", timeout=60)
            without.values.append(_rate_of_running(bench, ours, messages))
        finally:
            ours.stop()
        bench.tell(f"{count:,} idle: {each.values[-1]:.1f} KB each, {with_them.values[-1]:,.0f}/s, {without.values[-1]:,.0f}/s without")
    title = f"{count:,} idle TLS sessions"
    return [
        Measure("idle-memory", f"{title}, memory of each", "KB", [each], [Expected(at_most=48)]),
        Measure("idle-rate", f"{title}, throughput (connections kept)", RATE, [with_them, without], [Expected(at_least=0.95, of="without")]),
    ]


class Crowd:
    """Sessions that are logged in, and idle."""

    def __init__(self, ours, count):
        self._board = load.Board(1)
        words = dict(sessions=count, opening=64, addresses=16, timeout=600, tls=True, auth=ours.auth, idle=True)
        self._source = subprocess.Popen(
            load.source_words(ours.submission, self._board, **words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            if not select.select([self._source.stdout], [], [], 120)[0]:
                raise load.Failed("the idle sessions are not open after two minutes")
            said = self._source.stdout.readline()
            if not said or json.loads(said)["open"] != count:
                raise load.Failed("the idle sessions could not be opened")
        except BaseException:
            self._source.kill()
            self._source.wait()
            raise

    def leave(self):
        if self._source.poll() is not None:
            raise load.Failed("the idle sessions ended before their time")
        self._source.stdin.close()
        self._source.wait(60)


def _rate_of_running(bench, ours, messages, rate=delivered_rate):
    board = load.Board(messages + ours.warm_up)
    sink = load.Sink(bench.processes, board, every=messages // load.SAMPLE)
    try:
        return rate(load.deliver(ours, board, sink, messages=messages, sessions=40, keep=True))
    finally:
        sink.stop()


def big(bench):
    senders, ours, peak = bench.rounds(100, 20), bench.ours(), Subject("Sendoff")
    for _ in range(bench.rounds(3, 1)):
        ends = []
        said = load.once(
            bench.processes,
            ours,
            senders,
            **dict(sample=1, sessions=senders, length=25_000_000, on_end=lambda: ends.append(process.memory(ours.pid, "VmHWM")), warm_length=4096),
        )
        peak.values.append(ends[0] / MB)
        bench.tell(f"{senders} senders of 25 MB: {ends[0] / MB:.0f} MB, {senders * 25 / said['delivered_seconds']:.0f} MB/s")
    return [Measure("big", f"{senders} senders of 25 MB at once, peak memory", "MB", [peak], [Expected(at_most=200)])]


def queue(bench):
    """Filled as it would fill: the gateway itself accepts the messages, and fails to deliver each."""
    messages, probe = bench.rounds(1000, 100), bench.rounds(12000, 4000)
    full, empty = bench.ours(), bench.ours("rsa2048-empty")
    with_it, without = Subject("with them"), Subject("with an empty queue")
    first, peak, fill = Subject("Sendoff"), Subject("Sendoff"), Subject("Sendoff")
    full.start()
    try:
        fill.values.append(_fill(bench, full, messages))
    finally:
        full.stop()
    for _ in range(bench.rounds(3, 1)):
        begin = time.monotonic()
        full.start_again()
        try:
            _accept_one(full)
            first.values.append(time.monotonic() - begin)
            with_it.values.append(_rate_of_running(bench, full, probe, accepted_rate))
            peak.values.append(process.memory(full.pid, "VmHWM") / MB)
        finally:
            full.stop()
        empty.start()
        try:
            without.values.append(_rate_of_running(bench, empty, probe, accepted_rate))
        finally:
            empty.stop()
        bench.tell(
            f"{messages}000 queued: accepts {with_it.values[-1]:,.0f}/s, empty {without.values[-1]:,.0f}/s; "
            f"first accept after {first.values[-1]:.2f} s, {peak.values[-1]:.0f} MB"
        )
    title = f"{messages * 1000:,} recipients queued for a host that is down"
    return [
        Measure("queue-fill", f"{title}: accepting them, 1,000 a message", "recipients/s", [fill]),
        Measure("queue-rate", f"{title}: accept rate", RATE, [with_it, without], [Expected(at_least=0.8, of="with an empty queue")]),
        Measure("queue-start", f"{title}: start to first accept", "s", [first], [Expected(at_most=1)]),
        Measure("queue-memory", f"{title}: peak memory", "MB", [peak], [Expected(at_most=256)]),
    ]


def _fill(bench, ours, messages):
    board = load.Board(messages)
    said = load.source(
        ours.endpoint, board, messages=messages, sessions=8, keep=True, recipients=1000, to_domain=DOWN_DOMAIN, timeout=600
    )
    return messages * 1000 / said["accepted_seconds"]


def _accept_one(ours):
    """To the host that is down, so that it is not among what the sink is to get."""
    with socket.create_connection(ours.endpoint, 10) as s, s.makefile("rb") as replies:
        s.settimeout(30)
        lines = ("EHLO client.example", "MAIL FROM:<a@example.com>", f"RCPT TO:<one@{DOWN_DOMAIN}>", "DATA")
        message = f"From: a@example.com\r\nMessage-ID: <{time.time_ns()}@example.com>\r\n\r\nhello\r\n."
        for line in (None, *lines, message):
            if line:
                s.sendall(line.encode() + b"\r\n")
            reply = replies.readline()
            while reply[3:4] == b"-":
                reply = replies.readline()
            if reply[:1] not in (b"2", b"3"):
                raise load.Failed(f"{line}: {reply}")


MAIL = (connection, kept, tls, ed25519, large, latency, idle, big, queue, cpu, harness)
ROWS = {row.__name__: row for row in (*MAIL, *rows_delivery.ROWS, *rows_search.ROWS)}
