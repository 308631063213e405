/* Command lines and their parameters (RFC 5321 4.1.1, 4.1.2). Pure: no session, no I/O. */
#ifndef SENDOFF_RELAY_SMTP_COMMAND_H
#define SENDOFF_RELAY_SMTP_COMMAND_H

#include "base/address/address.h"

struct command {
  struct bytes verb; /* as written */
  struct bytes rest; /* after the white space that follows the verb; trailing white space taken off (RFC 5321 4.1.1) */
};
/* `line` without its CRLF. E_SYNTAX: empty, or a control character in it. */
int command_parse(struct bytes line, struct command *out);

/* The next esmtp-param, keyword ["=" value]: 1, 0 at the end, E_SYNTAX. Start with *at at the first octet after the
 * path. */
struct parameter {
  struct bytes keyword, value;
  bool has_value;
};
int parameter_next(struct bytes text, size_t *at, struct parameter *out);

/* "FROM:<...> params" or "TO:<...> params": checks the word, reads the path, leaves *at behind it. White space after
 * the colon, and an address without its brackets, are let pass: old clients send them, and nothing is ambiguous. */
int path_argument_parse(struct bytes rest, const char *word, struct address *out, size_t *at);

#endif
