/* A destination: the pair of a source address and a next-hop site, its waiting jobs, its connections. One loop's
 * thread. Mail that requires TLS (RFC 8689) has one of its own, whose connections are held to that; and so has mail
 * that some hosts of the site have put off in this attempt, whose connections pass those over (RFC 5321 5.1), and mail
 * that has waited, and may go without TLS to hosts whose TLS is broken.
 *
 * Connections are opened as long as jobs outnumber those that are on their way, slowly at first (a site that does not
 * answer is not called twenty times), and never more than the site has shown to allow. A destination lives as long
 * as it has a job or a connection. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_DESTINATION_H
#define SENDOFF_RELAY_DELIVERY_SITE_DESTINATION_H

#include "base/hash.h"
#include "relay/delivery/outcome/verdict.h"
#include "relay/delivery/site/delivery_parts.h"
#include "relay/delivery/site/job_queue.h"
#include "relay/delivery/site/tried.h"
#include "relay/delivery/site/turn_time.h"

struct connection;
struct site;

struct destination {
  struct delivery *delivery;
  char *key, *helo;
  bool require_tls, plain;   /* plain: without TLS; never both */
  bool tls_optional;         /* its senders ask that what the recipient's side says of TLS be ignored (RFC 8689 3) */
  char source_text[IP_TEXT]; /* "": the system's choice */
  struct sockaddr_storage source;
  struct route *route;
  struct tried tried;     /* addresses that its mail has been at in this attempt */
  struct job_queue queue; /* waiting */
  struct turn_time turn_time;
  struct connection *connections;
  size_t connection_count, walking; /* all; those that have no host yet */
  size_t limit, transactions;       /* connections allowed, within the site's pace; since it was lowered */
  uint64_t since_ms;                /* when it was made: clock_monotonic_ms */
  struct site *site;
  struct destination *site_next, *site_prev; /* site->waiting, */
  bool paced;                                /* where it is */
  bool site_turn;                            /* it has waited there, and it is its turn */
  struct share *share;                       /* while it waits for a connection: its account's (starved.h) */
  enum site_class waiting_class;
  int64_t token_since_us; /* since when it waits for an access token; 0: it does not */
  bool fed;               /* it has waited, and it is its turn */
  struct deferred turn;
  struct destination *next, *prev; /* share->waiting */
  UT_hash_handle hh;
};

/* Takes the job. E_MEMORY: not taken. */
int destination_take(struct delivery *d, struct job *j, struct route *route, const char *source, const char *helo);
/* Something changed: does soon, on a fresh stack, what there is to do, and ends the destination when that is
 * nothing. */
void destination_wake(struct destination *d);
/* The next waiting job, now the caller's; NULL. */
struct job *destination_next_job(struct destination *d);
/* A job that nothing has happened to goes back to its place. */
void destination_put_back(struct destination *d, struct job *j);
/* This attempt at the job goes on, at addresses that are not in `tried`; `plain`: without TLS. Takes the job. */
void destination_pass_on(struct destination *d, struct job *j, const struct tried *tried, bool plain);
/* One of its connections has walked over all hosts, the addresses in `tried`, and found none. `incident` is what
 * counts, `where` the host that had it; `refused`: some host took the connection, and refused it in words. */
void destination_walk_failed(struct destination *d, const struct incident *incident, const struct outcome_place *where,
                             const struct tried *tried, bool refused);
/* A host has taken a connection. */
void destination_connected(struct destination *d);
/* A transaction went well: the site may allow more connections than it did. */
void destination_transaction_done(struct destination *d);
/* None of its waiting jobs can be tried now, for the reason in `incident`. */
void destination_defer_jobs(struct destination *d, const struct incident *incident, const struct outcome_place *where);
/* starved.c. The site answers; it let a connection wait until its time was over. */
void destination_answered(struct destination *d);
void destination_was_silent(struct destination *d);
/* Returns waiting jobs whose sender wants them back by now (RFC 2852 4.1). */
void destination_return_overdue(struct destination *d, int64_t now_us);
/* Gives back its waiting jobs and ends its connections: idle and walking ones now, working ones after their
 * transaction. */
void destination_stop(struct destination *d);
/* Ends all its connections now. */
void destination_abort(struct destination *d);
/* Its source is not an address of this machine any more. Its mail is deferred, so that it gets another, and its
 * connections end now: no answer can reach them, and each would wait for one until its time is over. */
void destination_source_gone(struct destination *d);

#endif
