/* A worker is an event loop with its thread and its parts (submission, delivery, ...). It makes and starts them, and
 * drains and closes them in order. The daemon owns the workers. */
#ifndef SENDOFF_RELAY_DAEMON_WORKER_H
#define SENDOFF_RELAY_DAEMON_WORKER_H

#include "relay/daemon/listener.h"
#include "relay/message/key_ring.h"
#include "relay/net/broadcast.h"
#include "relay/net/tls.h"
#include "relay/submission/submission.h"

struct worker;
/* What a worker starts with. */
struct shared_state {
  /* each loop takes references of its own, and newer ones after a reload */
  struct directory *directory;
  struct key_ring *keys;               /* the directory's */
  struct route_secrets *secrets;       /* so, too */
  struct tls_server *tls;              /* NULL: none */
  struct submission_shared submission; /* freed after the loops */
};
/* Main thread: makes the loop and its parts. On failure `*out` may still be set, for worker_free. */
int worker_new(struct gateway *g, size_t index, const struct shared_state *with, struct worker **out,
               struct reason *why);
struct loop *worker_loop(struct worker *w);
/* Main thread: starts the loop's thread, which starts to accept; workers[0] also starts the dispatcher. */
int worker_run(struct worker *w, struct listener_set *listeners, struct reason *why);
/* Any thread; workers[0], while it runs: the TLS reports of that day are sent now. OK or E_MEMORY. */
int worker_send_tls_reports(struct worker *w, int64_t day);
/* Shutdown: these three on the loop's thread, in this order; each returns the token when it has finished. */
/* New sessions get 421, open ones end; after 15 s they are cut. */
void worker_drain(struct worker *w, struct broadcast_token *t);
/* Closes the listeners and stops deliveries; about 12 s at most. */
void worker_stop(struct worker *w, struct broadcast_token *t);
/* After the store has closed: the thread ends. */
void worker_finish(struct worker *w, struct broadcast_token *t);
/* Main thread, after worker_finish, or when the worker never ran: joins the thread and frees all. */
void worker_free(struct worker **w);

#endif
