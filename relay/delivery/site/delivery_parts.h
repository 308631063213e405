/* What the files of the delivery side of one loop share: the state of the whole. For relay/delivery/site/
 * only. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_DELIVERY_PARTS_H
#define SENDOFF_RELAY_DELIVERY_SITE_DELIVERY_PARTS_H

#include "base/clock.h"
#include "base/site/shaping.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/site/delivery.h"
#include "relay/delivery/site/downs.h"
#include "relay/delivery/site/host_list.h"
#include "relay/delivery/site/login_pause.h"
#include "relay/delivery/site/shares.h"
#include "relay/delivery/site/site_memory.h"
#include "relay/delivery/tls_tally.h"
#include "relay/message/content_loader.h"

/* The sizes of outgoing work, all in one place. */
#define LOOP_CONNECTIONS_MAX 1000 /* outgoing, of one loop, unless limits { max_connections } says */
#define LOOP_CONNECTIONS_LEAST 8
#define CONNECTION_IDLE_MS 5000
#define RACE_DELAY_MS 250    /* RFC 8305 8: Connection Attempt Delay */
#define HASTY_CONNECT_MS 600 /* where the other of IPv4 and IPv6 is left to try */
/* Of many addresses that swallow what is sent to them, each gets less time: about a minute for all. Enough for a SYN to
 * be sent four times (after 1, 3 and 7 seconds). */
#define WALK_CONNECT_MS 60000
#define CONNECT_LEAST_MS 10000
#define LOCKSTEP_US (3600 * SECOND_US)
#define ONE_DOMAIN_US (24 * 3600 * SECOND_US)
#define REACH_US (300 * SECOND_US) /* for so long an address that failed is tried behind the others */
/* For how long an attempt goes on to further hosts (client_parts.h has how long each may take); their number: TRIED_MAX
 */
#define ATTEMPT_US (30 * 60 * SECOND_US)
/* What the walk found of other hosts is true of a job that begins this soon after it: the walk was for it. */
#define WALK_FRESH_US (10 * SECOND_US)
#define ONWARD_CONNECTIONS_MAX 5 /* of a destination, for what a better host has put off */
#define JOB_RETURNS_MAX 20       /* times that a job may go back to its queue before it is deferred */
#define JOB_AGAIN_MAX 3          /* times that it may be handed out again at once */
#define DELIVERY_STOP_MS 10000

#define TLS_KEEP_MS 60000 /* what became of TLS goes into the store as often: a crash loses so much of it */

struct destination;
struct put_off;
struct site;

struct delivery {
  struct loop *loop;
  struct content_loader *loader;
  struct host_list *lockstep_hosts;                    /* PIPELINING does not work there: one command at a time */
  struct host_list *one_domain_hosts;                  /* that refuse recipients of several domains together */
  struct host_list *failed_addresses, *slow_addresses; /* reach.h */
  struct downs *downs;                                 /* by source and site */
  size_t calls;                                        /* sockets to next hops */
  struct connection *racing;                           /* those whose next address may be tried beside the first soon */
  uv_timer_t race_timer;
  bool race_timer_open;
  struct destination *destinations; /* hash by source and site */
  struct shares shares;             /* of the connections, among sites and accounts */
  struct connection *idle;          /* those with nothing to send, the longest idle first (idle.h) */
  size_t giving_way;                /* of them, those that have said QUIT for others and are not gone yet, */
  uint64_t gave_way;                /* and all since the start */
  struct site_memory *sites;        /* which of them answer */
  struct route_secrets *secrets;    /* NULL: there are none yet */
  struct login_pauses *login_pauses;
  uint64_t warned_ms;      /* of connections that are short */
  struct shaping *shaping; /* what is known of providers */
  struct site *paced;      /* hash by source and site */
  struct site *timed;      /* those of them that something waits at for a time, */
  int64_t timed_us;        /* the first of these times, for which */
  uv_timer_t pace_timer;   /* runs; 0: it does not */
  bool pace_timer_open;
  size_t notes;            /* of what was learnt of sites, on their way into the store */
  uint64_t noted_ms;       /* when what was learnt of sites went into the store last */
  struct put_off *put_off; /* recipients of all sites */
  unsigned learnt_sweep;   /* how often what was learnt of all sites has gone into the store, plus one */
  bool sources_changed;    /* some site's source_changed is set */
  struct tls_tally *tls;   /* what became of TLS, until it goes into the store, */
  uint64_t tls_kept_ms;    /* as it did then */
  uint64_t tls_left_out;   /* sessions for which there was no room in it */
  struct outcomes *outcomes;
  bool paused; /* something waits for delivery_may_start */
  bool stopping, stopped_called;
  void (*stopped)(void *arg);
  void *stopped_arg;
  uv_timer_t stop_timer;
};

/* False while the store does not record outcomes: what is delivered then may be delivered again after a restart. Each
 * destination is woken when it does again. */
bool delivery_may_start(struct delivery *d);
/* tls_keep.c: what became of TLS, into the store: each minute, or sooner when it is much; `all`: now. False: there was
 * nothing to post. */
bool tls_keep(struct delivery *d, bool all);
/* connection_race.c: no address is tried beside another any more. */
void races_stop(struct delivery *d);
/* Something ended: is it time to report that the delivery has stopped? */
void delivery_check_stopped(struct delivery *d);

#endif
