"""A session through `openssl s_client`: another TLS implementation than the gateway's, which tells the keying material that both sides export
(RFC 5705), can show a certificate, and can resume."""

import hmac
import re
import select
import subprocess
import time

from .client import new_client


class OpensslClient:
    """A greeted session inside TLS. `words`: more of s_client's options."""

    def __init__(self, endpoint, *words, starttls=False, timeout=60):
        command = ["openssl", "s_client", "-connect", f"{endpoint[0]}:{endpoint[1]}", "-bind", f"{new_client()}:0", "-crlf", "-ign_eof", "-nocommands"]
        command += ["-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32", *words]
        command += ["-starttls", "smtp", "-name", "client.example"] if starttls else []
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._deadline = time.monotonic() + timeout
        self._input = b""
        self.seen = ""  # all that it said of the handshake
        if not starttls:  # else s_client keeps the greeting to itself
            assert self._reply().startswith("220"), self.seen

    @staticmethod
    def fingerprint(certificate):
        shown = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", certificate], capture_output=True, text=True)
        return shown.stdout.strip()

    @property
    def binding(self):
        """What both sides export, without a context; once a reply has come."""
        return bytes.fromhex(re.search(r"Keying material: ([0-9A-F]{64})", self.seen)[1])

    def binding_of_tls_1_2(self):
        """The export with an empty context (RFC 5705 4), out of the master secret and the randoms; needs -msg, and a cipher with SHA-256."""
        secret = bytes.fromhex(re.search(r"Master-Key: ([0-9A-F]+)", self.seen)[1])
        randoms = [self._message(kind)[6:38] for kind in ("ClientHello", "ServerHello")]
        seed = b"EXPORTER-Channel-Binding" + b"".join(randoms) + bytes(2)
        step = hmac.digest(secret, seed, "sha256")  # P_hash (RFC 5246 5): its first 32 octets
        return hmac.digest(secret, step + seed, "sha256")

    def _message(self, kind):
        """The handshake message of that kind, as -msg shows it."""
        shown = re.search(rf"Handshake \[length [0-9a-f]+\], {kind}\n((?:    [0-9a-f ]+\n)+)", self.seen)
        return bytes.fromhex(shown[1].replace("\n", " "))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def ended(self):
        """Waits until it has ended by itself, with all that it has to write."""
        self._process.stdin.close()
        while self._line() is not None:
            pass
        self._process.wait(10)

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def say(self, line):
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        return self._reply()

    def _reply(self):
        """The next reply; between them s_client reports on itself."""
        lines = []
        while True:
            line = self._line()
            if line is None:
                return "\n".join(lines)
            if re.match(r"\d\d\d[ -]", line):
                lines.append(line)
                if line[3] == " ":
                    return "\n".join(lines)
            else:
                self.seen += line + "\n"

    def _line(self):
        while b"\n" not in self._input:
            left = self._deadline - time.monotonic()
            assert left > 0 and select.select([self._process.stdout], [], [], left)[0], f"no reply\n{self.seen[-2000:]}"
            more = self._process.stdout.read1(65536)
            if not more:
                return None
            self._input += more
        line, _, self._input = self._input.partition(b"\n")
        # The begin of what s_client says of a ticket may stand before the first reply, on the same line.
        text = line.rstrip(b"\r").decode("utf-8", "replace")
        return re.sub(r"^.*?(?=220 \S+ ESMTP |250-smtp\.example\.com$)", "", text)
