#include "relay/message/spooling.h"

#include "base/log.h"
#include "store/spool.h"

#include <stdlib.h>
#include <unistd.h>

struct spooling {
  uv_work_t work;
  struct loop *loop;
  int64_t id;
  int fd;
  uint64_t octets;
  struct buffer waiting, writing;
  bool busy, failed, ended, remove, want_finish;
  bool finishing, removing; /* what the work under way does: set before it starts, read on the pool */
  struct reason why;
  void (*moved)(void *arg, struct reason *why);
  void (*done)(void *arg, struct reason *why);
  void *arg;
};

struct spooling *spooling_begin(struct loop *loop, int64_t id, void (*moved)(void *arg, struct reason *why),
                                void *arg) {
  struct spooling *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->loop = loop;
  s->id = id;
  s->fd = -1;
  s->moved = moved;
  s->arg = arg;
  s->work.data = s;
  buffer_init(&s->waiting, 4 * SPOOLING_WAITING_MAX);
  buffer_init(&s->writing, 4 * SPOOLING_WAITING_MAX);
  return s;
}

static const char *data_dir(const struct spooling *s) {
  return s->loop->gateway->config->data_dir;
}

/* On the pool. */
static void work(uv_work_t *req) {
  struct spooling *s = req->data;
  int rc = OK;
  if (s->removing) {
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    spool_remove(data_dir(s), s->id);
    return;
  }
  if (s->fd < 0) rc = spool_begin(data_dir(s), s->id, &s->fd, &s->why);
  if (rc == OK && s->writing.len) rc = spool_write(s->fd, buffer_bytes(&s->writing), &s->why);
  if (rc == OK && s->finishing) rc = spool_finish(data_dir(s), s->id, &s->fd, &s->why);
  s->failed = rc != OK;
}

static void start(struct spooling *s);

static void destroy(struct spooling *s) {
  if (s->fd >= 0) close(s->fd);
  buffer_free(&s->waiting);
  buffer_free(&s->writing);
  free(s);
}

static void worked(uv_work_t *req, int status) {
  struct spooling *s = req->data;
  (void)status;
  s->busy = false;
  buffer_free(&s->writing);
  if (s->ended) {
    if (s->remove && !s->removing) {
      start(s);
      return;
    }
    destroy(s);
    return;
  }
  struct reason *why = s->failed ? &s->why : NULL;
  if (s->finishing || (s->failed && s->want_finish)) {
    s->done(s->arg, why);
    return;
  }
  if (!s->failed && (s->waiting.len || s->want_finish)) start(s);
  if (s->moved && !s->want_finish) s->moved(s->arg, why);
}

static void start(struct spooling *s) {
  struct buffer empty = s->writing;
  s->writing = s->waiting;
  s->waiting = empty;
  s->removing = s->ended && s->remove;
  s->finishing = s->want_finish && !s->removing;
  s->busy = true;
  uv_queue_work(&s->loop->uv, &s->work, work, worked); /* fails only for a NULL work function */
}

int spooling_write(struct spooling *s, struct bytes data) {
  int rc = buffer_add_bytes(&s->waiting, data);
  if (rc != OK) return rc;
  s->octets += data.len;
  if (!s->busy && !s->failed && s->waiting.len >= SPOOLING_WAITING_MAX / 4) start(s);
  return OK;
}

bool spooling_is_full(const struct spooling *s) {
  return s->busy && s->waiting.len >= SPOOLING_WAITING_MAX;
}
uint64_t spooling_octets(const struct spooling *s) {
  return s->octets;
}
bool spooling_is_finishing(const struct spooling *s) {
  return s->want_finish;
}

void spooling_finish(struct spooling *s, void (*done)(void *arg, struct reason *why)) {
  s->done = done;
  s->want_finish = true;
  if (!s->busy) start(s);
}

void spooling_end(struct spooling **at, bool remove) {
  struct spooling *s = *at;
  *at = NULL;
  if (!s) return;
  s->ended = true;
  s->remove = remove;
  if (s->busy) return;
  if (remove)
    start(s);
  else
    destroy(s);
}
