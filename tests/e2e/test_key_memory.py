"""Where private keys are in the gateway's memory: locked, and in no core dump (proc(5), smaps)."""

import contextlib
import re
import sqlite3

import pytest
from cryptography.hazmat.primitives import serialization

from sendoff_test.client import send_to
from sendoff_test.lab import SOURCE
from sendoff_test.verify import verified

PIECE = 32  # octets of a secret that are looked for: it may be kept in parts
MOST = 1 << 30  # larger are the sanitizer's shadow
AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--")
NO_LOCKING = ("prlimit", "--memlock=0", "--", *AS_NOBODY)
LITTLE_LOCKING = ("prlimit", "--memlock=4194304", "--", *AS_NOBODY)  # as many systems allow


def mappings(pid):
    """(begin, end, flags) of all memory that holds something."""
    with open(f"/proc/{pid}/smaps") as smaps:
        text = smaps.read()
    pattern = r"^([0-9a-f]+)-([0-9a-f]+) (\S+) .*?^Rss: +(\d+) kB.*?^VmFlags: ([a-z ]*)$"
    for begin, end, _, resident, flags in re.findall(pattern, text, re.M | re.S):
        if int(resident) and int(end, 16) - int(begin, 16) < MOST:
            yield int(begin, 16), int(end, 16), flags.split()


def places(pid, wanted):
    """By name of what is wanted: the flags of each mapping that it is in."""
    found = {name: [] for name in wanted}
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, flags in mappings(pid):
            with contextlib.suppress(OSError):  # what the kernel keeps to itself
                for at in range(begin, end, 1 << 24):
                    memory.seek(at)
                    piece = memory.read(min(end - at, (1 << 24) + 4096))
                    for name, octets in wanted.items():
                        found[name] += [flags] * (octets in piece)
    return found


def secrets(gateway):
    """What signs, in each form that it may be in."""
    with contextlib.closing(sqlite3.connect(f"{gateway.data}/sendoff.db")) as store:
        pems = [pem for (pem,) in store.execute("SELECT private_pem FROM keys")]
    wanted = {}
    for pem in pems:
        key = serialization.load_pem_private_key(pem, None)
        if not hasattr(key, "private_numbers"):
            raw = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
            wanted["Ed25519"] = raw
            continue
        numbers = key.private_numbers()
        for name, number in (("p", numbers.p), ("q", numbers.q), ("d", numbers.d)):
            length = (number.bit_length() + 7) // 8
            wanted[f"{name} as DER"] = number.to_bytes(length, "big")[:PIECE]
            wanted[f"{name} as OpenSSL"] = number.to_bytes(length, "little")[:PIECE]  # words, the least first
        wanted["PEM"] = pem[200:300]
    return wanted


@pytest.fixture
def started(lab):
    def start(wrapper=(), user=None):
        gateway = lab.new_gateway().configure(more=f'user = "{user}"' if user else "")
        gateway.add_domain("example.com", "--key", "both")
        gateway.sendoff("source", "add", SOURCE, "--helo", "smtp.example.com")
        account = gateway.add_account("app")
        if user:
            gateway.hand_over(user)
        gateway.start(wrapper)
        domain = lab.new_domain()
        exchanger = lab.exchanger(domain)
        for _ in range(4):  # each loop parses keys of its own
            arrival = exchanger.wait_for(send_to(gateway, account, domain))
            assert len(verified(arrival.content, lab.dns)) == 2
        return gateway

    return start


def secret_places(gateway):
    """The mappings that keys are in. Their text is in SQLite's page cache as well, as it is in the store's file."""
    found = places(gateway.pid, secrets(gateway))
    pem = [flags for flags in found.pop("PEM") if "dd" in flags]
    assert pem, "the key ring is in ordinary memory"
    assert found["Ed25519"] and found["p as OpenSSL"] and found["d as OpenSSL"], "the keys are not where they sign from"
    return pem + [flags for where in found.values() for flags in where]


def locked_kilobytes(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"^VmLck:\s+(\d+) kB$", status.read(), re.M)[1])


@pytest.mark.parametrize(
    "wrapper, user",
    [((), None), ((), "nobody"), (LITTLE_LOCKING, "nobody")],
    ids=["root", "started by root", "started as its user"],
)
def test_keys_are_locked_and_not_dumped(started, wrapper, user):
    """Every copy: none was left behind where a key was parsed, and none made where it signed."""
    gateway = started(wrapper, user)
    for flags in secret_places(gateway):
        assert {"lo", "dd"} <= set(flags), flags
    assert locked_kilobytes(gateway.pid) > 0
    assert "not locked" not in gateway.output()
    gateway.stop()


def test_where_nothing_may_be_locked(started):
    """It goes on, and says once what to do. The keys are not dumped all the same."""
    gateway = started(NO_LOCKING, "nobody")
    for flags in secret_places(gateway):
        assert "dd" in flags and "lo" not in flags, flags
    (line,) = (line for line in gateway.output().splitlines() if "not locked" in line)
    assert "level=warn" in line and "LimitMEMLOCK=64M" in line
    gateway.stop()
