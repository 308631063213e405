/* A secret on standard input, so that it stands in no process list and no shell's history. One thread. */
#ifndef SENDOFF_CLI_INPUT_SECRET_LINE_H
#define SENDOFF_CLI_INPUT_SECRET_LINE_H

#include "cli/command.h"

#define SECRET_LINE_MAX 1024 /* a password */

/* One line, whole, without its end, of `size` - 2 octets at most: a password that was cut would lock its owner out.
 * `option` is the one that asked, `what` it is, for messages. EXIT_NO: one has been printed. The caller wipes it. */
enum exit_status secret_line_read(const char *option, const char *what, char *out, size_t size);

#endif
