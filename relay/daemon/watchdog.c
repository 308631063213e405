#include "relay/daemon/watchdog.h"

#include "base/log.h"
#include "relay/daemon/service_manager.h"
#include "relay/net/broadcast.h"

#define ASKED_IN_ITS_TIME 4 /* so that one answer may be late */

static void each_turns(struct loop *on, struct broadcast_token *t) {
  (void)on;
  broadcast_return(t);
}

static void every_loop_turned(void *arg) {
  struct watchdog *w = arg;
  w->asked = false;
  if (w->every_ms) service_alive();
}

/* Half of the manager's patience: the rest of it is for what comes after. */
static bool writer_is_stuck(struct watchdog *w) {
  uint64_t ms = store_stalled_ms(w->supervisor->gateway->store);
  bool stuck = ms > w->every_ms * ASKED_IN_ITS_TIME / 2;
  if (stuck && !w->reported) log_event(LOG_ERROR_, NULL, "the store's writer is stuck", NULL);
  w->reported = stuck;
  return stuck;
}

static void on_time(uv_timer_t *timer) {
  struct watchdog *w = timer->data;
  if (w->asked || writer_is_stuck(w)) return;
  w->asked = broadcast(w->supervisor, each_turns, every_loop_turned, w) == OK;
}

void watchdog_start(struct watchdog *w, struct loop *supervisor) {
  *w = (struct watchdog){.supervisor = supervisor, .every_ms = service_watchdog_ms() / ASKED_IN_ITS_TIME};
  uv_timer_init(&supervisor->uv, &w->timer);
  w->timer.data = w;
  if (w->every_ms) uv_timer_start(&w->timer, on_time, 0, w->every_ms);
}

void watchdog_stop(struct watchdog *w) {
  w->every_ms = 0;
  uv_close((uv_handle_t *)&w->timer, NULL);
}
