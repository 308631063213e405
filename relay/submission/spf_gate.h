/* SPF answers for sessions: from the loop's cache, or by a check on libuv's pool that any number of sessions wait for
 * together. The loop's thread only. */
#ifndef SENDOFF_RELAY_SPF_GATE_H
#define SENDOFF_RELAY_SPF_GATE_H

#include "policy/source_rank.h"
#include "relay/net/loop.h"

#define SPF_WAIT_MS 8000 /* a session waits no longer; the verdict is then "temperror" and refuses nothing */

struct spf_gate;
int spf_gate_new(struct loop *loop, struct spf_gate **out);
void spf_gate_free(struct spf_gate **g); /* when no check is running: the loop has ended */

/* A session's place in the queue; part of the session, so that it can leave at any time. */
struct spf_wait {
  void (*done)(struct spf_wait *w, const struct source_rank *r);
  struct spf_check_job *job; /* NULL while not waiting */
  struct spf_wait *next, **at;
};

/* What SPF says of each source of the pool. True: `w->done` was called already. False: it will be, within
 * SPF_WAIT_MS. */
bool spf_gate_ask(struct spf_gate *g, const struct directory *d, const char *pool, const char *reverse_path,
                  struct spf_wait *w);
void spf_gate_leave(struct spf_wait *w);

#endif
