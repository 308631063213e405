/* The writer thread and its queue. It takes everything that waits (up to a bound) as one batch: group commit. Batches
 * grow in three ways, and none of them makes anybody wait on a machine that has nothing else to do:
 * - what comes while one batch syncs is the next;
 * - before it takes a batch, the writer lets those run that are ready to: on a busy machine they post theirs first;
 * - a patient operation (store.h) waits for company, so that what became of a message shares the commit of one that
 * comes in; when none comes, for GATHER_MS. To that end the writer naps after each batch, and nothing but what is
 * urgent wakes it. */
#include "store/store.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "base/text/quantity.h"
#include "store/sqlite/housekeeping.h"
#include "store/sqlite/writer.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

/* Both bound what a crash can make be sent again: mail that a next hop has taken, of which no commit tells yet. */
#define GATHER_MS 20
#define HOUSE_AGAIN_MS 1000
#define COMPANY 32 /* operations, patient ones too, that are company enough for each other */

struct store {
  pthread_t thread;
  struct writer writer;             /* the thread's, but for its view of usage */
  struct housekeeping housekeeping; /* the thread's */
  pthread_mutex_t lock;             /* of all that follows */
  pthread_cond_t posted;
  struct store_op *head, **tail;
  size_t urgent;          /* operations among them that somebody waits for */
  uint64_t nap_end_ms;    /* monotonic; until then patient ones wait */
  bool dozing;            /* the nap is over, and nothing waits: whatever comes must wake the writer */
  uint64_t busy_since_ms; /* monotonic: a turn of the writer began, or its first operation came; 0: it rests */
  bool stop;
  struct store_counters counters;
};

/* With the lock held: the first BATCH_MAX that wait, or NULL. */
static struct store_op *take(struct store *s) {
  struct store_op *batch = s->head, **end = &s->head;
  size_t n = 0;
  for (; *end && n < BATCH_MAX; n++) {
    if (!(*end)->patient) s->urgent--;
    end = &(*end)->next;
  }
  struct store_op *rest = *end;
  *end = NULL;
  s->head = rest;
  if (!rest) s->tail = &s->head;
  s->counters.waiting -= n;
  return batch;
}

/* With the lock held. */
static bool ready(const struct store *s, uint64_t now_ms) {
  return s->urgent || s->stop || s->counters.waiting >= COMPANY || (s->head && now_ms >= s->nap_end_ms);
}

/* With the lock held: until something is posted that does not let itself be put off, the nap is over, or
 * housekeeping is due. */
static void rest(struct store *s, uint64_t now_ms, uint64_t due_ms) {
  uint64_t until_ms = now_ms < s->nap_end_ms && s->nap_end_ms < due_ms ? s->nap_end_ms : due_ms;
  s->dozing = now_ms >= s->nap_end_ms;
  if (until_ms == UINT64_MAX) {
    pthread_cond_wait(&s->posted, &s->lock);
  } else {
    struct timespec at = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    pthread_cond_timedwait(&s->posted, &s->lock, &at);
  }
  s->dozing = false;
}

static void publish(struct store *s) {
  s->counters.operations = s->writer.operations;
  s->counters.commits = s->writer.commits;
  s->counters.failed_commits = s->writer.failed_commits;
}

/* Releases the lock. Where a core is free this costs a system call; where none is, it saves most of the syncs. */
static void let_others_post(struct store *s) {
  pthread_mutex_unlock(&s->lock);
  sched_yield();
  pthread_mutex_lock(&s->lock);
}

/* Between batches; returns when it is due again. */
static uint64_t keep_house(struct store *s, uint64_t now_ms) {
  uint64_t tend_ms = writer_tend(&s->writer, now_ms), due_ms = UINT64_MAX;
  if (health_state(&s->writer.health) != STORE_GOOD) return tend_ms;
  if (renewable_begin(&s->writer.at, NULL) == OK) {
    due_ms = housekeeping_run(&s->housekeeping, now_ms);
    renewable_end(&s->writer.at, OK);
  } else {
    due_ms = now_ms + HOUSE_AGAIN_MS;
  }
  return tend_ms < due_ms ? tend_ms : due_ms;
}

static void *writer_thread(void *arg) {
  struct store *s = arg;
  uint64_t due_ms = 0;
  prctl(PR_SET_NAME, "store");
  pthread_mutex_lock(&s->lock);
  while (!s->stop || s->head) {
    uint64_t now_ms = clock_monotonic_ms();
    if (s->urgent) let_others_post(s);
    struct store_op *batch = ready(s, now_ms) ? take(s) : NULL;
    if (!batch && now_ms < due_ms) {
      rest(s, now_ms, due_ms);
      continue;
    }
    s->busy_since_ms = now_ms;
    pthread_mutex_unlock(&s->lock);
    if (batch) {
      writer_run(&s->writer, batch);
      housekeeping_busy(&s->housekeeping, clock_monotonic_ms());
    }
    due_ms = keep_house(s, clock_monotonic_ms());
    pthread_mutex_lock(&s->lock);
    s->busy_since_ms = s->head ? clock_monotonic_ms() : 0;
    publish(s);
    if (batch) s->nap_end_ms = clock_monotonic_ms() + GATHER_MS;
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

/* With the lock held. True when the writer must be woken for it. */
static bool arrive(struct store *s, const struct store_op *op) {
  bool was_ready = s->urgent || s->counters.waiting >= COMPANY;
  s->counters.waiting++;
  if (!s->busy_since_ms) s->busy_since_ms = clock_monotonic_ms();
  if (!op->patient) s->urgent++;
  if (op->patient && s->dozing) {
    s->dozing = false;
    s->nap_end_ms = clock_monotonic_ms() + GATHER_MS;
    return true;
  }
  return !was_ready && (s->urgent || s->counters.waiting >= COMPANY);
}

void store_post(struct store *s, struct store_op *op) {
  op->next = NULL;
  op->result = OK;
  op->why.text[0] = '\0';
  pthread_mutex_lock(&s->lock);
  *s->tail = op;
  s->tail = &op->next;
  bool wake = arrive(s, op);
  pthread_mutex_unlock(&s->lock);
  if (wake) pthread_cond_signal(&s->posted);
}

void store_usage(struct store *s, const struct usage_scope *scope, struct usage *out) {
  usage_view_get(s->writer.view, scope, out);
  usage_roll(out, clock_now_us(), scope->zone);
}

void store_brake(struct store *s, const char *account, struct brake_status *out) {
  brake_view_get(s->writer.braked, account, out);
}

bool store_maybe_suppressed(struct store *s, const char *account, const char *address) {
  char key[ADDRESS_KEY];
  struct suppression_view *v = s->writer.suppressed;
  if (suppression_view_is_empty(v) || address_key(bytes_of(address), key) != OK) return false;
  return suppression_view_has(v, "", key) || suppression_view_has(v, account, key);
}

void store_condition(struct store *s, struct store_condition *out) {
  health_read(&s->writer.health, out);
  out->disk_low = !disk_room(&s->writer.disk);
  disk_read(&s->writer.disk, &out->disk_free, &out->disk_reserve);
}

static int refuse_for_room(struct store *s, struct reason *why) {
  struct store_condition now;
  char has[40], wants[40];
  store_condition(s, &now);
  size_format(now.disk_free, has, sizeof has);
  size_format(now.disk_reserve, wants, sizeof wants);
  return fail(why, E_FULL, "%s free, %s are kept free", has, wants);
}

int store_takes_mail(struct store *s, uint64_t octets, struct reason *why) {
  enum store_state state = health_state(&s->writer.health);
  if (state == STORE_LOST) return fail(why, E_IO, "its files have gone");
  if (state == STORE_FULL) return refuse_for_room(s, why);
  uint64_t room = disk_room(&s->writer.disk);
  return room && octets <= room ? OK : refuse_for_room(s, why);
}

bool store_records(struct store *s) {
  return health_state(&s->writer.health) == STORE_GOOD;
}

uint64_t store_stalled_ms(struct store *s) {
  pthread_mutex_lock(&s->lock);
  uint64_t since_ms = s->busy_since_ms;
  pthread_mutex_unlock(&s->lock);
  uint64_t now_ms = clock_monotonic_ms();
  return since_ms && now_ms > since_ms ? now_ms - since_ms : 0;
}

void store_counters(struct store *s, struct store_counters *out) {
  pthread_mutex_lock(&s->lock);
  *out = s->counters;
  pthread_mutex_unlock(&s->lock);
}

/* --- life --- */

static void init_lock(struct store *s) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&s->posted, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_mutex_init(&s->lock, NULL);
}

static void destroy(struct store *s) {
  pthread_cond_destroy(&s->posted);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static void close_parts(struct store *s) {
  housekeeping_free(&s->housekeeping);
  writer_close(&s->writer);
}

/* Signals are the main thread's. */
static int start_thread(struct store *s, struct reason *why) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&s->thread, NULL, writer_thread, s);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed ? fail(why, E_IO, "cannot start the store's writer thread") : OK;
}

int store_open(const char *data_dir, const struct store_options *options, struct store **out, struct reason *why) {
  *out = NULL;
  struct store *s = calloc(1, sizeof *s);
  if (!s) return fail(why, E_MEMORY, "out of memory");
  init_lock(s);
  s->tail = &s->head;
  int rc = writer_open(data_dir, options, &s->writer, why);
  if (rc == OK) {
    rc = housekeeping_init(&s->housekeeping, &s->writer.at.q, s->writer.suppressed, options, clock_monotonic_ms());
    rc = rc == OK ? start_thread(s, why) : fail(why, rc, "out of memory");
    if (rc != OK) close_parts(s);
  }
  if (rc == OK)
    *out = s;
  else
    destroy(s);
  return rc;
}

void store_close(struct store **at) {
  struct store *s = *at;
  *at = NULL;
  if (!s) return;
  pthread_mutex_lock(&s->lock);
  s->stop = true;
  pthread_cond_signal(&s->posted);
  pthread_mutex_unlock(&s->lock);
  pthread_join(s->thread, NULL);
  close_parts(s);
  destroy(s);
}
