#include "base/address/address.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mail/refusal.h"
#include "store/sqlite/operation/operation_brake.h"
#include "store/sqlite/operation/operations.h"
#include "store/sqlite/table/events.h"
#include "store/sqlite/table/idempotency_ends.h"

#include <stdio.h>

void store_outcome_init(struct store_outcome *o) {
  o->op.kind = OPERATION_OUTCOME;
  o->op.patient = true;
}

static bool leaves_queue(enum event_kind kind) {
  return kind == EVENT_DELIVERED || kind == EVENT_BOUNCED || kind == EVENT_EXPIRED || kind == EVENT_DROPPED;
}

static int remove_recipient(struct sql *q, int64_t message_id, const struct recipient_outcome *o) {
  int rc = o->event.kind == EVENT_DELIVERED ? OK : idempotency_ends_add(q, o->recipient_id);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(q, "DELETE FROM recipients WHERE id = ? AND message_id = ?");
  sql_bind_int(s, 1, o->recipient_id);
  sql_bind_int(s, 2, message_id);
  return sql_run(s);
}

/* One text for each kind: each says which of the fields it has an opinion on. */
static sqlite3_stmt *keeping(struct sql *q, enum event_kind kind) {
  switch (kind) {
  case EVENT_DEFERRED: /* a recipient that was held meanwhile stays held */
    return sql_use(q, "UPDATE recipients SET next_us = ?3, attempts = attempts + ?4, last = ?5, notify = notify | ?6,"
                      " source = CASE ?7 WHEN '' THEN source ELSE ?7 END, waits_for = ?8,"
                      " site = CASE ?9 WHEN '' THEN site ELSE ?9 END WHERE id = ?1 AND message_id = ?2");
  case EVENT_HELD: return sql_use(q, "UPDATE recipients SET state = 1, last = ?5 WHERE id = ?1 AND message_id = ?2");
  case EVENT_RELEASED:
    return sql_use(q, "UPDATE recipients SET state = 0, next_us = ?3 WHERE id = ?1 AND message_id = ?2");
  default: return NULL;
  }
}

static int keep_recipient(struct sql *q, int64_t message_id, const struct recipient_outcome *o) {
  sqlite3_stmt *s = keeping(q, o->event.kind);
  sql_bind_int(s, 1, o->recipient_id);
  sql_bind_int(s, 2, message_id);
  if (o->event.kind != EVENT_HELD) sql_bind_int(s, 3, o->next_us);
  if (o->event.kind == EVENT_DEFERRED) {
    sql_bind_int(s, 4, o->counts ? 1 : 0);
    sql_bind_int(s, 6, o->delay_told ? NOTIFY_DELAY_SENT : 0);
    sql_bind_text(s, 7, o->counts ? o->event.source : ""); /* else it was not tried from there */
    sql_bind_text(s, 8, o->waits_for ? o->waits_for : "");
    sql_bind_text(s, 9, o->site ? o->site : "");
  }
  if (o->event.kind != EVENT_RELEASED) sql_bind_text(s, 5, o->event.text);
  return sql_run(s);
}

/* "suppressed until 2026-12-27 10:20 UTC: 3 hard bounces within a week" */
static int tell_suppressed(struct sql *q, const struct event *bounced, const struct suppression *s, uint64_t hard) {
  char text[160], until[40] = "", numbers[NUMBERS_TEXT] = "";
  if (s->expires_us) clock_format_minute(s->expires_us, until, sizeof until);
  snprintf(text, sizeof text, "suppressed%s%s: %llu hard bounce%s within a week", *until ? " until " : "", until,
           (unsigned long long)hard, hard == 1 ? "" : "s");
  numbers_add(numbers, "hard", (int64_t)hard);
  return event_insert(q, &(struct event){.message_id = bounced->message_id,
                                         .kind = EVENT_SUPPRESSED,
                                         .account = bounced->account,
                                         .stream = bounced->stream,
                                         .from = bounced->from,
                                         .to = bounced->to,
                                         .code = bounced->code,
                                         .enhanced = bounced->enhanced,
                                         .rule = RULE_SUPPRESSION,
                                         .numbers = numbers,
                                         .text = text,
                                         .host = bounced->host});
}

/* Of an address that has no key (mail to a bare postmaster) nothing is counted. */
static int count_bounce(struct sql *q, struct suppression_view *view, const struct store_outcome *all,
                        struct recipient_outcome *o, const struct event *e) {
  char key[ADDRESS_KEY];
  uint64_t hard;
  if (o->bounce == BOUNCE_NONE || !e->account || !*e->account || !e->to || address_key(bytes_of(e->to), key) != OK)
    return OK;
  int64_t now = clock_now_us();
  struct suppression s = {.account = e->account,
                          .address = key,
                          .origin = SUPPRESSION_BOUNCE,
                          .code = e->code,
                          .enhanced = e->enhanced,
                          .text = e->text,
                          .message_id = e->message_id,
                          .added_us = now,
                          .expires_us = all->suppress_for_us ? now + all->suppress_for_us : 0};
  int rc = suppression_bounce(q, &s, o->bounce, all->suppress_after, &o->suppressed, &hard);
  if (rc != OK || !o->suppressed) return rc;
  suppression_view_put(view, s.account, s.address); /* a rollback leaves it there: it is only "perhaps" */
  return tell_suppressed(q, e, &s, hard);
}

/* 1: the recipient has an event of this rule that is not so old. */
static int was_told(struct sql *q, const struct recipient_outcome *o, const struct event *e) {
  if (!o->once_in_us) return 0;
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM events WHERE message_id = ? AND message_id <> 0 AND recipient = ? AND"
                               " kind = ? AND rule = ? AND id > ?");
  sql_bind_int(s, 1, e->message_id);
  sql_bind_text(s, 2, e->to);
  sql_bind_int(s, 3, e->kind);
  sql_bind_text(s, 4, e->rule);
  sql_bind_int(s, 5, id_floor(clock_now_us() - o->once_in_us));
  int rc = sql_step(s);
  if (s) sqlite3_reset(s);
  return rc;
}

static int apply(struct sql *q, struct suppression_view *view, struct brake_table *brake,
                 const struct store_outcome *all, struct recipient_outcome *o) {
  int64_t message_id = all->message_id;
  o->suppressed = o->quiet = false;
  enum event_kind kind = o->event.kind;
  bool stays = kind == EVENT_DEFERRED || kind == EVENT_HELD || kind == EVENT_RELEASED;
  if (!stays && !leaves_queue(kind)) return E_SYNTAX; /* not an outcome */
  int rc = stays ? keep_recipient(q, message_id, o) : remove_recipient(q, message_id, o);
  if (rc != OK || sqlite3_changes(q->db) == 0) return rc; /* dropped by command meanwhile: its end is in the log */
  struct event e = o->event;
  e.message_id = message_id;
  int told = was_told(q, o, &e);
  o->quiet = told == 1;
  rc = told ? (o->quiet ? OK : told) : event_insert(q, &e);
  if (rc == OK) rc = brake_outcome(brake, o);
  return rc == OK ? count_bounce(q, view, all, o, &e) : rc;
}

static int message_there(struct sql *q, int64_t id, bool *there) {
  int64_t found;
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM messages WHERE id = ?");
  sql_bind_int(s, 1, id);
  int rc = sql_int(s, 0, &found);
  *there = found == 1;
  return rc;
}

int message_remove_if_done(struct sql *q, int64_t id, bool *gone, bool *in_file) {
  sqlite3_stmt *s =
      sql_use(q, "DELETE FROM messages WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM recipients WHERE message_id = ?1)"
                 " RETURNING flags");
  sql_bind_int(s, 1, id);
  int rc = sql_step(s);
  *gone = rc == 1;
  *in_file = rc == 1 && (sqlite3_column_int64(s, 0) & MESSAGE_IN_FILE);
  if (rc == 1) return sql_step(s); /* runs it to its end */
  bool there = false;
  if (rc == OK) rc = message_there(q, id, &there);
  *gone = !there;
  return rc;
}

static int keep_dsn(struct sql *q, const struct store_outcome *o) {
  int rc = message_insert(q, o->dsn, NULL);
  if (rc != OK || !o->dsn_event) return rc;
  struct event e = *o->dsn_event;
  e.kind = EVENT_ACCEPTED;
  e.message_id = o->dsn->envelope.id;
  return event_insert(q, &e);
}

static int find_dropped(struct sql *q, struct store_outcome *o) {
  int rc = OK;
  o->dsn_outdated = false;
  for (size_t i = 0; rc == OK && o->dsn && i < o->outcome_count; i++) {
    struct recipient_outcome *one = &o->outcomes[i];
    int64_t found;
    one->dropped = false;
    if (!one->in_dsn) continue;
    sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM recipients WHERE id = ? AND message_id = ?");
    sql_bind_int(s, 1, one->recipient_id);
    sql_bind_int(s, 2, o->message_id);
    rc = sql_int(s, 0, &found);
    one->dropped = rc == OK && !found;
    o->dsn_outdated |= one->dropped;
  }
  return rc;
}

int operation_outcome(struct sql *q, struct suppression_view *view, struct brake_table *brake, struct store_outcome *o,
                      bool *remove_file) {
  *remove_file = o->message_gone = false;
  int rc = find_dropped(q, o);
  if (rc != OK || o->dsn_outdated) return rc;
  for (size_t i = 0; rc == OK && i < o->outcome_count; i++) rc = apply(q, view, brake, o, &o->outcomes[i]);
  if (rc == OK && o->dsn) rc = keep_dsn(q, o);
  if (rc == OK) rc = message_remove_if_done(q, o->message_id, &o->message_gone, remove_file);
  return rc;
}
