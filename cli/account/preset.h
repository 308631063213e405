/* `--for KIND` of `account add` and `account set`: what suits that kind of client, and what its owner has to write
 * where. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_PRESET_H
#define SENDOFF_CLI_ACCOUNT_PRESET_H

#include "cli/command.h"

#define PRESET_KINDS "wordpress|php|device|server"

#define PRESET_ADDRESS (DOMAIN_MAX + ADDRESS_MAX)

struct preset;
/* That of --for; NULL when it was not given. EXIT_USAGE: a message has been printed. */
enum exit_status preset_find(struct cli *c, const struct preset **out);
/* Adds the preset's options to what was typed, each where that option was not typed: what is said wins. One of them
 * may stand in `own`, which lives as long as `c` is read. EXIT_USAGE, EXIT_NO: a message has been printed. */
enum exit_status preset_apply(struct cli *c, const struct preset *p, char own[PRESET_ADDRESS]);
/* What to write into the application of an account that is in the store, ready to paste; with the password in it,
 * unless that is NULL (it is not known any more). The caller wipes and frees it; NULL: it cannot be made. */
char *preset_text(struct cli *c, const struct preset *p, const char *account, const char *password);

#endif
