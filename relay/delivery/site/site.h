/* A site as one source sees it: the provider behind a route's exchangers (site_name.h), its pace (pace.h), and the
 * destinations that share it, each for its own set of exchangers. One loop's thread: all destinations of a source and a
 * site are on one loop.
 *
 * A destination that may not go on waits in the site's list until something changes (a connection ends, a message is
 * through, the time has come); then the first of the list is woken, and after its turn the next. What would have to
 * wait for long goes back to the queue with a time. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_SITE_H
#define SENDOFF_RELAY_DELIVERY_SITE_SITE_H

#include "base/site/site_learning.h"
#include "relay/delivery/outcome/incident.h"
#include "relay/delivery/site/delivery_parts.h"
#include "relay/delivery/site/pace.h"
#include "relay/delivery/site/site_name.h"

#define SITES_MAX 10000                   /* of a loop that are remembered; the one that came first gives way */
#define SITE_PATIENCE_US (60 * SECOND_US) /* mail that would wait for longer goes back to the queue */
#define SITE_WAITING_LEAST 20             /* jobs that may wait at a site with a rate, */
#define SITE_WAITING_MOST 500  /* and as many as it takes in its patience, up to this; so many destinations */
#define SITE_BACK_MOST_S 14400 /* what has no room comes back after so long at the latest */
#define SITE_COMMANDED_US (900 * SECOND_US) /* a pause without an end is asked for again after this long */
#define SITE_NOTES_MS 60000                 /* what was learnt goes into the store as often, */
#define SITE_NOTES_AT_ONCE 200              /* of so many sites, of each kind */

struct connection;
struct destination;

struct site {
  struct delivery *delivery;
  char *key; /* "SOURCE NAME" */
  char source[IP_TEXT], name[SITE_NAME_MAX];
  const struct shaping_provider *provider; /* of delivery->shaping */
  struct pace pace;
  size_t destinations;
  struct connection *connections; /* of all of them: connection->site_next */
  size_t waiting_count;
  struct destination *waiting;          /* destination->site_next; those that wait longest first */
  int64_t wake_us;                      /* when the first of them may go on; 0: it is not known, or none waits */
  struct site *timed_next, *timed_prev; /* delivery->timed */
  char *reason;                         /* the reply that paused it, or made it slower; NULL */
  enum shaping_action action;           /* that it asked for */
  uint64_t waiting_jobs;                /* delivery_sites' */
  int64_t generation;                   /* of the directory that says */
  int64_t commanded_us;                 /* until when it is paused by command, by the clock on the wall; 0: it is not */
  struct pace_memory posted;            /* what the store has of it, */
  int64_t posted_pause_us;              /* and until when it was paused then */
  uint64_t accepted, deferred, refused; /* messages, and connections, since the start */
  struct site_learning learnt;
  bool learnt_changed;   /* since the store got it last, */
  unsigned learnt_sweep; /* which was delivery->learnt_sweep then */
  bool source_changed;   /* since learnt.source was reported last */
  UT_hash_handle hh;
};

/* The site of a new destination, which counts until site_release. NULL without memory. */
struct site *site_hold(struct delivery *d, const char *source, const struct route *r);
void site_release(struct site *s);
void sites_free(struct delivery *d);
/* The site of that name; makes it. NULL without memory. */
struct site *site_get(struct delivery *d, const char *source, const char *name);
/* Whatever waits for a time no longer does: the gateway stops. */
void sites_stop(struct delivery *d);
/* site_store.c. Each second; and at the end, then for all. */
void sites_keep(struct delivery *d, bool all);
/* The table has changed. */
void sites_set_shaping(struct delivery *d, struct shaping *shaping);

/* The clock of the pace: it does not jump. */
static inline int64_t site_now(void) {
  return (int64_t)clock_monotonic_ms() * 1000;
}
/* By the clock on the wall. */
int64_t site_wall(int64_t at_us);

/* May the destination open another connection, or one that is open begin a message? False: it waits here until it is
 * woken, or its mail has gone back to the queue. */
bool site_may_connect(struct destination *d);
bool site_may_send(struct destination *d);
/* It does not wait any more. */
void site_leave(struct destination *d);
/* Something changed: wakes the first that waits, if it may go on. */
void site_feed(struct site *s);

/* Its connections, from the first step to the end. */
void site_connect_begins(struct site *s, struct connection *c);
void site_connect_done(struct site *s);
void site_connect_ends(struct site *s, struct connection *c);
void site_message_begins(struct site *s);
void site_message_ends(struct site *s, enum pace_sign sign, unsigned done, int64_t began_us);

/* site_replies.c. A reply that is no success: what it means for the pace, and does it. Notes in the incident when its
 * recipients are tried next, that the whole site means it, and whether it means
 * the source. `waited`: they were tried before. */
enum pace_sign site_hear(struct site *s, struct incident *i, bool waited);
/* A host did not take a connection: true when it refused it in words. The next host may take it. */
bool site_hear_opening(struct site *s, struct incident *i);
/* No host took it, while `ready` connections of its destination were open; some have refused it in words. */
void site_hear_no_host(struct site *s, const struct incident *i, bool refused, size_t ready);
/* Ends pauses and holds; source NULL: of all. */
void site_resume(struct delivery *d, const char *source, const char *name);
/* From another loop: no mail to that site from anywhere. */
void site_pause_all(struct delivery *d, const char *name, int64_t until_us, const char *reason);

#endif
