"""DKIM verification as a recipient does it: python3-dkim, with the keys from the DNS server."""

import dkim


def tags(signature):
    """A DKIM-Signature value as a dictionary, white space taken out."""
    pairs = (part.split("=", 1) for part in "".join(signature.split()).split(";") if part)
    return dict(pairs)


def signatures(content):
    """Every DKIM-Signature value of a message, as strings."""
    head = content.split(b"\r\n\r\n", 1)[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    prefix = b"dkim-signature:"
    return [line[len(prefix) :].decode() for line in head.split(b"\r\n") if line.lower().startswith(prefix)]


def verified(content, dns):
    """The signing (domain, algorithm) pairs whose signatures verify."""

    def lookup(name, timeout=5):
        found = dns.texts(name.decode() if isinstance(name, bytes) else name)
        return found[0] if found else None

    good = []
    for index, signature in enumerate(signatures(content)):
        try:
            right = dkim.DKIM(content).verify(idx=index, dnsfunc=lookup)
        except dkim.DKIMException:
            right = False  # one that nobody can read
        if right:
            parts = tags(signature)
            good.append((parts["d"], parts["a"]))
    return good
