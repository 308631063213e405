#include "relay/delivery/queue/clock_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/queue/dispatcher.h"

#include <stddef.h>
#include <stdio.h>

#define AGAIN_MS 5000 /* when the store could not do it */
#define DAY_US (86400 * SECOND_US)
#define AWAY_US DAY_US                /* without a line in the log for so long, the gateway did not run */
#define WAIT_MOST_US (36500 * DAY_US) /* however long the configuration lets mail wait: so that sums fit */
/* The longest hold that any configuration allows (RFC 4865), what a smoothed limit may add, and a margin: a hold that
 * was granted stands when max_hold is lowered. */
#define HOLD_MOST_US (370 * DAY_US)

static int64_t longest_retry(const struct config *c) {
  int64_t longest = 3600 * SECOND_US;
  for (size_t i = 0; i < c->retry_count; i++)
    if (c->retry_us[i] > longest) longest = c->retry_us[i];
  if (longest > WAIT_MOST_US) longest = WAIT_MOST_US;
  return longest + longest / 5; /* with its random part (outcome/verdict.c) */
}

static void report_jump(int64_t jump_us) {
  char span[40], text[64];
  clock_format_span(jump_us < 0 ? -jump_us : jump_us, span, sizeof span);
  snprintf(text, sizeof text, "%s %s", span, jump_us < 0 ? "back" : "ahead");
  log_event(LOG_WARN_, NULL, "clock jumped", "by", text, "next", "mail that waits moves with it", NULL);
}

static void on_stored(struct store_op *op) {
  struct dispatcher *d = (struct dispatcher *)((char *)op - offsetof(struct dispatcher, clock.op.op));
  struct clock_watch *w = &d->clock;
  w->busy = false;
  if (op->result != OK) {
    w->left += w->op.jump_us;
    w->not_before_ms = clock_monotonic_ms() + AGAIN_MS;
    log_event(LOG_ERROR_, NULL, "times of the queue not corrected", "reason", op->why.text, NULL);
  } else {
    w->checked = true;
    char count[24];
    snprintf(count, sizeof count, "%llu", (unsigned long long)w->op.changed);
    if (w->op.changed) log_event(LOG_WARN_, NULL, "times of the queue corrected", "rows", count, NULL);
    if (w->op.changed || w->op.jump_us) d->list_wanted = true;
  }
  dispatch_soon(d);
}

static void post(struct dispatcher *d) {
  const struct config *c = d->gateway->config;
  struct clock_watch *w = &d->clock;
  int64_t retry = longest_retry(c);
  int64_t expire = c->expire_us < WAIT_MOST_US ? c->expire_us : WAIT_MOST_US;
  w->op = (struct store_clock){.now_us = clock_now_us(),
                               .jump_us = w->left,
                               .away_us = 2 * retry > AWAY_US ? 2 * retry : AWAY_US,
                               .retry_us = retry,
                               .hold_us = HOLD_MOST_US > retry ? HOLD_MOST_US : retry,
                               .life_us = expire + c->max_hold_us};
  store_clock_init(&w->op);
  w->left = 0;
  w->busy = true;
  loop_store_post(d->loop, &w->op.op, on_stored);
}

bool clock_watch(struct dispatcher *d) {
  struct clock_watch *w = &d->clock;
  int64_t jumps = clock_jumps_us(), jump = jumps - w->seen;
  w->seen = jumps;
  if (jump) {
    report_jump(jump);
    schedule_shift(&d->schedule, jump);
    outages_shift(&d->outages, jump);
    d->started_us += jump;
    w->left += jump;
  }
  if (!w->busy && (!w->checked || w->left) && clock_monotonic_ms() >= w->not_before_ms) post(d);
  return w->busy;
}
