/* The dispatcher: which recipients are being worked on, and which are next. It lives on loops[0] and is the only owner
 * of the set of recipients in flight, so nothing is ever tried twice at once.
 *
 *   accepted mail   --delivery_accept--> dispatcher --route--> destination's loop --outcome--> store
 *   waiting mail    <--store/read.h reads, by domain, when due--/                  \--job_finish--> dispatcher
 *
 * Fresh mail is handed over in memory (relay/delivery/delivery.h); if the dispatcher is full, it drops the hand-over,
 * and the reader finds the rows later. What the files of relay/delivery/queue/ share; loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCHER_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCHER_H

#include "relay/delivery/job.h"
#include "relay/delivery/queue/clock_watch.h"
#include "relay/delivery/queue/outages.h"
#include "relay/delivery/queue/pick.h"
#include "relay/delivery/queue/schedule.h"
#include "relay/delivery/route/watches.h"

struct delivery_attempt;
struct incident;
struct play;
struct route;
struct router;

/* returns.c: mail that is returned by command, in passes over all of it. */
struct returns {
  bool wanted;   /* a pass is wanted, or under way */
  bool left;     /* some was left, to the next pass: it was under way */
  int64_t after; /* the pass has come so far */
  size_t jobs;   /* that are on their way into the store */
};

struct dispatcher {
  struct gateway *gateway;
  struct loop *loop;
  struct router *router;
  struct watches watches;
  struct picker *picker;
  struct schedule schedule;
  struct outages outages;
  struct play *plays; /* play.c's: what the simulator takes its time for */
  struct clock_watch clock;
  struct returns returns;
  uv_timer_t wake, tick;
  struct deferred turn;
  int64_t started_us, generation, armed_us;
  uint64_t listed_ms;
  uint64_t handed_over, read, left; /* recipients, as in struct delivery_counters */
  bool started, listed, draining, list_wanted, poll_wanted;
  void (*idle)(void *arg);
  void *idle_arg;
  unsigned pending; /* what must end before the memory can go: handles, a pick */
  bool freed;
};

/* Soon, and on a fresh stack: reads what is due, or reports that it is idle. */
void dispatch_soon(struct dispatcher *d);
/* Part of what was under way at dispatcher_free has ended. */
void dispatcher_forget(struct dispatcher *d);
/* reader.c. Reads what is due or wanted, unless a pick is under way already. */
void reader_poll(struct dispatcher *d);
/* posts.c; `dispatcher`: a struct dispatcher. The address is gone from this machine: all loops end its connections. */
void dispatcher_source_gone(void *dispatcher, const char *address);
/* hand_out.c. The static route that the job takes; NULL: none, the domain's own exchangers are asked for. */
const struct static_route *dispatch_static_route(const struct dispatcher *d, const struct job *j);
/* These recipients are worked on from now, unless they are already. Takes the job. */
void dispatch_start(struct dispatcher *d, struct queue_lane *lane, struct job *j);
/* A job that could not be handed to its site after all: again, as it is. Takes it. */
void dispatch_again(struct dispatcher *d, struct job *j);
/* No destination can take it: its outcome is made here. Takes it. `source` "": none. */
void dispatch_rule(struct dispatcher *d, struct job *j, const struct incident *incident, const char *source,
                   int64_t not_before_us);
/* leaving.c. It leaves by this route from the source that is its own or is chosen, in parts where a source has no room
 * for all, or waits. Takes it. */
void leave(struct dispatcher *d, struct job *j, struct route *route);
/* From which source it would leave: as source_choose has it, and nothing is changed. */
int leave_look(struct dispatcher *d, const struct job *j, struct route *route, const struct source **source,
               struct reason *why);
/* play.c. It is the simulator's, or of a sandbox: it is played here, and has been taken. */
bool play_takes(struct dispatcher *d, struct job *j);
/* Each second: what has taken its time. */
void play_tick(struct dispatcher *d);
/* Nothing more is played: what waits for its time stays in the queue. */
void play_stop(struct dispatcher *d);
/* probe.c. Its site takes connections, as far as is known, or the job is to find out. False: it waits, and has been
 * taken. `source` "": the system's choice. */
bool probe_admits(struct dispatcher *d, struct job *j, const char *source, const char *site);
/* The job has ended. */
void probe_ends(struct dispatcher *d, const struct job *j);
/* The lane was read while it waits for a probe: the job is taken up only for a notice, or the end of its time. */
bool probe_still_awaited(const struct dispatcher *d, const struct queue_lane *lane, const struct job *j);
/* What waits for probes, for delivery_attempts: so many lanes at most. */
#define PROBE_WAITS_MAX 20000
void probe_each_wait(const struct dispatcher *d, void (*each)(void *arg, const struct delivery_attempt *a), void *arg);
/* hand_out.c. The job's end comes back to the dispatcher. */
void dispatch_follow(struct job *j);
/* returns.c. From the beginning; also what comes to it while a pass is under way. */
void returns_want(struct dispatcher *d);
/* Each second: what was left. */
void returns_tick(struct dispatcher *d);
/* True: the pick has been prepared for the next piece of a pass. */
bool returns_prepare(struct dispatcher *d);
void returns_take(struct dispatcher *d, struct pick *p);
void returns_failed(struct dispatcher *d);
/* One of its jobs has ended. */
void returns_end(struct dispatcher *d);
/* accept.c. A job of fresh mail, of any number of recipients. Takes it. */
void dispatch_fresh(struct dispatcher *d, struct job *j, int64_t not_before_us);

#endif
