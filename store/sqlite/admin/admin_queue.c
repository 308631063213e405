#include "base/clock.h"
#include "base/mail/refusal.h"
#include "base/mail/rule.h"
#include "store/spool.h"
#include "store/sqlite/admin/admin_base.h"
#include "store/sqlite/operation/operations.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/table/events.h"
#include "store/sqlite/table/idempotency_ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The queue may hold millions, and the gateway's writer waits while this holds the database: so a part at a time, each
 * a transaction of its own, with a pause in between that lets the gateway have its turn. What a part is, is read before
 * its transaction: finding it may take longer than changing it. */
#define PART 1000
#define PAUSE_MS_LEAST 20

struct chosen {
  int64_t id, message_id;
  enum mail_stream stream;
  char *account, *from, *to, *pool;
  bool changed;
};

/* The recipients of whole messages, PART or more. */
struct part {
  struct chosen *all;
  size_t count, room;
  bool cut, memory_failed; /* cut: there are more */
};

static void part_clear(struct part *p) {
  for (size_t i = 0; i < p->count; i++) {
    free(p->all[i].account);
    free(p->all[i].from);
    free(p->all[i].to);
    free(p->all[i].pool);
  }
  p->count = 0;
  p->cut = p->memory_failed = false;
}

static void part_free(struct part *p) {
  part_clear(p);
  free(p->all);
}

static bool part_grow(struct part *p) {
  if (p->count < p->room) return true;
  size_t room = p->room ? 2 * p->room : PART;
  struct chosen *more = realloc(p->all, room * sizeof *more);
  if (!more) return false;
  p->all = more;
  p->room = room;
  return true;
}

static bool on_row(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct part *p = arg;
  p->cut = p->count >= PART && p->all[p->count - 1].message_id != m->id;
  if (p->cut) return false;
  p->memory_failed = !part_grow(p);
  if (p->memory_failed) return false;
  struct chosen *c = &p->all[p->count++];
  *c = (struct chosen){.id = r->to.id,
                       .message_id = m->id,
                       .stream = envelope_stream(m),
                       .account = strdup(m->account),
                       .from = strdup(m->reverse_path),
                       .to = strdup(r->to.address),
                       .pool = strdup(m->pool)};
  p->memory_failed = !c->account || !c->from || !c->to || !c->pool;
  return !p->memory_failed;
}

/* --- one recipient --- */

/* Not what is in that pool already; and what rests on SPF only by force, or back to where that was asked about. */
_Static_assert((MESSAGE_SOURCES_ONLY | MESSAGE_RESTS_ON_SPF) == 10240, "REROUTE has the flags as a number");
/* It may have moved on since it was selected. The bits are those of read.h. */
#define STILL " recipients.id = ?1 AND ?2 & (CASE state WHEN 0 THEN 1 WHEN 1 THEN 16 << hold ELSE 2 END)"

/* ?3 is the moment, the hold's kind, who and why, or the pool; ?4 whether SPF does not matter. Each gives when the
 * recipient goes on, if it was changed, and whether that is back to its sender: what was held on that way
 * (hold_returning) still has who ordered it, and nothing else has. */
static const struct action {
  enum event_kind kind;
  const char *sql, *text;
} actions[] = {
    [QUEUE_RETRY] = {EVENT_RELEASED,
                     "UPDATE recipients SET next_us = min(next_us, ?3) WHERE" STILL " RETURNING next_us, 0",
                     "to be tried again now"},
    [QUEUE_HOLD] = {EVENT_HELD, "UPDATE recipients SET state = 1, hold = ?3 WHERE" STILL " RETURNING 0, returned <> ''",
                    "held"},
    /* Never before its sender or its account's smoothed limit lets it go (RFC 4865). */
    [QUEUE_RELEASE] = {EVENT_RELEASED,
                       "UPDATE recipients SET state = iif(returned = '', 0, 2), hold = 0,"
                       " next_us = max(?3, not_before_us) WHERE" STILL
                       " RETURNING iif(returned = '', next_us, 0), returned <> ''",
                       "released"},
    [QUEUE_DROP] = {EVENT_DROPPED, "DELETE FROM recipients WHERE" STILL " RETURNING 0, 0", "dropped"},
    [QUEUE_BOUNCE] = {EVENT_BOUNCED,
                      "UPDATE recipients SET state = 2, hold = 0, returned = ?3 WHERE" STILL " RETURNING 0, 1", NULL},
    [QUEUE_REROUTE] = {EVENT_REROUTED,
                       "UPDATE recipients SET pool = iif(m.pool = ?3, '', ?3) FROM messages m WHERE" STILL
                       " AND m.id = recipients.message_id AND iif(recipients.pool = '', m.pool, recipients.pool) <> ?3"
                       " AND (?4 OR m.pool = ?3 OR m.flags & 10240 = 0) RETURNING 0, 0",
                       NULL},
};

unsigned queue_concerns(enum queue_action action, enum recipient_hold hold) {
  unsigned suspended = QUEUE_IS_HELD_FOR(HOLD_SUSPENSION);
  switch (action) {
  case QUEUE_RETRY: return QUEUE_IS_QUEUED;
  case QUEUE_HOLD: return QUEUE_IS_QUEUED | (hold == HOLD_SUSPENSION ? 0 : suspended);
  case QUEUE_RELEASE: return QUEUE_IS_HELD;
  case QUEUE_BOUNCE:
  case QUEUE_REROUTE: return QUEUE_IS_QUEUED | QUEUE_IS_HELD;
  case QUEUE_DROP: break;
  }
  return QUEUE_IS_QUEUED | QUEUE_IS_HELD | QUEUE_IS_RETURNING;
}

/* A command on its way through the queue. */
struct run {
  const struct queue_change *change;
  unsigned concerns;
  char returned[256]; /* of QUEUE_BOUNCE, as struct queued_recipient has it */
  struct queue_changed all, part;
};

static void bind_change(sqlite3_stmt *s, const struct run *r, const struct chosen *c, int64_t now) {
  const struct queue_change *change = r->change;
  sql_bind_int(s, 1, c->id);
  sql_bind_int(s, 2, r->concerns);
  switch (change->action) {
  case QUEUE_RETRY:
  case QUEUE_RELEASE: sql_bind_int(s, 3, now); break;
  case QUEUE_HOLD: sql_bind_int(s, 3, change->hold); break;
  case QUEUE_BOUNCE: sql_bind_text(s, 3, r->returned); break;
  case QUEUE_REROUTE:
    sql_bind_text(s, 3, change->pool);
    sql_bind_int(s, 4, change->despite_spf);
    break;
  case QUEUE_DROP: break;
  }
}

static void count_later(struct queue_changed *to, int64_t next_us, int64_t now) {
  if (next_us <= now) return;
  to->later++;
  if (!to->later_us || next_us < to->later_us) to->later_us = next_us;
}

static int change_one(struct admin *a, struct run *r, struct chosen *c, int64_t now) {
  int rc = r->change->action == QUEUE_DROP ? idempotency_ends_add(&a->q, c->id) : OK;
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, actions[r->change->action].sql);
  bind_change(s, r, c, now);
  rc = sql_step(s);
  if (rc != 1) return rc;
  c->changed = true;
  r->part.recipients++;
  if (r->change->action == QUEUE_RELEASE) count_later(&r->part, sqlite3_column_int64(s, 0), now);
  r->part.returning += sqlite3_column_int64(s, 1) != 0;
  return sql_step(s); /* runs it to its end */
}

/* --- one message --- */

/* "moved from the pool default to the pool bulk,", "held with its suspended account" */
static void write_action(const struct queue_change *change, const struct chosen *c, char *out, size_t size) {
  static const char *const with[HOLD_COUNT] = {
      [HOLD_SUSPENSION] = " with its suspended account,", [HOLD_REMOVAL] = " with its removed account,"};
  const char *more = change->action == QUEUE_HOLD && with[change->hold] ? with[change->hold]
                     : change->action == QUEUE_RETRY                    ? ","
                                                                        : "";
  if (change->action == QUEUE_REROUTE)
    snprintf(out, size, "moved from the pool %.64s to the pool %.64s,", c->pool, change->pool);
  else
    snprintf(out, size, "%s%s", actions[change->action].text, more);
}

/* "released by command (root): 12 recipients" */
static void write_text(const struct run *r, const struct chosen *c, uint64_t count, char *out, size_t size) {
  const struct queue_change *change = r->change;
  bool named = change->by && *change->by;
  char what[200], many[40] = "";
  write_action(change, c, what, sizeof what);
  if (count > 1) snprintf(many, sizeof many, ": %llu recipients", (unsigned long long)count);
  snprintf(out, size, "%s by command%s%.32s%s%s%s", what, named ? " (" : "", named ? change->by : "", named ? ")" : "",
           change->despite_spf ? ", whatever SPF says of its sources" : "", many);
}

/* `count`: of its recipients, of which `c` is one. */
static int tell(struct admin *a, const struct run *r, const struct chosen *c, uint64_t count) {
  char text[320], numbers[NUMBERS_TEXT] = "";
  write_text(r, c, count, text, sizeof text);
  if (count > 1) numbers_add(numbers, "recipients", (int64_t)count);
  return event_insert(&a->q, &(struct event){.message_id = c->message_id,
                                             .kind = actions[r->change->action].kind,
                                             .account = c->account,
                                             .stream = c->stream,
                                             .from = c->from,
                                             .to = count > 1 ? "" : c->to,
                                             .rule = RULE_COMMAND,
                                             .numbers = numbers,
                                             .text = text});
}

/* Those that leave the queue end there, each with its own event. */
static int tell_all(struct admin *a, const struct run *r, const struct chosen *all, size_t count) {
  const struct chosen *one = NULL;
  uint64_t changed = 0;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < count; i++) {
    if (!all[i].changed) continue;
    changed++;
    one = &all[i];
    if (r->change->action == QUEUE_DROP) rc = tell(a, r, one, 1);
  }
  bool whole = r->change->action != QUEUE_DROP && r->change->action != QUEUE_BOUNCE;
  return rc == OK && whole && changed ? tell(a, r, one, changed) : rc;
}

static int change_message(struct admin *a, struct run *r, struct chosen *all, size_t count, int64_t now) {
  uint64_t before = r->part.recipients;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < count; i++) rc = change_one(a, r, &all[i], now);
  r->part.messages += r->part.recipients > before;
  return rc == OK ? tell_all(a, r, all, count) : rc;
}

/* --- one part --- */

/* Messages without recipients go; an id stays in the part when its spool file must go, too, and becomes 0 otherwise. */
static int remove_messages(struct admin *a, struct part *p) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < p->count; i++) {
    bool gone, in_file = false;
    rc = message_remove_if_done(&a->q, p->all[i].message_id, &gone, &in_file);
    if (!in_file) p->all[i].message_id = 0;
  }
  return rc;
}

static int change_part(struct admin *a, struct part *p, struct run *r) {
  int rc = OK;
  int64_t now = clock_now_us();
  for (size_t from = 0, to; rc == OK && from < p->count; from = to) {
    for (to = from + 1; to < p->count && p->all[to].message_id == p->all[from].message_id;) to++;
    rc = change_message(a, r, &p->all[from], to - from, now);
  }
  return rc == OK && r->change->action == QUEUE_DROP ? remove_messages(a, p) : rc;
}

static int run_part(struct admin *a, struct part *p, struct run *r, struct reason *why) {
  r->part = (struct queue_changed){0};
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = change_part(a, p, r);
  rc = admin_end(a, rc, r->part.recipients ? "queue" : NULL, why);
  for (size_t i = 0; rc == OK && r->change->action == QUEUE_DROP && i < p->count; i++)
    if (p->all[i].message_id) spool_remove(a->data_dir, p->all[i].message_id);
  return rc;
}

/* --- all parts --- */

static void give_way(uint64_t held_ms) {
  uint64_t ms = held_ms > PAUSE_MS_LEAST ? held_ms : PAUSE_MS_LEAST;
  nanosleep(&(struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000}, NULL);
}

static void add_part(struct run *r) {
  struct queue_changed *all = &r->all, *part = &r->part;
  all->messages += part->messages;
  all->recipients += part->recipients;
  all->later += part->later;
  all->returning += part->returning;
  if (part->later_us && (!all->later_us || part->later_us < all->later_us)) all->later_us = part->later_us;
  if (r->change->progress) r->change->progress(r->change->arg, all->recipients);
}

static int run_parts(struct admin *a, struct part *p, const struct queue_filter *f, int64_t until, struct run *r,
                     struct reason *why) {
  int64_t from = 0;
  for (bool more = true; more;) {
    part_clear(p);
    int rc = queue_rows(&a->q, f, f->site != NULL, from, until, on_row, p);
    if (rc != OK) return sql_why(&a->q, rc, why);
    if (p->memory_failed) return fail(why, E_MEMORY, "out of memory");
    if (!p->count) return OK;
    from = p->all[p->count - 1].message_id + 1;
    more = p->cut;
    uint64_t begin = clock_monotonic_ms();
    rc = run_part(a, p, r, why);
    if (rc != OK) return rc;
    add_part(r);
    if (more && !r->change->hold_returning) give_way(clock_monotonic_ms() - begin);
  }
  return OK;
}

static int check_pool(struct admin *a, const char *pool, struct reason *why) {
  int64_t count;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT count(*) FROM sources WHERE pool = ?");
  sql_bind_text(s, 1, pool);
  int rc = sql_int(s, 0, &count);
  if (rc != OK) return sql_why(&a->q, rc, why);
  if (count) return OK;
  return fail(
      why, E_NOT_FOUND,
      "the pool %s has no source that mail could leave from; sendoff source list shows the pools, and this adds "
      "one: sendoff source add ADDRESS --helo NAME --pool %s",
      pool, pool);
}

int admin_queue(struct admin *a, const struct queue_filter *which, const struct queue_change *change,
                struct queue_changed *changed, struct reason *why) {
  struct run r = {.change = change, .concerns = queue_concerns(change->action, change->hold)};
  struct queue_filter f = *which;
  struct part p = {0};
  int64_t until;
  *changed = (struct queue_changed){0};
  f.limit = 0;
  if (change->action == QUEUE_HOLD && change->hold_returning) r.concerns |= QUEUE_IS_RETURNING;
  if (f.among) r.concerns &= f.among;
  f.among = r.concerns;
  snprintf(r.returned, sizeof r.returned, "%.32s %.160s", change->by && *change->by ? change->by : "-",
           change->reason ? change->reason : "");
  int rc = change->action == QUEUE_REROUTE ? check_pool(a, change->pool, why) : OK;
  if (rc != OK) return rc;
  /* What comes in from now on is not meant; otherwise this might never end. */
  rc = sql_int(sql_use(&a->q, "SELECT max(id) FROM recipients"), 0, &until);
  if (rc != OK) return sql_why(&a->q, rc, why);
  /* Also which domains are the site's: part by part, they would be other ones once a part has left the queue. */
  rc = f.site ? queue_keep_site(&a->q, f.site) : OK;
  if (rc != OK) return sql_why(&a->q, rc, why);
  rc = r.concerns ? run_parts(a, &p, &f, until, &r, why) : OK;
  part_free(&p);
  *changed = r.all;
  return rc;
}
