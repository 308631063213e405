/* One event loop: a thread, its uv_loop_t, its store port, its mailbox for messages from other threads, its snapshot of
 * the directory. Everything that hangs off a loop is touched on that loop's thread only; loop_post is the exception. */
#ifndef SENDOFF_RELAY_NET_LOOP_H
#define SENDOFF_RELAY_NET_LOOP_H

#include "base/directory/config.h"
#include "base/directory/directory.h"
#include "store/store.h"

#include <stdatomic.h>
#include <uv.h>

struct loop;

/* What the whole daemon shares. Made before the loops' threads start, immutable while they run, but for
 * `dispatcher`: loops[0] clears it at its end, and only messages to loops[0] read it; `store`, which the supervisor
 * closes when no loop posts to it any more; and `queue_generation`. */
struct gateway {
  const struct config *config;
  struct store *store;
  struct loop **loops;
  size_t loop_count;
  struct resolver *resolver;        /* relay/net/resolver.h; thread-safe for resolver_lookup */
  struct dispatcher *dispatcher;    /* relay/delivery/delivery.h; lives on loops[0] */
  _Atomic int64_t queue_generation; /* of the commands that changed the queue, as far as loops[0] has seen them */
};

/* A message to another loop: allocated by the sender, owned by the receiver once posted. */
struct loop_message {
  void (*run)(struct loop *on, struct loop_message *m); /* on the receiving loop's thread; frees it */
  struct loop_message *next;
};

/* Work put off to the start of the loop's next turn, so that it runs on a fresh stack and once for many requests. */
struct deferred {
  void (*run)(struct deferred *self);
  struct deferred *next, **at; /* the loop's list; at is NULL while not queued */
};

struct loop {
  struct gateway *gateway;
  size_t index;
  uv_loop_t uv;
  uv_thread_t thread;
  struct store_port *port;       /* NULL on the supervisor */
  struct directory *directory;   /* never NULL while running; replaced between callbacks */
  struct submission *submission; /* relay/submission/submission.h: this loop's sessions */
  struct delivery *delivery;     /* relay/delivery/delivery.h: this loop's destinations and connections */
  struct converter *converter;   /* relay/message/conversion.h */
  struct signing *signing;       /* relay/message/signing.h: parsed keys and library handle */
  struct tls_server *tls;        /* current server credentials, NULL without; counted, replaced on reload */
  struct tls_client *tls_client; /* credentials for opportunistic TLS to next hops */
  char read_buffer[64 * 1024];   /* shared by every stream of this loop: filled and consumed within one callback */
  /* mailbox */
  uv_async_t wake;
  uv_mutex_t mailbox_lock;
  struct loop_message *mailbox_head, **mailbox_tail;
  /* deferred work */
  uv_idle_t idle;
  struct deferred *deferred, **deferred_tail;
};

/* Main thread, before and after the loop's thread runs. */
int loop_init(struct loop *l, struct gateway *g, size_t index, struct reason *why);
/* Runs until loop_finish; the caller's thread becomes the loop's. */
void loop_run(struct loop *l);
/* This loop's thread: closes the loop's own handles; uv_run returns when all others are closed too. */
void loop_finish(struct loop *l);
void loop_free(struct loop *l);

/* Any thread. */
void loop_post(struct loop *to, struct loop_message *m);
/* This loop's thread: posts to the store with this loop's port. */
void loop_store_post(struct loop *on, struct store_op *op, void (*done)(struct store_op *op));
/* Which loop this thread runs; NULL elsewhere. */
struct loop *loop_current(void);
/* This loop's thread. Queues once, however often asked; cancel is always allowed. */
void loop_defer(struct loop *l, struct deferred *d);
void loop_defer_cancel(struct loop *l, struct deferred *d);

#endif
