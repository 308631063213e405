"""The server's side of AUTH mechanisms, from the standards' formulas: not the library that the gateway has."""

import base64
import hashlib
import hmac
import os

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}


class Denied(Exception):
    """It is not who it says."""


async def exchange(mechanism, initial, ask, passwords, forged=False, rounds=4096):
    """The user, once the client has proven to be that one; `ask(octets)` sends a challenge and gives the response. `forged`:
    a server that does not know the password, and says 235 all the same. `rounds`: of SCRAM's hash."""
    if mechanism == "PLAIN":
        return _plain(initial if initial is not None else await ask(b""), passwords)
    if mechanism in ("XOAUTH2", "OAUTHBEARER"):
        return await _bearer(mechanism, initial if initial is not None else await ask(b""), ask, passwords)
    if mechanism == "LOGIN":
        user = initial if initial is not None else await ask(b"Username:")
        return _check(user.decode(), (await ask(b"Password:")).decode(), passwords)
    return await _scram(HASHES[mechanism], initial, ask, passwords, forged, rounds)


def _check(user, password, passwords):
    if passwords.get(user) != password:
        raise Denied
    return user


async def _bearer(mechanism, message, ask, passwords):
    """`passwords`: of each user, the tokens that are good. RFC 7628 3, and as Google and Microsoft describe XOAUTH2."""
    parts = message.decode().split("\1")
    assert parts[-2:] == ["", ""], parts
    fields = dict(part.split("=", 1) for part in parts[:-2] if not part.startswith("n,"))
    if mechanism == "XOAUTH2":
        user, known = fields.pop("user"), {"auth"}
    else:
        header = parts[0]
        assert header.startswith("n,a=") and header.endswith(","), header
        user, known = header[4:-1].replace("=2C", ",").replace("=3D", "="), {"auth", "host", "port"}
    assert set(fields) == known and fields["auth"].startswith("Bearer "), fields
    if fields["auth"][7:] in passwords.get(user, ()):
        return user
    acknowledged = await ask(b'{"status":"401","schemes":"bearer"}')
    assert acknowledged == (b"" if mechanism == "XOAUTH2" else b"\1"), acknowledged
    raise Denied


def _plain(message, passwords):
    authzid, user, password = message.decode().split("\0")
    assert authzid in ("", user)
    return _check(user, password, passwords)


async def _scram(name, initial, ask, passwords, forged, count):
    def mac(key, text):
        return hmac.new(key, text, name).digest()

    first = (initial if initial is not None else await ask(b"")).decode()
    header, bare = first[: first.index(",", 2) + 1], first[first.index(",", 2) + 1 :]
    assert header in ("n,,", "y,,"), header
    given = dict(part.split("=", 1) for part in bare.split(","))
    user = given["n"].replace("=2C", ",").replace("=3D", "=")
    salt, nonce = os.urandom(12), given["r"] + base64.b64encode(os.urandom(12)).decode()
    told = f"r={nonce},s={base64.b64encode(salt).decode()},i={count}"
    final = (await ask(told.encode())).decode()
    bare_final, proof = final.rsplit(",p=", 1)
    salted = hashlib.pbkdf2_hmac(name, passwords.get(user, os.urandom(8).hex()).encode(), salt, count)
    message = f"{bare},{told},{bare_final}".encode()
    key = mac(salted, b"Client Key")
    signature = mac(hashlib.new(name, key).digest(), message)
    if forged:
        return user
    if bytes(a ^ b for a, b in zip(key, signature)) != base64.b64decode(proof):
        raise Denied
    assert bare_final == f"c={base64.b64encode(header.encode()).decode()},r={nonce}"
    await ask(b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), message)))
    return user
