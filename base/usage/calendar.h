/* A window of the calendar, day or month, in somebody's time zone: what was counted since it began. Pure; any thread.
 */
#ifndef SENDOFF_BASE_CALENDAR_H
#define SENDOFF_BASE_CALENDAR_H

#include "base/clock.h"
#include "base/time_zone.h"
#include "base/usage/tally.h"

#include <stdbool.h>

struct calendar_window {
  int64_t start_us, end_us; /* so that the zone is asked only when it ends */
  struct tally used;
};

/* Brings it to the window `w` (WINDOW_DAY, WINDOW_MONTH) that contains now. True: it began anew, with nothing counted.
 * `zone_changed`: since it began; then it keeps what it has counted, and ends where the new zone's ends.
 *
 * Threads read the clock each for itself, and a clock may be set back a little: a "now" from just before the window
 * began belongs to it, or its count would be lost. From further back it becomes the window before, with its count; and
 * from still further the clock was wrong before, and the count that it began goes. */
bool calendar_roll(struct calendar_window *c, enum window w, int64_t now_us, const struct time_zone *zone,
                   bool zone_changed);

#endif
