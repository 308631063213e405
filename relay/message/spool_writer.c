#include "relay/message/spool_writer.h"

#include "store/spool.h"

#include <stdlib.h>
#include <unistd.h>

/* What its owner wants. */
enum phase {
  PHASE_WRITING,
  PHASE_FINISHING, /* what waits is the rest */
  PHASE_RELEASED,  /* the owner has gone: the file stays as it is */
  PHASE_REMOVED    /* the owner has gone: the file goes, too */
};

/* What the pool does for it: set before the work starts, read by it. */
enum step { STEP_NONE, STEP_WRITE, STEP_FINISH, STEP_REMOVE };

struct spool_writer {
  uv_work_t work;
  struct loop *loop;
  int64_t id;
  int fd; /* -1: not open */
  uint64_t octets;
  struct buffer waiting, writing; /* writing: the pool's, while a step is under way */
  enum phase phase;
  enum step step;
  bool failed; /* for the reason in `why`; nothing more is written */
  struct reason why;
  void (*moved)(void *arg, struct reason *why);
  void (*done)(void *arg, struct reason *why);
  void *arg;
};

struct spool_writer *spool_writer_begin(struct loop *loop, int64_t id, void (*moved)(void *arg, struct reason *why),
                                        void *arg) {
  struct spool_writer *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->loop = loop;
  w->id = id;
  w->fd = -1;
  w->moved = moved;
  w->arg = arg;
  w->work.data = w;
  buffer_init(&w->waiting, 4 * SPOOL_WRITER_WAITING_MAX);
  buffer_init(&w->writing, 4 * SPOOL_WRITER_WAITING_MAX);
  return w;
}

static void destroy(struct spool_writer *w) {
  if (w->fd >= 0) close(w->fd);
  buffer_free(&w->waiting);
  buffer_free(&w->writing);
  free(w);
}

/* --- on the pool --- */

static void remove_file(struct spool_writer *w, const char *data_dir) {
  if (w->fd >= 0) close(w->fd);
  w->fd = -1;
  spool_remove(data_dir, w->id);
}

static int write_file(struct spool_writer *w, const char *data_dir) {
  int rc = w->fd < 0 ? spool_begin(data_dir, w->id, &w->fd, &w->why) : OK;
  if (rc == OK && w->writing.len) rc = spool_write(w->fd, buffer_bytes(&w->writing), &w->why);
  return rc == OK && w->step == STEP_FINISH ? spool_finish(data_dir, w->id, &w->fd, &w->why) : rc;
}

static void work(uv_work_t *req) {
  struct spool_writer *w = req->data;
  const char *data_dir = w->loop->gateway->config->data_dir;
  if (w->step == STEP_REMOVE)
    remove_file(w, data_dir);
  else if (!w->failed) /* what follows a hole is not wanted */
    w->failed = write_file(w, data_dir) != OK;
}

/* --- step by step --- */

static void on_step_done(uv_work_t *req, int status);

/* The next step, by what the owner wants. None is under way. */
static void start_step(struct spool_writer *w) {
  static const enum step steps[] = {STEP_WRITE, STEP_FINISH, STEP_NONE, STEP_REMOVE};
  struct buffer empty = w->writing;
  w->writing = w->waiting;
  w->waiting = empty;
  w->step = steps[w->phase];
  uv_queue_work(&w->loop->uv, &w->work, work, on_step_done); /* fails only for a NULL work function */
}

/* The owner has gone. */
static void end(struct spool_writer *w, enum step done) {
  if (w->phase == PHASE_REMOVED && done != STEP_REMOVE)
    start_step(w);
  else
    destroy(w);
}

static void report(struct spool_writer *w, enum step done) {
  struct reason *why = w->failed ? &w->why : NULL;
  bool finishing = w->phase == PHASE_FINISHING;
  if (done == STEP_FINISH || (w->failed && finishing)) {
    w->done(w->arg, why);
    return;
  }
  if (!w->failed && (w->waiting.len || finishing)) start_step(w);
  if (w->moved && !finishing) w->moved(w->arg, why);
}

static void on_step_done(uv_work_t *req, int status) {
  struct spool_writer *w = req->data;
  enum step done = w->step;
  (void)status;
  w->step = STEP_NONE;
  buffer_free(&w->writing);
  if (w->phase >= PHASE_RELEASED)
    end(w, done);
  else
    report(w, done);
}

/* --- its owner's calls --- */

int spool_writer_write(struct spool_writer *w, struct bytes data) {
  int rc = buffer_add_bytes(&w->waiting, data);
  if (rc != OK) return rc;
  w->octets += data.len;
  if (!w->step && !w->failed && w->waiting.len >= SPOOL_WRITER_WAITING_MAX / 4) start_step(w);
  return OK;
}

bool spool_writer_is_full(const struct spool_writer *w) {
  return w->step && w->waiting.len >= SPOOL_WRITER_WAITING_MAX;
}

uint64_t spool_writer_octets(const struct spool_writer *w) {
  return w->octets;
}

bool spool_writer_is_finishing(const struct spool_writer *w) {
  return w->phase == PHASE_FINISHING;
}

void spool_writer_finish(struct spool_writer *w, void (*done)(void *arg, struct reason *why)) {
  w->done = done;
  w->phase = PHASE_FINISHING;
  if (!w->step) start_step(w);
}

void spool_writer_end(struct spool_writer **at, bool remove) {
  struct spool_writer *w = *at;
  *at = NULL;
  if (!w) return;
  w->phase = remove ? PHASE_REMOVED : PHASE_RELEASED;
  if (!w->step) end(w, STEP_NONE);
}
