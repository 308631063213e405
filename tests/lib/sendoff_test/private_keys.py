"""Private keys that the openssl command makes, and what DNS publishes of them."""

import base64
import subprocess


def make_private_key(path, *kind, mode=0o600):
    """`kind`: the words of openssl; else RSA, of 2048 bits, as opendkim-genkey has it made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(["openssl", *(kind or ("genrsa", "-traditional", "2048"))], capture_output=True, check=True)
    path.write_bytes(made.stdout)
    path.chmod(mode)
    return path


def published(path):
    """What p= says of it: opendkim-genkey's mail.txt has the same."""
    words = ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"]
    der = subprocess.run(words, capture_output=True, check=True).stdout
    return base64.b64encode(der if len(der) > 100 else der[-32:]).decode()
