/* SPF answers for sessions: from the loop's cache, or by a check that any number of sessions wait for together. The
 * loop's thread only. */
#ifndef SENDOFF_RELAY_SPF_GATE_H
#define SENDOFF_RELAY_SPF_GATE_H

#include "policy/source_rank.h"
#include "relay/submission/dns_jobs.h"

struct spf_gate;
int spf_gate_new(struct loop *loop, struct spf_gate **out);
void spf_gate_free(struct spf_gate **g); /* when no check is running: the loop has ended */

/* A session's place in the queue. */
struct spf_wait {
  struct dns_wait base;
  void (*done)(struct spf_wait *w, const struct source_rank *r);
};

/* What SPF says of each source of the pool. */
struct spf_question {
  const struct directory *directory;
  const char *pool, *reverse_path;
  int64_t account; /* whose mail it is */
};
/* True: `w->done` was called already. False: it will be, within DNS_WAIT_MS, with "temperror" at the latest, which
 * refuses nothing; unless the session leaves (dns_wait_leave). */
bool spf_gate_ask(struct spf_gate *g, const struct spf_question *q, struct spf_wait *w);

#endif
