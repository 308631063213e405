"""DKIM verification as recipients do it: python3-dkim and mailauth, with the keys from the DNS server. Neither shares code
with libopendkim, nor with the other."""

import dkim


def tags(signature):
    """A DKIM-Signature value as a dictionary, white space taken out."""
    pairs = (part.split("=", 1) for part in "".join(signature.split()).split(";") if "=" in part)
    return dict(pairs)


def signatures(content):
    """Every DKIM-Signature value of a message, as strings."""
    head = content.split(b"\r\n\r\n", 1)[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    prefix = b"dkim-signature:"
    return [line[len(prefix) :].decode() for line in head.split(b"\r\n") if line.lower().startswith(prefix)]


def verified_by_dkimpy(content, dns):
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


def verified_by_mailauth(content, dns):
    """The same."""
    from . import mailauth  # not where the quickstart and the bench are: it is fetched with npm

    keys = {}
    for parts in map(tags, signatures(content)):
        if "s" in parts and "d" in parts:
            name = f"{parts['s']}._domainkey.{parts['d']}".lower()
            keys.update((name, text.decode()) for text in dns.texts(name)[:1])
    said = mailauth.results(content, keys)
    return [(one["domain"], one["algorithm"]) for one in said if one["result"] == "pass"]


def verified(content, dns):
    """The same, which both must say."""
    one, other = verified_by_dkimpy(content, dns), verified_by_mailauth(content, dns)
    assert sorted(one) == sorted(other), f"dkimpy verifies {one}, mailauth {other}"
    return one
