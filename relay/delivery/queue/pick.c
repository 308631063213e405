#include "relay/delivery/queue/pick.h"

#include "relay/delivery/delivery.h"

#include "base/id.h"
#include "base/log.h"
#include "store/read.h"

#include <stdlib.h>
#include <string.h>

#define SKIPPED_MAX 2000

struct picker {
  uv_loop_t *loop;
  struct reader *reader;
  struct pick pick;
  bool busy;
  uv_work_t work;
  void (*done)(void *arg, struct pick *pick);
  void *arg;
};

static void free_jobs(struct job **jobs) {
  while (*jobs) {
    struct job *j = *jobs;
    *jobs = j->next;
    job_free(&j);
  }
}

static void clear(struct pick *p) {
  for (size_t i = 0; i < p->rows_count; i++) {
    free(p->rows[i].domain);
    free_jobs(&p->rows[i].jobs);
  }
  free_jobs(&p->returns.jobs);
  for (size_t i = 0; i < p->lane_count; i++) free(p->lanes[i].domain);
  free(p->lanes);
  memset(p, 0, sizeof *p);
}

/* --- on the pool --- */

static bool make_room(struct pick *p) {
  if (p->lane_count < p->lane_room) return true;
  size_t room = p->lane_room ? 2 * p->lane_room : 64;
  struct pick_lane *more = realloc(p->lanes, room * sizeof *more);
  if (!more) return false;
  p->lanes = more;
  p->lane_room = room;
  return true;
}

static bool on_lane(void *arg, const char *domain, const char *lane, int64_t next_us) {
  struct pick *p = arg;
  size_t size = strlen(domain) + 1, lane_size = strlen(lane) + 1;
  char *copy = p->lane_count < PICK_LIST_MAX && make_room(p) ? malloc(size + lane_size) : NULL;
  if (!copy) {
    p->cut = true;
    return false;
  }
  memcpy(copy, domain, size);
  memcpy(copy + size, lane, lane_size);
  p->lanes[p->lane_count++] = (struct pick_lane){copy, copy + size, next_us};
  return true;
}

struct row_reader {
  const struct pick *pick;
  struct pick_rows *into;
  struct job *last;
  size_t count, skipped; /* rows that are due; that are not, and may hide some that are */
};

/* When the reader would first see it: behind the grace of its hand-over, or when its time is over. */
static int64_t grace_end(const struct envelope *m) {
  int64_t end = m->created_us + DELIVERY_GRACE_US, deadline = envelope_deadline(m);
  return end < deadline ? end : deadline;
}

static bool due(const struct row_reader *r, const struct envelope *m, const struct queued_recipient *rcpt) {
  if (rcpt->next_us <= r->pick->now_us) return true;
  if (rcpt->next_us <= r->into->over_us && rcpt->attempts) return true;
  /* Of an earlier run, and only waiting for a hand-over that is not going to come; not because its sender said when. */
  bool fresh = !rcpt->attempts && rcpt->next_us == grace_end(m);
  return fresh && m->created_us < r->pick->started_us;
}

/* Rows come in the order of their time. */
static bool may_hide_some(struct row_reader *r, const struct queued_recipient *rcpt) {
  int64_t last_us = r->pick->started_us + DELIVERY_GRACE_US;
  if (last_us <= r->into->over_us) last_us = r->into->over_us + 1;
  return rcpt->next_us < last_us && ++r->skipped <= SKIPPED_MAX;
}

static bool not_due(struct row_reader *r, const struct envelope *m, const struct queued_recipient *rcpt) {
  if (r->into->next_us == INT64_MAX) {
    r->into->next_us = rcpt->next_us;
    if (m->flags & MESSAGE_BY_RETURN) r->into->deadline_us = m->deliver_by_us;
  }
  return may_hide_some(r, rcpt);
}

/* A job leaves from one source: its recipients are of one pool, and those that were tried before keep theirs. */
static bool fits(const struct job *j, const struct envelope *m, const struct queued_recipient *rcpt) {
  return j->envelope.id == m->id && j->recipient_count < JOB_RECIPIENTS_MAX && strcmp(j->envelope.pool, m->pool) == 0 &&
         (!j->recipient_count || strcmp(j->recipients[0].source, rcpt->source) == 0);
}

/* Rows of one message follow each other, so only the job made last can be the one. */
static struct job *job_for(struct row_reader *r, const struct envelope *m, const struct queued_recipient *rcpt) {
  if (r->last && fits(r->last, m, rcpt)) return r->last;
  struct job *j = job_new(m, r->into->domain);
  if (!j) return NULL;
  if (r->last)
    r->last->next = j;
  else
    r->into->jobs = j;
  r->last = j;
  return j;
}

/* What no client of ours has sent: somebody wrote to the store. */
static void note_controls(const struct envelope *m) {
  char id[ID_TEXT];
  id_format(m->id, id);
  log_event(LOG_ERROR_, NULL, "not sent", "message", id, "reason",
            "its envelope has control characters; take it out with: sendoff queue drop", NULL);
}

static bool on_row(void *arg, const struct envelope *m, const struct queued_recipient *rcpt) {
  struct row_reader *r = arg;
  if (!due(r, m, rcpt)) return not_due(r, m, rcpt);
  r->into->more = r->count == r->into->limit;
  if (r->into->more) return false;
  r->count++;
  struct job *j = job_for(r, m, rcpt);
  int rc = j ? job_add_recipient(j, rcpt) : E_MEMORY;
  if (rc == E_SYNTAX) note_controls(m);
  if (rc == E_MEMORY) r->into->result = E_MEMORY;
  return rc != E_MEMORY;
}

static void read_rows(struct picker *p) {
  for (size_t i = 0; i < p->pick.rows_count; i++) {
    struct pick_rows *rows = &p->pick.rows[i];
    struct row_reader r = {.pick = &p->pick, .into = rows};
    rows->next_us = rows->deadline_us = INT64_MAX;
    int rc = reader_due_recipients(p->reader, rows->domain, rows->lane, INT64_MAX, rows->limit + 1 + SKIPPED_MAX,
                                   on_row, &r);
    if (rc != OK) rows->result = rc;
  }
}

/* --- what is to be returned --- */

struct returns_reader {
  struct pick_returns *into;
  struct job *last;
  int result;
};

static struct job *job_to_return(struct returns_reader *r, const struct envelope *m, const char *domain) {
  struct job *last = r->last;
  if (last && last->envelope.id == m->id && last->recipient_count < JOB_RECIPIENTS_MAX &&
      strcmp(last->domain, domain) == 0 && strcmp(last->envelope.pool, m->pool) == 0)
    return last;
  struct job *j = job_new(m, domain);
  if (!j) return NULL;
  if (last)
    last->next = j;
  else
    r->into->jobs = j;
  r->last = j;
  return j;
}

static bool on_returning(void *arg, const struct envelope *m, const struct queued_recipient *rcpt) {
  struct returns_reader *r = arg;
  if (!r->into->count++) r->into->first = m->id;
  r->into->last = m->id;
  struct job *j = job_to_return(r, m, rcpt->to.domain);
  int rc = j ? job_add_recipient(j, rcpt) : E_MEMORY;
  if (rc == E_SYNTAX) note_controls(m);
  if (rc == E_MEMORY) r->result = rc;
  return rc != E_MEMORY;
}

static int read_returns(struct picker *p) {
  struct returns_reader r = {.into = &p->pick.returns};
  int rc = reader_returning(p->reader, r.into->after, r.into->limit, on_returning, &r);
  return rc == OK ? r.result : rc;
}

static void work(uv_work_t *req) {
  struct picker *p = req->data;
  struct pick *pick = &p->pick;
  /* Read before the rows: a change in between is seen again, never missed. */
  pick->generation = reader_queue_generation(p->reader);
  if (pick->generation < 0) {
    pick->result = fail(&pick->why, E_IO, "the queue cannot be read");
    return;
  }
  if (pick->kind == PICK_LIST) pick->result = reader_due_lanes(p->reader, on_lane, pick);
  if (pick->kind == PICK_ROWS) read_rows(p);
  if (pick->kind == PICK_RETURNS) pick->result = read_returns(p);
}

/* --- on the loop --- */

static void after_work(uv_work_t *req, int status) {
  struct picker *p = req->data;
  p->busy = false;
  if (status != 0) p->pick.result = fail(&p->pick.why, E_IO, "%s", uv_strerror(status));
  p->done(p->arg, &p->pick);
}

struct pick *picker_prepare(struct picker *p, enum pick_kind kind) {
  clear(&p->pick);
  p->pick.kind = kind;
  return &p->pick;
}

void picker_run(struct picker *p, void (*done)(void *arg, struct pick *pick), void *arg) {
  p->done = done;
  p->arg = arg;
  p->busy = true;
  p->work.data = p;
  uv_queue_work(p->loop, &p->work, work, after_work);
}

bool picker_busy(const struct picker *p) {
  return p->busy;
}

int picker_new(uv_loop_t *loop, const char *data_dir, struct picker **out, struct reason *why) {
  struct picker *p = *out = calloc(1, sizeof *p);
  if (!p) return fail(why, E_MEMORY, "out of memory");
  p->loop = loop;
  int rc = reader_open(data_dir, &p->reader, why);
  if (rc == OK) return OK;
  free(p);
  *out = NULL;
  return rc;
}

void picker_free(struct picker **picker) {
  if (!*picker) return;
  clear(&(*picker)->pick);
  reader_close(&(*picker)->reader);
  free(*picker);
  *picker = NULL;
}
