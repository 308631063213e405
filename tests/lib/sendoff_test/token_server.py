"""A token endpoint (RFC 6749): HTTPS, with a certificate of the tests' authority, that gives and refuses tokens as told."""

import http.server
import itertools
import json
import ssl
import threading
import urllib.parse


class Answering(http.server.BaseHTTPRequestHandler):
    """Reads a form, and answers with JSON."""

    def form(self):
        return self.rfile.read(int(self.headers["Content-Length"])).decode()

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        pass


class TokenServer:
    """`answer`: None, or what is answered instead of a token: (status, object), octets, or a callable. `asked`: the forms that
    came, as dictionaries. `good`: the access tokens that are."""

    def __init__(self, lab, name="mx-login.host", life=3600):
        self.life, self.answer, self.rotate = life, None, False
        self.asked, self.good = [], set()
        self._count = itertools.count(1)
        self.refresh = "refresh-0"
        self.address, self.port = lab.block.new_address(), lab.block.new_port()
        self.name = name
        self._lock = threading.Lock()
        self._others = []
        server = self

        class Handler(Answering):
            def do_POST(self):
                self.answer(*server._reply(self.headers["Content-Type"], self.form()))

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client):
                pass

        self._server = Server((self.address, self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*lab.authority.certificate(name))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        lab.dns.set(name, "A", self.address)
        lab._closing.append(self)

    @property
    def url(self):
        return f"https://{self.name}:{self.port}/tenant/oauth2/v2.0/token"

    def _reply(self, kind, body):
        assert kind == "application/x-www-form-urlencoded"
        form = dict(urllib.parse.parse_qsl(body, strict_parsing=True))
        with self._lock:
            self.asked.append(form)
            answer = self.answer(form) if callable(self.answer) else self.answer
            if answer is None:
                answer = self._grant(form)
        if isinstance(answer, bytes):
            return 200, answer
        return answer[0], json.dumps(answer[1]).encode()

    def _grant(self, form):
        if form.get("client_id") != "the client" or form.get("client_secret", "s3cret & more") != "s3cret & more":
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace"}
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return 400, {"error": "invalid_grant", "error_description": "the refresh token is used up"}
        number = next(self._count)
        token = f"token-{number}." + "x" * 1500
        self.good.add(token)
        made = {"token_type": "Bearer", "expires_in": self.life, "access_token": token}
        if form["grant_type"] == "refresh_token" and self.rotate:
            self.refresh = made["refresh_token"] = f"refresh-{number}"
        return 200, made

    def introspection(self, lab, user):
        """A configuration file for Dovecot, which asks here (RFC 7662) whose a token is; by HTTP, on loopback."""
        endpoint = self

        class Handler(Answering):
            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.form()))
                active = form.get("token") in endpoint.good
                content = json.dumps({"active": active, "email": user} if active else {"active": False}).encode()
                self.answer(200, content)

        port = lab.block.new_port()
        server = http.server.ThreadingHTTPServer((self.address, port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._others.append(server)
        path = f"{lab.folder}/introspection-{port}"
        with open(path, "w") as config:
            config.write(f"introspection_url = http://{self.address}:{port}/\nintrospection_mode = post\n")
            config.write("username_attribute = email\nactive_attribute = active\nactive_value = true\n")
        return path

    def revoke(self):
        """What was given is good no more."""
        with self._lock:
            self.good.clear()

    def close(self):
        for server in (self._server, *self._others):
            server.shutdown()
            server.server_close()
