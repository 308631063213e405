/* What blocklists say of a source, as `source list` and `status` show it. */
#ifndef SENDOFF_CLI_DELIVERY_SOURCE_LISTINGS_H
#define SENDOFF_CLI_DELIVERY_SOURCE_LISTINGS_H

#include "cli/command.h"

#include <jansson.h>

/* Some list lists it, or its HELO name. */
bool source_listed_now(const struct directory *d, const struct source *s);
/* What each list has answered: a new array. */
json_t *source_blocklists_json(const struct directory *d, const struct source *s);
/* Below the table: what is listed and what to do, and what no list was believed about. */
void source_print_listings(const struct directory *d);
/* Of `sendoff status`. */
void status_print_listings(const json_t *listings);

#endif
