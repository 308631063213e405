/* The sources that a domain's mail may leave from: those of the pools of all accounts that may send for it. Pure; any
 * thread. */
#ifndef SENDOFF_RELAY_DOMAIN_DOMAIN_SOURCES_H
#define SENDOFF_RELAY_DOMAIN_DOMAIN_SOURCES_H

#include "base/directory/directory.h"

#define DOMAIN_SOURCES_MAX 64 /* that records are made for */

/* In the directory's order; several may be one address to the world. Without an account that may send for the domain,
 * they are all. Returns how many, DOMAIN_SOURCES_MAX at most. */
size_t domain_sources(const struct directory *d, const char *domain, const struct source *out[DOMAIN_SOURCES_MAX]);

#endif
