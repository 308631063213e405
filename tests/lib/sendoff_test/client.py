"""SMTP clients: smtplib for what well-behaved applications do, Dialogue for what they should not."""

import base64
import itertools
import smtplib
import socket
import ssl
import struct

from .letters import letter, marker


def trusting():
    """TLS without verification: the gateway's certificate is its own. Reading the machine's authorities, as the default does, would
    take longer than the rest of a session."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_clients = itertools.count(1)


def new_client():
    """An address that has not failed to log in before: the delay after that grows."""
    number = next(_clients)
    return f"127.77.{number // 250}.{number % 250 + 1}"


def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


class Dialogue:
    """A line-level session: what is said is exactly what is sent."""

    def __init__(self, address, implicit=False, timeout=60, source=None, before=b""):
        """`address`: (host, port), or a socket that is connected; `source`: the address to come from; `before`: octets in
        the clear that go ahead of everything."""
        connected = isinstance(address, socket.socket)
        self._socket = address if connected else socket.create_connection(address, timeout, (source, 0) if source else None)
        if before:
            self._socket.sendall(before)
        self._input = b""
        if implicit:
            self._socket = trusting().wrap_socket(self._socket)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self._socket.close()

    def reset(self):
        """Closes with RST: what the other side writes from now on fails."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, octets):
        self._socket.sendall(octets)

    def reply(self):
        """The next reply: its lines joined by newlines, code and all. "" when the connection has ended."""
        lines = []
        while True:
            line = self._line()
            if line is None:
                return "\n".join(lines)
            lines.append(line)
            if line[3:4] != "-":
                return "\n".join(lines)

    def rest(self, seconds):
        """What else has come, or comes within that time."""
        self._socket.settimeout(seconds)
        try:
            return self._input + self._socket.recv(65536)
        except TimeoutError:
            return self._input
        finally:
            self._socket.settimeout(60)

    def say(self, line):
        """A command and its reply."""
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.reply()

    def start_tls(self):
        answer = self.say("STARTTLS")
        assert answer.startswith("220"), answer
        self.begin_tls()

    def begin_tls(self):
        self._socket = trusting().wrap_socket(self._socket)

    def login(self, user, password):
        answer = self.say(f"AUTH PLAIN {plain(user, password)}")
        assert answer.startswith("235"), answer

    def envelope(self, sender, *recipients, options=""):
        """MAIL and RCPT that are expected to be taken."""
        answer = self.say(f"MAIL FROM:<{sender}>{options}")
        assert answer.startswith("250"), answer
        for recipient in recipients:
            answer = self.say(f"RCPT TO:<{recipient}>")
            assert answer.startswith("250"), answer

    def content(self, octets):
        """DATA and what follows; octets are sent as they are, then the end of data. The final reply."""
        answer = self.say("DATA")
        assert answer.startswith("354"), answer
        self.send(octets + (b"" if octets.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return self.reply()

    def _line(self):
        while b"\n" not in self._input:
            try:
                more = self._socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                more = b""
            if not more:
                return None
            self._input += more
        line, _, self._input = self._input.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")


def dialogue(gateway, account=None, tls="starttls", helo="client.example", source=None):
    """A greeted session; with `account`, inside TLS and logged in."""
    talk = Dialogue(gateway.endpoint("implicit" if tls == "implicit" else tls), implicit=tls == "implicit", source=source)
    greeting = talk.reply()
    assert greeting.startswith("220"), greeting
    talk.say(f"EHLO {helo}")
    if account:
        if tls != "implicit":
            talk.start_tls()
            talk.say(f"EHLO {helo}")
        talk.login(account.name, account.password)
    return talk


def connect(gateway, account=None, tls="starttls", timeout=120):
    """A smtplib session, inside TLS, and logged in if there is an account."""
    host, port = gateway.endpoint(tls)
    if tls == "implicit":
        session = smtplib.SMTP_SSL(host, port, context=trusting(), timeout=timeout, local_hostname="client.example")
    else:
        session = smtplib.SMTP(host, port, timeout=timeout, local_hostname="client.example")
        if tls == "starttls":
            session.starttls(context=trusting())
    if account:
        session.login(account.name, account.password)
    return session


def submit(gateway, account, sender, recipients, content, tls="starttls", options=()):
    """Sends one message in a session of its own. Returns the recipients that were refused; raises when all were."""
    with connect(gateway, account, tls) as session:
        return session.sendmail(sender, recipients, content, mail_options=options)


def submit_marked(gateway, account, sender, recipients, text="", extra="", options=()):
    """Sends a message with a mark of its own, which it returns: in the subject, and ahead of the text."""
    mark = marker()
    body = mark.encode() + b"\r\n" + (text if isinstance(text, bytes) else text.encode())
    content = letter(sender, recipients[0], body, subject=mark, extra=extra)
    submit(gateway, account, sender, recipients, content, options=options)
    return mark


def send_to(gateway, account, domain):
    """A message from a@example.com to r@ that domain; its mark."""
    return submit_marked(gateway, account, "a@example.com", [f"r@{domain}"])


def submit_with(gateway, account, sender, recipients, content, mail=(), rcpt=()):
    """Sends one message with parameters of MAIL and RCPT, all of it taken. `recipients`: addresses, or pairs of an address and
    its own parameters."""
    pairs = [one if isinstance(one, tuple) else (one, rcpt) for one in recipients]
    with connect(gateway, account) as session:
        session.ehlo_or_helo_if_needed()
        session.command_encoding = "utf-8" if "SMTPUTF8" in mail else "ascii"
        for code, reply in [session.mail(sender, list(mail)), *(session.rcpt(to, list(own)) for to, own in pairs)]:
            assert code == 250, reply
        code, reply = session.data(content)
        assert code == 250, reply
