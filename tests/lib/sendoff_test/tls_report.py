"""TLS reports (RFC 8460) as who gets them reads them: the mail of 5.3, and the JSON of 4.4, member by member."""

import email.utils
import gzip
import http.server
import ipaddress
import json
import re
import ssl
import threading
from datetime import datetime, timedelta, timezone

RESULTS = {
    *("starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted"),
    *("validation-failure", "tlsa-invalid", "dnssec-invalid", "dane-required"),
    *("sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"),
}
TIME = "%Y-%m-%dT%H:%M:%SZ"  # RFC 3339, in UTC


def _text(value):
    assert isinstance(value, str) and value


def _count(value):
    assert isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _lines(value):
    assert isinstance(value, list) and value
    for line in value:
        _text(line)
        assert "\n" not in line


def _address(value):
    ipaddress.ip_address(value)


def _mail_address(value):
    assert re.fullmatch(r"[^@\s]+@[^@\s]+", value), value


def _one_of(*values):
    def check(value):
        assert value in values, value

    return check


def _time(value):
    datetime.strptime(value, TIME)


def _list_of(schema):
    def check(value):
        assert isinstance(value, list) and value
        for one in value:
            conforms(one, schema)

    return check


def conforms(value, schema):
    """`schema`: what each member must be; a name that ends with "?" may be missing. No other members."""
    if callable(schema):
        schema(value)
        return
    assert isinstance(value, dict), value
    known = {name.rstrip("?"): one for name, one in schema.items()}
    assert set(value) <= set(known), set(value) - set(known)
    for name in schema:
        assert name.endswith("?") or name in value, f"{name} is missing in {value}"
    for name, one in value.items():
        conforms(one, known[name])


FAILURE = {
    "result-type": _one_of(*RESULTS),
    "sending-mta-ip?": _address,
    "receiving-mx-hostname?": _text,
    "receiving-mx-helo?": _text,
    "receiving-ip?": _address,
    "failed-session-count": _count,
    "additional-information?": _text,
    "failure-reason-code?": _text,
}
POLICY = {
    "policy-type": _one_of("tlsa", "sts", "no-policy-found"),
    "policy-string?": _lines,
    "policy-domain": _text,
    "mx-host?": _lines,
}
SUMMARY = {"total-successful-session-count": _count, "total-failure-session-count": _count}
REPORT = {
    "organization-name": _text,
    "date-range": {"start-datetime": _time, "end-datetime": _time},
    "contact-info": _mail_address,
    "report-id": _text,
    "policies": _list_of({"policy": POLICY, "summary": SUMMARY, "failure-details?": _list_of(FAILURE)}),
}


def checked(report):
    """The report, once it is what RFC 8460 says."""
    conforms(report, REPORT)
    times = [datetime.strptime(report["date-range"][name], TIME) for name in ("start-datetime", "end-datetime")]
    assert times[1] - times[0] == timedelta(days=1, seconds=-1) and times[0].strftime("%T") == "00:00:00"
    for entry in report["policies"]:
        failed = sum(one["failed-session-count"] for one in entry.get("failure-details", []))
        assert failed == entry["summary"]["total-failure-session-count"], entry
        if entry["policy"]["policy-type"] == "no-policy-found":
            assert "policy-string" not in entry["policy"]
    return report


def of_mail(arrival, domain, submitter):
    """The report that a mail carries, once the mail is what RFC 8460 5.3 says."""
    message = arrival.message
    assert message.get_content_type() == "multipart/report" and message.get_param("report-type") == "tlsrpt"
    assert message["TLS-Report-Domain"] == domain and message["TLS-Report-Submitter"] == submitter
    assert message["TLS-Required"] == "No" and message["Auto-Submitted"] == "auto-generated"
    text, part = message.iter_parts()
    assert text.get_content_type() == "text/plain" and domain in text.get_content()
    assert part.get_content_type() == "application/tlsrpt+gzip" and part["Content-Transfer-Encoding"] == "base64"
    report = checked(json.loads(gzip.decompress(part.get_payload(decode=True))))
    subject = " ".join(str(message["Subject"]).split())
    assert subject == f"Report Domain: {domain} Submitter: {submitter} Report-ID: <{report['report-id']}>"
    start = datetime.strptime(report["date-range"]["start-datetime"], TIME).replace(tzinfo=timezone.utc)
    begins = int(start.timestamp())
    assert part.get_filename() == f"{submitter}!{domain}!{begins}!{begins + 86399}.json.gz"
    assert email.utils.parsedate_to_datetime(message["Date"]) >= start + timedelta(days=1)
    return report


class ReportServer:
    """An HTTPS server, with a certificate of the tests' authority, that takes reports. `posts`: (path, media type, content);
    `status`: what it answers, with `body`; `silent`: it answers nothing."""

    def __init__(self, lab, name):
        self.posts, self.status, self.body = [], 201, b""
        self.silent, self._over = False, threading.Event()
        self.address, self.port, self.name = lab.block.new_address(), lab.block.new_port(), name
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                server.posts.append((self.path, self.headers["Content-Type"], content))
                if server.silent:
                    server._over.wait(60)
                    return
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(server.body)))
                self.end_headers()
                self.wfile.write(server.body)

            def log_message(self, *words):
                pass

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
        return f"https://{self.name}:{self.port}/v1/tlsrpt"

    def reports(self):
        return [checked(json.loads(gzip.decompress(content))) for _, _, content in self.posts]

    def close(self):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
