"""Written dialogues: what a client says and what the server must answer, line by line. tests/session/README.md has the
form; here it is read, and played in several ways that must all lead to the same replies."""

import datetime
import random
import re
import socket
import ssl
from dataclasses import dataclass, field, replace

from .client import new_client, plain, trusting

TIMEOUT = 6
HELO = "client.example"
FEEDS = ("turns", "bytes", "whole", "cuts")
_KEYS = {"over", "start", "feed"}


@dataclass
class Step:
    kind: str  # "say", "expect", "skip", "tls", "end"
    text: str
    line: int


@dataclass
class Dialogue:
    title: str
    where: str
    over: tuple = ("plain", "implicit")
    start: str = "account"
    feed: tuple = FEEDS
    steps: list = field(default_factory=list)
    arrives: str = ""  # "", "nothing", or the body that arrives, once


def read(path):
    """The dialogues of a file."""
    defaults, found = Dialogue("", ""), []
    for number, line in enumerate(path.read_text().split("\n"), 1):
        here = f"{path.name}:{number}"
        at = found[-1] if found else defaults
        key, _, value = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("=== "):
            found.append(replace(defaults, title=line[4:], where=here, steps=[]))
        elif key in _KEYS:
            value = tuple(value.split()) if key != "start" else value.strip()
            setattr(at, key, value)
            assert found == [] or not at.steps, f"{here}: {key} comes before what is said"
        else:
            assert found, f"{here}: no dialogue has begun"
            _read_step(at, line, number, here)
    assert found, f"{path.name} is empty"
    return found


def _read_step(dialogue, line, number, here):
    kinds = {"C: ": "say", "C| ": "say", "S: ": "expect"}
    if line == "S: ...":
        dialogue.steps.append(Step("skip", "", number))
    elif line == "S| closes":
        dialogue.steps.append(Step("end", "", number))
    elif line == "TLS":
        dialogue.steps.append(Step("tls", "", number))
    elif line.startswith("arrives "):
        dialogue.arrives = line[8:]
    elif line[:3] in kinds:
        dialogue.steps.append(Step(kinds[line[:3]], line[3:] + ("\\r\\n" if line[:3] == "C: " else ""), number))
    else:
        raise AssertionError(f"{here}: what is {line!r}?")


def octets(text, words):
    """The words in braces put in, then the escapes."""

    def word(found):
        name, _, times = found[1].rpartition("*")
        return name * int(times) if name else words[found[1]]

    text = re.sub(r"\{([^{}]+)\}", word, text)
    named = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
    out = bytearray()
    for part in re.split(r"(\\x[0-9a-fA-F]{2}|\\.)", text):
        if part.startswith("\\x"):
            out.append(int(part[2:], 16))
        elif part.startswith("\\"):
            out += named[part[1]]
        else:
            out += part.encode()
    return bytes(out)


def _prelude(dialogue, over):
    """How it comes to where the dialogue starts."""
    hello = [Step("say", f"EHLO {HELO}\\r\\n", 0), Step("skip", "", 0), Step("expect", "250 *", 0)]
    login = [Step("say", "AUTH PLAIN {plain}\\r\\n", 0), Step("expect", "235 2.7.0 *", 0)]
    tls = [Step("say", "STARTTLS\\r\\n", 0), Step("expect", "220 2.0.0 *", 0), Step("tls", "", 0)]
    envelope = [
        *(Step("say", "MAIL FROM:<a@example.com>\\r\\n", 0), Step("expect", "250 2.1.0 *", 0)),
        *(Step("say", "RCPT TO:<r@dest.example.net>\\r\\n", 0), Step("expect", "250 2.1.5 *", 0)),
    ]
    order = ("connected", "greeted", "secure", "account", "transaction")
    reached = order.index(dialogue.start)
    steps = [Step("expect", "220 *", 0)]
    steps += hello if reached >= 1 else []
    steps += tls + hello if reached >= 2 and over == "starttls" else []
    steps += login if reached >= 3 else []
    return steps + (envelope if reached >= 4 else [])


class Player:
    """One dialogue over one connection, fed in one way."""

    def __init__(self, gateway, dialogue, over, feed, words, seed):
        self.dialogue, self.over, self.feed, self.words = dialogue, over, feed, words
        self.random = random.Random(seed)
        self.name = f"{dialogue.where} ({dialogue.title}), {over}, {feed}"
        self.seen = []
        self._input, self._waiting = b"", b""
        listener = "optional" if over == "plain" else over
        self._socket = socket.create_connection(gateway.endpoint(listener), TIMEOUT, (new_client(), 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if over == "implicit":
            self._start_tls()

    def _start_tls(self, step=None):
        try:
            self._socket = trusting().wrap_socket(self._socket)
        except OSError as failure:
            self._fail(step, f"no TLS: {failure}")

    def _fail(self, step, words):
        at = f"line {step.line}" if step and step.line else "on the way to where it starts"
        said = "\n    ".join(self.seen[-4:])
        raise AssertionError(f"{self.name}, {at}: {words}\n    {said}")

    # Saying.

    def _write(self, data):
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass  # it has closed: its replies tell whether it may

    def _cuts(self, data):
        at = 0
        while at < len(data):
            size = self.random.choice((1, 1, 2, 3, 5, 8, 20, 100, 1000, 5000))
            yield data[at : at + size]
            at += size

    def _flush(self):
        data, self._waiting = self._waiting, b""
        if self.feed == "bytes":
            pieces = (data[i : i + 1] for i in range(len(data)))
        else:
            pieces = self._cuts(data) if self.feed == "cuts" else (data,)
        for piece in pieces:
            self._write(piece)

    # Listening.

    def _line(self, step):
        while b"\n" not in self._input:
            try:
                more = self._socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                more = b""
            except TimeoutError:
                self._fail(step, "no reply")
            if not more:
                return None
            self._input += more
        line, _, self._input = self._input.partition(b"\n")
        text = line.decode("utf-8", "replace")
        if not text.endswith("\r") or not re.match(r"\d\d\d[ -]", text):
            self._fail(step, f"{text!r} is no line of a reply")
        text = self._without_reference(text[:-1], step)
        self.seen.append(text)
        return text

    def _without_reference(self, text, step):
        """Every refusal ends with one (421 is no refusal of what was said, and may)."""
        words, found, _ = re.fullmatch(r"(.*?)(\. sendoff why [0-9A-Z]{8})?()", text).groups()
        if text[0] in "45" and text[:3] != "421" and not found:
            self._fail(step, f"{text!r} has no reference")
        return words

    def _expect(self, step, skipping):
        pattern = re.escape(step.text).replace(r"\*", ".*")
        for name, value in self.words.items():
            pattern = pattern.replace(re.escape("{" + name + "}"), re.escape(value))
        while True:
            line = self._line(step)
            if line is None:
                self._fail(step, f"closed instead of {step.text!r}")
            if re.fullmatch(pattern, line):
                return
            if not skipping:
                self._fail(step, f"{line!r} instead of {step.text!r}")

    # Playing.

    def play(self):
        """All of it. "turns" and "bytes" wait for the replies where the dialogue has them; "whole" and "cuts" say all
        that is to be said at once, up to the next handshake, and then look at the replies."""
        steps = _prelude(self.dialogue, self.over) + self.dialogue.steps
        at_once = self.feed in ("whole", "cuts")
        listening = []
        for step in steps:
            if step.kind == "say":
                if not at_once:
                    self._listen(listening)
                elif not self._waiting and any(one.text.startswith("220 ") for one in listening):
                    self._listen(listening)  # nobody speaks before the greeting
                self._waiting += octets(step.text, self.words)
            elif step.kind == "tls":
                self._listen(listening)
                self._start_tls(step)
            else:
                listening.append(step)
        self._listen(listening)
        self._flush()
        self._socket.close()

    def _listen(self, listening):
        if not listening:
            return
        self._flush()
        skipping = False
        for step in listening:
            if step.kind == "skip":
                skipping = True
                continue
            if step.kind == "end":
                line = self._line(step)
                if line is not None:
                    self._fail(step, f"{line!r} instead of the end")
            else:
                self._expect(step, skipping)
            skipping = False
        listening.clear()


def words_for(account, accounts, mark):
    """What stands in braces."""
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    words = {"mark": mark, "size": str(len(mark)), "plain": plain(account.name, account.password), "tomorrow": f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}"}
    for name, one in accounts.items():
        words[f"plain {name}"] = plain(one.name, one.password)
    return words
