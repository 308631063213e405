/* What the files of the notice share. For relay/delivery/dsn*.c only. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_DSN_PARTS_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_DSN_PARTS_H

#include "base/result.h"
#include "relay/delivery/outcome/dsn.h"

bool dsn_ascii(const char *text);
/* Text from strangers: printable, one space between words, folded there with `indent`, what is too long is cut; ends
 * the line. Beyond ASCII only with `utf8`, and then well-formed. The first line goes on from column `column`. No line
 * has white space alone (RFC 5322 3.2.2), whatever they said: to some readers it ends a header. */
int dsn_add_folded(struct buffer *out, const char *text, const char *indent, size_t column, bool utf8);

/* dsn_text.c: the part for people, unencoded. */
int dsn_add_text(const struct dsn_input *in, struct buffer *out);
/* dsn_fields.c: the part for programs (RFC 3464 2.1), groups of fields, each followed by an empty line. */
int dsn_add_fields(const struct dsn_input *in, struct buffer *out);

#endif
