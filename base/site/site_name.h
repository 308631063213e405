/* Whom mail exchangers belong to: ten thousand domains at one provider are one site. Pure; any thread. */
#ifndef SENDOFF_BASE_SITE_NAME_H
#define SENDOFF_BASE_SITE_NAME_H

#include "base/site/shaping.h"

#define SITE_NAME_MAX 256

/* The provider that all hosts belong to; else the organizational domain that all their names share; else `set`, as the
 * route names its exchangers ("10 mx.example.net,..."). The entry of the table for it; never NULL. */
const struct shaping_provider *site_name_of_hosts(const struct shaping *s, const char *const *hosts, size_t count,
                                                  const char *set, char out[SITE_NAME_MAX]);

#endif
