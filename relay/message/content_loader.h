/* Reads messages from the store for delivery, on libuv's pool: each loop has a few readers of its own. Loop's thread.
 */
#ifndef SENDOFF_RELAY_MESSAGE_CONTENT_LOADER_H
#define SENDOFF_RELAY_MESSAGE_CONTENT_LOADER_H

#include "relay/message/content.h"
#include "relay/net/loop.h"

#define CONTENT_READERS 2           /* at once, per loop */
#define LOAD_HEADER_MAX (64 * 1024) /* octets of an original header that a DSN returns */
#define LOAD_WHOLE_MAX                                                                                                 \
  (1024 * 1024) /* of an original message that a DSN returns whole; of a larger one, its header                        \
                 */

enum load_what {
  LOAD_NOTHING, /* only the check of its recipients */
  LOAD_MESSAGE, /* all of it, or, when it is in a spool file, the prefix and the open file */
  LOAD_HEADER,  /* `content` with at least the header (up to LOAD_HEADER_MAX octets of it), never a file */
  LOAD_WHOLE,   /* `content` with all of it (up to LOAD_WHOLE_MAX octets), never a file */
};
struct loaded {
  int result; /* OK, E_NOT_FOUND: the message has gone, E_DENIED: not all of the recipients are queued, E_IO, E_MEMORY
               */
  struct reason why;
  struct content *content; /* one reference; NULL when the message is in a file */
  struct buffer prefix;    /* with a file */
  int fd;                  /* -1: none */
};

struct content_loader;
int content_loader_new(struct loop *loop, struct content_loader **out);
/* Nothing may be loading: see content_loader_idle. */
void content_loader_free(struct content_loader **l);
bool content_loader_idle(const struct content_loader *l);

struct content_check {
  const int64_t *ids; /* of recipients */
  size_t count;
};
struct load;
/* `done` runs later, once; it takes over what it wants by emptying the fields, the rest is freed after it. NULL without
 * memory. */
struct load *content_load(struct content_loader *l, int64_t message_id, unsigned flags, enum load_what what,
                          void (*done)(void *arg, struct loaded *loaded), void *arg);
/* The same, after a check that each of these recipients waits to be delivered: not held, returned or gone. Copies. */
struct load *content_load_checked(struct content_loader *l, const struct content_check *check, int64_t message_id,
                                  unsigned flags, enum load_what what, void (*done)(void *arg, struct loaded *loaded),
                                  void *arg);
/* `done` will not be called. */
void content_load_forget(struct load *load);

#endif
