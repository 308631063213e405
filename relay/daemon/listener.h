/* Listening sockets: bound once, before privileges are dropped, one for each loop and configured address (SO_REUSEPORT:
 * the kernel shares connections out), or inherited from systemd (sd_listen_fds) and then shared by duplication. */
#ifndef SENDOFF_RELAY_DAEMON_LISTENER_H
#define SENDOFF_RELAY_DAEMON_LISTENER_H

#include "base/config.h"
#include "relay/net/loop.h"

struct listener_set;
/* Main thread. Binds every address for `loops` loops; E_IO says which address and what to do. */
int listener_bind(const struct config *c, size_t loops, struct listener_set **out, struct reason *why);
/* The loop's thread: begins to accept on this loop's sockets. */
int listener_start(struct listener_set *set, struct loop *loop, struct reason *why);
/* The loop's thread: stops accepting, closes this loop's sockets. */
void listener_stop(struct listener_set *set, struct loop *loop);
void listener_free(struct listener_set **set); /* after every loop has ended */

#endif
