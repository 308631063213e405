/* The options that set limits and the modes of checks, alike for an account, a domain and the gateway. One thread. */
#ifndef SENDOFF_CLI_INPUT_SETTINGS_OPTIONS_H
#define SENDOFF_CLI_INPUT_SETTINGS_OPTIONS_H

#include "cli/command.h"

#define SETTINGS_CHECKS_MAX 32

struct settings_draft {
  struct settings settings; /* points into the rest */
  struct list_edit edit;    /* of limits */
  unsigned parts;           /* ACCOUNT_LIMITS, ACCOUNT_MODES: what was given */
  struct limit limits[ADMIN_LIST_MAX], added[ADMIN_LIST_MAX], removed[ADMIN_LIST_MAX];
  const char *added_texts[ADMIN_LIST_MAX], *removed_texts[ADMIN_LIST_MAX];
  struct check_setting modes[SETTINGS_CHECKS_MAX];
};

/* --limit, --add-limit, --remove-limit, --CHECK. `d` is zeroed. EXIT_USAGE: the message has been printed. */
enum exit_status settings_options_read(struct cli *c, struct settings_draft *d);
/* Is it the name of a check that can be set? */
bool is_check_option(const char *name, size_t len);
bool is_fixed_check(const char *name, size_t len); /* a check without a mode */

#endif
