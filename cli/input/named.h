/* What a command names, and is not there: says so, with the name that was probably meant. One thread. */
#ifndef SENDOFF_CLI_INPUT_NAMED_H
#define SENDOFF_CLI_INPUT_NAMED_H

#include "cli/command.h"
#include "cli/output/suggest.h"

#define NAMED_NEAR_TEXT (SUGGEST_NAME_MAX + 32)

enum named { NAMED_ACCOUNT, NAMED_DOMAIN, NAMED_SOURCE, NAMED_SITE, NAMED_ROUTE };

/* EXIT_DONE: it is there (a site: mail has gone to it, or it is paused). Else EXIT_NO, with "there is no account blgo;
 * did you mean blog? see: sendoff account list". `name` in its canonical form. */
enum exit_status named_check(struct cli *c, enum named kind, const char *name);
/* For what need not be there: EXIT_DONE, and `near` is "; did you mean blog?" or ";". Else EXIT_NO, which is said. */
enum exit_status named_find(struct cli *c, enum named kind, const char *name, bool *found, char near[NAMED_NEAR_TEXT]);
/* As named_check, of what is known not to be there. EXIT_NO. */
enum exit_status named_unknown(struct cli *c, enum named kind, const char *name);

#endif
