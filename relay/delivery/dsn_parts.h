/* What the files of the notice share. For relay/delivery/dsn*.c only. */
#ifndef SENDOFF_RELAY_DSN_PARTS_H
#define SENDOFF_RELAY_DSN_PARTS_H

#include "base/result.h"
#include "relay/delivery/dsn.h"

bool dsn_ascii(const char *text);
/* Words of strangers: printable ASCII only, folded at spaces with `indent`, long words cut; ends the line. The first
 * line goes on from column `column`. */
int dsn_add_folded(struct buffer *out, const char *text, const char *indent, size_t column);

/* dsn_words.c: the part for people, unencoded. */
int dsn_add_words(const struct dsn_input *in, struct buffer *out);
/* dsn_fields.c: the part for programs (RFC 3464 2.1), groups of fields, each followed by an empty line. */
int dsn_add_fields(const struct dsn_input *in, struct buffer *out);

#endif
