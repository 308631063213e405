#include "store/sqlite/directory_load.h"
#include "store/sqlite/reader.h"

#include <stdlib.h>
#include <string.h>

static int count_rows(struct sql *q, const char *text, size_t *out) {
  int64_t n;
  int rc = sql_int(sql_use(q, text), 0, &n);
  *out = (size_t)n;
  return rc;
}

static void copy_blob(sqlite3_stmt *s, int column, unsigned char *out, size_t size) {
  struct bytes b = sql_blob(s, column);
  memcpy(out, b.at, b.len < size ? b.len : size);
}

int directory_load_list(struct sql *q, sqlite3_stmt *s, struct directory_owner *o, const char *const **out,
                        size_t *count) {
  const char **list = NULL;
  size_t n = 0, room = 0;
  int rc;
  (void)q;
  while ((rc = sql_step(s)) == 1) {
    if (n == room) {
      size_t more = room ? 2 * room : 4;
      const char **bigger = directory_alloc(o, more * sizeof *bigger, false);
      if (!bigger) break;
      if (n) memcpy(bigger, list, n * sizeof *list);
      list = bigger;
      room = more;
    }
    list[n] = directory_text(o, sql_text(s, 0));
    if (!list[n]) break;
    n++;
  }
  if (rc == 1) sqlite3_reset(s);
  *out = list;
  *count = n;
  return rc == 1 ? E_MEMORY : rc;
}

/* The lists of an account: each a table with account_id, position and one text. */
static int load_list(struct sql *q, const char *text, int64_t account_id, struct directory_owner *o,
                     const char *const **out, size_t *count) {
  sqlite3_stmt *s = sql_use(q, text);
  sql_bind_int(s, 1, account_id);
  return directory_load_list(q, s, o, out, count);
}

static int load_client_ips(struct sql *q, struct account *a, struct directory_owner *o, struct reason *why) {
  const char *const *texts;
  size_t n;
  int rc =
      load_list(q, "SELECT cidr FROM account_client_ips WHERE account_id = ? ORDER BY position", a->id, o, &texts, &n);
  struct cidr *nets = rc == OK && n ? directory_alloc(o, n * sizeof *nets, false) : NULL;
  if (rc != OK || (n && !nets)) return rc != OK ? rc : E_MEMORY;
  for (size_t i = 0; rc == OK && i < n; i++)
    if ((rc = cidr_parse(texts[i], &nets[i])) != OK)
      fail(why, rc, "account %s has a client network that cannot be read: %s", a->name, texts[i]);
  a->client_ips = nets;
  a->client_ip_count = n;
  return rc;
}

static int load_client_certs(struct sql *q, struct account *a, struct directory_owner *o, struct reason *why) {
  const char *const *texts;
  size_t n;
  int rc = load_list(q, "SELECT fingerprint FROM account_client_certs WHERE account_id = ? ORDER BY position", a->id, o,
                     &texts, &n);
  struct fingerprint *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || (n && !all)) return rc != OK ? rc : E_MEMORY;
  for (size_t i = 0; rc == OK && i < n; i++)
    if ((rc = fingerprint_parse(texts[i], &all[i])) != OK)
      fail(why, rc, "account %s has a client certificate that cannot be read: %s", a->name, texts[i]);
  a->client_certs = all;
  a->client_cert_count = n;
  o->directory.client_cert_count += n;
  return rc;
}

static int load_recipients(struct sql *q, struct account *a, struct directory_owner *o) {
  int rc = load_list(q, "SELECT pattern FROM account_recipients WHERE account_id = ? AND denied = 0 ORDER BY position",
                     a->id, o, &a->to, &a->to_count);
  if (rc != OK) return rc;
  return load_list(q, "SELECT pattern FROM account_recipients WHERE account_id = ? AND denied = 1 ORDER BY position",
                   a->id, o, &a->not_to, &a->not_to_count);
}

/* Texts by stream: the statement gives stream and text. */
static int load_by_stream(sqlite3_stmt *s, struct directory_owner *o, const char *out[STREAM_COUNT]) {
  int rc;
  for (int i = 0; i < STREAM_COUNT; i++) out[i] = "";
  while ((rc = sql_step(s)) == 1) {
    int64_t stream = sqlite3_column_int64(s, 0);
    if (stream < 0 || stream >= STREAM_COUNT) continue;
    out[stream] = directory_text(o, sql_text(s, 1));
    if (!out[stream]) break;
  }
  if (rc == 1) sqlite3_reset(s);
  return rc == 1 ? E_MEMORY : rc;
}

static int load_pools(struct sql *q, struct account *a, struct directory_owner *o) {
  sqlite3_stmt *s = sql_use(q, "SELECT stream, pool FROM account_pools WHERE account_id = ?");
  sql_bind_int(s, 1, a->id);
  return load_by_stream(s, o, a->stream_pool);
}

static int load_account_row(sqlite3_stmt *s, struct account *a, struct directory_owner *o) {
  a->id = sqlite3_column_int64(s, 0);
  a->name = directory_text(o, sql_text(s, 1));
  a->pool = directory_text(o, sql_text(s, 2));
  a->accept_8bit = sqlite3_column_int64(s, 3) != 0;
  a->suspended = sqlite3_column_type(s, 4) != SQLITE_NULL;
  a->suspend_reason = directory_text(o, sql_text(s, 4));
  a->verifier.iterations = (unsigned)sqlite3_column_int64(s, 5);
  copy_blob(s, 6, a->verifier.salt, sizeof a->verifier.salt);
  copy_blob(s, 7, a->verifier.stored_key, sizeof a->verifier.stored_key);
  copy_blob(s, 8, a->verifier.server_key, sizeof a->verifier.server_key);
  a->created_us = sqlite3_column_int64(s, 9);
  a->idempotent = sqlite3_column_int64(s, 10) != 0;
  a->login_version = sqlite3_column_int64(s, 11);
  a->convert_long_lines = sqlite3_column_int64(s, 12) != 0;
  a->rewrite_from = directory_text(o, sql_text(s, 13));
  a->time_zone = directory_text(o, sql_text(s, 14));
  a->stream = sqlite3_column_int64(s, 15) == STREAM_BULK ? STREAM_BULK : STREAM_TRANSACTIONAL;
  a->drop_suppressed = sqlite3_column_int64(s, 16) != 0;
  a->suppress_after = (unsigned)sqlite3_column_int64(s, 17);
  return a->name && a->pool && a->suspend_reason && a->rewrite_from && a->time_zone ? OK : E_MEMORY;
}

static int load_accounts(struct sql *q, struct directory_owner *o, struct reason *why) {
  size_t n, i = 0;
  int rc = count_rows(q, "SELECT count(*) FROM accounts", &n);
  struct account *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, true) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s =
      sql_use(q, "SELECT id, name, pool, accept_8bit, suspended, iterations, salt, stored_key, server_key, created_us,"
                 " idempotent, login_version, convert_long_lines, rewrite_from, time_zone, stream, drop_suppressed,"
                 " suppress_after FROM accounts ORDER BY id");
  while (i < n && (rc = sql_step(s)) == 1 && (rc = load_account_row(s, &all[i], o)) == OK) i++;
  if (s) sqlite3_reset(s);
  o->directory.accounts = all;
  o->directory.account_count = i;
  for (size_t k = 0; rc == OK && k < i; k++) {
    rc = load_list(q, "SELECT pattern FROM account_senders WHERE account_id = ? ORDER BY position", all[k].id, o,
                   &all[k].senders, &all[k].sender_count);
    if (rc == OK) rc = load_recipients(q, &all[k], o);
    if (rc == OK) rc = load_pools(q, &all[k], o);
    if (rc == OK) rc = directory_load_settings(q, o, SCOPE_ACCOUNT, all[k].name, &all[k].settings, why);
    if (rc == OK) rc = load_client_ips(q, &all[k], o, why);
    if (rc == OK) rc = load_client_certs(q, &all[k], o, why);
  }
  return rc;
}

static int load_key_row(sqlite3_stmt *s, struct signing_key *k, const char *domain, struct directory_owner *o) {
  *k = (struct signing_key){.id = sqlite3_column_int64(s, 0),
                            .domain = domain,
                            .selector = directory_text(o, sql_text(s, 1)),
                            .algorithm = (enum key_algorithm)sqlite3_column_int64(s, 2),
                            .state = (enum key_state)sqlite3_column_int64(s, 3),
                            .public_base64 = directory_text(o, sql_text(s, 4)),
                            .created_us = sqlite3_column_int64(s, 5)};
  return k->selector && k->public_base64 ? OK : E_MEMORY;
}

static int load_keys(struct sql *q, struct domain *d, struct directory_owner *o) {
  int64_t n;
  sqlite3_stmt *s = sql_use(q, "SELECT count(*) FROM keys WHERE domain = ?");
  sql_bind_text(s, 1, d->name);
  int rc = sql_int(s, 0, &n);
  struct signing_key *keys = rc == OK && n ? directory_alloc(o, (size_t)n * sizeof *keys, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!keys) return E_MEMORY;
  s = sql_use(q, "SELECT id, selector, algorithm, state, public_base64, created_us FROM keys WHERE domain = ?"
                 " ORDER BY id DESC");
  sql_bind_text(s, 1, d->name);
  size_t i = 0;
  while (i < (size_t)n && (rc = sql_step(s)) == 1 && (rc = load_key_row(s, &keys[i], d->name, o)) == OK) i++;
  if (s) sqlite3_reset(s);
  d->keys = keys;
  d->key_count = i;
  return rc;
}

static int load_selectors(struct sql *q, struct domain *d, struct directory_owner *o) {
  sqlite3_stmt *s = sql_use(q, "SELECT stream, selector FROM domain_selectors WHERE domain = ?");
  sql_bind_text(s, 1, d->name);
  return load_by_stream(s, o, d->stream_selector);
}

static int load_domains(struct sql *q, struct directory_owner *o, struct reason *why) {
  size_t n, i = 0;
  int rc = count_rows(q, "SELECT count(*) FROM domains", &n);
  struct domain *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s = sql_use(q, "SELECT name, created_us FROM domains ORDER BY name");
  while (i < n && (rc = sql_step(s)) == 1) {
    all[i] = (struct domain){.name = directory_text(o, sql_text(s, 0)), .created_us = sqlite3_column_int64(s, 1)};
    rc = all[i].name ? OK : E_MEMORY;
    if (rc != OK) break;
    i++;
  }
  if (s) sqlite3_reset(s);
  o->directory.domains = all;
  o->directory.domain_count = i;
  for (size_t k = 0; rc == OK && k < i; k++) {
    rc = load_keys(q, &all[k], o);
    if (rc == OK) rc = load_selectors(q, &all[k], o);
    if (rc == OK) rc = directory_load_settings(q, o, SCOPE_DOMAIN, all[k].name, &all[k].settings, why);
  }
  return rc;
}

static int load_sources(struct sql *q, struct directory_owner *o) {
  size_t n, i = 0;
  int rc = count_rows(q, "SELECT count(*) FROM sources", &n);
  struct source *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s = sql_use(q, "SELECT address, helo, pool, created_us FROM sources ORDER BY pool, address");
  while (i < n && (rc = sql_step(s)) == 1) {
    all[i] = (struct source){.address = directory_text(o, sql_text(s, 0)),
                             .helo = directory_text(o, sql_text(s, 1)),
                             .pool = directory_text(o, sql_text(s, 2)),
                             .created_us = sqlite3_column_int64(s, 3)};
    rc = all[i].address && all[i].helo && all[i].pool ? OK : E_MEMORY;
    if (rc != OK) break;
    i++;
  }
  if (s) sqlite3_reset(s);
  o->directory.sources = all;
  o->directory.source_count = i;
  return rc;
}

static int load_secret(struct sql *q, struct directory *d) {
  sqlite3_stmt *s = sql_use(q, "SELECT value FROM secrets WHERE name = 'no account'");
  int rc = sql_step(s);
  if (rc == 1) copy_blob(s, 0, d->no_account, sizeof d->no_account);
  if (s) sqlite3_reset(s);
  return rc == 1 ? OK : rc == 0 ? E_NOT_FOUND : rc;
}

static int load(struct sql *q, struct directory_owner *o, struct reason *why) {
  int rc = sql_int(sql_use(q, "SELECT value FROM meta WHERE key = 'config'"), 0, &o->directory.generation);
  if (rc == OK) rc = load_secret(q, &o->directory);
  if (rc == OK) rc = load_accounts(q, o, why);
  if (rc == OK) rc = load_domains(q, o, why);
  if (rc == OK) rc = directory_load_settings(q, o, SCOPE_GATEWAY, "", &o->directory.gateway, why);
  if (rc == OK) rc = load_sources(q, o);
  return rc == OK ? directory_index(o) : rc;
}

/* In one read transaction, so that the snapshot is of one moment. */
static int load_at_once(struct sql *q, struct directory_owner *o, struct reason *why) {
  why->text[0] = '\0';
  int rc = sql_exec(q, "BEGIN");
  if (rc == OK) rc = load(q, o, why);
  if (rc != OK && !why->text[0]) sql_why(q, rc, why);
  if (!sqlite3_get_autocommit(q->db)) sql_exec(q, "ROLLBACK"); /* nothing was written */
  return rc;
}

int reader_directory(struct reader *r, struct directory **out, struct reason *why) {
  *out = NULL;
  struct directory_owner *o = calloc(1, sizeof *o);
  if (!o) return fail(why, E_MEMORY, "out of memory");
  struct reason reason;
  o->references = 1;
  int rc = reader_begin(r, &reason);
  if (rc == OK) rc = reader_end(r, load_at_once(&r->at.q, o, &reason));
  if (rc != OK) {
    directory_free(o);
    return fail(why, rc, "%s", reason.text);
  }
  *out = &o->directory;
  return OK;
}
