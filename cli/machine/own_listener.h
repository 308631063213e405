/* The gateway's own listeners, as a command on the same machine reaches them. Any thread. */
#ifndef SENDOFF_CLI_MACHINE_OWN_LISTENER_H
#define SENDOFF_CLI_MACHINE_OWN_LISTENER_H

#include "base/directory/config.h"
#include "cli/machine/smtp_talk.h"

struct own_listener {
  struct sockaddr_storage to, from; /* a wildcard is reached by loopback */
  char text[80];                    /* "127.0.0.1:587" */
};
/* False: it has no IP address and port. */
bool own_listener_read(const struct listen_config *l, struct own_listener *out);

/* Whose connection it is going to be (control.h, "expect"). */
struct own_announcement {
  const char *data_dir;
  const char *account; /* NULL: a stranger's */
  int control;         /* what is announced is withdrawn when it closes */
};
/* Before the talk is opened: a process that is killed closes its descriptors in the order of their numbers, and the
 * port must not be free before the announcement is withdrawn. E_NOT_FOUND: no gateway is running; E_DENIED: it does not
 * answer. */
int own_announcement_begin(struct own_announcement *a);
/* For struct talk_plan: `arg` is a struct own_announcement that has begun. E_DENIED: the gateway does not let it in, or
 * does not answer. */
int own_listener_announce(void *arg, const struct sockaddr *local);
/* The same `arg`; the caller does so when the session has ended, before its talk is closed. Also one that failed. */
void own_listener_withdraw(void *arg);

#endif
