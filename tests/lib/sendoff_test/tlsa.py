"""TLSA records (RFC 6698) of certificates."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def tlsa(usage, selector, matching, certificate, wrong=False):
    """RDATA for the first certificate of that PEM file; `wrong`: for another."""
    with open(certificate, "rb") as file:
        first = x509.load_pem_x509_certificate(file.read())
    if selector == 0:
        data = first.public_bytes(Encoding.DER)
    else:
        data = first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if matching:
        data = {1: hashlib.sha256, 2: hashlib.sha512}[matching](data).digest()
    if wrong:
        data = data[:-1] + bytes([data[-1] ^ 1])
    return f"{usage} {selector} {matching} {data.hex()}"


def publish(lab, host, *rdata, port=None):
    """The TLSA records of a host's port, else of the one that mail is delivered to; with no rdata, none."""
    lab.dns.set(f"_{port or lab.delivery_port}._tcp.{host}", "TLSA", *rdata)
