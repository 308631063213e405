/* How the sources warm up: what --warmup names, and what `source list` shows. */
#ifndef SENDOFF_CLI_DELIVERY_SOURCE_WARMUPS_H
#define SENDOFF_CLI_DELIVERY_SOURCE_WARMUPS_H

#include "cli/command.h"

#include <jansson.h>

/* "default", "none", or a file: into `out`, as the store keeps it ("": none). */
enum exit_status source_read_warmup(const char *typed, char out[WARMUP_PLAN_TEXT]);

/* By address, of every source that has a plan: a new object. NULL: an error that was printed. */
json_t *source_warmups(struct cli *c, const struct directory *d);
/* The plan of one, with its providers: `null` when it has none. A new reference. */
json_t *source_warmup_json(const json_t *all, const struct source *s);
/* What the plan of one says of mail to that site now: a new object, as of those in its `providers`, or null where it
 * has no plan. `known`: the site is a provider of shaping.conf. */
json_t *source_warmup_at(const json_t *all, const struct source *s, const char *site, bool known);
/* "day 3-7 of 30, held back". */
void source_warmup_cell(const json_t *all, const struct source *s, char out[60]);
/* Below the table: each provider's day and amount, and what holds it back. */
void source_print_warmups(const json_t *all, const struct directory *d);

#endif
