/* Asks every event loop to do something, and tells the asker's loop when all have done it. */
#ifndef SENDOFF_RELAY_NET_BROADCAST_H
#define SENDOFF_RELAY_NET_BROADCAST_H

#include "relay/net/loop.h"

struct broadcast;
struct broadcast_token; /* one loop's share */

/* `each` runs on every loop's thread and must call broadcast_return with its token there, once, then or later. `done`
 * runs on `home`'s thread after the last return. E_MEMORY: nothing was asked. */
int broadcast(struct loop *home, void (*each)(struct loop *on, struct broadcast_token *t), void (*done)(void *arg),
              void *arg);
void *broadcast_arg(const struct broadcast_token *t);
void broadcast_return(struct broadcast_token *t);

#endif
