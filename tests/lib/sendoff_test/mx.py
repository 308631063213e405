"""Mail exchangers (python3-aiosmtpd) that keep what they get and misbehave as told.

Each stage of a transaction can be given another answer:

    mx.replies["RCPT"] = "450 4.2.1 come back later"
    mx.replies["RCPT"] = lambda address: "550 5.1.1 unknown" if address.startswith("nobody") else None
    mx.replies["CONTENT"] = DROP

Stages: GREETING, EHLO, STARTTLS, MAIL, RCPT, DATA (the answer to the command), CONTENT (the final one), QUIT. None goes on
normally, and so does what is awaited and comes to None; DROP cuts the connection, HANG says nothing more; DROP_MIDWAY at DATA takes the content's beginning and cuts;
GARBAGE at STARTTLS says 220 and then something that is no TLS.

`offers` are more lines of the EHLO reply, as in ["DSN", "LIMITS MAILMAX=2"]; the parameters that belong to them are then
taken, and any other is refused. REQUIRETLS is offered inside TLS only.

With `passwords` ({user: password}) it is somebody's submission server: no mail without AUTH, of the `mechanisms`.
"""

import asyncio
import base64
import email
import email.policy
import inspect
import ssl
import threading
import warnings
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP

from . import sasl_server
from .processes import SLOWEST

DROP, HANG, DROP_MIDWAY, GARBAGE = object(), object(), object(), object()
FOREVER = 3600

# By extension: the parameters of MAIL and of RCPT that aiosmtpd does not know.
PARAMETERS = {
    "DSN": (("RET", "ENVID"), ("NOTIFY", "ORCPT")),
    "DELIVERBY": (("BY",), ()),
    "MT-PRIORITY": (("MT-PRIORITY",), ()),
    "REQUIRETLS": (("REQUIRETLS",), ()),
}


@dataclass
class Arrival:
    sender: str
    recipients: list
    content: bytes
    peer: tuple
    helo: str
    tls: str  # "TLSv1.3", or "" in the clear
    connection: int  # which of this exchanger's connections brought it, from 1
    resumed: bool = False  # its TLS session was an earlier connection's
    user: str = ""  # who logged in
    options: list = field(default_factory=list)
    mail: dict = field(default_factory=dict)  # the parameters of MAIL as they came, by keyword
    rcpt: list = field(default_factory=list)  # those of each RCPT
    paths: list = field(default_factory=list)  # of MAIL and of each RCPT, as they came

    @property
    def header(self):
        return self.content.split(b"\r\n\r\n", 1)[0]

    @property
    def message(self):
        """As a mail program reads it."""
        return email.message_from_bytes(self.content, policy=email.policy.SMTP)

    @property
    def body(self):
        return self.content.split(b"\r\n\r\n", 1)[1]


class _Server(SMTP):
    """aiosmtpd's protocol, with the stages that its handlers cannot reach."""

    def __init__(self, exchanger, **options):
        self.exchanger = exchanger
        self.number = 0
        self.user = ""
        self._greeted = False
        if exchanger.passwords:
            self.line_length_limit = 12288 + 2  # RFC 4954 4
        super().__init__(exchanger, **options)

    def connection_made(self, transport):
        if not self.number:
            self.exchanger.connections += 1
            self.number = self.exchanger.connections
        super().connection_made(transport)

    def _take_parameters(self, argument, of_rcpt):
        """What came behind the path, and the argument without what aiosmtpd would not know."""
        path, *words = (argument or "").split(" ")
        given = {word.partition("=")[0].upper(): word.partition("=")[2] for word in words}
        known = [key for name in self.exchanger.extensions for key in PARAMETERS.get(name, ((), ()))[of_rcpt]]
        return given, " ".join([path, *(w for w in words if w.partition("=")[0].upper() not in known)])

    async def smtp_AUTH(self, arg):
        mechanism, _, response = (arg or "").partition(" ")
        self.exchanger.tries.append((mechanism, self.is_tls(), arg))
        status = await self.exchanger.stage(self, "AUTH", mechanism)
        if not status and mechanism not in self.exchanger.mechanisms:
            status = "504 5.5.4 no such mechanism"
        await self.push(status or await self._login(mechanism, response))

    async def _login(self, mechanism, response):
        initial = None if not response else b"" if response == "=" else base64.b64decode(response, validate=True)
        try:
            self.user = await sasl_server.exchange(
                mechanism, initial, self._ask, self.exchanger.passwords, self.exchanger.forged, self.exchanger.rounds
            )
            return "235 2.7.0 welcome"
        except sasl_server.Denied:
            return "535 5.7.8 authentication failed"

    async def _ask(self, challenge):
        await self.push("334 " + base64.b64encode(challenge).decode())
        return base64.b64decode((await self._reader.readline()).strip(), validate=True)

    def is_tls(self):
        return self.transport.get_extra_info("ssl_object") is not None

    async def smtp_MAIL(self, arg):
        if self.exchanger.passwords and not self.user:
            return await self.push("530 5.7.0 authentication required")
        self.paths = [self._path(arg)]
        self.mail_parameters, arg = self._take_parameters(arg, False)
        self.rcpt_parameters = []
        await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):
        path = self._path(arg)
        given, arg = self._take_parameters((arg or "").replace(".>", ">"), True)  # aiosmtpd takes no dot there
        before = len(self.envelope.rcpt_tos)
        await super().smtp_RCPT(arg)
        if len(self.envelope.rcpt_tos) > before:
            self.rcpt_parameters.append(given)
            self.paths.append(path)

    @staticmethod
    def _path(argument):
        return (argument or "").partition("<")[2].rpartition(">")[0]

    async def push(self, status):
        if not self._greeted:
            self._greeted = True
            status = await self.exchanger.stage(self, "GREETING", None) or status
        await super().push(status)

    async def smtp_STARTTLS(self, arg):
        status = await self.exchanger.stage(self, "STARTTLS", arg)
        if status is GARBAGE:
            await self.push("220 go on")
            await self.push("this is no TLS")
            await self._reader.read(500)
            await self.exchanger.cut(self)
        elif status:
            await self.push(status)
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_DATA(self, arg):
        told = self.exchanger.replies.get("DATA")
        if told is DROP_MIDWAY:
            await self.push("354 go on")
            await self._reader.read(500)
            return await self.exchanger.cut(self)
        status = await self.exchanger.stage(self, "DATA", arg)
        if status:
            return await self.push(status)
        return await super().smtp_DATA(arg)


class Exchanger:
    def __init__(self, name, tls_context=None, pipelining=True, eight_bit=True, utf8=False, size=64 * 1024 * 1024, offers=(), demand_tls=False, passwords=None, mechanisms=("PLAIN",), forged=False):
        self.name = name
        self._demand_tls = demand_tls  # 530 to MAIL in the clear (RFC 3207 4)
        self.offers = list(offers)
        self.passwords, self.mechanisms = dict(passwords or {}), list(mechanisms)
        self.rounds = 4096  # of SCRAM's hash
        self.forged = forged  # it does not know the password, and accepts any
        self.tries = []  # of AUTH: mechanism, whether inside TLS, the whole argument
        self.replies = {}
        self.connections = 0
        self._pipelining, self._eight_bit, self._utf8, self._size = pipelining, eight_bit, utf8, size
        self.tls_context = tls_context
        self._arrivals = []
        self._changed = threading.Condition()

    def protocol(self, loop):
        return _Server(
            self,
            hostname=self.name,
            tls_context=self.tls_context,
            require_starttls=self._demand_tls,
            data_size_limit=self._size,
            enable_SMTPUTF8=self._utf8,
            loop=loop,
        )

    @property
    def extensions(self):
        return [line.split(" ")[0] for line in self.offers]

    # What a test asks.

    @property
    def arrivals(self):
        with self._changed:
            return list(self._arrivals)

    def wait(self, count=1, timeout=20.0):
        """The arrivals, once there are at least `count`."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self._arrivals) >= count, SLOWEST * timeout)
            assert arrived, f"{self.name}: {len(self._arrivals)} of {count} messages arrived within {SLOWEST * timeout} s"
            return list(self._arrivals)

    def wait_for(self, marker, timeout=20.0):
        """The first arrival whose content holds `marker`."""
        marker = marker.encode() if isinstance(marker, str) else marker

        def found():
            return next((a for a in self._arrivals if marker in a.content), None)

        with self._changed:
            assert self._changed.wait_for(found, SLOWEST * timeout), f"{self.name}: no message with {marker!r} within {SLOWEST * timeout} s"
            return found()

    def forget(self):
        with self._changed:
            self._arrivals.clear()

    # What aiosmtpd asks (on the exchangers' own thread).

    async def stage(self, server, stage, argument):
        answer = self.replies.get(stage)
        if callable(answer):
            answer = answer(argument)
        if inspect.isawaitable(answer):
            answer = await answer
        if answer is DROP:
            await self.cut(server)
        if answer is HANG:
            await asyncio.sleep(FOREVER)
        return answer

    @staticmethod
    async def cut(server):
        server.transport.abort()
        await asyncio.sleep(FOREVER)  # until connection_lost cancels it

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        status = await self.stage(server, "EHLO", hostname)
        if status:
            return [status]
        session.host_name = hostname
        if not self._eight_bit:
            responses.remove("250-8BITMIME")
        if self._pipelining:
            responses.insert(1, "250-PIPELINING")
        for line in self.offers:
            if line != "REQUIRETLS" or session.ssl:
                responses.insert(1, f"250-{line}")
        for verb in ("MAIL", "RCPT"):
            server.command_size_limits[verb] = 1900
        server.command_size_limits["AUTH"] = 12288
        # A smarthost must not try AUTH at somebody else's exchanger, so it is not offered there.
        responses = [line for line in responses if not line.startswith("250-AUTH")]
        if self.passwords and self.mechanisms:
            responses.insert(1, "250-AUTH " + " ".join(self.mechanisms))
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        status = await self.stage(server, "MAIL", address)
        if status:
            return status
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        status = await self.stage(server, "RCPT", address)
        if status:
            return status
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_QUIT(self, server, session, envelope):
        return await self.stage(server, "QUIT", None) or "221 2.0.0 bye"

    async def handle_DATA(self, server, session, envelope):
        status = await self.stage(server, "CONTENT", envelope)
        if status and not status.startswith("2"):
            return status
        arrival = Arrival(
            sender="" if envelope.mail_from == "<>" else envelope.mail_from,
            recipients=list(envelope.rcpt_tos),
            content=bytes(envelope.original_content),
            peer=session.peer,
            helo=session.host_name,
            tls=server.transport.get_extra_info("ssl_object").version() if server.is_tls() else "",
            resumed=server.is_tls() and server.transport.get_extra_info("ssl_object").session_reused,
            user=server.user,
            connection=server.number,
            options=list(envelope.mail_options),
            mail=server.mail_parameters,
            rcpt=server.rcpt_parameters,
            paths=server.paths,
        )
        with self._changed:
            self._arrivals.append(arrival)
            self._changed.notify_all()
        return status or "250 2.0.0 kept"


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class ExchangerThread:
    """The one event loop that all exchangers of a test run on."""

    def __init__(self):
        warnings.filterwarnings("ignore", module="aiosmtpd")
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # cut connections are what tests ask for
        self._thread = threading.Thread(target=self._loop.run_forever, name="exchangers", daemon=True)
        self._thread.start()
        self._servers = []

    def listen(self, exchanger, address, port, tls=None):
        made = self._loop.create_server(lambda: exchanger.protocol(self._loop), address, port, backlog=512, ssl=tls)
        server = asyncio.run_coroutine_threadsafe(made, self._loop).result(10)
        self._servers.append(server)
        return server

    def stop_listening(self, server):
        self._loop.call_soon_threadsafe(server.close)

    def close(self):
        async def end():
            for server in self._servers:
                server.close()
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
