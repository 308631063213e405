/* Listening sockets of every loop and configured address, bound before privileges are dropped. Each loop has one of its
 * own, by SO_REUSEPORT, so the kernel spreads connections over them. The service manager may have made some (a socket
 * unit), or kept those of the process before (service_manager.h): what connects during a restart waits in them. One
 * that it made alone for an address is duplicated for each loop, which costs each connection a wake-up of every loop:
 * see docs/install.md. So is a local one (a UNIX socket), which is removed at the end if this gateway has made it. */
#ifndef SENDOFF_RELAY_DAEMON_LISTENER_H
#define SENDOFF_RELAY_DAEMON_LISTENER_H

#include "base/directory/config.h"
#include "relay/net/loop.h"

struct listener_set;
/* Main thread. Binds every address, and the default for the local socket where that can be, for `loops` loops. E_IO
 * names the address and what to do; E_MEMORY. */
int listener_bind(const struct config *c, size_t loops, struct listener_set **out, struct reason *why);
/* The loop's thread: starts to accept on this loop's sockets. E_IO. */
int listener_start(struct listener_set *set, struct loop *loop, struct reason *why);
/* The loop's thread, when sessions drain: closes this loop's sockets that outlive the gateway, so that new connections
 * wait for the next one. The others go on, for a 421. */
void listener_drain(struct listener_set *set, struct loop *loop);
/* The loop's thread: stops accepting, closes this loop's sockets. */
void listener_stop(struct listener_set *set, struct loop *loop);
void listener_free(struct listener_set **set); /* main thread, after every loop has ended; NULL is allowed */

#endif
