#include "base/clock.h"
#include "base/rule.h"
#include "store/spool.h"
#include "store/sqlite/admin_base.h"
#include "store/sqlite/idempotency_ends.h"
#include "store/sqlite/operations.h"
#include "store/sqlite/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The queue may hold millions, and the gateway's writer waits while this holds the database: so a part at a time, each
 * a transaction of its own, with a pause in between that lets the gateway have its turn. */
#define PART 1000
#define PAUSE_MS_LEAST 20

/* The recipients of a part are gathered first, then changed one by one, each with its event: a selection that is being
 * changed must not be walked at the same time. */
struct chosen {
  int64_t id, message_id;
  enum mail_stream stream;
  char *account, *from, *to, *pool;
};

struct part {
  struct chosen all[PART];
  size_t count;
  bool memory_failed;
};

static void part_clear(struct part *p) {
  for (size_t i = 0; i < p->count; i++) {
    free(p->all[i].account);
    free(p->all[i].from);
    free(p->all[i].to);
    free(p->all[i].pool);
  }
  p->count = 0;
}

static bool on_row(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct part *p = arg;
  struct chosen c = {.id = r->to.id,
                     .message_id = m->id,
                     .stream = envelope_stream(m),
                     .account = strdup(m->account),
                     .from = strdup(m->reverse_path),
                     .to = strdup(r->to.address),
                     .pool = strdup(m->pool)};
  p->all[p->count++] = c;
  p->memory_failed = !c.account || !c.from || !c.to || !c.pool;
  return !p->memory_failed && p->count < PART;
}

/* --- one part --- */

/* What is done to each. */
struct change {
  enum queue_action action;
  const struct queue_reroute *to; /* of QUEUE_REROUTE */
  uint64_t changed;               /* of the part */
};

/* Not what is in that pool already; and what rests on SPF only by force, or back to where that was asked about. */
_Static_assert((MESSAGE_SOURCES_ONLY | MESSAGE_RESTS_ON_SPF) == 10240, "REROUTE has the flags as a number");
#define REROUTE                                                                                                        \
  "UPDATE recipients SET pool = iif(m.pool = ?2, '', ?2) FROM messages m WHERE recipients.id = ?1"                     \
  " AND m.id = recipients.message_id AND iif(recipients.pool = '', m.pool, recipients.pool) <> ?2"                     \
  " AND (?3 OR m.pool = ?2 OR m.flags & 10240 = 0)"

static const struct action {
  enum event_kind kind;
  int state; /* of the recipients that it concerns; -1: any */
  const char *sql, *text;
} actions[] = {
    [QUEUE_RETRY] = {EVENT_RELEASED, RECIPIENT_QUEUED, "UPDATE recipients SET next_us = min(next_us, ?2) WHERE id = ?1",
                     "to be tried again now, by command"},
    [QUEUE_HOLD] = {EVENT_HELD, RECIPIENT_QUEUED, "UPDATE recipients SET state = 1 WHERE id = ?1 AND ?2 <> 0",
                    "held by command"},
    /* Never before its sender or its account's smoothed limit lets it go (RFC 4865). */
    [QUEUE_RELEASE] = {EVENT_RELEASED, RECIPIENT_HELD,
                       "UPDATE recipients SET state = 0, next_us = max(?2, not_before_us) WHERE id = ?1",
                       "released by command"},
    [QUEUE_DROP] = {EVENT_DROPPED, -1, "DELETE FROM recipients WHERE id = ?1 AND ?2 <> 0", "dropped by command"},
    [QUEUE_REROUTE] = {EVENT_REROUTED, -1, REROUTE, NULL},
};

/* "moved from the pool default to the pool bulk, by command" */
static const char *text_of(const struct change *change, const struct chosen *c, char out[256]) {
  if (change->action != QUEUE_REROUTE) return actions[change->action].text;
  snprintf(out, 256, "moved from the pool %.64s to the pool %.64s, by command%s", c->pool, change->to->pool,
           change->to->despite_spf ? ", whatever SPF says of its sources" : "");
  return out;
}

static void bind_change(sqlite3_stmt *s, const struct change *change, const struct chosen *c) {
  sql_bind_int(s, 1, c->id);
  if (change->action == QUEUE_REROUTE) {
    sql_bind_text(s, 2, change->to->pool);
    sql_bind_int(s, 3, change->to->despite_spf);
  } else {
    sql_bind_int(s, 2, clock_now_us());
  }
}

static int change_one(struct admin *a, const struct chosen *c, struct change *change) {
  const struct action *action = &actions[change->action];
  char text[256];
  int rc = action->kind == EVENT_DROPPED ? idempotency_ends_add(&a->q, c->id) : OK;
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, action->sql);
  bind_change(s, change, c);
  rc = sql_run(s);
  if (rc != OK || (change->action == QUEUE_REROUTE && !sqlite3_changes(a->q.db))) return rc;
  change->changed++;
  struct event e = {.message_id = c->message_id,
                    .kind = action->kind,
                    .account = c->account,
                    .stream = c->stream,
                    .from = c->from,
                    .to = c->to,
                    .rule = RULE_COMMAND,
                    .text = text_of(change, c, text)};
  return event_insert(&a->q, &e);
}

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

static int change_part(struct admin *a, struct part *p, struct change *change) {
  int rc = p->memory_failed ? E_MEMORY : OK;
  change->changed = 0;
  for (size_t i = 0; rc == OK && i < p->count; i++) rc = change_one(a, &p->all[i], change);
  return rc == OK && change->action == QUEUE_DROP ? remove_messages(a, p) : rc;
}

static int run_part(struct admin *a, struct part *p, const struct queue_filter *f, int64_t after, int64_t until,
                    struct change *change, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = queue_rows(&a->q, f, after, until, on_row, p);
  if (rc == OK) rc = change_part(a, p, change);
  rc = admin_end(a, rc, p->count ? "queue" : NULL, why);
  for (size_t i = 0; rc == OK && change->action == QUEUE_DROP && i < p->count; i++)
    if (p->all[i].message_id) spool_remove(a->data_dir, p->all[i].message_id);
  return rc;
}

/* --- all parts --- */

static void give_way(uint64_t held_ms) {
  uint64_t ms = held_ms > PAUSE_MS_LEAST ? held_ms : PAUSE_MS_LEAST;
  nanosleep(&(struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000}, NULL);
}

static int run_parts(struct admin *a, struct part *p, struct queue_filter f, int64_t until, struct change *change,
                     uint64_t *changed, struct reason *why) {
  int64_t after = 0;
  for (;;) {
    uint64_t begin = clock_monotonic_ms();
    int rc = run_part(a, p, &f, after, until, change, why);
    size_t count = p->count;
    if (count) after = p->all[count - 1].id;
    part_clear(p);
    if (rc != OK) return rc;
    *changed += change->changed;
    if (count < PART || (f.limit && f.limit == count)) return OK;
    if (f.limit) f.limit -= count;
    give_way(clock_monotonic_ms() - begin);
  }
}

static int run(struct admin *a, const struct queue_filter *which, struct change *change, uint64_t *changed,
               struct reason *why) {
  struct queue_filter f = *which;
  int64_t until;
  *changed = 0;
  int state = actions[change->action].state;
  if (state >= 0) {
    if (f.state >= 0 && f.state != state) return OK;
    f.state = state;
  }
  /* What comes in from now on is not meant; otherwise this might never end. */
  int rc = sql_int(sql_use(&a->q, "SELECT max(id) FROM recipients"), 0, &until);
  if (rc != OK) return sql_why(&a->q, rc, why);
  struct part *p = calloc(1, sizeof *p);
  if (!p) return fail(why, E_MEMORY, "out of memory");
  rc = run_parts(a, p, f, until, change, changed, why);
  free(p);
  return rc;
}

int admin_queue(struct admin *a, const struct queue_filter *which, enum queue_action action, uint64_t *changed,
                struct reason *why) {
  struct change change = {.action = action};
  return run(a, which, &change, changed, why);
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

int admin_queue_reroute(struct admin *a, const struct queue_filter *which, const struct queue_reroute *to,
                        uint64_t *changed, struct reason *why) {
  struct change change = {.action = QUEUE_REROUTE, .to = to};
  *changed = 0;
  int rc = check_pool(a, to->pool, why);
  return rc == OK ? run(a, which, &change, changed, why) : rc;
}
