"""A store as files that can be reviewed, and what the command line shows of it."""

import contextlib
import hashlib
import os
import re
import shutil
import sqlite3

FIXTURES = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../fixtures"))
FOREVER = "36500d"  # a fixture ages: nothing in it may expire


# The database as SQL.


def _readable(blob):
    """An SQL expression for a blob: text as text, with LF for CRLF, so that lines are lines."""
    text = bytes.fromhex(blob[1])
    try:
        lines = text.replace(b"\r\n", b"\n").decode()
    except UnicodeDecodeError:
        return blob[0]
    quoted = "'" + lines.replace("'", "''") + "'"
    if re.search(r"[^\t\n\x20-\x7e\xa0-\uffff]", lines) or text.count(b"\r\n") not in (0, text.count(b"\n")):
        return blob[0]
    return f"CAST(replace({quoted}, char(10), char(13, 10)) AS BLOB)" if b"\r" in text else f"CAST({quoted} AS BLOB)"


def dump(database):
    """The whole database, its version too. A quote inside a string is doubled, so X'41' is a blob wherever it stands."""
    with sqlite3.connect(database) as store:
        lines = [re.sub(r"\bX'([0-9A-F]{2,})'", _readable, line) for line in store.iterdump()]
        (version,) = store.execute("PRAGMA user_version").fetchone()
    store.close()
    return version, "\n".join([*lines, f"PRAGMA user_version = {version};", ""])


def edit(gateway, statement, *values):
    """Changes the store behind the gateway's back; how many rows."""
    with contextlib.closing(sqlite3.connect(f"{gateway.data}/sendoff.db", timeout=20)) as store, store:
        return store.execute(statement, values).rowcount


def restore(fixture, data):
    """Puts the fixture's store where the gateway expects it, in place of the one that is there."""
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(f"{data}/sendoff.db{ending}"):
            os.remove(f"{data}/sendoff.db{ending}")
    with open(f"{fixture}/store.sql") as text:
        store = sqlite3.connect(f"{data}/sendoff.db")
        store.executescript(text.read())
        store.close()
    os.chmod(f"{data}/sendoff.db", 0o600)
    shutil.copytree(f"{fixture}/spool", f"{data}/spool", dirs_exist_ok=True)


# What is in it.


def _usage(used):
    """Without what depends on the time of day."""
    totals = {key: value for key, value in used.items() if key == "account" or key.startswith("total_")}
    return {**totals, "limits": [{key: limit[key] for key in ("limit", "unit", "count")} for limit in used["limits"]]}


def _content(sendoff, message):
    return hashlib.sha256(sendoff("queue", "show", message, "--content").encode()).hexdigest()


def _paused(sendoff):
    """The sites paused by command."""
    return sorted(site["site"] for site in sendoff.json("site", "list") if site.get("paused_by_command"))


# What every version counts. Its older names are in what earlier versions wrote of themselves; what it had counted in seconds,
# minutes and hours of the calendar is tested in tests/unit/store/schema.c.
_USAGE = {
    "account": "owner",
    "smooth_next_us": "smooth_next_us",
    **{f"{window}_start": f"{window}_start_us" for window in ("day", "month")},
    **{
        name: name
        for window in ("day", "month", "total")
        for name in (f"{window}_messages", f"{window}_recipients", f"{window}_octets")
    },
}


def usage_row(row):
    """An account's row as every version can be compared by."""
    return {old: row[new if new in row else old] for old, new in _USAGE.items()}


def _usage_rows(database):
    store = sqlite3.connect(database)
    store.row_factory = sqlite3.Row
    rows = [usage_row(dict(row)) for row in store.execute("SELECT * FROM usage_counts WHERE scope = 2 ORDER BY owner")]
    store.close()
    return rows


def _records(sendoff, domain):
    """Those that the domain must have; which others are worth having, and what is there of them, depends on DNS."""
    keys = ("name", "type", "value")
    return [{key: one[key] for key in keys} for one in sendoff.json("domain", "records", domain) if not one["optional"]]


def shown(sendoff, data):
    """Everything that must be the same after an upgrade, as the command line shows it."""
    accounts = [one["account"] for one in sendoff.json("account", "list")]
    domains = [one["domain"] for one in sendoff.json("domain", "list")]
    queue = sendoff.json("queue", "list")
    return {
        "accounts": [sendoff.json("account", "show", name)[0] for name in accounts],
        "domains": [sendoff.json("domain", "show", name)[0] for name in domains],
        "records": {name: _records(sendoff, name) for name in domains},
        "keys": sendoff.json("dkim", "list"),
        "sources": sendoff.json("source", "list"),
        "gateway": sendoff.json("gateway", "show"),
        "suppressions": sendoff.json("suppression", "list"),
        "paused": _paused(sendoff),
        "routes": sendoff.json("route", "list"),
        "queue": queue,
        "contents": {message: _content(sendoff, message) for message in sorted({one["message"] for one in queue})},
        "usage": [_usage(used) for used in sendoff.json("account", "usage")],
        "usage_rows": _usage_rows(f"{data}/sendoff.db"),
        "log": sendoff.json("log", "--limit", "0"),
    }
