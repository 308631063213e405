/* Limits and the modes of checks, shown alike for an account, a domain and the gateway: with what each check does
 * there, and whose setting that is. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_SETTINGS_SHOW_H
#define SENDOFF_CLI_OUTPUT_SETTINGS_SHOW_H

#include "base/directory/directory.h"

#include <jansson.h>

/* Whose they are: an account's, a domain's, or, with neither, the gateway's. */
struct settings_place {
  const struct directory *directory;
  const struct account *account;
  const struct domain *domain;
};

/* What the check does to mail of that place; of an account's, where the domain does not say otherwise. */
enum check_mode settings_mode(const struct settings_place *p, const char *check);
/* {"spf": "observe"}: every check that can be set, as it is, whoever set it. A new reference. */
json_t *settings_modes_json(const struct settings_place *p);
/* "limits 5000/day": a line each. */
void settings_print_limits(const struct settings_place *p);
/* "spf observe, of the gateway": a line for every check that can be set. */
void settings_print_modes(const struct settings_place *p);

#endif
