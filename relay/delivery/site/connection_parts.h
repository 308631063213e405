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

/* --- connection_call.c --- */

/* RFC 8461 4.1: a host that its domain's policy does not name is not even connected to. */
bool host_is_barred(const struct destination *d, const struct route_host *h);
/* To the address at that place. OK, and *out has a call of its own; else c->incident and c->target say why. */
int connection_call(struct connection *c, size_t at, struct call **out);
/* Its client has closed. */
void call_free(struct call *call);
/* Another one was faster, or the walk ends: its client closes, which is not waited for. */
void call_drop(struct call **call);
/* It is the one at hand from now on. */
void connection_adopt(struct connection *c, struct call *call);
const struct sockaddr_storage *connection_address(const struct connection *c);

/* --- connection_race.c --- */

/* The call at hand was just made: where it is slow to connect, another address is tried beside it. */
void race_begin(struct connection *c);
void race_end(struct connection *c);
/* Tries another address beside the one at hand, if there is one that may be, now. */
void race_open(struct connection *c);

/* --- connection_walk.c --- */

/* A call of the walk has closed, for the reason in `incident`: on to the next address, or the end. */
void connection_walk(struct connection *c, struct call *call);
/* TCP is up: no other address is tried. */
void connection_connected(struct connection *c, struct call *call);
/* The next place of the order that this attempt has not been at; false at the end of the walk. */
bool connection_next_place(struct connection *c, size_t *at);
/* That address is of no use, for the reason in c->incident. */
void connection_note_failure(struct connection *c, size_t at);
/* The host at hand is ready: what happened at the others is history. */
void connection_walk_ends(struct connection *c);
/* The walk was part of this job's attempt, and not of an earlier one's that left the connection open. */
bool connection_walked_for(const struct connection *c, const struct job *j);
/* The host's name, and what its TLS must be like. */
const struct route_host *connection_host_at(const struct connection *c);
/* The host's name. */
const char *connection_host(const struct connection *c);
const struct tls_demand *connection_host_tls(const struct connection *c);
/* For a job that this host has put off: is there another? Then `tried` has the addresses to pass over; `plain`: it is
 * to be met without TLS. */
bool connection_has_next_host(const struct connection *c, const struct job *j, struct tried *tried, bool *plain);

/* --- connection_trial.c --- */

/* The host at hand is ready, or has failed: what a policy in testing would have refused is logged. */
void connection_trial_ends(const struct connection *c);
void connection_trial_failed(const struct connection *c);

#endif
