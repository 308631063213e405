/* Raw octets over 127 in a header field, written as RFC 5322 wants them: encoded-words (RFC 2047), extended parameters
 * (RFC 2231), A-labels (RFC 5890). What a reader sees of the field stays the same. Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_HEADER_ENCODE_H
#define SENDOFF_RELAY_MIME_HEADER_ENCODE_H

#include "base/result.h"
#include "base/text/header.h"

/* True: the field has such octets. */
bool header_needs_encoding(struct bytes whole);
/* Appends the field, whole, encoded. Octets that are no UTF-8 are read as `charset` (what the message says of its
 * text; empty: nothing), or as windows-1252. OK; E_SYNTAX where they stand in what cannot be encoded (the local part
 * of an address, a boundary); E_MEMORY; E_TOO_BIG. */
int header_encode(const struct field *f, struct bytes charset, struct buffer *out);
/* The same for any field as text: for one that header_encode finds malformed. */
int header_encode_text(const struct field *f, struct bytes charset, struct buffer *out);
#endif
