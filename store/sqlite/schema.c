#include "store/sqlite/schema.h"

#include "base/id.h"

#include <stdio.h>

/* Forward only: a step that has been released is never changed, the next one is appended after a comma. The
 * user_version is the number of steps taken. */
static const char *const steps[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('config', 1), ('queue', 1), ('node', abs(random() % 1024));"

    "CREATE TABLE accounts(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, pool TEXT NOT NULL,"
    " accept_8bit INTEGER NOT NULL, suspended TEXT, iterations INTEGER NOT NULL, salt BLOB NOT NULL, stored_key BLOB "
    "NOT NULL,"
    " server_key BLOB NOT NULL, created_us INTEGER NOT NULL) STRICT;"
    "CREATE TABLE account_senders(account_id INTEGER NOT NULL, position INTEGER NOT NULL, pattern TEXT NOT NULL,"
    " PRIMARY KEY(account_id, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE account_limits(account_id INTEGER NOT NULL, position INTEGER NOT NULL, spec TEXT NOT NULL,"
    " PRIMARY KEY(account_id, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE account_client_ips(account_id INTEGER NOT NULL, position INTEGER NOT NULL, cidr TEXT NOT NULL,"
    " PRIMARY KEY(account_id, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE usage(account TEXT PRIMARY KEY,"
    " second_start INTEGER NOT NULL, second_messages INTEGER NOT NULL, second_recipients INTEGER NOT NULL, "
    "second_octets INTEGER NOT NULL,"
    " minute_start INTEGER NOT NULL, minute_messages INTEGER NOT NULL, minute_recipients INTEGER NOT NULL, "
    "minute_octets INTEGER NOT NULL,"
    " hour_start INTEGER NOT NULL, hour_messages INTEGER NOT NULL, hour_recipients INTEGER NOT NULL, hour_octets "
    "INTEGER NOT NULL,"
    " day_start INTEGER NOT NULL, day_messages INTEGER NOT NULL, day_recipients INTEGER NOT NULL, day_octets INTEGER "
    "NOT NULL,"
    " month_start INTEGER NOT NULL, month_messages INTEGER NOT NULL, month_recipients INTEGER NOT NULL, month_octets "
    "INTEGER NOT NULL,"
    " total_messages INTEGER NOT NULL, total_recipients INTEGER NOT NULL, total_octets INTEGER NOT NULL,"
    " smooth_next_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE domains(name TEXT PRIMARY KEY, spf INTEGER NOT NULL, dmarc INTEGER NOT NULL, created_us INTEGER NOT "
    "NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE keys(id INTEGER PRIMARY KEY AUTOINCREMENT, domain TEXT NOT NULL, selector TEXT NOT NULL, algorithm "
    "INTEGER NOT NULL,"
    " state INTEGER NOT NULL, private_pem BLOB NOT NULL, public_base64 TEXT NOT NULL, created_us INTEGER NOT NULL,"
    " UNIQUE(domain, selector)) STRICT;"
    "CREATE TABLE sources(address TEXT PRIMARY KEY, helo TEXT NOT NULL, pool TEXT NOT NULL, created_us INTEGER NOT "
    "NULL)"
    " STRICT, WITHOUT ROWID;"

    "CREATE TABLE messages(id INTEGER PRIMARY KEY, account TEXT NOT NULL, pool TEXT NOT NULL, reverse_path TEXT NOT "
    "NULL,"
    " flags INTEGER NOT NULL, size INTEGER NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,"
    " prefix BLOB NOT NULL, content BLOB,"
    " CHECK ((content IS NULL) = ((flags & 4) <> 0))) STRICT;" /* 4: MESSAGE_IN_FILE; content is never lost in silence
                                                                */
    "CREATE TABLE recipients(id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, address TEXT NOT NULL, domain TEXT "
    "NOT NULL,"
    " state INTEGER NOT NULL, attempts INTEGER NOT NULL, next_us INTEGER NOT NULL, last TEXT NOT NULL) STRICT;"
    "CREATE INDEX recipients_due ON recipients(domain, next_us) WHERE state = 0;"
    "CREATE INDEX recipients_message ON recipients(message_id);"

    "CREATE TABLE events(id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, kind INTEGER NOT NULL, account TEXT NOT "
    "NULL,"
    " sender TEXT NOT NULL, recipient TEXT NOT NULL, code INTEGER NOT NULL, enhanced TEXT NOT NULL, text TEXT NOT NULL,"
    " host TEXT NOT NULL, source TEXT NOT NULL, ref TEXT, count INTEGER NOT NULL) STRICT;"
    "CREATE INDEX events_message ON events(message_id) WHERE message_id <> 0;"
    "CREATE INDEX events_account ON events(account, id);"
    "CREATE INDEX events_ref ON events(ref) WHERE ref IS NOT NULL;",

    /* What the extensions of SMTP say of a message (RFC 3461, RFC 2852, RFC 6710), and what makes a submission the same
       as an earlier one. The columns that the queue reads stand before the content, so that it need not be walked. */
    "CREATE TABLE extended_messages(id INTEGER PRIMARY KEY, account TEXT NOT NULL, pool TEXT NOT NULL, reverse_path "
    "TEXT NOT NULL, envid TEXT NOT NULL,"
    " flags INTEGER NOT NULL, priority INTEGER NOT NULL, size INTEGER NOT NULL, created_us INTEGER NOT NULL, "
    "expires_us INTEGER NOT NULL, deliver_by_us INTEGER NOT NULL,"
    " prefix BLOB NOT NULL, content BLOB,"
    " CHECK ((content IS NULL) = ((flags & 4) <> 0))) STRICT;"
    "INSERT INTO extended_messages SELECT id, account, pool, reverse_path, '', flags, 0, size, created_us, expires_us, "
    "0, prefix, content FROM messages;"
    "DROP TABLE messages;"
    "ALTER TABLE extended_messages RENAME TO messages;"
    "ALTER TABLE recipients ADD COLUMN notify INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recipients ADD COLUMN orcpt TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE submissions(id INTEGER PRIMARY KEY, digest BLOB NOT NULL) STRICT;"
    "ALTER TABLE accounts ADD COLUMN idempotent INTEGER NOT NULL DEFAULT 1;",

    /* Client certificates that log in to an account, by their SHA-256 fingerprint in lower case hexadecimal; and what
       the answers to names that are no account are made from, which must not change with a restart. */
    "CREATE TABLE account_client_certs(account_id INTEGER NOT NULL, position INTEGER NOT NULL, fingerprint TEXT NOT "
    "NULL UNIQUE, PRIMARY KEY(account_id, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE secrets(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO secrets VALUES ('no account', randomblob(32));",

    /* An event's cause: a rule's stable identifier (base/mail/rule.h) and its numbers. */
    "ALTER TABLE events ADD COLUMN rule TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE events ADD COLUMN numbers TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE submissions RENAME COLUMN digest TO key;"
    "ALTER TABLE submissions RENAME TO idempotency;",

    /* Recipients whom an earlier submission did not reach, by its idempotency key: a repeat may have them again. When
       a recipient may leave at the earliest, also once it was held. What changes a login in an account, so that one
       that was made before can be told. 8-bit content without BODY=8BITMIME is no longer refused unless that is asked
       for, and long lines are converted. When a refusal that was made several times was made first: its line moves on
       with each. */
    "CREATE TABLE idempotency_ends(id INTEGER NOT NULL, address TEXT NOT NULL, key BLOB NOT NULL,"
    " PRIMARY KEY(id, address)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX idempotency_ends_key ON idempotency_ends(key);"
    "ALTER TABLE recipients ADD COLUMN not_before_us INTEGER NOT NULL DEFAULT 0;"
    "UPDATE recipients SET not_before_us = next_us WHERE attempts = 0;"
    "ALTER TABLE accounts ADD COLUMN login_version INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE accounts ADD COLUMN convert_long_lines INTEGER NOT NULL DEFAULT 1;"
    "UPDATE accounts SET accept_8bit = 1;"
    "ALTER TABLE events ADD COLUMN first_us INTEGER NOT NULL DEFAULT 0;",

    /* The sources that a message leaves from first, chosen when it was accepted. Before the content, as above. */
    "CREATE TABLE sourced_messages(id INTEGER PRIMARY KEY, account TEXT NOT NULL, pool TEXT NOT NULL, sources TEXT NOT "
    "NULL, reverse_path TEXT NOT NULL, envid TEXT NOT NULL,"
    " flags INTEGER NOT NULL, priority INTEGER NOT NULL, size INTEGER NOT NULL, created_us INTEGER NOT NULL, "
    "expires_us INTEGER NOT NULL, deliver_by_us INTEGER NOT NULL,"
    " prefix BLOB NOT NULL, content BLOB,"
    " CHECK ((content IS NULL) = ((flags & 4) <> 0))) STRICT;"
    "INSERT INTO sourced_messages SELECT id, account, pool, '', reverse_path, envid, flags, priority, size, "
    "created_us, expires_us, deliver_by_us, prefix, content FROM messages;"
    "DROP TABLE messages;"
    "ALTER TABLE sourced_messages RENAME TO messages;"
    /* Limits and the modes of checks: of the gateway (scope 0, owner ''), a domain (1, its name), an account (2, its
       name); stream -1: of all mail, else of one stream's. */
    "CREATE TABLE policy_limits(scope INTEGER NOT NULL, owner TEXT NOT NULL, stream INTEGER NOT NULL, position INTEGER "
    "NOT NULL, spec TEXT NOT NULL, PRIMARY KEY(scope, owner, stream, position)) STRICT, WITHOUT ROWID;"
    "INSERT INTO policy_limits SELECT 2, a.name, -1, l.position, l.spec FROM account_limits l JOIN accounts a ON a.id "
    "= "
    "l.account_id;"
    "DROP TABLE account_limits;"
    "CREATE TABLE check_modes(scope INTEGER NOT NULL, owner TEXT NOT NULL, check_name TEXT NOT NULL, mode INTEGER NOT "
    "NULL, PRIMARY KEY(scope, owner, check_name)) STRICT, WITHOUT ROWID;"
    "INSERT INTO check_modes SELECT 1, name, 'spf', spf FROM domains WHERE spf <> 1;"
    "ALTER TABLE domains DROP COLUMN spf;"
    "ALTER TABLE domains DROP COLUMN dmarc;" /* nothing has used it */
    "ALTER TABLE accounts ADD COLUMN rewrite_from TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE accounts ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';"
    "ALTER TABLE accounts ADD COLUMN stream INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE accounts ADD COLUMN drop_suppressed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE accounts ADD COLUMN suppress_after INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE account_recipients(account_id INTEGER NOT NULL, position INTEGER NOT NULL, denied INTEGER NOT NULL, "
    "pattern TEXT NOT NULL, PRIMARY KEY(account_id, denied, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE account_pools(account_id INTEGER NOT NULL, stream INTEGER NOT NULL, pool TEXT NOT NULL, "
    "PRIMARY KEY(account_id, stream)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE domain_selectors(domain TEXT NOT NULL, stream INTEGER NOT NULL, selector TEXT NOT NULL, "
    "PRIMARY KEY(domain, stream)) STRICT, WITHOUT ROWID;"
    /* Every check's result at the time of a refusal, and the stream. */
    "ALTER TABLE events ADD COLUMN verdict TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE events ADD COLUMN stream INTEGER NOT NULL DEFAULT 0;"
    /* What is used, not by accounts alone (base/usage/usage_scope.h), and with windows that roll. What was counted in a
       second, minute or hour of the calendar may all have come at its end, or just now. */
    "CREATE TABLE usage_counts(scope INTEGER NOT NULL, owner TEXT NOT NULL,"
    " total_messages INTEGER NOT NULL, total_recipients INTEGER NOT NULL, total_octets INTEGER NOT NULL,"
    " smooth_next_us INTEGER NOT NULL, zone INTEGER NOT NULL, warned INTEGER NOT NULL, hour_warned_us INTEGER NOT NULL,"
    " day_start_us INTEGER NOT NULL, day_end_us INTEGER NOT NULL, day_messages INTEGER NOT NULL,"
    " day_recipients INTEGER NOT NULL, day_octets INTEGER NOT NULL,"
    " month_start_us INTEGER NOT NULL, month_end_us INTEGER NOT NULL, month_messages INTEGER NOT NULL,"
    " month_recipients INTEGER NOT NULL, month_octets INTEGER NOT NULL,"
    " rolling TEXT NOT NULL, PRIMARY KEY(scope, owner)) STRICT, WITHOUT ROWID;"
    "INSERT INTO usage_counts SELECT 2, account, total_messages, total_recipients, total_octets, smooth_next_us, 0, 0, "
    "0, day_start, day_start + 86400000000, day_messages, day_recipients, day_octets,"
    " month_start, unixepoch(month_start / 1000000, 'unixepoch', '+1 month') * 1000000, month_messages,"
    " month_recipients, month_octets, ''"
    " || CASE WHEN second_messages > 0 THEN printf('0 1 %d %d %d %d ', max(second_start, min(second_start + 999999,"
    " unixepoch() * 1000000)) / 50000, second_messages, second_recipients, second_octets) ELSE '' END"
    " || CASE WHEN minute_messages > 0 THEN printf('1 1 %d %d %d %d ', max(minute_start, min(minute_start + 59999999,"
    " unixepoch() * 1000000)) / 3000000, minute_messages, minute_recipients, minute_octets) ELSE '' END"
    " || CASE WHEN hour_messages > 0 THEN printf('2 1 %d %d %d %d ', max(hour_start, min(hour_start + 3599999999,"
    " unixepoch() * 1000000)) / 180000000, hour_messages, hour_recipients, hour_octets) ELSE '' END"
    " FROM usage;"
    "DROP TABLE usage;"
    /* The suppression lists, how many entries each has, and the bounces of the last week that lead to them. An entry
       that replaces another has a new id, so that what was added is found by what is above the last id seen. */
    "CREATE TABLE suppressions(id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, address TEXT NOT NULL,"
    " origin INTEGER NOT NULL, reason TEXT NOT NULL, code INTEGER NOT NULL, enhanced TEXT NOT NULL, text TEXT NOT "
    "NULL, message_id INTEGER NOT NULL, added_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,"
    " UNIQUE(account, address)) STRICT;"
    "CREATE INDEX suppressions_expires ON suppressions(expires_us) WHERE expires_us <> 0;"
    "CREATE TABLE suppression_lists(account TEXT PRIMARY KEY, entries INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('suppressions', 0);"
    "CREATE TRIGGER suppression_added AFTER INSERT ON suppressions BEGIN"
    " INSERT INTO suppression_lists(account, entries) VALUES (NEW.account, 1)"
    " ON CONFLICT(account) DO UPDATE SET entries = entries + 1;"
    " UPDATE meta SET value = value + 1 WHERE key = 'suppressions'; END;"
    "CREATE TRIGGER suppression_removed AFTER DELETE ON suppressions BEGIN"
    " UPDATE suppression_lists SET entries = entries - 1 WHERE account = OLD.account;"
    " UPDATE meta SET value = value - 1 WHERE key = 'suppressions'; END;"
    "CREATE TABLE suppression_hits(id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, address TEXT NOT NULL,"
    " hard INTEGER NOT NULL, at_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX suppression_hits_address ON suppression_hits(account, address, at_us);"
    /* What DNS said of a source's name when it was last asked. */
    "CREATE TABLE source_checks(address TEXT PRIMARY KEY, ptr TEXT NOT NULL, confirmed INTEGER NOT NULL,"
    " checked_us INTEGER NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    /* What the brake knows of an account (base/usage/brake.h), and fingerprints of those whom it has written to, 4
       octets each, in the order in which they were noted. */
    "CREATE TABLE brake(account TEXT PRIMARY KEY, step INTEGER NOT NULL, mode INTEGER NOT NULL, since_us INTEGER NOT "
    "NULL, braked_us INTEGER NOT NULL, over_us INTEGER NOT NULL, began_us INTEGER NOT NULL, trusted_us INTEGER NOT "
    "NULL, acted_us INTEGER NOT NULL, slow_next_us INTEGER NOT "
    "NULL, since_recipients INTEGER NOT NULL, usual_accepted INTEGER NOT NULL, usual_first INTEGER NOT NULL,"
    " told_slow INTEGER NOT NULL, told_hold INTEGER NOT NULL, told_suspend INTEGER NOT NULL, prints INTEGER NOT NULL,"
    " days TEXT NOT NULL, networks TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX brake_step ON brake(step) WHERE step <> 0;"
    "CREATE TABLE brake_recipients(account TEXT NOT NULL, number INTEGER NOT NULL, day INTEGER NOT NULL, prints BLOB "
    "NOT NULL, PRIMARY KEY(account, number)) STRICT, WITHOUT ROWID;"
    "INSERT INTO secrets VALUES ('brake', randomblob(16));",

    /* Whose limits, beside its account's, an accepted message counts towards. */
    "ALTER TABLE events ADD COLUMN domain TEXT NOT NULL DEFAULT '';"
    /* Whose mail a recipient is (envelope_lane), so that what waits for a domain is read by account and stream. */
    "ALTER TABLE recipients ADD COLUMN lane TEXT NOT NULL DEFAULT '';"
    "UPDATE recipients SET lane = coalesce((SELECT substr(account, 1, 90) || CASE WHEN flags & 1024 THEN '/bulk' ELSE "
    "'' END FROM messages m WHERE m.id = message_id), '');"
    "DROP INDEX recipients_due;"
    "CREATE INDEX recipients_due ON recipients(domain, lane, next_us) WHERE state = 0;"
    /* Sites (base/site/site_note.h): what they bore, and those that are paused by command. */
    "CREATE TABLE site_notes(site TEXT NOT NULL, source TEXT NOT NULL, connections INTEGER NOT NULL, refused_at "
    "INTEGER "
    "NOT NULL, closed_after INTEGER NOT NULL, rate REAL NOT NULL, paused_until_us INTEGER NOT NULL, action TEXT NOT "
    "NULL, reason TEXT NOT NULL, updated_us INTEGER NOT NULL, PRIMARY KEY(site, source)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE site_pauses(site TEXT NOT NULL, source TEXT NOT NULL, until_us INTEGER NOT NULL, created_us INTEGER "
    "NOT NULL, PRIMARY KEY(site, source)) STRICT, WITHOUT ROWID;",

    /* Next hops by command (base/directory/static_route.h), and apart from them what they log in with. A route that is
       changed gets a new id, so that nothing goes on with what it was; `login` stays as long as the secrets do. */
    "CREATE TABLE routes(id INTEGER PRIMARY KEY AUTOINCREMENT, recipients TEXT NOT NULL, account TEXT NOT NULL, sender "
    "TEXT NOT NULL, lookup INTEGER NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, tls INTEGER NOT NULL,"
    " implicit_tls INTEGER NOT NULL, auth INTEGER NOT NULL, user TEXT NOT NULL, endpoint TEXT NOT NULL, client_id TEXT "
    "NOT NULL, scope TEXT NOT NULL, created_us INTEGER NOT NULL,"
    " login INTEGER NOT NULL, UNIQUE(recipients, account, sender)) STRICT;"
    "CREATE TABLE route_secrets(login INTEGER NOT NULL, kind INTEGER NOT NULL, value BLOB NOT NULL, from_us "
    "INTEGER NOT NULL, until_us INTEGER NOT NULL, PRIMARY KEY(login, kind)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE route_failures(login INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
    /* Sources: what the world sees behind NAT ('': the address itself), and the share of its pool's mail. Of a
       recipient: the pool that it was moved to by command ('': its message's), and where its last attempt left from. */
    "ALTER TABLE sources ADD COLUMN public TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE sources ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE recipients ADD COLUMN pool TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE recipients ADD COLUMN source TEXT NOT NULL DEFAULT '';"
    /* What blocklists said of the sources (base/directory/blocklist.h), and the sources that a listing pauses. */
    "CREATE TABLE blocklist_notes(list TEXT NOT NULL, subject TEXT NOT NULL, state INTEGER NOT NULL, since_us INTEGER "
    "NOT NULL, answered_us INTEGER NOT NULL, asked_us INTEGER NOT NULL, codes TEXT NOT NULL, text TEXT NOT NULL,"
    " trouble TEXT NOT NULL, PRIMARY KEY(list, subject)) STRICT, WITHOUT ROWID;"
    "ALTER TABLE sources ADD COLUMN pause_on_listing INTEGER NOT NULL DEFAULT 0;"
    /* TLS results (base/mail/tls_outcome.h) by day (UTC) and domain: how many domains a day has; what became of each
       one's report (enum tls_report_state); its policies; of each policy how sessions failed; to whom its report went.
     */
    "CREATE TABLE tls_days(day INTEGER PRIMARY KEY, domains INTEGER NOT NULL) STRICT;"
    "CREATE TABLE tls_domains(day INTEGER NOT NULL, domain TEXT NOT NULL, state INTEGER NOT NULL, first_us INTEGER NOT "
    "NULL, next_us INTEGER NOT NULL, attempts INTEGER NOT NULL, reason TEXT NOT NULL,"
    " PRIMARY KEY(day, domain)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX tls_domains_open ON tls_domains(day, next_us) WHERE state = 0;"
    "CREATE TABLE tls_policies(id INTEGER PRIMARY KEY, day INTEGER NOT NULL, domain TEXT NOT NULL, type INTEGER NOT "
    "NULL, policy_domain TEXT NOT NULL, strings TEXT NOT NULL, mx TEXT NOT NULL, successes INTEGER NOT NULL, failures "
    "INTEGER NOT NULL, UNIQUE(day, domain, type, policy_domain, strings, mx)) STRICT;"
    "CREATE TABLE tls_failures(policy INTEGER NOT NULL, result INTEGER NOT NULL, sending_ip TEXT NOT NULL, "
    "receiving_ip TEXT NOT NULL, mx TEXT NOT NULL, helo TEXT NOT NULL, reason TEXT NOT NULL, sessions INTEGER NOT NULL,"
    " PRIMARY KEY(policy, result, sending_ip, receiving_ip, mx, helo, reason)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE tls_reports(day INTEGER NOT NULL, domain TEXT NOT NULL, uri TEXT NOT NULL, state INTEGER NOT NULL, "
    "reason TEXT NOT NULL, at_us INTEGER NOT NULL, PRIMARY KEY(day, domain, uri)) STRICT, WITHOUT ROWID;"
    /* MTA-STS policies (base/site/sts_note.h). */
    "CREATE TABLE sts_policies(domain TEXT PRIMARY KEY, id TEXT NOT NULL, text TEXT NOT NULL, fetched_us INTEGER NOT "
    "NULL, until_us INTEGER NOT NULL, used_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX sts_policies_until ON sts_policies(until_us);"
    /* By which plan a source warms up (base/site/warmup_plan.h), and how far it is at each provider
       (base/site/warmup.h). */
    "CREATE TABLE warmup_plans(source TEXT PRIMARY KEY, name TEXT NOT NULL, plan TEXT NOT NULL, since_us INTEGER NOT "
    "NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE warmup_states(source TEXT NOT NULL, provider TEXT NOT NULL, step INTEGER NOT NULL, held INTEGER NOT "
    "NULL, short_of INTEGER NOT NULL, day INTEGER NOT NULL, used_on INTEGER NOT NULL, hour INTEGER NOT NULL, used "
    "INTEGER NOT NULL, used_hour INTEGER NOT NULL, attempts INTEGER NOT NULL, against INTEGER NOT NULL,"
    " attempts_before INTEGER NOT NULL, against_before INTEGER NOT NULL, turned_away_us INTEGER NOT NULL,"
    " PRIMARY KEY(source, provider)) STRICT, WITHOUT ROWID;"
    /* Of a recipient: the source whose warm-up it waits for, so that it goes when that ends by command. */
    "ALTER TABLE recipients ADD COLUMN waits_for TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX recipients_waits_for ON recipients(waits_for) WHERE waits_for <> '';"
    /* What was learnt of sites (base/site/site_learning.h): lists of counters (learning_text.h), and how many messages
       of the source they took. */
    "CREATE TABLE site_learning(site TEXT NOT NULL, source TEXT NOT NULL, greylist TEXT NOT NULL, delivery TEXT NOT "
    "NULL, transactions TEXT NOT NULL, hours TEXT NOT NULL, sizes TEXT NOT NULL, source_all INTEGER NOT NULL,"
    " source_taken INTEGER NOT NULL, aged_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, PRIMARY KEY(site, source)"
    ") STRICT, WITHOUT ROWID;",

    /* The course of a signing key (enum key_state), and what becomes of a domain's keys. What signed its subdomains'
       mail goes on doing so. */
    "ALTER TABLE keys ADD COLUMN state_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN checked_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN left_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN found TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE keys ADD COLUMN replaces TEXT NOT NULL DEFAULT '';"
    "UPDATE keys SET state_us = created_us;"
    "ALTER TABLE domains ADD COLUMN subdomains INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE domains ADD COLUMN fallback INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE domains ADD COLUMN rotate_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE domains ADD COLUMN delegation TEXT NOT NULL DEFAULT '';"
    /* What DNS had of a domain when it was looked at last (base/directory/domain_note.h). */
    "CREATE TABLE domain_notes(domain TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, state INTEGER NOT NULL,"
    " was_right INTEGER NOT NULL, text TEXT NOT NULL, since_us INTEGER NOT NULL, checked_us INTEGER NOT NULL,"
    " PRIMARY KEY(domain, kind, name)) STRICT, WITHOUT ROWID;",

    /* Of accepted mail, what people find it by. And the index by which the log is searched (log_index.h): parts of it,
       each a number of events, in rows of bits; and events whose ids are older than what is indexed already, which
       happens when the clock is set back. */
    "ALTER TABLE events ADD COLUMN subject TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE events ADD COLUMN header_id TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE log_parts(part INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, octets INTEGER "
    "NOT NULL) STRICT;"
    "CREATE TABLE log_bits(id INTEGER PRIMARY KEY, bits BLOB NOT NULL) STRICT;"
    "CREATE TABLE log_late(id INTEGER PRIMARY KEY) STRICT;"
    "INSERT INTO meta VALUES ('log_indexed', 0);"
    "CREATE TRIGGER log_late_added AFTER INSERT ON events WHEN NEW.id <= (SELECT value FROM meta WHERE key = "
    "'log_indexed') BEGIN INSERT OR IGNORE INTO log_late VALUES (NEW.id); END;"
    "CREATE TRIGGER log_late_moved AFTER UPDATE OF id ON events WHEN NEW.id <= (SELECT value FROM meta WHERE key = "
    "'log_indexed') BEGIN INSERT OR IGNORE INTO log_late VALUES (NEW.id); END;"
    /* Of a recipient: why it is held (enum recipient_hold), the site that its last attempt was for, and by whose
       command it is to be returned to its sender (state 2). */
    "ALTER TABLE recipients ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE recipients ADD COLUMN site TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE recipients ADD COLUMN returned TEXT NOT NULL DEFAULT '';"
    "UPDATE recipients SET hold = 1 WHERE state = 1 AND last LIKE 'brake: %';"
    "CREATE INDEX recipients_returning ON recipients(message_id) WHERE state = 2;"
    /* Users of this machine that send for an account by the local socket. */
    "CREATE TABLE account_local_users(account_id INTEGER NOT NULL, position INTEGER NOT NULL, user TEXT NOT NULL"
    " UNIQUE, PRIMARY KEY(account_id, position)) STRICT, WITHOUT ROWID;"
    /* Accounts whose mail never leaves. */
    "ALTER TABLE accounts ADD COLUMN sandbox INTEGER NOT NULL DEFAULT 0;",
};
#define VERSION ((int64_t)(sizeof steps / sizeof steps[0]))

static int read_version(struct sql *q, int64_t *version) {
  return sql_int(sql_use(q, "PRAGMA user_version"), 0, version);
}

/* OK when the version is one that this program can have written. */
static int check_known(int64_t version, int64_t last, struct reason *why) {
  if (version > last)
    return fail(why, E_NEWER,
                "the store is of version %lld and this sendoff knows %lld at most; install the newer sendoff again",
                (long long)version, (long long)last);
  if (version < 0)
    return fail(why, E_IO, "the store says that its version is %lld: it is damaged, or not a store",
                (long long)version);
  return OK;
}

int schema_check(struct sql *q, struct reason *why) {
  int64_t version;
  int rc = read_version(q, &version);
  if (rc != OK) return sql_why(q, rc, why);
  rc = check_known(version, VERSION, why);
  if (rc == OK && version < VERSION)
    return fail(why, E_NOT_FOUND,
                "the store is of version %lld, older than this sendoff's; start the gateway once, or run: sendoff init",
                (long long)version);
  return rc;
}

static int take_step(struct sql *q, const char *step, int64_t version) {
  char pragma[64];
  snprintf(pragma, sizeof pragma, "PRAGMA user_version=%lld", (long long)version);
  int rc = sql_exec(q, step);
  return rc == OK ? sql_exec(q, pragma) : rc;
}

static int take_steps(struct sql *q, const char *const *all, int64_t count, struct reason *why) {
  int64_t version;
  int rc = read_version(q, &version);
  if (rc != OK) return sql_why(q, rc, why);
  rc = check_known(version, count, why);
  for (; rc == OK && version < count; version++)
    if ((rc = take_step(q, all[version], version + 1)) != OK) sql_why(q, rc, why);
  return rc;
}

int schema_migrate_by(struct sql *q, const char *const *all, int64_t count, struct reason *why) {
  int rc = sql_exec(q, "BEGIN IMMEDIATE");
  if (rc != OK) return sql_why(q, rc, why);
  rc = take_steps(q, all, count, why);
  if (rc == OK && (rc = sql_exec(q, "COMMIT")) != OK) sql_why(q, rc, why);
  if (!sqlite3_get_autocommit(q->db)) sql_exec(q, "ROLLBACK");
  return rc;
}

int schema_migrate_to(struct sql *q, int64_t version, struct reason *why) {
  return schema_migrate_by(q, steps, version, why);
}

int schema_migrate(struct sql *q, struct reason *why) {
  return schema_migrate_to(q, VERSION, why);
}

int schema_set_node(struct sql *q, struct reason *why) {
  int64_t node;
  int rc = sql_int(sql_use(q, "SELECT value FROM meta WHERE key = 'node'"), 0, &node);
  if (rc != OK) return sql_why(q, rc, why);
  id_set_node((unsigned)node);
  return OK;
}
