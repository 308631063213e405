/* What hangs on one event loop: its parts made, started, drained and closed in order. The daemon owns the workers. */
#ifndef SENDOFF_RELAY_DAEMON_WORKER_H
#define SENDOFF_RELAY_DAEMON_WORKER_H

#include "relay/daemon/listener.h"
#include "relay/message/key_ring.h"
#include "relay/net/broadcast.h"
#include "relay/net/tls.h"

struct login_bans;
struct session_limits;
struct worker;
/* What every loop holds a reference to, and gets anew when it changed; and what all share. */
struct shared_state {
  struct directory *directory;
  struct key_ring *keys;         /* the directory's */
  struct tls_server *tls;        /* NULL: none */
  struct session_limits *limits; /* these two: any thread; they outlive the loops */
  struct login_bans *bans;
};
/* Main thread: the loop and its parts. */
int worker_new(struct gateway *g, size_t index, const struct shared_state *with, struct worker **out,
               struct reason *why);
struct loop *worker_loop(struct worker *w);
/* Main thread: starts the loop's thread, which begins to accept; workers[0] also starts the dispatcher. */
int worker_run(struct worker *w, struct listener_set *listeners, struct reason *why);
/* The loop's thread, in this order, each returning the token when it is through. */
void worker_drain(struct worker *w,
                  struct broadcast_token *t); /* sessions: new ones get 421, the open ones end; bounded by 15 s */
void worker_stop(struct worker *w,
                 struct broadcast_token *t); /* listeners closed, deliveries stopped; bounded by about 12 s */
void worker_finish(struct worker *w, struct broadcast_token *t); /* after the store is closed: the thread ends */
/* Main thread, after worker_finish was asked for: joins and frees. */
void worker_free(struct worker **w);

#endif
