/* What the dispatcher knows of each domain: when it is to be looked at next, how much of it is in flight; and the set
 * of recipients in flight. Plain data structures; loops[0].
 *
 * Fairness: a domain may have in flight half of what is still free of DISPATCH_JOBS_MAX, so that however many slow
 * domains there are, some room is left for the next one. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_LANES_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_LANES_H

#include "base/hash.h"
#include "relay/delivery/queue/dispatch.h"

#define LANES_MAX 100000
#define LANE_IN_FLIGHT_MAX 5000
#define LANE_DEADLINES_MAX 4

struct lane {
  char *domain;
  int64_t due_us;                        /* INT64_MAX: nothing known to wait */
  int64_t paused_us;                     /* not before; 0: no pause */
  int64_t deadlines[LANE_DEADLINES_MAX]; /* the first few of its mail (RFC 2852), in order: it is looked at then, pause
                                            or not */
  size_t deadline_count;
  size_t in_flight;
  size_t heap_at; /* in lanes.heap, plus one; 0: not there */
  bool picking;   /* its rows are being read */
  bool more;      /* rows that are due were left, because there was no room */
  bool startup;   /* not read since the start */
  UT_hash_handle hh;
};

/* A recipient in flight. While its lane is being read it stays after its end, as a ghost: the rows that are read then
 * may be older than its outcome. */
struct flight {
  int64_t id;
  struct lane *lane;
  bool ghost;
  UT_hash_handle hh;
};

struct lanes {
  struct lane *table;
  struct lane **heap; /* by the moment they are to be looked at */
  size_t heap_count, heap_room;
  struct flight *flights;
  size_t in_flight; /* without ghosts */
  size_t ghosts;
  bool overflow; /* a domain had no room here: list the store again later */
};

void lanes_init(struct lanes *l);
void lanes_free(struct lanes *l);
/* Makes it when it is not there; NULL without room or memory (then `overflow` is set). */
struct lane *lane_get(struct lanes *l, const char *domain);
struct lane *lane_find(struct lanes *l, const char *domain);
/* To be looked at by then, or earlier if that was known already. */
void lane_due(struct lanes *l, struct lane *lane, int64_t due_us);
void lane_pause(struct lanes *l, struct lane *lane, int64_t until_us); /* 0 ends a pause */
/* Some of its mail has to be returned then, if it still waits. INT64_MAX: nothing. More than LANE_DEADLINES_MAX of
 * them: the latest may be seen to when the pause ends. */
void lane_deadline(struct lanes *l, struct lane *lane, int64_t deadline_us);
/* Frees it when nothing is known of it any more. */
void lane_tidy(struct lanes *l, struct lane *lane);
size_t lane_room(const struct lanes *l, const struct lane *lane);
/* The lane that is due next; NULL. */
struct lane *lanes_first(const struct lanes *l);
int64_t lane_moment(const struct lane *lane);
/* Takes it off the heap and marks it as being read; deadlines up to `now_us` are forgotten. */
void lane_begin_pick(struct lanes *l, struct lane *lane, int64_t now_us);
void lane_end_pick(struct lanes *l, struct lane *lane);
/* Ghosts go when no lane is being read. */
void lanes_lay_ghosts(struct lanes *l);

/* Adds the job's recipients to those in flight, and takes out of the job those that are there already (or ghosts), or
 * for which there is no memory. The job may be left empty. */
void flights_add(struct lanes *l, struct lane *lane, struct job *j);
void flights_remove(struct lanes *l, const struct job *j);

#endif
