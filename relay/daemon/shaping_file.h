/* The shaping table's file (libconfuse; base/site/shaping.h is what it becomes). Read on one thread at a time. */
#ifndef SENDOFF_RELAY_DAEMON_SHAPING_FILE_H
#define SENDOFF_RELAY_DAEMON_SHAPING_FILE_H

#include "base/result.h"
#include "base/site/shaping.h"

/* OK, with one reference; or E_SYNTAX, E_IO, E_MEMORY with "FILE:LINE: reason and what to do". NULL: the file that was
 * installed with the program, and when there is none, a table without providers. */
int shaping_load(const char *path, struct shaping **out, struct reason *why);
/* Every problem that the file has, as far as it can be read. False: it has some. */
bool shaping_check(const char *path, void (*problem)(void *arg, const char *text), void *arg);
/* The file that NULL stands for. */
const char *shaping_default_path(void);

#endif
