/* Reads the queue for the dispatcher, on libuv's pool: one piece of work at a time, with one reader. loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_PICK_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_PICK_H

#include "relay/delivery/job.h"

#define PICK_LANES_MAX 16 /* lanes in one piece of work */
#define PICK_LIST_MAX 100000

enum pick_kind {
  PICK_GENERATION, /* was the queue changed by command? */
  PICK_LIST,       /* which lanes have mail, and from when */
  PICK_ROWS,       /* what is due in some lanes */
  PICK_RETURNS,    /* what is to be returned by command */
};

struct pick_rows {
  char *domain, lane[LANE_TEXT]; /* envelope_lane */
  size_t limit;                  /* rows to read */
  int64_t over_us;               /* struct queue_lane's */
  /* result */
  int result;
  struct job *jobs;    /* list by next; owned until taken */
  int64_t next_us;     /* of the first row that is not due; INT64_MAX */
  int64_t deadline_us; /* of that row's message (RFC 2852, by-mode R); INT64_MAX */
  bool more;           /* more than the limit are due */
};
/* Of messages behind `after`; a message whose recipients are not all among them is read again. */
struct pick_returns {
  int64_t after;
  size_t limit; /* rows to read */
  /* result */
  struct job *jobs;    /* list by next; each of one message and domain, those of a message together */
  int64_t first, last; /* messages */
  size_t count;        /* rows */
};
struct pick_lane {
  char *domain, *lane; /* in one block */
  int64_t next_us;
};

struct pick {
  enum pick_kind kind;
  int64_t now_us, started_us; /* fresh rows of messages older than the start are due without their grace */
  struct pick_rows rows[PICK_LANES_MAX];
  size_t rows_count;
  struct pick_returns returns;
  /* result */
  int result;
  struct reason why;
  int64_t generation; /* of the queue, when result is OK */
  struct pick_lane *lanes;
  size_t lane_count, lane_room;
  bool cut; /* there are more than PICK_LIST_MAX */
};

struct picker;
int picker_new(uv_loop_t *loop, const char *data_dir, struct picker **out, struct reason *why);
/* Nothing may be running. */
void picker_free(struct picker **p);
bool picker_busy(const struct picker *p);
/* The work to fill in while the picker is not busy; emptied. */
struct pick *picker_prepare(struct picker *p, enum pick_kind kind);
/* `done` is called once, on the loop; the pick is valid until the next picker_prepare. */
void picker_run(struct picker *p, void (*done)(void *arg, struct pick *pick), void *arg);

#endif
