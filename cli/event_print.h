/* One event of the delivery log, as a line, as a part of a story. One thread. */
#ifndef SENDOFF_CLI_EVENT_PRINT_H
#define SENDOFF_CLI_EVENT_PRINT_H

#include "base/event.h"

void event_print_line(const struct event *e);
void event_print_story(const struct event *e);

#endif
