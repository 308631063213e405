"""How many times a system asks for its disk, for each message that it takes and hands on: counted by strace, in a run that is
not timed."""

import os
import re
import time

import load
import place

CALLS = ("fsync", "fdatasync", "sync_file_range", "syncfs", "sync", "msync")
WATCHED = (*CALLS, "open", "openat", "openat2")
CALL = re.compile(r"\b(%s)\(" % "|".join(CALLS))
SYNCHRONOUS = re.compile(r"\bopen(at|at2)?\(.*O_D?SYNC")


def tracer(path):
    """As a grandchild, so that the traced process is our child."""
    return ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "--signal=none", "-e", f"trace={','.join(WATCHED)}", "-o", path]


def per_message(processes, system, messages, **options):
    path = f"{place.WORK}/strace"
    warm_up = 50
    board = load.Board(messages + warm_up)
    sink = load.Sink(processes, board)
    try:
        system.start(tracer=tracer(path))
        try:
            options = {"endpoint": system.endpoint, "board": board, "opening": system.opening, **options}
            load.source(messages=warm_up, wait=60, **options)
            time.sleep(1)  # what is still being tidied up belongs to the warm-up
            before = os.path.getsize(path)
            said = load.source(first=warm_up, messages=messages, wait=120, **options)
            time.sleep(1)
            return _count(path, before, said["arrived"])
        finally:
            system.stop()
    finally:
        sink.stop()
        if os.path.exists(path):
            os.unlink(path)


def _count(path, start, messages):
    syncs = 0
    with open(path, errors="replace") as trace:
        trace.seek(start)
        for line in trace:
            if SYNCHRONOUS.search(line):
                raise load.Failed(f"writes that sync by themselves are not counted here: {line.strip()}")
            syncs += bool(CALL.search(line))
    return syncs / messages
