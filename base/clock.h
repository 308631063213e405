/* Time, replaceable by tests. Any thread. Wall time is in microseconds since 1970-01-01 UTC; monotonic time in
 * milliseconds. */
#ifndef SENDOFF_BASE_CLOCK_H
#define SENDOFF_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define SECOND_US INT64_C(1000000)

int64_t clock_now_us(void);
uint64_t clock_monotonic_ms(void);
/* By how much the clock has jumped since the first call, all jumps together: ahead of, or behind, the time that has
 * really passed. A machine that sleeps makes no jump, and what a time server corrects is none. Any thread. */
#define CLOCK_JUMP_US (5 * 60 * SECOND_US) /* less is no jump */
int64_t clock_jumps_us(void);
/* Tests: every later clock_now_us() answers `us` (atomically set); 0 gives the real clock back. */
void clock_set_for_tests(int64_t us);

/* "2026-11-23 00:00 UTC", "2026-11-23T10:20:30.123Z", "Mon, 23 Nov 2026 10:20:30 +0000" (RFC 5322 3.3). `out` of at
 * least 40. */
void clock_format_minute(int64_t us, char *out, size_t size);
void clock_format_iso(int64_t us, char *out, size_t size);
void clock_format_rfc5322(int64_t us, char *out, size_t size);
/* "3h12m", "45s", "2d4h", "now" for 0 or less: at most two units, rounded down. */
void clock_format_span(int64_t us, char *out, size_t size);

enum window { WINDOW_SECOND, WINDOW_MINUTE, WINDOW_HOUR, WINDOW_DAY, WINDOW_MONTH, WINDOW_COUNT };
/* Start (inclusive) and end (exclusive) of the calendar window, in UTC, that contains `us`. */
int64_t window_start(enum window w, int64_t us);
int64_t window_end(enum window w, int64_t us);
const char *window_name(enum window w);   /* "second" .. "month" */
const char *window_phrase(enum window w); /* "this second", "this minute", "this hour", "today", "this month" */

#endif
