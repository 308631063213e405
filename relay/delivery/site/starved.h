/* Destinations that have jobs and no connection, because there is none left for their account or their kind of site:
 * they wait here. What happens meanwhile, so that it ends: connections that get no answer end sooner, mail that only
 * waits goes back to the queue, and the log says so. One loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_STARVED_H
#define SENDOFF_RELAY_DELIVERY_SITE_STARVED_H

#include "relay/delivery/site/destination.h"

#define STARVED_MAX 1000                 /* destinations of a loop that may wait */
#define STARVED_JOBS_MAX 3               /* jobs that a site which is not known to answer may keep waiting then */
#define STARVED_BACK_US (10 * SECOND_US) /* the rest goes back to the queue for so long, */
#define STARVED_KEEP_MS 5000             /* but not before it has had so long to find out whether the site answers */
#define STARVED_SILENCE_MS 30000         /* a connection may be without its greeting and EHLO for so long then */
#define STARVED_SILENT_MS 10000          /* and to a site that was silent before */
#define STARVED_ADDRESSES_MAX 2
#define STARVED_WARN_MS (10 * 60 * 1000)

/* The destination's kind of site, as far as is known. */
enum site_class starved_class(struct destination *d);
/* May it open a connection now? False: others of its account and kind wait already, or there is none for it. */
bool starved_may_open(struct destination *d);
/* It waits until starved_feed wakes it. Its jobs may go back to the queue, if too many wait already. */
void starved_add(struct destination *d);
void starved_remove(struct destination *d);
/* May the walk of a connection go on to another address? While others wait, two must do for a site that is not known to
 * answer (RFC 5321 5.1: at least two). */
bool starved_walk_may_go_on(const struct connection *c);
/* Wakes the one whose turn it is, if there is a connection for it. */
void starved_feed(struct delivery *d);
/* Each second. */
void starved_tick(struct delivery *d);

#endif
