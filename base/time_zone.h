/* Time zones by their names in the tz database: when a day and a month begin and end in one. By GLib.
 * Any thread. */
#ifndef SENDOFF_BASE_TIME_ZONE_H
#define SENDOFF_BASE_TIME_ZONE_H

#include <stdint.h>

/* Where a zone is asked for, NULL is UTC. */
struct time_zone;

/* The zone, which lives as long as the program, and is always the same pointer; *out is NULL for UTC. E_NOT_FOUND:
 * there is none of that name on this machine (the name is as in Europe/Berlin). */
int time_zone_find(const char *name, const struct time_zone **out);
const char *time_zone_name(const struct time_zone *z);
/* Tells zones apart, also where it was kept; 0: UTC. */
int64_t time_zone_id(const struct time_zone *z);

/* Start (inclusive) and end (exclusive) of the day, or month, that contains `us`. A day has 23 or 25 hours where the
 * clock is set, and begins when the clock is set where that leaves out midnight. Where the clock goes back over
 * midnight, the new day begins when it is midnight for the first time. */
void time_zone_day(const struct time_zone *z, int64_t us, int64_t *start_us, int64_t *end_us);
void time_zone_month(const struct time_zone *z, int64_t us, int64_t *start_us, int64_t *end_us);

#endif
