/* What goes with an account that is removed, beside its settings: its routes, with what they log in with, and its
 * suppression list. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_BELONGINGS_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_BELONGINGS_H

#include "cli/command.h"

struct account_belongings {
  uint64_t routes, suppressed; /* suppressed: addresses */
};
/* EXIT_NO: a message has been printed. */
enum exit_status account_belongings_read(struct cli *c, const char *account, struct account_belongings *out);
bool account_belongings_any(const struct account_belongings *b);
#define ACCOUNT_BELONGINGS_TEXT 96
/* "2 routes and 1 suppressed address"; "": none of either. Returns `out`. */
const char *account_belongings_text(const struct account_belongings *b, char out[ACCOUNT_BELONGINGS_TEXT]);

#endif
