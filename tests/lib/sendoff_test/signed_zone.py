"""A zone that is signed here (RFC 4034), record by record, so that a test can serve what was never signed: a broken
signature, a record that was changed on its way."""

import time

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

TTL = 1
VALID = 86400  # seconds, both ways from now


def _rrset(name, kind, rdata, ttl=TTL):
    return dns.rrset.from_text_list(name, ttl, "IN", kind, list(rdata))


class SignedZone:
    """`records`: rdata texts by (name, type), as the lab's DNS server has them."""

    def __init__(self, origin):
        self.origin, self._serial = dns.name.from_text(origin), 0
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._key = dns.dnssec.make_dnskey(self._private.public_key(), dns.dnssec.ECDSAP256SHA256, flags=257)

    @property
    def ds(self):
        """For the parent."""
        return dns.dnssec.make_ds(self.origin, self._key, "SHA256").to_text()

    def text(self, records, forged=None):
        """The zone file, each time with a higher serial number. `forged` replaces the rdata of records once they are
        signed: the signature stays as it was."""
        self._serial += 1
        sets = [_rrset(self.origin, "SOA", [f"ns.harness. hostmaster.harness. {self._serial} 3600 600 86400 0"])]
        sets += [_rrset(self.origin, "NS", ["ns.harness."]), _rrset(self.origin, "DNSKEY", [self._key.to_text()])]
        sets += [_rrset(dns.name.from_text(name), kind, rdata) for (name, kind), rdata in records.items()]
        sets += self._nsec(sets)
        signed = [(rrset, self._sign(rrset)) for rrset in sets]
        given = {(dns.name.from_text(name), kind): rdata for (name, kind), rdata in (forged or {}).items()}
        lines = []
        for rrset, signature in signed:
            changed = given.get((rrset.name, dns.rdatatype.to_text(rrset.rdtype)))
            shown = _rrset(rrset.name, dns.rdatatype.to_text(rrset.rdtype), changed) if changed else rrset
            lines += [shown.to_text(), f"{rrset.name} {rrset.ttl} IN RRSIG {signature.to_text()}"]
        return "\n".join(lines) + "\n"

    def _nsec(self, sets):
        """One for each name, in canonical order, so that what is not there can be denied; for no time at all, as the other
        denials of the lab's DNS server."""
        kinds = {}
        for rrset in sets:
            kinds.setdefault(rrset.name, set()).add(dns.rdatatype.to_text(rrset.rdtype))
        names = sorted(kinds)
        for at, name in enumerate(names):
            following = names[(at + 1) % len(names)]
            yield _rrset(name, "NSEC", [f"{following} {' '.join(sorted(kinds[name]))} RRSIG NSEC"], 0)

    def _sign(self, rrset):
        now = int(time.time())
        times = {"inception": now - VALID, "expiration": now + VALID}
        return dns.dnssec.sign(rrset, self._private, self.origin, self._key, **times)
