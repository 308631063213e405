/* The time zones that this machine knows. One thread. */
#ifndef SENDOFF_CLI_TIME_ZONES_H
#define SENDOFF_CLI_TIME_ZONES_H

#include <stdbool.h>

bool time_zone_exists(const char *name);

#endif
