/* The one way in to delivery: what submission hands over, what commands change, and what the daemon starts, stops and
 * counts. Behind it: the dispatcher (queue/), which is on loops[0] alone, and each loop's destinations (site/). */
#ifndef SENDOFF_RELAY_DELIVERY_DELIVERY_H
#define SENDOFF_RELAY_DELIVERY_DELIVERY_H

#include "base/clock.h"
#include "base/mail/envelope.h"
#include "base/mail/tls_outcome.h"
#include "base/site/shaping.h"
#include "base/site/site_learning.h"
#include "base/site/site_note.h"
#include "base/site/sts_note.h"
#include "base/site/warmup.h"
#include "relay/message/content.h"
#include "relay/net/loop.h"

struct reader;

/* --- mail; any loop --- */

/* Fresh mail is handed over in memory. Its rows carry next_us = now + DELIVERY_GRACE_US, so that the reader of the
 * queue does not see them before the dispatcher knows them. */
#define DELIVERY_GRACE_US (30 * SECOND_US)

/* A committed message: its recipients are tried at once, or from `not_before_us` on (0: at once). Copies; takes its own
 * reference of `content` (NULL: it is read from the store). What finds no memory, or no room, waits for the reader of
 * the queue, which finds the rows when their time has come. */
void delivery_accept(struct gateway *g, const struct envelope *e, const struct recipient *recipients, size_t count,
                     struct content *content, int64_t not_before_us);
/* The queue was changed by command: read this domain's mail now; NULL: all. */
void delivery_poll(struct gateway *g, const char *domain);

/* --- each loop's destinations and connections; that loop's thread --- */

/* Before the loop's thread starts. OK or E_MEMORY. */
int delivery_new(struct loop *loop, struct delivery **out);
void delivery_free(struct delivery **d); /* after delivery_stop reported */
/* Ends idle connections at once, and the others after their current transaction (at most 10 s); then calls `stopped`.
 */
void delivery_stop(struct delivery *d, void (*stopped)(void *arg), void *arg);
/* Another table of providers, from now on; takes a reference of its own. Also before the loop's thread starts. */
void delivery_set_shaping(struct delivery *d, struct shaping *shaping);
/* Each second: sees to deadlines of what waits for a connection. */
void delivery_tick(struct delivery *d);

/* --- what routes log in with --- */

/* The secrets of a directory's routes. Immutable, counted; wiped when the last reference goes. */
struct route_secrets;
/* One reference. E_MEMORY, E_IO. Blocking: the daemon's own thread. */
int route_secrets_load(struct reader *r, const struct directory *d, struct route_secrets **out, struct reason *why);
struct route_secrets *route_secrets_hold(struct route_secrets *s);
void route_secrets_release(struct route_secrets **s);
/* That loop's thread, or before it runs, with the directory that they belong to: connections log in with these from
 * now on. Takes a reference of its own. */
void delivery_refresh(struct delivery *d, struct route_secrets *s);

/* A next hop has refused the route's token of that time (struct route_oauth2), though it should be good: another is
 * fetched. Any loop. */
void delivery_token_refused(struct gateway *g, int64_t login, int64_t token_from_us);

/* Nothing of a site took a connection: its mail waits, but for one job that asks again at `until_us`. Any loop. False:
 * no memory. */
struct site_failure {
  const char *source, *site, *host, *reason;
  int64_t until_us;
};
bool delivery_site_failed(struct gateway *g, const struct site_failure *failure);
/* It took one again. */
void delivery_site_answered(struct gateway *g, const char *source, const char *site);

/* --- the dispatcher; loops[0] --- */

/* Before the threads start, after delivery_new. OK, E_MEMORY, E_IO. */
int dispatcher_new(struct gateway *g, struct dispatcher **out, struct reason *why);
/* An MTA-STS policy that the store has, before the threads start. The strings are copied. */
void delivery_recall_policy(struct gateway *g, const struct sts_note *n);
#define DELIVERY_POLICIES_MAX 10000 /* that are known at once */
/* Reads what waits in the store and begins. */
void dispatcher_start(struct dispatcher *d);
/* What the store knows of a source that warms up, before that. */
void delivery_recall_warmup(struct gateway *g, const struct warmup_note *n);
/* Hands out nothing more; what is in flight goes on. Then, when nothing is in flight, `idle` is called once. */
void dispatcher_drain(struct dispatcher *d, void (*idle)(void *arg), void *arg);
/* While the loop still runs: the memory goes when the handles have closed. Jobs in flight are then freed when they
 * finish. Call it with &gateway->dispatcher: late messages read that, and find NULL. */
void dispatcher_free(struct dispatcher **d);

/* --- what is under way --- */

/* A recipient that is worked on. */
struct delivery_attempt {
  int64_t recipient_id, since_us; /* since_us: when this attempt began */
  /* "route" (on its way to a host), "wait" (for a connection), "share" (for one that the gateway has left for its
   * account), "token" (for the route's access token), "store" (until it records outcomes again), "pace" (the site's
   * turn), "probe" (of its site, which cannot be reached), "load", "convert", or what the SMTP client does: "connect",
   * "greeting", "ehlo", "starttls", "handshake", "auth", "mail", "rcpt", "data", "content", "dot"; or "record", when
   * the store is about to have the outcome; static */
  const char *stage;
  const char *host; /* "mx.example.net[192.0.2.1]:25"; with "route" and "probe" the domain, with what else waits the
                       site; without a host, the domain with "record" */
  const char *lane; /* with "probe": of the domain `host`, all mail that waits (envelope_lane), without recipient_id */
  int64_t until_us; /* with "pace" and "probe": when it goes on, as far as is known; else 0 */
  int64_t delivered_us; /* when it is likely to be, by what was learnt of the site; 0: that is not known */
  /* Of what waits at a destination: the messages that have their turn before it, those of its own account and stream,
   * and whose are most of the others (envelope_lane; NULL: nobody's). */
  bool waits;
  size_t ahead, ahead_own, ahead_of_other;
  const char *ahead_other;
  int64_t expected_us; /* when it is its turn, as fast as the last ones went; 0: not known */
};
/* Those of this loop, on its thread. loops[0] reports all that are in flight besides, as "route": where two are
 * reported of one recipient, the other counts. */
void delivery_attempts(const struct loop *on, void (*each)(void *arg, const struct delivery_attempt *a), void *arg);

/* --- what waits --- */

enum delivery_wait {
  DELIVERY_WAITS_PAUSE, /* its domain's mail is left alone until then: what it needs could not be reached */
  DELIVERY_WAITS_ROOM,  /* as many recipients as may be in memory at once are: the next follow as those end */
  DELIVERY_WAITS_READ,  /* it is read from the store, now or at that time */
};
/* A lane (envelope_lane) some of whose mail waits in the store, as the dispatcher knows it. */
struct delivery_lane {
  const char *domain, *lane; /* lane "": the gateway's own mail */
  enum delivery_wait why;    /* of what is due */
  int64_t until_us;          /* 0: not known, or now */
  size_t in_flight;          /* recipients in memory of its account and stream, of all domains */
};
/* loops[0] alone has any; its thread. */
void delivery_lanes(const struct loop *on, void (*each)(void *arg, const struct delivery_lane *l), void *arg);

enum delivery_state {
  DELIVERY_RUNS,
  DELIVERY_OVERFLOWS, /* more lanes wait than the dispatcher knows (SCHEDULE_LANES_MAX): those come when others end */
  DELIVERY_STOPS,     /* it has not begun, or hands out nothing more */
};
enum delivery_state delivery_state(const struct loop *on); /* loops[0], its thread */

/* --- TLS reports --- */

/* Counts what became of TLS with a host, or of the search for what it must be like, for the report of its domain (RFC
 * 8460). Copies. That loop's thread. */
void delivery_count_tls(struct loop *on, const struct tls_outcome *o);

/* --- sites --- */

/* A provider as one source sees it, on its loop (relay/delivery/site/site.h). */
struct delivery_site {
  const char *name, *source;                               /* source "": the system's choice */
  unsigned open, connections, connections_most, messages;  /* now; as far as it bears them; the table's; of one */
  double rate;                                             /* messages a second, learnt; 0: none */
  uint64_t waiting;                                        /* jobs */
  uint64_t accepted, deferred, refused;                    /* messages, and connections, since the start */
  int64_t paused_until_us, single_until_us, held_until_us; /* 0: it is not */
  const char *action, *reason;                             /* what its last telling reply asked for; "", NULL */
};
/* Those of this loop, on its thread. */
void delivery_sites(const struct loop *on, void (*each)(void *arg, const struct delivery_site *s), void *arg);
/* Ends what the replies of a site brought upon it: pauses, and waits for its own sake. This loop's thread. */
void delivery_resume_site(const struct loop *on, const char *source, const char *name); /* source NULL: from all */
/* What the store knows of a site, before the threads start. The strings are copied. */
void delivery_recall_site(struct gateway *g, const struct site_note *n);

/* What was learnt of it, likewise. */
void delivery_recall_learning(struct gateway *g, const struct site_learning_note *n);
/* What was learnt of a site from the sources of this loop, on its thread. */
void delivery_learnt(const struct loop *on, const char *name,
                     void (*each)(void *arg, const struct site_learning_note *n), void *arg);
/* Forgets that, also what it learnt for the choice among sources. This loop's thread. */
void delivery_forget_site(const struct loop *on, const char *name);
/* Any loop: how often a source's mail is taken at a site, of late, for the choice among sources. */
void delivery_source_fares(struct gateway *g, const char *site, const char *source, struct learnt_share taken);

/* --- counters --- */

struct delivery_counters {
  uint64_t connections, idle_connections, destinations, waiting_jobs; /* now */
  uint64_t starved;                                                   /* now: destinations without a connection */
  uint64_t idle_gave_way;                /* connections, since the start: ended while idle, for those destinations */
  uint64_t logins_refused;               /* now: routes, at each loop, whose login was
                                            refused when it was tried last */
  uint64_t sites_paused, sites_blocked;  /* now: pairs of source and site that nothing is sent to for a while; those of
                                            them whose source is blocked */
  uint64_t delivered, deferred, bounced; /* recipients, since the start */
  uint64_t
      sts_refused; /* since the start: recipients of attempts at which the domain's MTA-STS policy allowed no host */
  /* The dispatcher's, with loops[0]. */
  uint64_t tokens_failed;              /* now: routes whose token could not be renewed when that was tried last */
  uint64_t sources_away;               /* now: sources that are not addresses of this machine */
  uint64_t sources_listed;             /* now: pairs of blocklist and source, or HELO name, that it lists */
  uint64_t warmups_held;               /* now: pairs of source and provider whose warm-up is held back */
  uint64_t blocklists_failing;         /* now: blocklists that are not believed, or do not answer */
  uint64_t sts_policies;               /* now: domains whose MTA-STS policy is known, and counts */
  uint64_t sts_fetches_failed;         /* since the start: MTA-STS policies that could not be fetched */
  uint64_t sites_unreachable;          /* now: pairs of source and site of which no host takes a connection */
  uint64_t in_flight, domains_waiting; /* now: recipients that are worked on; domains that have mail waiting or in
                                          flight, as far as is known */
  uint64_t queue_direct, queue_read;   /* recipients handed over in memory; read from the store */
  uint64_t queue_left; /* recipients that found no room when they were handed over: left to the reader */
};
/* Adds those of this loop, on its thread. */
void delivery_count(const struct loop *on, struct delivery_counters *to);

#endif
