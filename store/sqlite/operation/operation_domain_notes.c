/* What a look at a domain's records has found, beside what was known of them. */
#include "store/sqlite/operation/operations.h"
#include "store/sqlite/table/events.h"

#include <stdio.h>

void store_domain_notes_init(struct store_domain_notes *n) {
  n->op.kind = OPERATION_DOMAIN_NOTES;
  n->op.patient = true;
}

/* 1: it is known, and `*state` is what it was; 0: it is new. */
static int read_known(struct sql *q, const struct domain_note *n, enum found_state *state, bool *was_right) {
  sqlite3_stmt *s =
      sql_use(q, "SELECT state, was_right FROM domain_notes WHERE domain = ?1 AND kind = ?2 AND name = ?3");
  sql_bind_text(s, 1, n->domain);
  sql_bind_text(s, 2, n->kind);
  sql_bind_text(s, 3, n->name);
  int rc = sql_step(s);
  if (rc == 1) {
    *state = (enum found_state)sqlite3_column_int64(s, 0);
    *was_right = sqlite3_column_int64(s, 1) != 0;
  }
  if (s) sqlite3_reset(s);
  return rc;
}

static int keep(struct sql *q, const struct domain_note *n, bool changed, bool was_right, int64_t now_us) {
  sqlite3_stmt *s =
      sql_use(q, "INSERT INTO domain_notes(domain, kind, name, state, was_right, text, since_us, checked_us)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT(domain, kind, name) DO UPDATE SET"
                 " state = ?4, was_right = ?5, text = ?6, since_us = iif(?8, ?7, since_us), checked_us = ?7");
  sql_bind_text(s, 1, n->domain);
  sql_bind_text(s, 2, n->kind);
  sql_bind_text(s, 3, n->name);
  sql_bind_int(s, 4, n->state);
  sql_bind_int(s, 5, was_right);
  sql_bind_text(s, 6, n->text);
  sql_bind_int(s, 7, now_us);
  sql_bind_int(s, 8, changed);
  return sql_run(s);
}

/* DNS did not answer: what was known holds. */
static int touch(struct sql *q, const struct domain_note *n, int64_t now_us) {
  sqlite3_stmt *s = sql_use(q, "UPDATE domain_notes SET checked_us = ?4 WHERE domain = ?1 AND kind = ?2 AND name = ?3");
  sql_bind_text(s, 1, n->domain);
  sql_bind_text(s, 2, n->kind);
  sql_bind_text(s, 3, n->name);
  sql_bind_int(s, 4, now_us);
  return sql_run(s);
}

static int say(struct sql *q, const struct domain_note *n) {
  char line[1024];
  snprintf(line, sizeof line, "%s %s %s%s%s", n->kind, n->name, found_state_name(n->state), *n->text ? ": " : "",
           n->text);
  struct event e = {.kind = EVENT_DOMAIN, .account = "", .domain = n->domain, .text = line};
  return event_insert(q, &e);
}

static int take(struct sql *q, const struct domain_note *n, int64_t now_us, enum domain_change *change) {
  enum found_state before = FOUND_UNKNOWN;
  bool was_right = false;
  *change = DOMAIN_SAME;
  int known = read_known(q, n, &before, &was_right);
  if (known < 0) return known;
  if (n->state == FOUND_UNKNOWN) return touch(q, n, now_us);
  bool right = n->state == FOUND_RIGHT, changed = known && before != n->state;
  if (changed) *change = right ? DOMAIN_REPAIRED : was_right ? DOMAIN_BROKEN : DOMAIN_CHANGED;
  int rc = keep(q, n, changed, was_right || right, now_us);
  return rc == OK && changed ? say(q, n) : rc;
}

/* What is not looked at any more: the record of a key that has gone, say. */
static int forget_others(struct sql *q, const struct store_domain_notes *n) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM domain_notes WHERE domain = ? AND checked_us <> ?");
  sql_bind_text(s, 1, n->domain);
  sql_bind_int(s, 2, n->now_us);
  return sql_run(s);
}

int operation_domain_notes(struct sql *q, struct store_domain_notes *n) {
  int64_t there = 0;
  bool changed = false;
  sqlite3_stmt *s = sql_use(q, "SELECT count(*) FROM domains WHERE name = ?");
  sql_bind_text(s, 1, n->domain);
  int rc = sql_int(s, 0, &there);
  for (size_t i = 0; i < n->count; i++) n->changes[i] = DOMAIN_SAME;
  if (rc != OK || !there) return rc;
  for (size_t i = 0; rc == OK && i < n->count; i++) {
    rc = take(q, &n->notes[i], n->now_us, &n->changes[i]);
    changed |= n->changes[i] != DOMAIN_SAME;
  }
  if (rc == OK) rc = forget_others(q, n);
  changed |= rc == OK && sqlite3_changes(q->db) > 0;
  return rc == OK && changed ? sql_run(sql_use(q, "UPDATE meta SET value = value + 1 WHERE key = 'config'")) : rc;
}
