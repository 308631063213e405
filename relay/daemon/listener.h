/* Listening sockets, one for each loop and configured address, bound before privileges are dropped. Loops share an
 * address by SO_REUSEPORT, so the kernel spreads connections over them; a socket inherited from systemd
 * (sd_listen_fds) is duplicated for each loop. */
#ifndef SENDOFF_RELAY_DAEMON_LISTENER_H
#define SENDOFF_RELAY_DAEMON_LISTENER_H

#include "base/config.h"
#include "relay/net/loop.h"

struct listener_set;
/* Main thread. Binds every address for `loops` loops. E_IO names the address and what to do; E_MEMORY. */
int listener_bind(const struct config *c, size_t loops, struct listener_set **out, struct reason *why);
/* The loop's thread: starts to accept on this loop's sockets. E_IO. */
int listener_start(struct listener_set *set, struct loop *loop, struct reason *why);
/* The loop's thread: stops accepting, closes this loop's sockets. */
void listener_stop(struct listener_set *set, struct loop *loop);
void listener_free(struct listener_set **set); /* after every loop has ended */

#endif
