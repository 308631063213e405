"""A DNS server that answers over UDP alone, in ways that none should. What it is not told to spoil, it has another server
answer."""

import socket
import threading

import dns.exception
import dns.flags
import dns.message
import dns.query


def truncated(query, answer):
    """Says that there is more, over TCP, where nobody listens."""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.TC
    return reply.to_wire()


def cut(query, answer):
    """Ends in the middle of the record."""
    return answer.to_wire()[:-10]


def empty(query, answer):
    """Says that there is an answer, and has none."""
    return answer.to_wire()[:12]


def another(query, answer):
    """Answers a question that was not asked."""
    other = dns.message.make_query("other.example", "TXT")
    other.id = query.id
    return dns.message.make_response(other).to_wire()


def silent(query, answer):
    """Does not answer."""
    raise dns.exception.Timeout


class HostileDns:
    """`spoilt`: what becomes of an answer, by the question's name."""

    def __init__(self, block, upstream):
        self.address, self.port = block.new_address(), block.new_port()
        self.spoilt = {}
        self.questions = []
        self._upstream = upstream
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((self.address, self.port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def server(self):
        return f"{self.address}@{self.port}"

    def _serve(self):
        while True:
            wire, client = self._socket.recvfrom(65535)
            if wire == b"stop":
                return
            try:
                self._socket.sendto(self._answer(wire), client)
            except (OSError, dns.exception.DNSException):
                pass

    def _answer(self, wire):
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        self.questions.append(name)
        answer = dns.query.tcp(query, self._upstream.address, timeout=5, port=self._upstream.port)
        spoil = self.spoilt.get(name)
        return spoil(query, answer) if spoil else answer.to_wire(max_size=65535)

    def close(self):
        with socket.socket(type=socket.SOCK_DGRAM) as stopping:
            stopping.sendto(b"stop", (self.address, self.port))
        self._thread.join(10)
        self._socket.close()
