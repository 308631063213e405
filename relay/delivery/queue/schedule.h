/* What the dispatcher knows of each domain: when its rows are read next, and how much of it is in flight. Plain data;
 * loops[0].
 *
 * Fairness: a domain may have in flight half of what is still free of SCHEDULE_RECIPIENTS_MAX, so that however many
 * slow domains there are, some room is left for the next one. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_SCHEDULE_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_SCHEDULE_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_RECIPIENTS_MAX 20000 /* in memory at once */
#define SCHEDULE_DOMAINS_MAX 100000
#define DOMAIN_IN_FLIGHT_MAX 5000
#define DOMAIN_DEADLINES_MAX 4

struct in_flight;

/* One domain with mail that waits or is in flight. */
struct queue_domain {
  char *name;
  int64_t due_us;                          /* INT64_MAX: nothing known to wait */
  int64_t paused_us;                       /* not before; 0: no pause */
  int64_t deadlines[DOMAIN_DEADLINES_MAX]; /* the first few of its mail (RFC 2852), in order: its rows are read
                                            then, pause or not */
  size_t deadline_count;
  size_t in_flight;
  size_t heap_at; /* in schedule.heap, plus one; 0: not there */
  bool reading;   /* its rows are being read */
  bool more;      /* rows that are due were left, because there was no room */
  UT_hash_handle hh;
};

struct schedule {
  struct queue_domain *table;
  struct queue_domain **heap; /* by the moment when they are read next */
  size_t heap_count, heap_room;
  struct in_flight *recipients_in_flight;
  size_t in_flight; /* without those that have ended */
  size_t ended;     /* in_flight.h */
  bool overflow;    /* a domain had no room here: list the store again later */
};

void schedule_init(struct schedule *s);
void schedule_free(struct schedule *s);
/* Makes it when it is not there; NULL without room or memory (then `overflow` is set). */
struct queue_domain *schedule_get(struct schedule *s, const char *name);
struct queue_domain *schedule_find(struct schedule *s, const char *name);
/* To be read by then, or earlier if that was known already. */
void schedule_due(struct schedule *s, struct queue_domain *domain, int64_t due_us);
void schedule_pause(struct schedule *s, struct queue_domain *domain, int64_t until_us); /* 0 ends a pause */
/* Some of its mail has to be returned then, if it still waits. INT64_MAX: nothing. More than DOMAIN_DEADLINES_MAX of
 * them: the latest may have to wait for the end of the pause. */
void schedule_deadline(struct schedule *s, struct queue_domain *domain, int64_t deadline_us);
/* The clock has jumped: all moments move with it. */
void schedule_shift(struct schedule *s, int64_t by_us);
/* Frees it when nothing is known of it any more. */
void schedule_tidy(struct schedule *s, struct queue_domain *domain);
size_t schedule_room(const struct schedule *s, const struct queue_domain *domain);
/* The domain that is due next; NULL. */
struct queue_domain *schedule_first(const struct schedule *s);
int64_t schedule_moment(const struct queue_domain *domain);
/* Takes it off the heap and marks it as being read; deadlines up to `now_us` are forgotten. */
void schedule_begin_read(struct schedule *s, struct queue_domain *domain, int64_t now_us);
void schedule_end_read(struct schedule *s, struct queue_domain *domain);

#endif
