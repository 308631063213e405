/* `import opendkim`: the domains and keys of an OpenDKIM installation. One thread. */
#ifndef SENDOFF_CLI_IMPORT_IMPORT_OPENDKIM_H
#define SENDOFF_CLI_IMPORT_IMPORT_OPENDKIM_H

#include "cli/command.h"

/* EXIT_NO: something was left out, or it failed; a message has been printed. */
enum exit_status import_opendkim(struct cli *c);

#endif
