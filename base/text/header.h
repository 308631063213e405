/* Iterates over the fields of a header block (RFC 5322 2.2), lines ended by CRLF. Pure; any thread. */
#ifndef SENDOFF_BASE_HEADER_H
#define SENDOFF_BASE_HEADER_H

#include "base/bytes.h"

struct field {
  struct bytes whole; /* name, colon, value, folds and the last CRLF */
  struct bytes name;  /* without trailing white space */
  struct bytes value; /* after the colon, folds kept, without the last CRLF */
};

/* 1 with the next field, 0 at the end of `block` (or at its empty line), E_SYNTAX for a line that is no field and no
 * fold (then `out->whole` is that line and `*at` is past it, so that a caller may go on). Start with *at = 0. */
int header_next(struct bytes block, size_t *at, struct field *out);
/* The number of fields so named (no case), and the first of them in `first` (NULL is allowed). */
size_t header_find(struct bytes block, const char *name, struct field *first);
/* The value with folds (CRLF before white space) removed, trimmed, control characters and what is no UTF-8 made '?',
 * cut to size at the end of a character; NUL-terminated. Always UTF-8. */
void header_unfold(struct bytes value, char *out, size_t size);

#endif
