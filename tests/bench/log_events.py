"""A delivery log as a month of mail leaves it, written straight into a store that no gateway has open."""

import random
import sqlite3
import time

FIRST_NAMES = "anna bernd carla dieter erika frank gabi hans ines jan karl lena max nora otto paul rita sven tina udo".split()
PROVIDERS = ["gmail.com", "outlook.com", "yahoo.com", "gmx.de", "web.de", "example.net", "t-online.de"]
DOMAINS = PROVIDERS + [f"firma{number}.example" for number in range(500)]
SUBJECTS = ["Your order #%d has shipped", "Invoice %d", "Passwort zurücksetzen %d", "New comment on post %d", "Bestellung %d: Rückfrage"]
ACCOUNTS = 50
DAYS = 30
EPOCH_MS = 1704067200000  # base/id.h
COLUMNS = "id, message_id, kind, account, sender, recipient, code, enhanced, text, host, source, count, numbers, verdict, stream, domain, subject, header_id"
ACCEPTED, DEFERRED, DELIVERED, BOUNCED = 0, 2, 3, 4


class Events:
    """`count` of them, always the same: of each message that it came and was delivered, sometimes deferred before, or bounced."""

    def __init__(self, count):
        self._count, self._random = count, random.Random(7)
        now = int(time.time() * 1000) - EPOCH_MS
        self._start = now - DAYS * 86400000
        self._step = (DAYS * 86400000 - 60000) / count
        self.sample = {}  # what to search for, of a message in the midst of it

    def _id(self, number, sequence=0):
        return int(self._start + number * self._step) << 21 | 3 << 11 | sequence

    def _message(self, number):
        account = number // 2 % ACCOUNTS
        to = f"{self._random.choice(FIRST_NAMES)}.{self._random.choice(FIRST_NAMES)}{self._random.randrange(1000)}@{self._random.choice(DOMAINS)}"
        return {
            "id": self._id(number, 1),
            "account": f"kunde{account}",
            "domain": f"kunde{account}.example",
            "to": to,
            "stream": int(number % 7 == 0),
            "subject": self._random.choice(SUBJECTS) % self._random.randrange(10**6),
            "header_id": f"<{self._random.getrandbits(128):032x}@kunde{account}.example>",
        }

    def _row(self, number, m, kind, code, enhanced, text, host, source, numbers="", more=("", "", "", "")):
        verdict, domain, subject, header_id = more
        return (
            *(self._id(number), m["id"], kind, m["account"], f"shop@{m['domain']}", m["to"], code, enhanced, text, host, source),
            *(1, numbers, verdict, m["stream"], domain, subject, header_id),
        )

    def _accepted(self, number, m):
        text = "4310 octets, 1 recipient"
        decision = f"signed={m['domain']} s1 rsa-sha256; spf-result=pass; spf-reason={m['domain']} lists 192.0.2.10; dmarc-result=pass"
        more = (decision, m["domain"], m["subject"], m["header_id"])
        return self._row(number, m, ACCEPTED, 250, "2.0.0", text, f"192.0.2.{number // 2 % ACCOUNTS}", "", "octets=4310 recipients=1 tls=13", more)

    def _outcome(self, number, m, host):
        if self._random.random() < 0.01:
            return self._row(number, m, BOUNCED, 550, "5.1.1", f"<{m['to']}>: no such user here", host, "198.51.100.7")
        queued = f"OK {1732800000 + number} {self._random.getrandbits(60):x}-20020a05si{self._random.randrange(10**9)}.12 - gsmtp"
        return self._row(number, m, DELIVERED, 250, "2.0.0", queued, host, "198.51.100.7", "tls=13 cipher=2 verified=0")

    def rows(self):
        number = 0
        while number < self._count:
            m = self._message(number)
            if number >= self._count // 3 and not self.sample:
                self.sample = m
            host = f"mx{number % 4}.{m['to'].split('@')[1]}[192.0.2.{number % 250}]:25"
            yield self._accepted(number, m)
            number += 1
            if number % 40 == 7:
                yield self._row(number, m, DEFERRED, 451, "4.7.1", "greylisted, try again in 300 seconds", host, "198.51.100.7")
                number += 1
            yield self._outcome(number, m, host)
            number += 1


def fill(database, count):
    """Returns a message that is in it."""
    events = Events(count)
    store = sqlite3.connect(database, isolation_level=None)
    store.execute("PRAGMA synchronous=OFF")
    store.execute("PRAGMA cache_size=-64000")
    store.execute("BEGIN")
    store.executemany(f"INSERT INTO events({COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS.split(',')))})", events.rows())
    store.execute("COMMIT")
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return events.sample


def is_indexed(database):
    """Up to the part that is not full yet (store/sqlite/log/log_index.h)."""
    store = sqlite3.connect(database)
    (left,) = store.execute("SELECT count(*) FROM events WHERE id > (SELECT value FROM meta WHERE key = 'log_indexed')").fetchone()
    store.close()
    return left < 2048
