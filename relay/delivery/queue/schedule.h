/* What the dispatcher knows of what waits: a domain's mail of one account and stream is a lane (envelope_lane), and has
 * a moment when its rows are read next. A pause is the whole domain's. Plain data; loops[0].
 *
 * Fairness: nobody gets all of what is in memory. A domain may have in flight half of what is still free of
 * SCHEDULE_RECIPIENTS_MAX; a lane three quarters of what the other lanes leave of its domain's; an account's stream
 * half of what the others leave of all. So however many slow domains there are, and however much mail one account has,
 * some room is left for the next one. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_SCHEDULE_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_SCHEDULE_H

#include "base/hash.h"
#include "base/mail/envelope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_RECIPIENTS_MAX 20000 /* in memory at once */
#define SCHEDULE_LANES_MAX 100000
#define DOMAIN_IN_FLIGHT_MAX 5000
#define LANE_DEADLINES_MAX 4

struct in_flight;
struct queue_lane;

struct queue_domain {
  char *name;
  int64_t paused_us; /* not before; 0: no pause */
  size_t in_flight;
  struct queue_lane *lanes; /* by name; never none */
  UT_hash_handle hh;
};

/* An account's stream, whatever the domain. */
struct queue_owner {
  char name[LANE_TEXT];
  size_t in_flight, lanes;
  UT_hash_handle hh;
};

/* Mail that waits or is in flight. */
struct queue_lane {
  struct queue_domain *domain;
  struct queue_owner *owner;
  int64_t due_us;                        /* INT64_MAX: nothing known to wait */
  int64_t deadlines[LANE_DEADLINES_MAX]; /* the first few of its mail (RFC 2852), in order: its rows are read then,
                                            pause or not */
  size_t deadline_count;
  size_t in_flight;
  int64_t moment_us; /* schedule_moment, as the heap has it */
  size_t heap_at;    /* in schedule.heap, plus one; 0: not there */
  int64_t waits_us;  /* not before: its site is probed then; 0: it does not wait for that */
  int64_t over_us;   /* what was tried before and waits until then at most is due: a probe was answered; 0: none */
  uint64_t site_key; /* where its last job went (queue/outages.h) */
  bool reading;      /* its rows are being read */
  bool more;         /* rows that are due were left, because there was no room */
  UT_hash_handle hh;
  char name[LANE_TEXT];
};

struct schedule {
  struct queue_domain *domains;
  struct queue_owner *owners;
  struct queue_lane **heap; /* by the moment when they are read next */
  size_t heap_count, heap_room;
  size_t lane_count;
  struct in_flight *recipients_in_flight;
  size_t in_flight; /* without those that have ended */
  size_t ended;     /* in_flight.h */
  bool reading_all; /* rows of any lane are being read */
  bool overflow;    /* a lane had no room here: list the store again later */
};

void schedule_init(struct schedule *s);
void schedule_free(struct schedule *s);
/* Makes it when it is not there; NULL without room or memory (then `overflow` is set). */
struct queue_lane *schedule_get(struct schedule *s, const char *domain, const char *lane);
struct queue_lane *schedule_find(struct schedule *s, const char *domain, const char *lane);
struct queue_domain *schedule_find_domain(struct schedule *s, const char *name);
/* To be read by then, or earlier if that was known already. */
void schedule_due(struct schedule *s, struct queue_lane *lane, int64_t due_us);
void schedule_pause(struct schedule *s, struct queue_domain *domain, int64_t until_us); /* 0 ends a pause */
/* It waits for the probe of its site; 0: no more. */
void schedule_wait(struct schedule *s, struct queue_lane *lane, int64_t until_us);
/* The probe that lanes wait for will be at another time. */
void schedule_move_waits(struct schedule *s, int64_t from_us, int64_t to_us);
/* It was answered: the lanes that wait for `wait_us`, and those of the site that are due by `rows_us`, are due now. */
void schedule_release(struct schedule *s, uint64_t site_key, int64_t wait_us, int64_t rows_us, int64_t now_us);
/* Some of its mail has to be returned then, if it still waits. INT64_MAX: nothing. More than LANE_DEADLINES_MAX of
 * them: the latest may have to wait for the end of the pause. */
void schedule_deadline(struct schedule *s, struct queue_lane *lane, int64_t deadline_us);
/* The clock has jumped: all moments move with it. */
void schedule_shift(struct schedule *s, int64_t by_us);
/* Frees it when nothing is known of it any more, and its domain with its last lane. */
void schedule_tidy(struct schedule *s, struct queue_lane *lane);
size_t schedule_room(const struct schedule *s, const struct queue_lane *lane);
/* `count` more, or fewer, of its recipients are in flight. */
void schedule_in_flight(struct schedule *s, struct queue_lane *lane, int64_t count);
/* The lane that is due next; NULL. */
struct queue_lane *schedule_first(const struct schedule *s);
int64_t schedule_moment(const struct queue_lane *lane);
/* Takes it off the heap and marks it as being read; deadlines up to `now_us` are forgotten. */
void schedule_begin_read(struct schedule *s, struct queue_lane *lane, int64_t now_us);
void schedule_end_read(struct schedule *s, struct queue_lane *lane);

#endif
