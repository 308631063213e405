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

struct account *loading_account(struct loading *l, int64_t id) {
  const struct account *found = directory_account_by_id(&l->o->directory, id);
  return found ? &l->accounts[found - l->accounts] : NULL;
}

struct domain *loading_domain(struct loading *l, const char *name) {
  const struct domain *found = directory_domain(&l->o->directory, name, false);
  return found ? &l->domains[found - l->domains] : NULL;
}

int loading_pass(struct loading *l, const struct row_pass *pass) {
  size_t n, i = 0;
  int rc = count_rows(l->q, pass->count, &n);
  if (rc != OK || !n) return rc;
  char *items = directory_alloc(l->o, n * pass->size, false);
  if (!items) return E_MEMORY;
  sqlite3_stmt *s = sql_use(l->q, pass->rows);
  while (i < n && (rc = sql_step(s)) == 1) {
    rc = pass->row(l, s, items + i * pass->size);
    if (rc == OK) i++;
    if (rc != OK && rc != E_NOT_FOUND) break;
    rc = OK;
  }
  if (s) sqlite3_reset(s);
  return rc;
}

/* --- accounts --- */

static int take_pattern(struct loading *l, sqlite3_stmt *s, const char **item, const char *const **list,
                        size_t *count) {
  *item = directory_text(l->o, sql_text(s, 1));
  if (!(*count)++) *list = item;
  return *item ? OK : E_MEMORY;
}

static int take_sender(struct loading *l, sqlite3_stmt *s, void *item) {
  struct account *a = loading_account(l, sqlite3_column_int64(s, 0));
  return a ? take_pattern(l, s, item, &a->senders, &a->sender_count) : E_NOT_FOUND;
}

static int take_recipient(struct loading *l, sqlite3_stmt *s, void *item) {
  struct account *a = loading_account(l, sqlite3_column_int64(s, 0));
  if (!a) return E_NOT_FOUND;
  return sqlite3_column_int64(s, 2) ? take_pattern(l, s, item, &a->not_to, &a->not_to_count)
                                    : take_pattern(l, s, item, &a->to, &a->to_count);
}

static int take_client_ip(struct loading *l, sqlite3_stmt *s, void *item) {
  struct account *a = loading_account(l, sqlite3_column_int64(s, 0));
  if (!a) return E_NOT_FOUND;
  if (cidr_parse(sql_text(s, 1), item) != OK)
    return fail(l->why, E_SYNTAX, "account %s has a client network that cannot be read: %s", a->name, sql_text(s, 1));
  if (!a->client_ip_count++) a->client_ips = item;
  return OK;
}

static int take_local_user(struct loading *l, sqlite3_stmt *s, void *item) {
  struct account *a = loading_account(l, sqlite3_column_int64(s, 0));
  return a ? take_pattern(l, s, item, &a->local_users, &a->local_user_count) : E_NOT_FOUND;
}

static int take_client_cert(struct loading *l, sqlite3_stmt *s, void *item) {
  struct account *a = loading_account(l, sqlite3_column_int64(s, 0));
  if (!a) return E_NOT_FOUND;
  if (fingerprint_parse(sql_text(s, 1), item) != OK)
    return fail(l->why, E_SYNTAX, "account %s has a client certificate that cannot be read: %s", a->name,
                sql_text(s, 1));
  if (!a->client_cert_count++) a->client_certs = item;
  l->o->directory.client_cert_count++;
  return OK;
}

static const struct row_pass account_lists[] = {
    {"SELECT count(*) FROM account_senders",
     "SELECT account_id, pattern FROM account_senders ORDER BY account_id, position", sizeof(const char *),
     take_sender},
    {"SELECT count(*) FROM account_recipients",
     "SELECT account_id, pattern, denied FROM account_recipients ORDER BY account_id, denied, position",
     sizeof(const char *), take_recipient},
    {"SELECT count(*) FROM account_client_ips",
     "SELECT account_id, cidr FROM account_client_ips ORDER BY account_id, position", sizeof(struct cidr),
     take_client_ip},
    {"SELECT count(*) FROM account_local_users",
     "SELECT account_id, user FROM account_local_users ORDER BY account_id, position", sizeof(const char *),
     take_local_user},
    {"SELECT count(*) FROM account_client_certs",
     "SELECT account_id, fingerprint FROM account_client_certs ORDER BY account_id, position",
     sizeof(struct fingerprint), take_client_cert}};

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
  a->sandbox = sqlite3_column_int64(s, 18) != 0;
  for (int i = 0; i < STREAM_COUNT; i++) a->stream_pool[i] = "";
  return a->name && a->pool && a->suspend_reason && a->rewrite_from && a->time_zone ? OK : E_MEMORY;
}

static int load_accounts(struct loading *l) {
  size_t n, i = 0;
  int rc = count_rows(l->q, "SELECT count(*) FROM accounts", &n);
  struct account *all = rc == OK && n ? directory_alloc(l->o, n * sizeof *all, true) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s =
      sql_use(l->q, "SELECT id, name, pool, accept_8bit, suspended, iterations, salt, stored_key, server_key,"
                    " created_us, idempotent, login_version, convert_long_lines, rewrite_from, time_zone, stream,"
                    " drop_suppressed, suppress_after, sandbox FROM accounts ORDER BY id");
  while (i < n && (rc = sql_step(s)) == 1 && (rc = load_account_row(s, &all[i], l->o)) == OK) i++;
  if (s) sqlite3_reset(s);
  l->accounts = all;
  l->o->directory.accounts = all;
  l->o->directory.account_count = i;
  for (size_t k = 0; rc == OK && k < sizeof account_lists / sizeof account_lists[0]; k++)
    rc = loading_pass(l, &account_lists[k]);
  return rc;
}

/* --- domains --- */

static int take_key(struct loading *l, sqlite3_stmt *s, void *item) {
  struct signing_key *k = item;
  struct domain *d = loading_domain(l, sql_text(s, 6));
  if (!d) return E_NOT_FOUND;
  *k = (struct signing_key){.id = sqlite3_column_int64(s, 0),
                            .domain = d->name,
                            .selector = directory_text(l->o, sql_text(s, 1)),
                            .algorithm = (enum key_algorithm)sqlite3_column_int64(s, 2),
                            .state = (enum key_state)sqlite3_column_int64(s, 3),
                            .public_base64 = directory_text(l->o, sql_text(s, 4)),
                            .created_us = sqlite3_column_int64(s, 5),
                            .state_us = sqlite3_column_int64(s, 7),
                            .checked_us = sqlite3_column_int64(s, 8),
                            .left_us = sqlite3_column_int64(s, 9),
                            .found = directory_text(l->o, sql_text(s, 10)),
                            .replaces = directory_text(l->o, sql_text(s, 11))};
  if (!d->key_count++) d->keys = k;
  return k->selector && k->public_base64 && k->found && k->replaces ? OK : E_MEMORY;
}

static const struct row_pass keys = {
    "SELECT count(*) FROM keys",
    "SELECT id, selector, algorithm, state, public_base64, created_us, domain, state_us,"
    " checked_us, left_us, found, replaces FROM keys ORDER BY domain, id DESC",
    sizeof(struct signing_key), take_key};

static int load_domains(struct loading *l) {
  size_t n, i = 0;
  int rc = count_rows(l->q, "SELECT count(*) FROM domains", &n);
  struct domain *all = rc == OK && n ? directory_alloc(l->o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s =
      sql_use(l->q, "SELECT name, created_us, subdomains, fallback, rotate_us, delegation FROM domains ORDER BY name");
  while (i < n && (rc = sql_step(s)) == 1) {
    all[i] = (struct domain){.name = directory_text(l->o, sql_text(s, 0)),
                             .created_us = sqlite3_column_int64(s, 1),
                             .subdomains = sqlite3_column_int64(s, 2) != 0,
                             .fallback = sqlite3_column_int64(s, 3) != 0,
                             .rotate_us = sqlite3_column_int64(s, 4),
                             .delegation = directory_text(l->o, sql_text(s, 5))};
    for (int k = 0; k < STREAM_COUNT; k++) all[i].stream_selector[k] = "";
    if (all[i].fallback) l->o->directory.fallback = &all[i];
    rc = all[i].name && all[i].delegation ? OK : E_MEMORY;
    if (rc != OK) break;
    i++;
  }
  if (s) sqlite3_reset(s);
  l->domains = all;
  l->o->directory.domains = all;
  l->o->directory.domain_count = i;
  return rc == OK ? loading_pass(l, &keys) : rc;
}

/* --- the rest --- */

static int load_source_row(sqlite3_stmt *s, struct source *out, struct directory_owner *o) {
  bool checked = sqlite3_column_type(s, 4) != SQLITE_NULL;
  *out = (struct source){.address = directory_text(o, sql_text(s, 0)),
                         .helo = directory_text(o, sql_text(s, 1)),
                         .pool = directory_text(o, sql_text(s, 2)),
                         .created_us = sqlite3_column_int64(s, 3),
                         .name = !checked                          ? SOURCE_NAME_UNKNOWN
                                 : sqlite3_column_int64(s, 4) != 0 ? SOURCE_NAME_CONFIRMED
                                                                   : SOURCE_NAME_UNCONFIRMED,
                         .ptr = directory_text(o, sql_text(s, 5)),
                         .name_text = directory_text(o, sql_text(s, 6)),
                         .checked_us = sqlite3_column_int64(s, 7),
                         .public_address = directory_text(o, sql_text(s, 8)),
                         .weight = (unsigned)sqlite3_column_int64(s, 9),
                         .pause_on_listing = sqlite3_column_int64(s, 10) != 0,
                         .warmup = directory_text(o, sql_text(s, 11)),
                         .warmup_name = directory_text(o, sql_text(s, 12)),
                         .warmup_since_us = sqlite3_column_int64(s, 13)};
  bool all = out->address && out->helo && out->pool && out->ptr && out->name_text && out->public_address;
  return all && out->warmup && out->warmup_name ? OK : E_MEMORY;
}

static int load_sources(struct sql *q, struct directory_owner *o) {
  size_t n, i = 0;
  int rc = count_rows(q, "SELECT count(*) FROM sources", &n);
  struct source *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s = sql_use(q, "SELECT s.address, helo, pool, created_us, confirmed, ptr, text, checked_us, public,"
                               " weight, pause_on_listing, plan, name, since_us"
                               " FROM sources AS s LEFT JOIN source_checks AS c ON c.address = s.address"
                               " LEFT JOIN warmup_plans AS w ON w.source = s.address"
                               " ORDER BY pool, s.address");
  while (i < n && (rc = sql_step(s)) == 1 && (rc = load_source_row(s, &all[i], o)) == OK) i++;
  if (s) sqlite3_reset(s);
  o->directory.sources = all;
  o->directory.source_count = i;
  return rc;
}

static int load_blocklist_row(sqlite3_stmt *s, struct blocklist_note *out, struct directory_owner *o) {
  *out = (struct blocklist_note){.list = directory_text(o, sql_text(s, 0)),
                                 .subject = directory_text(o, sql_text(s, 1)),
                                 .state = (enum blocklist_state)sqlite3_column_int64(s, 2),
                                 .since_us = sqlite3_column_int64(s, 3),
                                 .answered_us = sqlite3_column_int64(s, 4),
                                 .asked_us = sqlite3_column_int64(s, 5),
                                 .codes = directory_text(o, sql_text(s, 6)),
                                 .text = directory_text(o, sql_text(s, 7)),
                                 .trouble = directory_text(o, sql_text(s, 8))};
  return out->list && out->subject && out->codes && out->text && out->trouble ? OK : E_MEMORY;
}

static int load_blocklist_notes(struct sql *q, struct directory_owner *o) {
  size_t n, i = 0;
  int rc = count_rows(q, "SELECT count(*) FROM blocklist_notes", &n);
  struct blocklist_note *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s = sql_use(q, "SELECT list, subject, state, since_us, answered_us, asked_us, codes, text, trouble"
                               " FROM blocklist_notes ORDER BY list, subject");
  while (i < n && (rc = sql_step(s)) == 1 && (rc = load_blocklist_row(s, &all[i], o)) == OK) i++;
  if (s) sqlite3_reset(s);
  o->directory.blocklist_notes = all;
  o->directory.blocklist_note_count = i;
  return rc;
}

static int load_alarm_row(sqlite3_stmt *s, struct domain_note *out, struct directory_owner *o) {
  *out = (struct domain_note){.domain = directory_text(o, sql_text(s, 0)),
                              .kind = directory_text(o, sql_text(s, 1)),
                              .name = directory_text(o, sql_text(s, 2)),
                              .state = (enum found_state)sqlite3_column_int64(s, 3),
                              .text = directory_text(o, sql_text(s, 4)),
                              .since_us = sqlite3_column_int64(s, 5)};
  return out->domain && out->kind && out->name && out->text ? OK : E_MEMORY;
}

#define ALARMS " FROM domain_notes WHERE was_right AND state <> 0" /* FOUND_RIGHT */

static int load_domain_alarms(struct sql *q, struct directory_owner *o) {
  size_t n, i = 0;
  int rc = count_rows(q, "SELECT count(*)" ALARMS, &n);
  struct domain_note *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s =
      sql_use(q, "SELECT domain, kind, name, state, text, since_us" ALARMS " ORDER BY domain, kind, name");
  while (i < n && (rc = sql_step(s)) == 1 && (rc = load_alarm_row(s, &all[i], o)) == OK) i++;
  if (s) sqlite3_reset(s);
  o->directory.domain_alarms = all;
  o->directory.domain_alarm_count = i;
  return rc;
}

static int load_site_pause_row(sqlite3_stmt *s, struct site_pause *out, struct directory_owner *o) {
  *out = (struct site_pause){.site = directory_text(o, sql_text(s, 0)),
                             .source = directory_text(o, sql_text(s, 1)),
                             .until_us = sqlite3_column_int64(s, 2),
                             .created_us = sqlite3_column_int64(s, 3)};
  return out->site && out->source ? OK : E_MEMORY;
}

static int load_site_pauses(struct sql *q, struct directory_owner *o) {
  size_t n, i = 0;
  int rc = count_rows(q, "SELECT count(*) FROM site_pauses", &n);
  struct site_pause *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s = sql_use(q, "SELECT site, source, until_us, created_us FROM site_pauses ORDER BY site, source");
  while (i < n && (rc = sql_step(s)) == 1 && (rc = load_site_pause_row(s, &all[i], o)) == OK) i++;
  if (s) sqlite3_reset(s);
  o->directory.site_pauses = all;
  o->directory.site_pause_count = i;
  return rc;
}

static int load_route_row(sqlite3_stmt *s, struct static_route *out, struct directory_owner *o) {
  *out = (struct static_route){.id = sqlite3_column_int64(s, 0),
                               .to = directory_text(o, sql_text(s, 1)),
                               .account = directory_text(o, sql_text(s, 2)),
                               .sender = directory_text(o, sql_text(s, 3)),
                               .lookup = (enum route_lookup)sqlite3_column_int64(s, 4),
                               .host = directory_text(o, sql_text(s, 5)),
                               .port = (unsigned)sqlite3_column_int64(s, 6),
                               .tls = (enum route_tls)sqlite3_column_int64(s, 7),
                               .implicit_tls = sqlite3_column_int64(s, 8) != 0,
                               .auth = (enum route_auth)sqlite3_column_int64(s, 9),
                               .user = directory_text(o, sql_text(s, 10)),
                               .created_us = sqlite3_column_int64(s, 11),
                               .oauth2 = {.endpoint = directory_text(o, sql_text(s, 12)),
                                          .client_id = directory_text(o, sql_text(s, 13)),
                                          .scope = directory_text(o, sql_text(s, 14)),
                                          .token_from_us = sqlite3_column_int64(s, 15),
                                          .token_until_us = sqlite3_column_int64(s, 16),
                                          .failure = directory_text(o, sql_text(s, 17))},
                               .login = sqlite3_column_int64(s, 18)};
  const struct route_oauth2 *a = &out->oauth2;
  bool whole = out->to && out->account && out->sender && out->host && out->user;
  return whole && a->endpoint && a->client_id && a->scope && a->failure ? OK : E_MEMORY;
}

static int load_routes(struct sql *q, struct directory_owner *o) {
  size_t n, i = 0;
  int rc = count_rows(q, "SELECT count(*) FROM routes", &n);
  struct static_route *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  /* static_route_compare's order: SQLite compares text as memcmp does. */
  sqlite3_stmt *s =
      sql_use(q, "SELECT id, recipients, account, sender, lookup, host, port, tls, implicit_tls, auth,"
                 " user, created_us, endpoint, client_id, scope, from_us, until_us, text, r.login"
                 " FROM routes AS r LEFT JOIN route_secrets AS t ON t.login = r.login AND kind = 3" /* the token */
                 " LEFT JOIN route_failures AS f ON f.login = r.login"
                 " ORDER BY recipients, account, sender");
  while (i < n && (rc = sql_step(s)) == 1 && (rc = load_route_row(s, &all[i], o)) == OK) i++;
  if (s) sqlite3_reset(s);
  o->directory.routes = all;
  o->directory.route_count = i;
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
  struct loading l = {.q = q, .o = o, .why = why};
  int rc = sql_int(sql_use(q, "SELECT value FROM meta WHERE key = 'config'"), 0, &o->directory.generation);
  if (rc == OK) rc = load_secret(q, &o->directory);
  if (rc == OK) rc = load_accounts(&l);
  if (rc == OK) rc = load_domains(&l);
  if (rc == OK) rc = loading_settings(&l);
  if (rc == OK) rc = load_sources(q, o);
  if (rc == OK) rc = load_blocklist_notes(q, o);
  if (rc == OK) rc = load_domain_alarms(q, o);
  if (rc == OK) rc = load_site_pauses(q, o);
  if (rc == OK) rc = load_routes(q, o);
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
