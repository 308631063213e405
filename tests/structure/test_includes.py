"""The direction of every #include, and that no header needs another one before it. CMakeLists.txt gives each part an include
path of its own, which says the same of whole folders."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../.."))
TOPS = ("base", "policy", "dkim", "store", "relay", "sendmail", "cli")
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>)')

# A part may include itself and these, from left to right in
#   base <- {policy, dkim, store} <- relay/{smtp, mime, json} <- net <- message <- {submission, delivery} <- {daemon, http} <- cli
#   net <- oauth2 <- {delivery, cli};  {json, message} <- tls_report <- daemon;  message <- domain <- {daemon, cli}
# where parts in braces do not know each other. smtp, mime and json are pure: base only.
LEFT = ["base", "policy", "dkim", "store"]
PARTS = {
    "base": [],
    "policy": ["base"],
    "dkim": ["base"],
    "store": ["base"],
    "relay/smtp": ["base"],
    "relay/mime": ["base"],
    "relay/json": ["base"],
    "relay/net": [*LEFT, "relay/smtp", "relay/mime"],
    "relay/oauth2": ["base", "relay/net"],
    "relay/message": [*LEFT, "relay/smtp", "relay/mime", "relay/net"],
}
PARTS["relay/domain"] = [*PARTS["relay/message"], "relay/message"]
PARTS["relay/submission"] = [*PARTS["relay/message"], "relay/message"]
PARTS["relay/delivery"] = [*PARTS["relay/submission"], "relay/oauth2"]
PARTS["relay/tls_report"] = [*PARTS["relay/message"], "relay/json", "relay/message"]
PARTS["relay/daemon"] = PARTS["relay/http"] = [
    *PARTS["relay/message"],
    "relay/json",
    "relay/oauth2",
    "relay/message",
    "relay/domain",
    "relay/submission",
    "relay/tls_report",
]
PARTS["sendmail"] = ["base", "relay/smtp", "relay/mime"]  # beside the gateway: it talks SMTP to it
PARTS["cli"] = [*PARTS["relay/daemon"], "relay/daemon", "relay/http"]

# The way in to delivery: the one header of it that others know.
DELIVERY, ITS_USERS = "relay/delivery/delivery.h", ("relay/submission", "relay/tls_report", "relay/daemon", "relay/http")

# Within base: what is read and shown as text <- addresses <- sites (the providers behind exchangers) <- what is configured <- mail
# and what became of it <- usage and its limits.
# Within delivery: outcome <- client <- site <- queue, and route <- {site, queue}. Within the command line: what is printed, asked
# and found on this machine <- a room for each thing that is managed <- the rooms that need several of them. Within the store:
# tables <- what reads, runs in the writer's transactions and administrates. Files beside the rooms are for every room, so their
# headers (SHARED) include none of them.
ROOMS = {
    "base": {
        "text": [],
        "address": ["text"],
        "site": ["text", "address"],
        "directory": ["text", "address", "site"],
        "mail": ["text", "address", "site", "directory"],
        "usage": ["text", "address", "site", "directory", "mail"],
    },
    "relay/delivery": {
        "outcome": [],
        "client": ["outcome"],
        "route": [],
        "site": ["outcome", "client", "route"],
        "queue": ["outcome", "client", "route", "site"],
    },
    "store/sqlite": {
        "table": [],
        "log": [],
        "read": ["table", "log"],
        "operation": ["table"],
        "admin": ["table", "operation"],
    },
    "cli": {
        "output": [],
        "machine": [],
        "input": ["output"],
        "help": ["output", "input"],
        "setup": ["output", "input", "machine"],
        "backup": ["output", "input", "machine"],
        "doctor": ["output", "machine"],
        "domain": ["output", "input"],
        "delivery": ["output", "input", "machine"],
        "queue": ["output", "input", "machine"],
        "log": ["output", "input"],
        "policy": ["output", "input"],
        "account": ["output", "input", "machine", "help", "queue"],
        "import": ["output", "input", "account", "domain"],
        "explain": ["output", "input", "delivery"],
        "send_test": ["output", "machine", "queue", "log", "explain"],
    },
}
SHARED = re.compile(r"base/[^/]*|relay/delivery/([^/]*\.h|job\.c)|cli/[^/]*\.h|store/sqlite/(sql|schema|reader|shrink)\.h")

# Where each library's headers may be included: a file, or a folder. docs/dependencies.md says why.
VENDORS = {
    "spf2/": ["policy/spf/"],
    "libpsl": ["base/address/suffix.c"],
    "opendkim/": ["dkim/signer.c"],
    "openssl/": ["dkim/"],
    "sqlite3": ["store/sqlite/"],
    "gsasl": ["relay/submission/auth/", "relay/delivery/client/login.c"],
    "ldns/": ["relay/domain/"],
    "unbound": ["relay/net/resolver.c"],
    "confuse": ["relay/daemon/config.c", "relay/daemon/shaping_file.c", "relay/daemon/warmup_file.c"],
    "uv.h": ["relay/net/", "relay/domain/", "relay/message/", "relay/submission/", "relay/delivery/", "relay/tls_report/", "relay/daemon/"],
    "gnutls/": [
        "relay/net/certificate_facts.c",
        "relay/net/dane.c",
        "relay/net/tls_client.c",
        "relay/net/tls_parts.h",
        "relay/net/tls_tickets.h",
        "relay/submission/auth/auth_cache.c",
        "relay/submission/auth/bans.c",
        "relay/submission/auth/password.c",
        "relay/submission/idempotency.c",
        "cli/account/account_password.c",
        "cli/setup/certificate.c",
        "cli/backup/digest.c",
    ],
    "nettle/": ["relay/mime/base64.c"],
    "curl": ["relay/net/https.c"],
    "jansson": ["cli/", "relay/json/", "relay/oauth2/token_answer.c", "relay/tls_report/tls_report.c", "relay/daemon/status.c"],
    "zlib": ["relay/tls_report/gzip.c"],
    "libsmartcols/": ["cli/output/table.c"],
    "csv.h": ["cli/output/csv.c"],
    "archive": ["cli/backup/bundle.c"],
    "idn2": ["base/address/idn.c"],
    "glib": ["base/time_zone.c", "base/text/text_fold.c"],
    "systemd/": ["relay/daemon/service_manager.c"],
    "uthash": ["base/hash.h"],
    "utlist": ["store/", "relay/"],
}

# Exceptions: "file -> include". Each has its reason beside it; one that is no longer true fails the test, too.
KNOWN = set()


def sources(endings):
    for top in TOPS:
        for folder, _, names in sorted(os.walk(f"{ROOT}/{top}")):
            yield from (os.path.relpath(f"{folder}/{name}", ROOT) for name in sorted(names) if name.endswith(endings))


def includes(endings=(".c", ".h")):
    """(file, line, what is included in quotes or None, what is included in angle brackets or None)"""
    for path in sources(endings):
        with open(f"{ROOT}/{path}") as file:
            for number, line in enumerate(file, 1):
                found = INCLUDE.match(line)
                if found:
                    yield path, number, found[1], found[2]


def part_of(path):
    """The longest part that the path is in."""
    within = [part for part in PARTS if path.startswith(part + "/")]
    return max(within, key=len, default=None)


def room_of(folder, path):
    found = re.match(f"{folder}/([^/]*)/", path)
    return found and found[1]


def broken_in(folder, path, header):
    """Both are in that folder of rooms."""
    rooms = ROOMS[folder]
    room, other = room_of(folder, path), room_of(folder, header)
    for name in (room, other):
        if name and name not in rooms:
            return f"{name} is no room of {folder}"
    if not other or room == other or (not room and not SHARED.fullmatch(path)):
        return None
    if not room:
        return f"what is for every room of {folder} knows none of them, and not {other}"
    return None if other in rooms[room] else f"{folder}/{room} does not know {other}"


def broken_between_rooms(path, header):
    both = (folder for folder in ROOMS if path.startswith(f"{folder}/") and header.startswith(f"{folder}/"))
    return next((broken_in(folder, path, header) for folder in both), None)


def broken(path, header):
    """The rule that an include in quotes breaks, or None."""
    part, other = part_of(path), part_of(header)
    if part is None or other is None:
        return f"{header if part else path} is in no part"
    if header.startswith("store/sqlite/") and not path.startswith("store/sqlite/"):
        return "store/sqlite is behind the headers of store"
    if part == other:
        return broken_between_rooms(path, header)
    if part in ITS_USERS and header == DELIVERY:
        return None
    return None if other in PARTS[part] else f"{part} does not know {other}"


def broken_by_vendor(path, header):
    for library, places in VENDORS.items():
        if header.startswith(library) and not any(path == one or (one.endswith("/") and path.startswith(one)) for one in places):
            return f"{library.rstrip('/')} is for {', '.join(places)}"
    return None


def test_direction():
    found, wrong, count = set(), [], 0
    for path, number, ours, theirs in includes():
        count += 1
        if ours is not None and not os.path.isfile(f"{ROOT}/{ours}"):
            rule = "a header is named by its path from the root"
        else:
            rule = broken(path, ours) if ours is not None else broken_by_vendor(path, theirs)
        if not rule:
            continue
        entry = f"{path} -> {ours or theirs}"
        found.add(entry)
        if entry not in KNOWN:
            wrong.append(f"{path}:{number}: {ours or theirs}: {rule}")
    assert count > 500, "hardly anything was read"
    assert not wrong, "\n" + "\n".join(wrong)
    assert not KNOWN - found, "take out of KNOWN, it is true no longer: " + ", ".join(sorted(KNOWN - found))


@pytest.mark.parametrize(
    "path, header, rule",
    [
        ("base/bytes.c", "base/bytes.h", None),
        ("base/bytes.c", "store/store.h", "base does not know store"),
        ("dkim/keys.c", "policy/limits.h", "dkim does not know policy"),
        ("store/store.c", "store/sqlite/sql.h", "behind the headers"),
        ("relay/net/loop.c", "store/sqlite/sql.h", "behind the headers"),
        ("relay/mime/octets.c", "store/store.h", "relay/mime does not know store"),
        ("relay/smtp/command.c", "relay/mime/octets.h", "relay/smtp does not know relay/mime"),
        ("relay/net/loop.c", "relay/message/content.h", "relay/net does not know relay/message"),
        ("relay/delivery/job.h", "relay/delivery/queue/pick.h", "for every room"),
        ("relay/delivery/site/connection.c", "relay/delivery/job.h", None),
        ("relay/delivery/site/connection.c", "relay/delivery/outcome/dsn.h", None),
        ("relay/delivery/outcome/dsn.c", "relay/delivery/client/client.h", "outcome does not know client"),
        ("relay/delivery/route/route.c", "relay/delivery/outcome/dsn.h", "route does not know outcome"),
        ("relay/delivery/client/client.c", "relay/submission/session.h", "relay/delivery does not know relay/submission"),
        ("relay/submission/verbs.c", "relay/delivery/outcome/dsn.h", "relay/submission does not know relay/delivery"),
        ("relay/submission/verbs.c", "relay/delivery/delivery.h", None),
        ("relay/daemon/worker.c", "relay/delivery/delivery.h", None),
        ("relay/daemon/worker.c", "relay/delivery/site/delivery.h", "relay/daemon does not know relay/delivery"),
        ("relay/mime/octets.c", "relay/delivery/delivery.h", "relay/mime does not know relay/delivery"),
        ("relay/daemon/daemon.c", "cli/command.h", "relay/daemon does not know cli"),
        ("cli/account/account.c", "relay/daemon/config.h", None),
        ("cli/account/account.c", "account.h", "is in no part"),
        ("cli/account/account.c", "cli/queue/queue_bulk.h", None),
        ("cli/queue/queue_bulk.c", "cli/account/account_show.h", "queue does not know account"),
        ("cli/status.c", "cli/output/output.h", None),
        ("base/mail/event.h", "base/directory/mail_stream.h", None),
        ("base/directory/directory.c", "base/mail/event.h", "directory does not know mail"),
        ("base/clock.c", "base/text/text.h", "for every room of base"),
        ("store/sqlite/writer.c", "store/sqlite/operation/operations.h", None),
        ("store/sqlite/table/events.c", "store/sqlite/operation/operations.h", "table does not know operation"),
        ("store/sqlite/sql.h", "store/sqlite/table/events.h", "for every room of store/sqlite"),
        ("cli/command.h", "cli/output/output.h", "for every room of cli"),
    ],
)
def test_rules(path, header, rule):
    got = broken(path, header)
    assert got is None if rule is None else rule in got


@pytest.mark.parametrize(
    "path, header, allowed",
    [
        ("dkim/keys.c", "openssl/pem.h", True),
        ("relay/net/tls_server.c", "openssl/pem.h", False),
        ("store/store.c", "sqlite3.h", False),
        ("policy/limits.c", "spf2/spf.h", False),
        ("relay/smtp/command.c", "uv.h", False),
        ("cli/account/account.c", "string.h", True),
    ],
)
def test_vendors(path, header, allowed):
    assert (broken_by_vendor(path, header) is None) == allowed


def test_every_header_compiles_alone():
    headers = [path for path in sources((".h",))]
    assert len(headers) > 80

    def compile_alone(header):
        words = [os.environ.get("CC", "cc"), "-fsyntax-only", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]
        words += [f"-I{ROOT}", "-D_GNU_SOURCE", "-x", "c", "-"]
        done = subprocess.run(words, input=f'#include "{header}"\n', capture_output=True, text=True)
        return f"{header} does not compile alone:\n{done.stderr}" if done.returncode else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [said for said in pool.map(compile_alone, headers) if said]
    assert not wrong, "\n" + "\n".join(wrong)
