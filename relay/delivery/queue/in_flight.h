/* The set of recipients in flight: nothing is ever tried twice at once. Plain data; loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_IN_FLIGHT_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_IN_FLIGHT_H

#include "relay/delivery/job.h"
#include "relay/delivery/queue/schedule.h"

/* A recipient in flight. While its domain is being read it stays after its end, as ended: the rows that are read then
 * may be older than its outcome. */
struct in_flight {
  int64_t id;
  struct queue_lane *lane;
  int64_t since_us;
  bool ended;
  UT_hash_handle hh;
};

/* Adds the job's recipients to those in flight, and takes out of the job those that are there already (or ended), or
 * for which there is no memory. The job may be left empty. */
void in_flight_add(struct schedule *s, struct queue_lane *lane, struct job *j);
void in_flight_remove(struct schedule *s, const struct job *j);
/* Those that have ended go when no domain is being read. */
void in_flight_forget_ended(struct schedule *s);
void in_flight_free(struct schedule *s);

#endif
