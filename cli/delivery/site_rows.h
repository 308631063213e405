/* What is known of sites: what the running gateway says, or without one what the store remembers, and pauses by
 * command. One thread. */
#ifndef SENDOFF_CLI_DELIVERY_SITE_ROWS_H
#define SENDOFF_CLI_DELIVERY_SITE_ROWS_H

#include "cli/command.h"

#include <jansson.h>

/* An object of each site and source (docs/json.md, "a site"); `only`: a site, or NULL: all. The caller releases *rows
 * in any case. Else EXIT_NO, which is said. */
enum exit_status site_rows(struct cli *c, const struct directory *d, const char *only, json_t **rows);
/* "" when it is not there, or no text. The row's. */
const char *site_text(const json_t *row, const char *key);

#endif
