#include "base/clock.h"
#include "base/rule.h"
#include "store/spool.h"
#include "store/sqlite/admin_base.h"
#include "store/sqlite/idempotency_ends.h"
#include "store/sqlite/operations.h"
#include "store/sqlite/reader.h"

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
  char *account, *from, *to;
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
  }
  p->count = 0;
}

static bool on_row(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct part *p = arg;
  struct chosen c = {
      r->to.id, m->id, envelope_stream(m), strdup(m->account), strdup(m->reverse_path), strdup(r->to.address)};
  p->all[p->count++] = c;
  p->memory_failed = !c.account || !c.from || !c.to;
  return !p->memory_failed && p->count < PART;
}

/* --- one part --- */

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
};

static int change_one(struct admin *a, const struct chosen *c, const struct action *action) {
  int rc = action->kind == EVENT_DROPPED ? idempotency_ends_add(&a->q, c->id) : OK;
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, action->sql);
  sql_bind_int(s, 1, c->id);
  sql_bind_int(s, 2, clock_now_us());
  rc = sql_run(s);
  if (rc != OK) return rc;
  struct event e = {.message_id = c->message_id,
                    .kind = action->kind,
                    .account = c->account,
                    .stream = c->stream,
                    .from = c->from,
                    .to = c->to,
                    .rule = RULE_COMMAND,
                    .text = action->text};
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

static int change_part(struct admin *a, struct part *p, enum queue_action action) {
  int rc = p->memory_failed ? E_MEMORY : OK;
  for (size_t i = 0; rc == OK && i < p->count; i++) rc = change_one(a, &p->all[i], &actions[action]);
  return rc == OK && action == QUEUE_DROP ? remove_messages(a, p) : rc;
}

static int run_part(struct admin *a, struct part *p, const struct queue_filter *f, int64_t after, int64_t until,
                    enum queue_action action, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = queue_rows(&a->q, f, after, until, on_row, p);
  if (rc == OK) rc = change_part(a, p, action);
  rc = admin_end(a, rc, p->count ? "queue" : NULL, why);
  for (size_t i = 0; rc == OK && action == QUEUE_DROP && i < p->count; i++)
    if (p->all[i].message_id) spool_remove(a->data_dir, p->all[i].message_id);
  return rc;
}

/* --- all parts --- */

static void give_way(uint64_t held_ms) {
  uint64_t ms = held_ms > PAUSE_MS_LEAST ? held_ms : PAUSE_MS_LEAST;
  nanosleep(&(struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000}, NULL);
}

static int run_parts(struct admin *a, struct part *p, struct queue_filter f, int64_t until, enum queue_action action,
                     uint64_t *changed, struct reason *why) {
  int64_t after = 0;
  for (;;) {
    uint64_t begin = clock_monotonic_ms();
    int rc = run_part(a, p, &f, after, until, action, why);
    size_t count = p->count;
    if (count) after = p->all[count - 1].id;
    part_clear(p);
    if (rc != OK) return rc;
    *changed += count;
    if (count < PART || (f.limit && f.limit == count)) return OK;
    if (f.limit) f.limit -= count;
    give_way(clock_monotonic_ms() - begin);
  }
}

int admin_queue(struct admin *a, const struct queue_filter *which, enum queue_action action, uint64_t *changed,
                struct reason *why) {
  struct queue_filter f = *which;
  int64_t until;
  *changed = 0;
  if (actions[action].state >= 0) {
    if (f.state >= 0 && f.state != actions[action].state) return OK;
    f.state = actions[action].state;
  }
  /* What comes in from now on is not meant; otherwise this might never end. */
  int rc = sql_int(sql_use(&a->q, "SELECT max(id) FROM recipients"), 0, &until);
  if (rc != OK) return sql_why(&a->q, rc, why);
  struct part *p = calloc(1, sizeof *p);
  if (!p) return fail(why, E_MEMORY, "out of memory");
  rc = run_parts(a, p, f, until, action, changed, why);
  free(p);
  return rc;
}
