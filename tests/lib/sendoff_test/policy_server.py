"""Web servers of MTA-STS policies (RFC 8461): HTTPS on port 443 of an address of their own, for any number of domains."""

import http.server
import itertools
import re
import ssl
import threading
import time


def policy(*mx, mode="enforce", max_age=604800):
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {one}" for one in mx), f"max_age: {max_age}"]
    return "".join(f"{line}\r\n" for line in lines)


def policy_events(gateway, event, domain):
    """The lines of the gateway's own log."""
    return re.findall(rf'event="{event}" domain={re.escape(domain)}[ \n].*', gateway.output())


class PolicyServer:
    """`answers`: of each domain (status, headers, octets), or a callable that gives them; a domain without one gets 404.
    `asked`: the domains whose policy was asked for. `delay`: seconds before an answer."""

    def __init__(self, lab):
        self.lab = lab
        self.address = lab.block.new_address()
        self.answers, self.asked, self.delay = {}, [], {}
        self._ids = itertools.count(1)
        self._contexts = {}
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server._answer(self)

            def log_message(self, *words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client):
                pass

        self._server = Server((self.address, 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*lab.authority.certificate("nobody.host"))
        context.sni_callback = self._choose
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        lab._closing.append(self)

    def exchanger(self, mode="enforce", tls="verified", named=True, max_age=604800, **manner):
        """An exchanger of a domain that has a policy."""
        mx = self.lab.exchanger(self.lab.new_domain(), tls=tls, **manner)
        self.publish(mx.domain, policy(mx.name if named else "other.host", mode=mode, max_age=max_age))
        return mx

    def publish(self, domain, text, id=None, certificate=None, **answer):
        """The domain has this policy, and DNS says so. `certificate`: paths, else a good one."""
        self.serve(domain, text, **answer)
        if certificate or domain not in self._contexts:
            self.certify(domain, certificate or self.lab.authority.certificate(f"mta-sts.{domain}"))
        self.lab.dns.update({(f"mta-sts.{domain}", "A"): [self.address], **self.record(domain, id)})

    def record(self, domain, id=None):
        return {(f"_mta-sts.{domain}", "TXT"): [f'"v=STSv1; id={id or next(self._ids)};"']}

    def announce(self, domain, id=None):
        """Another id."""
        self.lab.dns.update(self.record(domain, id))

    def serve(self, domain, text, status=200, kind="text/plain", **headers):
        content = text if isinstance(text, bytes) else text.encode()
        fields = {"Content-Type": kind} if kind else {}
        self.answers[domain] = status, fields | {name.replace("_", "-").title(): value for name, value in headers.items()}, content

    def certify(self, domain, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self._contexts[domain] = context

    def _choose(self, connection, name, _):
        domain = (name or "").removeprefix("mta-sts.")
        if domain in self._contexts:
            connection.context = self._contexts[domain]

    def _answer(self, handler):
        domain = handler.headers["Host"].removeprefix("mta-sts.")
        assert handler.path == "/.well-known/mta-sts.txt"
        self.asked.append(domain)
        time.sleep(self.delay.get(domain, 0))
        status, fields, content = self.answers.get(domain, (404, {}, b""))
        handler.send_response(status)
        for name, value in fields.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
