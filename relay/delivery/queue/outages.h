/* Sites that take no connection, as the dispatcher knows them: which mail waits for the next probe of which site, and
 * which may be that probe. A site is a set of exchangers, as one source sees it; site/downs.h has the intervals. Plain
 * data with the clock passed in (clock_now_us); bounded; loops[0].
 *
 *   none -> WAITING (until the next probe) <-> PROBING (one job is under way) -> none, when it is answered */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_OUTAGES_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_OUTAGES_H

#include "base/address/cidr.h"
#include "base/clock.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTAGES_MAX 10000                     /* what comes after that waits by domain, as if it were no outage */
#define OUTAGE_OLD_US (24 * 3600 * SECOND_US) /* one that nothing was probed for in so long gives way */
#define OUTAGE_PROBE_US (3600 * SECOND_US)    /* longer than any probe takes; its end is noticed */

/* Of one source. */
struct outage {
  char source[IP_TEXT]; /* "": the system's choice */
  int family;           /* of the source; 0: both */
  char host[256];       /* "mx.example.net[192.0.2.1]:25", and what happened there */
  char reason[160];
  uint64_t serial;
  int64_t until_us; /* its mail waits until the next probe; while one is under way, until its end */
  int64_t rows_us;  /* the latest time that mail has in the store which was tried, from a failure */
  uint64_t key;     /* outage_key */
  bool probing;
  struct outage *next;
};
struct outage_site {
  struct outage *list;
  UT_hash_handle hh;
  char name[];
};
struct outages {
  struct outage_site *table;
  size_t count;
  uint64_t serial;
};

/* What is known of a site's failure. */
struct outage_report {
  const char *source, *site, *host, *reason;
  int64_t until_us; /* the next probe */
};
/* Of a source and a site, well mixed. */
uint64_t outage_key(const char *source, const char *site);
/* Nothing took a connection. NULL without room or memory. */
struct outage *outages_failed(struct outages *o, const struct outage_report *r, int64_t now_us);
/* It took one, or was not found to be unreachable. True: it was known, and *old is as it was. */
bool outages_answered(struct outages *o, const char *source, const char *site, struct outage *old);
/* The same, of the one with this serial, if it still waits for that probe. */
bool outages_probe_ended(struct outages *o, uint64_t serial, struct outage *old);
/* NULL: nothing is known against it. */
struct outage *outages_find(const struct outages *o, const char *source, const char *site);
bool outage_may_probe(const struct outage *a, int64_t now_us);
void outage_probe_begins(struct outage *a, int64_t now_us);
/* Does the site's mail from sources of this family wait? Not when a probe is due. */
bool outages_family_waits(const struct outages *o, const char *site, int family, int64_t now_us);
/* A person has said "now": the next job is the probe. */
void outages_hurry(struct outages *o, int64_t now_us);
void outages_shift(struct outages *o, int64_t by_us); /* the clock has jumped */
void outages_free(struct outages *o);

#endif
