/* What the store's tests share: a folder of their own, a store in it, and operations that are posted and waited for. */
#ifndef SENDOFF_TESTS_STORE_LAB_H
#define SENDOFF_TESTS_STORE_LAB_H

#include "base/clock.h"
#include "base/id.h"
#include "store/admin.h"
#include "store/read.h"
#include "store/spool.h"
#include "store/write.h"

#include "tests/unit/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* A call that must be OK; its reason is shown when it is not. */
#define assert_ok(call, why)                                                                                           \
  do {                                                                                                                 \
    int rc_ = (call);                                                                                                  \
    if (rc_ != OK) fail_msg("%s: %s: %s", #call, result_text(rc_), (why).text);                                        \
  } while (0)

/* --- files --- */

static inline bool lab_exists(const char *path) {
  return access(path, F_OK) == 0;
}

static inline void lab_spool_path(const char *dir, int64_t id, char *out, size_t size) {
  char text[ID_TEXT];
  id_format(id, text);
  snprintf(out, size, "%s/spool/%s/%s", dir, text + strlen(text) - 2, text);
}

/* --- a poster: a thread with its port --- */

struct poster {
  struct store *store;
  struct store_port *port;
  pthread_mutex_t lock;
  pthread_cond_t woken;
  bool wake;
  size_t open;
};

static inline void poster_wake(void *arg) {
  struct poster *p = arg;
  pthread_mutex_lock(&p->lock);
  p->wake = true;
  pthread_cond_signal(&p->woken);
  pthread_mutex_unlock(&p->lock);
}

static inline void poster_init(struct poster *p, struct store *store) {
  memset(p, 0, sizeof *p);
  p->store = store;
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->woken, NULL);
  assert_int_equal(store_port_new(store, poster_wake, p, &p->port), OK);
}

static inline void poster_free(struct poster *p) {
  store_port_free(&p->port);
  pthread_cond_destroy(&p->woken);
  pthread_mutex_destroy(&p->lock);
}

static inline void poster_wait_wake(struct poster *p) {
  pthread_mutex_lock(&p->lock);
  while (!p->wake) pthread_cond_wait(&p->woken, &p->lock);
  p->wake = false;
  pthread_mutex_unlock(&p->lock);
  store_port_drain(p->port);
}

/* Every operation's completion; the poster is found through this, as a loop finds itself. */
static _Thread_local struct poster *lab_poster;

static inline void lab_done(struct store_op *op) {
  (void)op;
  lab_poster->open--;
}

static inline void lab_post(struct poster *p, struct store_op *op) {
  op->port = p->port;
  op->done = lab_done;
  p->open++;
  store_post(p->store, op);
}

static inline void lab_wait(struct poster *p) {
  lab_poster = p;
  while (p->open) poster_wait_wake(p);
}

static inline int lab_run(struct poster *p, struct store_op *op) {
  lab_post(p, op);
  lab_wait(p);
  return op->result;
}

/* --- a store --- */

struct lab {
  char dir[256];
  struct store *store;
  struct poster poster;
  struct reason why;
  int64_t idempotency_window_us; /* 0 */
  uint64_t disk_reserve;         /* 0 */
};

static inline void lab_open(struct lab *l) {
  struct store_options options = {.idempotency_window_us = l->idempotency_window_us, .disk_reserve = l->disk_reserve};
  assert_ok(store_create(l->dir, &l->why), l->why);
  assert_ok(store_open(l->dir, &options, &l->store, &l->why), l->why);
  poster_init(&l->poster, l->store);
}

static inline void lab_close(struct lab *l) {
  if (!l->store) return;
  store_close(&l->store);
  poster_free(&l->poster);
}

static inline void lab_reopen(struct lab *l) {
  lab_close(l);
  lab_open(l);
}

static inline int lab_setup(void **state) {
  struct lab *l = *state = calloc(1, sizeof *l);
  if (!l) return -1;
  folder_make(l->dir, sizeof l->dir);
  lab_open(l);
  return 0;
}

static inline int lab_teardown(void **state) {
  struct lab *l = *state;
  lab_close(l);
  folder_remove(l->dir);
  free(l);
  clock_set_for_tests(0);
  return 0;
}

static inline struct reader *lab_reader(struct lab *l) {
  struct reader *r;
  assert_ok(reader_open(l->dir, &r, &l->why), l->why);
  return r;
}

/* As it is on the disk now. */
static inline struct directory *lab_directory(struct lab *l) {
  struct directory *d;
  struct reader *r = lab_reader(l);
  assert_ok(reader_directory(r, &d, &l->why), l->why);
  assert_int_equal(d->generation, reader_generation(r));
  reader_close(&r);
  return d;
}

static inline struct admin *lab_admin(struct lab *l) {
  struct admin *a;
  assert_ok(admin_open(l->dir, &a, &l->why), l->why);
  return a;
}

/* The database by a connection of the caller's own, who closes it. It waits: the store may still be at work of its own. */
static inline sqlite3 *lab_database(const char *dir) {
  char path[300];
  sqlite3 *db;
  snprintf(path, sizeof path, "%s/%s", dir, STORE_FILE);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 30000);
  return db;
}

/* One number of what is on the disk, not of what the store believes. */
static inline int64_t lab_number(const char *dir, const char *sql) {
  sqlite3 *db = lab_database(dir);
  sqlite3_stmt *s;
  if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  assert_int_equal(sqlite3_step(s), SQLITE_ROW);
  int64_t n = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  sqlite3_close(db);
  return n;
}

static inline void lab_exec(const char *dir, const char *sql) {
  char *error = NULL;
  sqlite3 *db = lab_database(dir);
  if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) fail_msg("%s: %s", sql, error);
  sqlite3_close(db);
}

static inline void lab_add_account(struct lab *l, const char *name) {
  struct admin *a = lab_admin(l);
  assert_ok(admin_account_add(a, &(struct account){.name = name, .pool = "default"}, &l->why), l->why);
  admin_close(&a);
}

/* With the account blog, in a store that knows repeats for so long. */
static inline int lab_setup_idempotency(void **state, int64_t window_us) {
  struct lab *l = *state = calloc(1, sizeof *l);
  if (!l) return -1;
  folder_make(l->dir, sizeof l->dir);
  l->idempotency_window_us = window_us;
  lab_open(l);
  lab_add_account(l, "blog");
  return 0;
}

/* --- mail --- */

#define LETTER_RECIPIENTS 4

/* A message to accept, with all that it points to. */
struct letter {
  struct store_accept accept;
  struct recipient recipients[LETTER_RECIPIENTS];
};

static inline int64_t letter_id(const struct letter *m) {
  return m->accept.message.envelope.id;
}

/* `to` is a list of addresses that NULL ends; the domain is what follows the @. */
static inline void letter_to(struct letter *m, const char *account, const char *const *to) {
  int64_t now = clock_now_us();
  memset(m, 0, sizeof *m);
  size_t n = 0;
  for (; to[n]; n++)
    m->recipients[n] = (struct recipient){.address = to[n], .domain = strchr(to[n], '@') + 1, .id = id_new()};
  m->accept.message = (struct new_message){.envelope = {.id = id_new(),
                                                        .account = account,
                                                        .pool = "default",
                                                        .reverse_path = "from@example.com",
                                                        .size = 10,
                                                        .created_us = now,
                                                        .expires_us = now + 86400 * SECOND_US},
                                           .recipients = m->recipients,
                                           .recipient_count = n,
                                           .prefix = BYTES("X-A: 1\r\n"),
                                           .content = BYTES("\r\n"),
                                           .first_attempt_us = now};
  m->accept.accepted = (struct event){.account = account,
                                      .from = "from@example.com",
                                      .to = to[0],
                                      .code = 250,
                                      .enhanced = "2.0.0",
                                      .text = "kept",
                                      .host = "192.0.2.1"};
  m->accept.count_usage = true;
  m->accept.scopes[m->accept.scope_count++] = (struct usage_scope){.scope = SCOPE_ACCOUNT, .owner = account};
  store_accept_init(&m->accept);
}

/* The limits of its account. */
static inline void letter_limit(struct letter *m, const struct limit *limits, size_t count) {
  m->accept.scopes[0].limits = limits;
  m->accept.scopes[0].limit_count = count;
}

/* It counts for all that a message can count for; the limits are of one of them, in enum scope's order. */
static inline void letter_scopes(struct letter *m, enum scope limited, const struct limit *limits, size_t count) {
  static const char *const owners[SCOPE_COUNT] = {"", "example.com", "blog", "blog/bulk"};
  for (enum scope s = 0; s < SCOPE_COUNT; s++)
    m->accept.scopes[s] = (struct usage_scope){.scope = s, .owner = owners[s]};
  m->accept.scope_count = SCOPE_COUNT;
  m->accept.scopes[limited].limits = limits;
  m->accept.scopes[limited].limit_count = count;
}

static inline int account_used(struct reader *r, const char *account, struct usage *out) {
  return reader_usage(r, &(struct usage_scope){.scope = SCOPE_ACCOUNT, .owner = account}, out);
}

static inline void letter_make(struct letter *m, const char *account, const char *to) {
  letter_to(m, account, (const char *const[]){to, NULL});
}

static inline struct letter lab_accept(struct lab *l, const char *account, const char *to) {
  struct letter m;
  letter_make(&m, account, to);
  if (lab_run(&l->poster, &m.accept.op) != OK) fail_msg("accept: %s", m.accept.op.why.text);
  m.accept.message.recipients = NULL; /* of the copy that is given back */
  return m;
}

/* One recipient's outcome. */
static inline int lab_outcome(struct lab *l, int64_t message, int64_t recipient, enum event_kind kind, int64_t next_us,
                              struct store_outcome *out) {
  struct recipient_outcome one = {.recipient_id = recipient,
                                  .event = {.kind = kind, .account = "a", .text = "so it is"},
                                  .next_us = next_us,
                                  .counts = true};
  struct store_outcome o = {.message_id = message, .outcomes = &one, .outcome_count = 1};
  store_outcome_init(&o);
  int rc = lab_run(&l->poster, &o.op);
  if (out) *out = o;
  return rc;
}

/* --- what was read --- */

#define SEEN_MAX 64

struct seen_entry {
  int64_t message_id, recipient_id, next_us;
  unsigned attempts, flags;
  enum recipient_state state;
  char account[64], address[128], domain[128], last[128];
};
struct seen_queue {
  struct seen_entry all[SEEN_MAX];
  size_t count, stop_after; /* 0: never */
};

static inline bool see_entry(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct seen_queue *q = arg;
  assert_true(q->count < SEEN_MAX);
  struct seen_entry *e = &q->all[q->count++];
  *e = (struct seen_entry){.message_id = m->id,
                           .recipient_id = r->to.id,
                           .next_us = r->next_us,
                           .attempts = r->attempts,
                           .flags = m->flags,
                           .state = r->state};
  snprintf(e->account, sizeof e->account, "%s", m->account);
  snprintf(e->address, sizeof e->address, "%s", r->to.address);
  snprintf(e->domain, sizeof e->domain, "%s", r->to.domain);
  snprintf(e->last, sizeof e->last, "%s", r->last);
  return q->count != q->stop_after;
}

struct seen_event {
  int64_t id, message_id;
  enum event_kind kind;
  int code;
  uint64_t count;
  char account[64], from[128], to[128], text[128], ref[16];
  enum mail_stream stream;
  char verdict[64];
};
struct seen_log {
  struct seen_event all[SEEN_MAX];
  size_t count, stop_after;
};

static inline bool see_event(void *arg, const struct event *e) {
  struct seen_log *l = arg;
  assert_true(l->count < SEEN_MAX);
  struct seen_event *s = &l->all[l->count++];
  *s = (struct seen_event){.id = e->id,
                           .message_id = e->message_id,
                           .kind = e->kind,
                           .code = e->code,
                           .count = e->count,
                           .stream = e->stream};
  snprintf(s->account, sizeof s->account, "%s", e->account);
  snprintf(s->from, sizeof s->from, "%s", e->from);
  snprintf(s->to, sizeof s->to, "%s", e->to);
  snprintf(s->text, sizeof s->text, "%s", e->text);
  snprintf(s->ref, sizeof s->ref, "%s", e->ref);
  snprintf(s->verdict, sizeof s->verdict, "%s", e->verdict);
  return l->count != l->stop_after;
}

static inline void lab_queue(struct lab *l, struct seen_queue *out) {
  struct reader *r = lab_reader(l);
  memset(out, 0, sizeof *out);
  assert_int_equal(reader_queue(r, &(struct queue_filter){.state = -1}, see_entry, out), OK);
  reader_close(&r);
}

static inline void lab_log(struct lab *l, int64_t message_id, struct seen_log *out) {
  struct reader *r = lab_reader(l);
  memset(out, 0, sizeof *out);
  assert_int_equal(reader_log(r, &(struct log_filter){.kind = -1, .message_id = message_id}, see_event, out), OK);
  reader_close(&r);
}

#endif
