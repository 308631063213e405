/* How often each source's mail is taken at each site, as far as the loops that send it have reported, for the choice
 * among a pool's sources. Bounded. Lives on loops[0]; plain data. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_SUCCESS_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_SUCCESS_H

#include "base/site/site_learning.h"

#define SOURCE_SUCCESS_SITES 10000 /* the one that was made first gives way */
#define SOURCE_SUCCESS_SOURCES 16  /* of a site; the one that was heard of longest ago gives way */

struct source_success;
struct source_success *source_success_new(void); /* NULL without memory */
void source_success_free(struct source_success **s);
/* Replaces what was known. Without memory it is not known. */
void source_success_set(struct source_success *s, const char *site, const char *source, struct learnt_share taken);
/* Percent of its weight that the source keeps at the site (learnt_percent). */
unsigned source_success_percent(const struct source_success *s, const char *site, const char *source);

#endif
