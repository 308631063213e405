/* The service manager that started the gateway: systemd, or what speaks its protocol (sd_notify(3), sd_listen_fds(3)).
 * Without one, every call does nothing and there are no sockets. Main thread. */
#ifndef SENDOFF_RELAY_DAEMON_SERVICE_MANAGER_H
#define SENDOFF_RELAY_DAEMON_SERVICE_MANAGER_H

#include "base/address/cidr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- state --- */

void service_ready(const char *status); /* also after a reload; `status`: a line for `systemctl status` */
void service_status(const char *status);
void service_reloading(void); /* until service_ready */
void service_stopping(void);
/* How often service_alive must be called, at least; 0: nobody waits for it. */
uint64_t service_watchdog_ms(void);
void service_alive(void);

/* --- listening sockets --- */

/* A listening socket, TCP or local, that this process was started with. */
struct service_socket {
  int fd;
  struct sockaddr_storage address;
  char *name;  /* of the socket unit, or what service_keep_socket was given */
  bool kept;   /* by service_keep_socket, not of a unit */
  bool wanted; /* the listener's own mark; false at first */
};
/* Those of the environment, once; a later call finds none. `*out` is for service_sockets_free; NULL when there are
 * none. Returns how many. */
size_t service_sockets_take(struct service_socket **out);
/* Closes them; the manager forgets those that it kept and that are not wanted. */
void service_sockets_free(struct service_socket **sockets, size_t count);
/* The manager keeps a duplicate, and hands it to the next process of this service: what connects meanwhile waits for
 * that. Sockets of one address may have the same name. False: there is no manager. */
bool service_keep_socket(int fd, const struct sockaddr *address);

#endif
