/* What the keys of the configuration file mean: `sendoff help config`, and sendoff.conf(5). A test holds the table to
 * the keys that there are. One thread. */
#ifndef SENDOFF_CLI_HELP_CONFIG_HELP_H
#define SENDOFF_CLI_HELP_CONFIG_HELP_H

#include <stddef.h>

struct config_help {
  const char *block, *name; /* as in relay/daemon/config_keys.h */
  const char *text;
};
extern const struct config_help config_helps[]; /* the keys of a block together */
extern const size_t config_help_count;
extern const char config_help_intro[], config_help_example[];

/* As the file would have it; "": there is none. */
void config_help_preset(const struct config_help *h, char *out, size_t size);
/* "listen \"ADDRESS:PORT\" { ... }" */
const char *config_help_title(const struct config_help *h);
void config_help_print(void);

#endif
