/* Times as the commands print them for people. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_MOMENT_H
#define SENDOFF_CLI_OUTPUT_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#define MOMENT_TEXT 40
/* "2026-11-23T11:20:30.123" in the machine's time zone, or "2026-11-23T10:20:30.123Z": what --since takes. */
void moment_text(int64_t us, bool utc, char out[MOMENT_TEXT]);
/* "11-23 11:20:30" */
void moment_short(int64_t us, bool utc, char out[MOMENT_TEXT]);
/* "812ms", "3.2s", "4m10s" */
void moment_span(int64_t us, char out[MOMENT_TEXT]);

#endif
