/* What the files of a connection share. For relay/delivery/site/connection*.c only. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_CONNECTION_PARTS_H
#define SENDOFF_RELAY_DELIVERY_SITE_CONNECTION_PARTS_H

#include "relay/delivery/site/connection.h"

static inline struct delivery *connection_delivery(const struct connection *c) {
  return c->destination->delivery;
}

/* --- connection.c --- */

/* What it wants to know of its client. */
extern const struct client_owner connection_client_calls;
/* The end of a transaction, or of a job before its first command: what has no ruling goes back to the queue, the rest
 * into the store. */
void connection_end_work(struct connection *c);
/* What this means for each recipient that has no ruling yet; not for the store before connection_end_work. */
void connection_rule_rest(struct connection *c, const struct incident *incident);
/* No command was sent: this job ends, for the reason in `incident`, and the next may come. */
void connection_end_unsent(struct connection *c);
/* The message under way, if there is one, counts no longer for the pace of its site. */
void connection_end_pace(struct connection *c);
/* The one end of a connection: frees it. */
void connection_gone(struct connection *c);

/* --- connection_content.c --- */

/* Gets the content of the job under way, then begins its transaction. */
void connection_load(struct connection *c);

/* --- connection_tls.c --- */

/* It is opened for this job: whose report counts it. Without memory, nobody's. */
void connection_report_for(struct connection *c, const struct job *j);
/* The client's on_tls: counts the session. */
void connection_on_tls(void *owner, const struct client_tls *t);

/* --- connection_walk.c --- */

/* After the host at hand failed (`incident`): on to the next, or the end. */
void connection_walk(struct connection *c);
/* The host at hand is ready: what happened at the others is history. */
void connection_walk_ends(struct connection *c);
/* The walk was part of this job's attempt, and not of an earlier one's that left the connection open. */
bool connection_walked_for(const struct connection *c, const struct job *j);
/* The host's name, and what its TLS must be like. */
const struct route_host *connection_host_at(const struct connection *c);
/* The host's name. */
const char *connection_host(const struct connection *c);
const struct tls_demand *connection_host_tls(const struct connection *c);
const struct sockaddr *connection_address(const struct connection *c);
/* For a job that this host has put off: is there another? Then `tried` has the addresses to pass over; `plain`: it is
 * to be met without TLS. */
bool connection_has_next_host(const struct connection *c, const struct job *j, struct tried *tried, bool *plain);

/* --- connection_trial.c --- */

/* The host at hand is ready, or has failed: what a policy in testing would have refused is logged. */
void connection_trial_ends(const struct connection *c);
void connection_trial_failed(const struct connection *c);

#endif
