/* The service manager's watchdog (systemd: WatchdogSec=): it hears from the gateway only as long as every event loop
 * turns and the store's writer gets on with its work. One that is stuck keeps its sessions and its mail waiting without
 * a sign of it; ended and started again, they go on. The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_WATCHDOG_H
#define SENDOFF_RELAY_DAEMON_WATCHDOG_H

#include "relay/net/loop.h"

struct watchdog {
  struct loop *supervisor;
  uv_timer_t timer;
  uint64_t every_ms; /* 0: nobody wants to hear */
  bool asked;        /* not every loop has answered yet */
  bool reported;     /* that the writer is stuck */
};
/* Starts when a watchdog is set, else does nothing. While it runs, `gateway.store` must be open. */
void watchdog_start(struct watchdog *w, struct loop *supervisor);
/* At the beginning of the shutdown: that has a deadline of its own, and the manager waits no more (STOPPING=1). `w`
 * must live until the supervisor's loop has ended. */
void watchdog_stop(struct watchdog *w);

#endif
