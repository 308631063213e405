/* The gathering of `sendoff doctor`: of this machine (gather_*.c), then over the network, all at once and with one
 * deadline (gather_network.c). One thread, which blocks. */
#ifndef SENDOFF_CLI_DOCTOR_GATHER_H
#define SENDOFF_CLI_DOCTOR_GATHER_H

#include "cli/command.h"
#include "cli/doctor/facts.h"

#define DOCTOR_MS 8000         /* nothing is asked any more after that */
#define DOCTOR_CONNECT_MS 4000 /* for a connection and its greeting */
#define DOCTOR_DOMAINS_MAX 40  /* of which DNS is asked; for the others the gateway's own daily check speaks */

struct gathering {
  struct cli *c;
  struct doctor_facts *facts;
  struct reader *reader; /* NULL: there is none */
  struct directory *directory;
  uint64_t deadline_ms; /* clock_monotonic_ms */
};

/* In this order; each leaves what it cannot know as it was, and none fails. */
void gather_named(struct gathering *g);   /* first: it forks */
void gather_gateway(struct gathering *g); /* its state; then of its process */
void gather_machine(struct gathering *g);
void gather_store(struct gathering *g);
void gather_mail(struct gathering *g); /* accounts and the queue */
void gather_network(struct gathering *g);
void gather_listener(struct gathering *g, struct listener_facts *out);
void gather_listener_owner(struct listener_facts *out); /* who listens there, by /proc */
/* Frees what the facts hold. */
void gathered_clear(struct gathering *g);

#endif
