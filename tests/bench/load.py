"""One run: so many messages, from the generator through a system to the sink, each of them accounted for."""

import json
import os
import shutil
import signal
import struct
import subprocess

import place
from sendoff_test.processes import wait_until
from sendoff_test.verify import signatures, tags, verified_by_dkimpy

HEAD, PASSAGE = 48, 24  # octets of struct board and of struct passage (load/board.h)
SAMPLE = 20  # messages of a run whose signatures are verified
TIMEOUT = 300


class Failed(Exception):
    """A run that measured something else than it was meant to."""


class Board:
    def __init__(self, capacity):
        self.path = f"{place.BOARDS}/board"
        with open(self.path, "wb") as file:
            file.write(struct.pack("<Q", capacity) + bytes(HEAD - 8))
            file.truncate(HEAD + PASSAGE * capacity)

    def _head(self):
        with open(self.path, "rb") as file:
            return struct.unpack("<6Q", file.read(HEAD))

    @property
    def connections(self):
        return self._head()[1]

    @property
    def arrived(self):
        return self._head()[2]

    @property
    def astray(self):
        """Messages that came twice, or that nobody sent."""
        return self._head()[3] + self._head()[4]

    def passages(self):
        """Of each message, by number: when its last octet was sent, accepted, and at the sink, in seconds; 0: not yet."""
        with open(self.path, "rb") as file:
            file.seek(HEAD)
            return [tuple(ns / 1e9 for ns in passage) for passage in struct.iter_unpack("<3Q", file.read())]


class Sink:
    """`options`: those of bench_sink."""

    def __init__(self, processes, board, every=0, address=place.SINK, **options):
        self.folder = f"{place.WORK}/sample"
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        if every:
            options.update(keep=self.folder, every=every)
        words = [f"{place.TOOLS}/bench_sink", "--listen", f"{address}:25", "--board", board.path, *option_words(options)]
        self._process = processes.start(words, f"{place.WORK}/sink.log")
        wait_until(lambda: self._listens(address), "the sink listens")

    def _listens(self, address):
        assert self._process.running(), self._process.output()
        with open("/proc/net/tcp") as table:
            wanted = "".join(f"{int(part):02X}" for part in reversed(address.split("."))) + ":0019"
            return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in table.readlines()[1:])

    def sample(self):
        contents = []
        for name in sorted(os.listdir(self.folder), key=int):
            with open(f"{self.folder}/{name}", "rb") as file:
                contents.append(file.read())
        return contents

    def let_go(self):
        """It was made with `hold`, and greets from now on."""
        self._process.send(signal.SIGUSR1)

    def stop(self):
        self._process.kill()


def option_words(options):
    """Options by name, with _ for -; True for those without a value."""
    words = []
    for name, value in options.items():
        if value is not None and value is not False:
            words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    return words


def source_words(endpoint, board, **options):
    """Options as bench_source has them."""
    options.setdefault("to_domain", "example.net")
    return [f"{place.TOOLS}/bench_source", "--connect", "%s:%d" % endpoint, "--board", board.path, *option_words(options)]


def source(endpoint, board, timeout=TIMEOUT, **options):
    done = subprocess.run(
        source_words(endpoint, board, timeout=timeout, **options), capture_output=True, text=True, timeout=timeout + 30
    )
    if done.returncode and not done.stdout:
        raise Failed(done.stderr.strip())
    said = json.loads(done.stdout)
    if said["refused"]:
        raise Failed(f"{said['refused']} of {said['messages']} refused, first: {said['first_refusal']}")
    return said


def deliver(system, board, sink, on_begin=None, on_end=None, warm_length=None, **options):
    """Messages through a system that runs, with some ahead of them that are not measured; every one must arrive once, and
    the sample must verify. `on_begin`, `on_end`: called around what is measured."""
    warm_up = system.warm_up
    options = {"endpoint": system.endpoint, "opening": system.opening, **options}
    if callable(options.get("auth")):
        options["auth"] = options["auth"]()  # made when the system was started
    if warm_up:
        first = {**options, "messages": warm_up, "rate": None, "sessions": min(options.get("sessions", 1), 40)}
        if warm_length:
            first["length"] = warm_length
        _all_arrived(system, source(first=0, board=board, wait=60, **first))
    if on_begin:
        on_begin()
    said = source(first=warm_up, board=board, wait=120, **options)
    if on_end:
        on_end()
    _all_arrived(system, said)
    if board.astray:
        raise Failed(f"{system.title}: {board.astray} messages came twice or from nowhere")
    said["verified"] = verify(system, sink)
    return said


def _all_arrived(system, said):
    if said["arrived"] != said["messages"]:
        raise Failed(f"{system.title}: {said['arrived']} of {said['messages']} messages arrived")


def verify(system, sink):
    """How many messages of the sample were verified; all of them must be."""
    sample = sink.sample()
    for content in sample:
        good = verified_by_dkimpy(content, system)
        if sorted(good) != sorted(system.signatures):
            raise Failed(f"{system.title}: signatures that verify: {good}, of {signatures(content)}")
        for signature in map(tags, signatures(content)):
            if signature["a"] == "rsa-sha256" and len(signature["b"]) != 344:
                raise Failed(f"{system.title}: that is no signature of RSA-2048")
    return len(sample)


def once(processes, system, messages, sample=SAMPLE, **options):
    """From a system that is not running to one that is not running any more."""
    board = Board(messages + system.warm_up)
    sink = Sink(processes, board, every=max(1, messages // sample))
    try:
        system.start()
        try:
            return deliver(system, board, sink, messages=messages, **options)
        finally:
            system.stop()
    finally:
        sink.stop()


def drain(processes, system, messages, timeout=TIMEOUT, addresses=1, **options):
    """Delivery alone: the system accepts the messages while it may deliver none, and is started again with all of them in its
    queue. Returns the board when all are at the sink, which listens at so many addresses."""
    board = Board(messages)
    held = Sink(processes, board, address=place.HELD, hold=True)
    try:
        system.start_held()
        try:
            source(system.endpoint, board, messages=messages, sessions=40, keep=True, **options)
        finally:
            system.stop()
    finally:
        held.stop()
    if board.arrived:
        raise Failed(f"{system.title}: delivered while it was not to")
    sink = Sink(processes, board, addresses=addresses, address=place.SITES if addresses > 1 else place.SINK)
    try:
        system.start_released()
        try:
            wait_until(lambda: board.arrived == messages, f"{system.title} has delivered its queue", timeout=timeout)
        finally:
            system.stop()
    finally:
        sink.stop()
    if board.astray:
        raise Failed(f"{system.title}: {board.astray} messages came twice or from nowhere")
    return board
