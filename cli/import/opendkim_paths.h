/* Where the files of an OpenDKIM installation are, also of one that was copied from another machine. One thread. */
#ifndef SENDOFF_CLI_IMPORT_OPENDKIM_PATHS_H
#define SENDOFF_CLI_IMPORT_OPENDKIM_PATHS_H

#include "base/bytes.h"
#include "base/result.h"

#include <stdbool.h>

#define OPENDKIM_PATH 4096 /* with its zero */

/* The file that a setting or a table of the installation in `dir` names; "%" in it stands for `domain`. Relative to
 * `base` (BaseDirectory; "": none) or `dir`. An absolute path is one below the folder that a copied etc is in, where it
 * leads to something; one that leads to nothing here, either, is searched below `dir`, with as much of it as there is:
 * with its own folder at least, or (`by_name`) by its last part alone. What is nowhere stays as it was named.
 * E_TOO_BIG. */
int opendkim_path(const char *dir, struct bytes base, struct bytes named, const char *domain, bool by_name,
                  char out[OPENDKIM_PATH], struct reason *why);

/* `dir`/`name`; false: there is none, or the path is too long. */
bool opendkim_path_in(const char *dir, const char *name, char out[OPENDKIM_PATH]);

#endif
