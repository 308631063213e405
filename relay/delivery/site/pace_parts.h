/* What the pacer's files share. For relay/delivery/site/pace*.c only. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_PACE_PARTS_H
#define SENDOFF_RELAY_DELIVERY_SITE_PACE_PARTS_H

#include "relay/delivery/site/pace.h"

/* How soon a limit that was found is tried again; longer with each failure. */
#define PROBE_US (600 * SECOND_US)
#define PROBE_MOST_US (4 * 3600 * SECOND_US)

static inline int64_t pace_later(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static inline int64_t pace_doubled(int64_t first, unsigned times, int64_t most) {
  return times < 20 && first << times < most ? first << times : most;
}

/* --- pace_rate.c: messages a second --- */

/* Messages that were accepted in the running bucket and `count - 1` before. */
unsigned pace_accepted_in(const struct pace *p, int64_t count, int64_t now_us);
/* Nothing is sent for a while, longer each time; then one message tries. */
void pace_hold(struct pace *p, int64_t now_us);
/* What became of a message that began at `began_us`. */
void pace_note_accepted(struct pace *p, int64_t began_us, int64_t now_us);
void pace_note_deferred(struct pace *p, int64_t now_us);
void pace_note_refused(struct pace *p, int64_t now_us);
/* The rate is what it was before a restart, to begin with. */
void pace_recall_rate(struct pace *p, double rate, int64_t now_us);
/* As if there had been no 4xx. */
void pace_forget_rate(struct pace *p);

#endif
