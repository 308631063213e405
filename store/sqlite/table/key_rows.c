#include "store/sqlite/table/key_rows.h"

#include "store/sqlite/table/events.h"

#include <stdio.h>

int key_row_add(struct sql *q, const struct signing_key *k, struct bytes private_pem, int64_t now_us) {
  sqlite3_stmt *s = sql_use(q, "INSERT INTO keys(domain, selector, algorithm, state, private_pem, public_base64,"
                               " created_us, state_us, replaces) VALUES (?,?,?,?,?,?,?,?,?)");
  sql_bind_text(s, 1, k->domain);
  sql_bind_text(s, 2, k->selector);
  sql_bind_int(s, 3, k->algorithm);
  sql_bind_int(s, 4, k->state);
  sql_bind_blob(s, 5, private_pem);
  sql_bind_text(s, 6, k->public_base64);
  sql_bind_int(s, 7, now_us);
  sql_bind_int(s, 8, now_us);
  sql_bind_text(s, 9, k->replaces ? k->replaces : "");
  return sql_run(s);
}

#define FOUND_TEXT 256

/* What is to be known of the key for the rest. */
struct found {
  int64_t id;
  char domain[FOUND_TEXT], selector[FOUND_TEXT], replaces[FOUND_TEXT];
};

static int find(struct sql *q, const struct key_choice *key, enum key_state state, struct found *out) {
  sqlite3_stmt *s = sql_use(q, "SELECT id, domain, selector, replaces FROM keys WHERE state = ?4"
                               " AND iif(?1, id = ?1, domain = ?2 AND selector = ?3)");
  sql_bind_int(s, 1, key->id);
  sql_bind_text(s, 2, key->domain ? key->domain : "");
  sql_bind_text(s, 3, key->selector ? key->selector : "");
  sql_bind_int(s, 4, state);
  int rc = sql_step(s);
  if (rc == 1) {
    out->id = sqlite3_column_int64(s, 0);
    snprintf(out->domain, sizeof out->domain, "%s", sql_text(s, 1));
    snprintf(out->selector, sizeof out->selector, "%s", sql_text(s, 2));
    snprintf(out->replaces, sizeof out->replaces, "%s", sql_text(s, 3));
  }
  if (s) sqlite3_reset(s);
  return rc == 1 ? OK : rc == OK ? E_NOT_FOUND : rc;
}

static int set_state(struct sql *q, int64_t id, enum key_state to, int64_t now_us) {
  sqlite3_stmt *s = sql_use(q, to == KEY_GONE ? "DELETE FROM keys WHERE id = ?1"
                                              : "UPDATE keys SET state = ?2, state_us = ?3, checked_us = 0, found = '',"
                                                " left_us = 0 WHERE id = ?1");
  sql_bind_int(s, 1, id);
  if (to != KEY_GONE) {
    sql_bind_int(s, 2, to);
    sql_bind_int(s, 3, now_us);
  }
  return sql_run(s);
}

static int note(struct sql *q, const struct found *k, const char *selector, enum key_state to, const char *text) {
  char line[512];
  snprintf(line, sizeof line, "%s %s%s%s", selector, key_state_name(to), *text ? ": " : "", text);
  struct event e = {.kind = EVENT_DKIM, .account = "", .domain = k->domain, .text = line};
  return event_insert(q, &e);
}

/* What a stream had chosen follows, and nothing chooses a key that has gone. */
static int choose(struct sql *q, const struct found *k, const char *before, const char *now) {
  sqlite3_stmt *s = sql_use(q, *now ? "UPDATE domain_selectors SET selector = ?3 WHERE domain = ?1 AND selector = ?2"
                                    : "DELETE FROM domain_selectors WHERE domain = ?1 AND selector = ?2");
  sql_bind_text(s, 1, k->domain);
  sql_bind_text(s, 2, before);
  if (*now) sql_bind_text(s, 3, now);
  return sql_run(s);
}

static int make_old(struct sql *q, const struct found *k, int64_t now_us) {
  struct found before;
  const struct key_choice which = {0, k->domain, k->replaces};
  int rc = *k->replaces ? find(q, &which, KEY_ACTIVE, &before) : E_NOT_FOUND;
  if (rc == E_NOT_FOUND) return OK; /* it has gone */
  if (rc == OK) rc = set_state(q, before.id, KEY_OLD, now_us);
  if (rc == OK) rc = choose(q, k, before.selector, k->selector);
  return rc == OK ? note(q, k, before.selector, KEY_OLD, "its successor signs") : rc;
}

int key_row_step(struct sql *q, const struct key_choice *key, enum key_state from, enum key_state to, const char *text,
                 int64_t now_us) {
  struct found k;
  int rc = find(q, key, from, &k);
  if (rc == OK) rc = set_state(q, k.id, to, now_us);
  if (rc == OK && to == KEY_GONE) rc = choose(q, &k, k.selector, "");
  if (rc == OK) rc = note(q, &k, k.selector, to, text);
  return rc == OK && to == KEY_ACTIVE ? make_old(q, &k, now_us) : rc;
}
