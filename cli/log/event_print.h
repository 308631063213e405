/* One event of the delivery log, as a line, as a part of a story. Times are the machine's, or with `utc` UTC. One
 * thread. */
#ifndef SENDOFF_CLI_LOG_EVENT_PRINT_H
#define SENDOFF_CLI_LOG_EVENT_PRINT_H

#include "base/mail/event.h"

#include <stdbool.h>
#include <stddef.h>

void event_print_line(const struct event *e, bool utc);
/* The same in so many columns: what does not fit is left out. */
void event_print_short(const struct event *e, bool utc, size_t width);
/* `after_us`: since the event before it; below 0: there was none. */
void event_print_story(const struct event *e, bool utc, int64_t after_us);

#endif
