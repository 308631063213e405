"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), from the standard's formulas: not the library that the gateway has."""

import base64
import hashlib
import hmac
import os


def _b64(octets):
    return base64.b64encode(octets).decode()


def _hmac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


class Scram:
    """`binding`: (type, octets) for -PLUS; `flag`: the gs2 channel binding flag without one, "n" or "y"."""

    def __init__(self, user, password, binding=None, flag="n", authzid="", nonce=None):
        name = user.replace("=", "=3D").replace(",", "=2C")
        self._password = password.encode()
        self._header = (f"p={binding[0]}" if binding else flag) + "," + (f"a={authzid}" if authzid else "") + ","
        self._binding = binding[1] if binding else b""
        self.nonce = nonce or _b64(os.urandom(18))
        self._first = f"n={name},r={self.nonce}"

    def first(self):
        return _b64((self._header + self._first).encode())

    def final(self, challenge):
        """The answer to the server's first message."""
        told = base64.b64decode(challenge).decode()
        parts = dict(part.split("=", 1) for part in told.split(","))
        assert parts["r"].startswith(self.nonce) and len(parts["r"]) > len(self.nonce), "the server's nonce"
        self.iterations, self.salt = int(parts["i"]), base64.b64decode(parts["s"])
        salted = hashlib.pbkdf2_hmac("sha256", self._password, self.salt, self.iterations)
        client = _hmac(salted, b"Client Key")
        bare = f"c={_b64(self._header.encode() + self._binding)},r={parts['r']}"
        message = f"{self._first},{told},{bare}".encode()
        signature = _hmac(hashlib.sha256(client).digest(), message)
        self._expected = _b64(_hmac(_hmac(salted, b"Server Key"), message))
        proof = bytes(a ^ b for a, b in zip(client, signature))
        return _b64(f"{bare},p={_b64(proof)}".encode())

    def check(self, challenge):
        """The server has shown that it knows the verifier, too."""
        assert base64.b64decode(challenge).decode() == f"v={self._expected}", "the server does not know the password"


def login(talk, scram, mechanism="SCRAM-SHA-256"):
    """The whole exchange in a session (anything with `say`); the reply that ends it."""
    answer = talk.say(f"AUTH {mechanism} {scram.first()}")
    if not answer.startswith("334 "):
        return answer
    answer = talk.say(scram.final(answer[4:]))
    if not answer.startswith("334 "):
        return answer
    scram.check(answer[4:])
    return talk.say("")
