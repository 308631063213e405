#include "store/sqlite/admin/admin_settings.h"

#include "base/clock.h"
#include "store/sqlite/table/events.h"
#include "store/sqlite/table/key_rows.h"

#include <stdio.h>

static int clear_of(struct admin *a, const char *text, const char *name) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_text(s, 1, name);
  return sql_run(s);
}

/* Also when a domain is made: a message that was under way while an earlier one of that name was removed may have left
 * a count behind. */
static int forget_usage(struct admin *a, const char *name) {
  return clear_of(a, "DELETE FROM usage_counts WHERE scope = 1 AND owner = ?", name);
}

int admin_domain_add(struct admin *a, const char *name, bool subdomains, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "INSERT INTO domains(name, created_us, subdomains) VALUES (?, ?, ?)");
  sql_bind_text(s, 1, name);
  sql_bind_int(s, 2, clock_now_us());
  sql_bind_int(s, 3, subdomains);
  rc = sql_run(s);
  if (rc == E_EXISTS) fail(why, rc, "domain %s exists already; see: sendoff domain show %s", name, name);
  if (rc == OK) rc = forget_usage(a, name);
  return admin_end(a, rc, "config", why);
}

static int has_key(struct admin *a, const char *name, const char *selector, struct reason *why) {
  int64_t there = 1;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT 1 FROM keys WHERE domain = ? AND selector = ?");
  sql_bind_text(s, 1, name);
  sql_bind_text(s, 2, selector);
  int rc = *selector ? sql_int(s, 0, &there) : OK;
  if (rc != OK || there) return rc;
  return fail(why, E_NOT_FOUND, "%s has no key with selector %s; see: sendoff dkim list %s", name, selector, name);
}

int admin_domain_set_selector(struct admin *a, const char *name, enum mail_stream stream, const char *selector,
                              struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = has_key(a, name, selector, why);
  if (rc == OK) {
    sqlite3_stmt *s = sql_use(&a->q, "INSERT OR REPLACE INTO domain_selectors(domain, stream, selector)"
                                     " SELECT name, ?2, ?3 FROM domains WHERE name = ?1");
    sql_bind_text(s, 1, name);
    sql_bind_int(s, 2, stream);
    sql_bind_text(s, 3, selector);
    rc = admin_changed(a, sql_run(s), "domain", name, why);
  }
  return admin_end(a, rc, "config", why);
}

int admin_domain_remove(struct admin *a, const char *name, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = clear_of(a, "DELETE FROM keys WHERE domain = ?", name);
  if (rc == OK) rc = clear_of(a, "DELETE FROM domain_selectors WHERE domain = ?", name);
  if (rc == OK) rc = clear_of(a, "DELETE FROM domain_notes WHERE domain = ?", name);
  if (rc == OK) rc = settings_remove(a, SCOPE_DOMAIN, name);
  if (rc == OK) {
    sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM domains WHERE name = ?");
    sql_bind_text(s, 1, name);
    rc = admin_changed(a, sql_run(s), "domain", name, why);
  }
  if (rc == OK) rc = forget_usage(a, name);
  return admin_end(a, rc, "config", why);
}

/* A domain's first keys are no events: they are there as soon as it is. */
static int note_waiting(struct admin *a, const struct signing_key *k) {
  char line[512];
  snprintf(line, sizeof line, "%s waiting: its record is to be published", k->selector);
  struct event e = {.kind = EVENT_DKIM, .account = "", .domain = k->domain, .text = line};
  return event_insert(&a->q, &e);
}

int admin_key_add(struct admin *a, const struct signing_key *k, struct bytes private_pem, struct reason *why) {
  int64_t there;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT 1 FROM domains WHERE name = ?");
  sql_bind_text(s, 1, k->domain);
  rc = sql_int(s, 0, &there);
  if (rc == OK && !there)
    rc = fail(why, E_NOT_FOUND, "there is no domain %s; add it: sendoff domain add %s", k->domain, k->domain);
  if (rc == OK) {
    rc = key_row_add(&a->q, k, private_pem, clock_now_us());
    if (rc == OK && k->state == KEY_WAITING) rc = note_waiting(a, k);
    if (rc == E_EXISTS) fail(why, rc, "%s has a key with selector %s already", k->domain, k->selector);
  }
  return admin_end(a, rc, "config", why);
}

int admin_key_step(struct admin *a, const struct signing_key *k, enum key_state to, const char *text,
                   struct reason *why) {
  const struct key_choice key = {.id = k->id};
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = key_row_step(&a->q, &key, k->state, to, text, clock_now_us());
  if (rc == E_NOT_FOUND)
    fail(why, rc, "the key %s of %s is not %s any more; see: sendoff dkim list %s", k->selector, k->domain,
         key_state_name(k->state), k->domain);
  return admin_end(a, rc, "config", why);
}

static int set_part(struct admin *a, const char *text, const struct domain *d, int64_t value) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_text(s, 1, d->name);
  sql_bind_int(s, 2, value);
  return sql_run(s);
}

int admin_domain_set(struct admin *a, unsigned what, const struct domain *d, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  if (what & DOMAIN_FALLBACK && d->fallback) rc = sql_run(sql_use(&a->q, "UPDATE domains SET fallback = 0"));
  if (rc == OK && what & DOMAIN_FALLBACK)
    rc = set_part(a, "UPDATE domains SET fallback = ?2 WHERE name = ?1", d, d->fallback);
  if (rc == OK && what & DOMAIN_SUBDOMAINS)
    rc = set_part(a, "UPDATE domains SET subdomains = ?2 WHERE name = ?1", d, d->subdomains);
  if (rc == OK && what & DOMAIN_ROTATE)
    rc = set_part(a, "UPDATE domains SET rotate_us = ?2 WHERE name = ?1", d, d->rotate_us);
  if (rc == OK && what & DOMAIN_DELEGATION) {
    sqlite3_stmt *s = sql_use(&a->q, "UPDATE domains SET delegation = ?2 WHERE name = ?1");
    sql_bind_text(s, 1, d->name);
    sql_bind_text(s, 2, d->delegation);
    rc = sql_run(s);
  }
  rc = admin_changed(a, rc, "domain", d->name, why);
  return admin_end(a, rc, "config", why);
}
