"""A mail exchanger on bare sockets, for what no library would do: it can say any octets at any moment, or none.

    mx.manner = {"RCPT": b"550 5.1.1 no\\r\\n", "dot": closes}

Stages: accept (before the greeting), greeting, EHLO, STARTTLS, MAIL, RCPT, DATA, content (once its first octets are there),
dot, QUIT. What stands at a stage is said in place of the reply that is due; a function is called first, with the Talk, and
returns what to say, or None for the usual reply. Without a manner it is a good exchanger."""

import contextlib
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass

from .lab import exchanger_name

CONTENT_BEGUN = 400  # octets


class _End(Exception):
    """The connection is over."""


@dataclass
class Copy:
    recipients: list
    content: bytes
    tls: bool
    connection: int  # from 1
    taken: bool = False  # it has said so


class Talk:
    """One connection."""

    def __init__(self, sock, number):
        self.socket, self.number = sock, number
        self.recipients, self.messages, self.tls, self.said = [], 0, False, b""
        self._input = b""

    def say(self, octets):
        self.said = octets
        try:
            self.socket.sendall(octets)
        except OSError:
            raise _End from None

    def read(self):
        """Some more octets."""
        try:
            more = self.socket.recv(65536)
        except OSError:
            more = b""
        if not more:
            raise _End
        self._input += more

    def line(self):
        while b"\n" not in self._input:
            self.read()
        line, _, self._input = self._input.partition(b"\n")
        return line.strip()

    def content(self, begun):
        while len(self._input) < CONTENT_BEGUN:
            self.read()
        begun()
        while b"\r\n.\r\n" not in self._input:
            self.read()
        content, _, self._input = self._input.partition(b"\r\n.\r\n")
        return content + b"\r\n"

    def end(self):
        """With FIN; what still comes is read, so that no RST overtakes what was said."""
        with contextlib.suppress(OSError), self.socket:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(10)
            while self.socket.recv(65536):
                pass

    def start_tls(self, context):
        self.socket, self.tls = context.wrap_socket(self.socket, server_side=True), True


# What may stand at a stage.


def closes(talk):
    raise _End


def resets(talk):
    """With RST, whatever was sent."""
    talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.socket.close()
    raise _End


def hangs(talk):
    """Until the other side closes."""
    while True:
        talk.read()


def says_and_closes(octets):
    def act(talk):
        talk.say(octets)
        raise _End

    return act


def drips(octets, seconds):
    """One at a time, over and over."""

    def act(talk):
        while True:
            for octet in octets:
                talk.say(bytes([octet]))
                time.sleep(seconds)

    return act


def floods(octets):
    def act(talk):
        while True:
            talk.say(octets)

    return act


class HostileExchanger:
    def __init__(self, lab, domain, tls=None, extensions=("PIPELINING",)):
        """`tls`: an SSLContext to offer STARTTLS with."""
        self.address, self.domain = lab.block.new_address(), domain
        self.name = exchanger_name(self.address)
        self.manner, self.copies, self.connections = {}, [], 0
        self.stages = []  # that it came to
        self._tls, self._extensions = tls, list(extensions)
        self._sockets, self._lock = set(), threading.Lock()
        self._listener = socket.create_server((self.address, lab.delivery_port), backlog=64)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)  # no message is all in the kernel's hands
        threading.Thread(target=self._accept, daemon=True).start()
        lab.dns.update({(self.name, "A"): [self.address], (domain, "MX"): [f"10 {self.name}."]})

    def taken(self, mark):
        """The copies that it has said it took."""
        return [copy for copy in list(self.copies) if copy.taken and mark.encode() in copy.content]

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that waits for it
        self._listener.close()
        with self._lock:
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                with self._lock:
                    self._sockets.add(peer)
                threading.Thread(target=self._serve, args=(peer, self.connections), daemon=True).start()

    def _serve(self, peer, number):
        talk = Talk(peer, number)
        try:
            self._stage(talk, "accept", b"")
            self._stage(talk, "greeting", f"220 {self.name} ESMTP\r\n".encode())
            while True:
                self._command(talk, talk.line())
        except (_End, OSError):
            pass
        finally:
            talk.end()
            with self._lock:
                self._sockets.discard(peer)

    def _act(self, talk, stage):
        self.stages.append(stage)
        told = self.manner.get(stage)
        return told(talk) if callable(told) else told

    def _stage(self, talk, stage, reply):
        told = self._act(talk, stage)
        talk.say(reply if told is None else told)

    def _command(self, talk, line):
        verb = line[:4].upper().decode("ascii", "replace")
        if verb == "EHLO":
            offers = [self.name, *self._extensions, *(["STARTTLS"] if self._tls and not talk.tls else [])]
            lines = [f"250{' ' if n == len(offers) - 1 else '-'}{offer}\r\n" for n, offer in enumerate(offers)]
            self._stage(talk, "EHLO", "".join(lines).encode())
        elif verb == "STAR":
            self._stage(talk, "STARTTLS", b"220 2.0.0 go on\r\n")
            talk.start_tls(self._tls)
        elif verb == "RCPT":
            self._stage(talk, "RCPT", b"250 2.1.5 fine\r\n")
            if talk.said.startswith(b"250"):
                talk.recipients.append(line[line.index(b"<") + 1 : line.index(b">")].decode())
        elif verb == "DATA":
            self._data(talk)
        elif verb == "QUIT":
            self._stage(talk, "QUIT", b"221 2.0.0 bye\r\n")
            raise _End
        else:  # MAIL and RSET begin anew
            talk.recipients = []
            self._stage(talk, verb, b"250 2.0.0 fine\r\n")

    def _data(self, talk):
        if not talk.recipients:
            return talk.say(b"503 5.5.1 no recipients\r\n")
        self._stage(talk, "DATA", b"354 go on\r\n")
        if not talk.said.startswith(b"354"):
            return None
        copy = Copy(talk.recipients, talk.content(lambda: self._act(talk, "content")), talk.tls, talk.number)
        self.copies.append(copy)
        talk.recipients, talk.messages = [], talk.messages + 1
        try:
            return self._stage(talk, "dot", b"250 2.0.0 kept\r\n")
        finally:
            copy.taken = bool(re.search(rb"^250 .*\n", talk.said, re.M))
