/* The writer thread and its queue. It takes everything that waits (up to a bound) as one batch; under load the next
 * batch gathers while this one syncs: group commit, without a timer. */
#include "store/store.h"

#include "base/clock.h"
#include "store/housekeeping.h"
#include "store/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct store {
  pthread_t thread;
  struct writer writer;             /* the thread's */
  struct housekeeping housekeeping; /* the thread's */
  pthread_mutex_t lock;             /* of all that follows */
  pthread_cond_t posted;
  struct store_op *head, **tail;
  bool stop;
  struct store_figures figures;
};

/* With the lock held: the first BATCH_MAX that wait, or NULL. */
static struct store_op *take(struct store *s) {
  struct store_op *batch = s->head, **end = &s->head;
  size_t n = 0;
  for (; *end && n < BATCH_MAX; n++) end = &(*end)->next;
  struct store_op *rest = *end;
  *end = NULL;
  s->head = rest;
  if (!rest) s->tail = &s->head;
  s->figures.waiting -= n;
  return batch;
}

static void wait_until(struct store *s, uint64_t monotonic_ms) {
  if (monotonic_ms == UINT64_MAX) {
    pthread_cond_wait(&s->posted, &s->lock);
    return;
  }
  struct timespec at = {(time_t)(monotonic_ms / 1000), (long)(monotonic_ms % 1000) * 1000000};
  pthread_cond_timedwait(&s->posted, &s->lock, &at);
}

static void publish(struct store *s) {
  s->figures.operations = s->writer.operations;
  s->figures.commits = s->writer.commits;
  s->figures.failed_commits = s->writer.failed_commits;
}

static void *writer_thread(void *arg) {
  struct store *s = arg;
  uint64_t due = 0;
  pthread_mutex_lock(&s->lock);
  while (!s->stop || s->head) {
    struct store_op *batch = take(s);
    if (!batch && clock_monotonic_ms() < due) {
      wait_until(s, due);
      continue;
    }
    pthread_mutex_unlock(&s->lock);
    if (batch) {
      writer_run(&s->writer, batch);
      housekeeping_busy(&s->housekeeping, clock_monotonic_ms());
    }
    due = housekeeping_run(&s->housekeeping, clock_monotonic_ms());
    pthread_mutex_lock(&s->lock);
    publish(s);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

void store_post(struct store *s, struct store_op *op) {
  op->next = NULL;
  op->result = OK;
  op->why.text[0] = '\0';
  pthread_mutex_lock(&s->lock);
  bool first = !s->head;
  *s->tail = op;
  s->tail = &op->next;
  s->figures.waiting++;
  pthread_mutex_unlock(&s->lock);
  if (first) pthread_cond_signal(&s->posted);
}

void store_figures(struct store *s, struct store_figures *out) {
  pthread_mutex_lock(&s->lock);
  *out = s->figures;
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
  int rc = writer_open(data_dir, options->repeat_window_us, &s->writer, why);
  if (rc == OK) {
    housekeeping_init(&s->housekeeping, &s->writer.q, options, clock_monotonic_ms());
    rc = start_thread(s, why);
    if (rc != OK) writer_close(&s->writer);
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
  writer_close(&s->writer);
  destroy(s);
}
