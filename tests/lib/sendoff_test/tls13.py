"""TLS 1.3 by Python's ssl up to the end of the handshake, then records of any kind, made by hand (RFC 8446 5.2, 7.1, 7.3)."""

import hashlib
import hmac
import os
import ssl
import tempfile

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .client import trusting

HANDSHAKE, DATA = 22, 23


def _expand(secret, label, length):
    info = length.to_bytes(2, "big") + bytes([6 + len(label)]) + b"tls13 " + label + b"\0" + b"\x01"
    return hmac.new(secret, info, hashlib.sha256).digest()[:length]


class Tls13:
    """A client on a connected socket, behind its handshake."""

    def __init__(self, tcp):
        self._tcp, self._number = tcp, 0
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        handle, path = tempfile.mkstemp()
        os.close(handle)
        try:
            secret = self._shake_hands(path)
        finally:
            os.unlink(path)
        self._cipher, self._iv = AESGCM(_expand(secret, b"key", 16)), _expand(secret, b"iv", 12)

    def _shake_hands(self, path):
        context = trusting()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.keylog_filename = path
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._tcp.sendall(self._outgoing.read())
                came = self._tcp.recv(65536)
                assert came, "the gateway has closed"
                self._incoming.write(came)
        self._tcp.sendall(self._outgoing.read())
        assert self._tls.cipher()[0] == "TLS_AES_128_GCM_SHA256", self._tls.cipher()
        with open(path) as keys:
            return next(bytes.fromhex(line.split()[2]) for line in keys if line.startswith("CLIENT_TRAFFIC_SECRET_0 "))

    def send(self, kind, octets):
        inner = octets + bytes([kind])
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2, "big")
        nonce = (int.from_bytes(self._iv, "big") ^ self._number).to_bytes(12, "big")
        self._number += 1
        self._tcp.sendall(header + self._cipher.encrypt(nonce, inner, header))

    def read(self):
        """What comes next; b"" at the end."""
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                came = self._tcp.recv(65536)
                if not came:
                    return b""
                self._incoming.write(came)
