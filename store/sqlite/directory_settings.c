#include "store/sqlite/directory_load.h"

#define STREAM_ANY (-1) /* stored: of all mail */

/* A row's owner: scope, account id, name in its first three columns. */
#define OWNED_BY "scope, coalesce(a.id, 0), owner"
#define ITS_ACCOUNT " LEFT JOIN accounts a ON scope = 2 AND a.name = owner" /* 2: SCOPE_ACCOUNT */

static struct settings *owner_of(struct loading *l, sqlite3_stmt *s) {
  int64_t scope = sqlite3_column_int64(s, 0);
  if (scope == SCOPE_GATEWAY) return &l->o->directory.gateway;
  if (scope == SCOPE_DOMAIN) {
    struct domain *d = loading_domain(l, sql_text(s, 2));
    return d ? &d->settings : NULL;
  }
  struct account *a = loading_account(l, sqlite3_column_int64(s, 1));
  return a ? &a->settings : NULL;
}

static const char *owner_kind(sqlite3_stmt *s) {
  static const char *const kinds[] = {"the gateway", "domain ", "account "};
  int64_t scope = sqlite3_column_int64(s, 0);
  return kinds[scope == SCOPE_GATEWAY || scope == SCOPE_DOMAIN ? scope : SCOPE_ACCOUNT];
}

static bool is_stream(int64_t stream) {
  return stream >= 0 && stream < STREAM_COUNT;
}

static int take_limit(struct loading *l, sqlite3_stmt *s, void *item) {
  struct settings *at = owner_of(l, s);
  struct reason parsed;
  int64_t stream = sqlite3_column_int64(s, 3);
  if (!at || (stream != STREAM_ANY && !is_stream(stream))) return E_NOT_FOUND;
  if (limit_parse(sql_text(s, 4), item, &parsed) != OK)
    return fail(l->why, E_SYNTAX, "%s%s has a limit that cannot be read, %s: %s", owner_kind(s), sql_text(s, 2),
                sql_text(s, 4), parsed.text);
  struct limit_list *list = stream == STREAM_ANY ? &at->all : &at->stream[stream];
  if (!list->count++) list->limits = item;
  return OK;
}

static int take_mode(struct loading *l, sqlite3_stmt *s, void *item) {
  struct settings *at = owner_of(l, s);
  int64_t mode = sqlite3_column_int64(s, 4);
  if (!at || mode < CHECK_OFF || mode > CHECK_ENFORCE) return E_NOT_FOUND;
  struct check_setting *set = item;
  *set = (struct check_setting){directory_text(l->o, sql_text(s, 3)), (enum check_mode)mode};
  if (!at->mode_count++) at->modes = item;
  return set->check ? OK : E_MEMORY;
}

static int take_pool(struct loading *l, sqlite3_stmt *s, void *item) {
  (void)item;
  struct account *a = loading_account(l, sqlite3_column_int64(s, 0));
  int64_t stream = sqlite3_column_int64(s, 1);
  if (!a || !is_stream(stream)) return E_NOT_FOUND;
  a->stream_pool[stream] = directory_text(l->o, sql_text(s, 2));
  return a->stream_pool[stream] ? OK : E_MEMORY;
}

static int take_selector(struct loading *l, sqlite3_stmt *s, void *item) {
  (void)item;
  struct domain *d = loading_domain(l, sql_text(s, 0));
  int64_t stream = sqlite3_column_int64(s, 1);
  if (!d || !is_stream(stream)) return E_NOT_FOUND;
  d->stream_selector[stream] = directory_text(l->o, sql_text(s, 2));
  return d->stream_selector[stream] ? OK : E_MEMORY;
}

int loading_settings(struct loading *l) {
  static const struct row_pass passes[] = {
      {"SELECT count(*) FROM policy_limits",
       "SELECT " OWNED_BY ", p.stream, spec FROM policy_limits p" ITS_ACCOUNT
       " ORDER BY scope, owner, p.stream, position",
       sizeof(struct limit), take_limit},
      {"SELECT count(*) FROM check_modes",
       "SELECT " OWNED_BY ", check_name, mode FROM check_modes" ITS_ACCOUNT " ORDER BY scope, owner, check_name",
       sizeof(struct check_setting), take_mode},
      {"SELECT count(*) FROM account_pools", "SELECT account_id, stream, pool FROM account_pools", 1, take_pool},
      {"SELECT count(*) FROM domain_selectors", "SELECT domain, stream, selector FROM domain_selectors", 1,
       take_selector}};
  int rc = OK;
  for (size_t i = 0; rc == OK && i < sizeof passes / sizeof passes[0]; i++) rc = loading_pass(l, &passes[i]);
  return rc;
}
