/* Header lines over 998 octets, folded (RFC 5322 2.1.1, 2.2.3). Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_HEADER_FOLD_H
#define SENDOFF_RELAY_MIME_HEADER_FOLD_H

#include "base/result.h"
#include "base/text/header.h"

/* True: a line of the field is too long. */
bool header_needs_folding(struct bytes whole);
/* Appends the field with its long lines folded at white space, behind a comma of an address list, or by encoded-words
 * in text (RFC 2047). OK; E_SYNTAX where none of them is there; E_MEMORY; E_TOO_BIG. */
int header_fold(const struct field *f, struct buffer *out);

#endif
