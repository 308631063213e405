/* Sizes, durations and points in time as people type them. Pure; any thread. */
#ifndef SENDOFF_BASE_QUANTITY_H
#define SENDOFF_BASE_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "512", "64K", "36M", "2G" (binary multiples); OK or E_SYNTAX. */
int size_parse(const char *text, uint64_t *bytes);
/* "0", "512", "1.5K", "36M", "74.1G": in the largest unit that it fills, rounded down to a tenth. */
void size_format(uint64_t bytes, char *out, size_t size);
/* "90s", "1m", "4h", "5d", "2w", and sums such as "1h30m"; OK or E_SYNTAX. A bare number is refused: it has no unit. */
int duration_parse(const char *text, int64_t *us);
/* "2026-11-23", "2026-11-23 10:20[:30]", "2026-11-23T10:20:30[.123][Z]", with or without " UTC" (always UTC; all that
 * clock.h writes for people can be read back), or a duration before now: "2h", "1d". OK or E_SYNTAX. */
int moment_parse(const char *text, int64_t now_us, int64_t *us);
/* What a command takes for a time in the past: that, "today" and "yesterday" (their beginning), or "18:42[:30]", the
 * last one. Of UTC, or of the machine's time zone (TZ) unless the text says UTC. OK or E_SYNTAX. */
int time_parse(const char *text, int64_t now_us, bool utc, int64_t *us);

#endif
