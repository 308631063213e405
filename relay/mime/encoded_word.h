/* Encoded-words (RFC 2047) for text in UTF-8. Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_ENCODED_WORD_H
#define SENDOFF_RELAY_MIME_ENCODED_WORD_H

#include "base/bytes.h"
#include "base/result.h"

/* Appends `text` as encoded-words, several where it is long, each on a line of its own (RFC 2047 2: 75 octets a word,
 * 76 a line). No character is cut. `column`: where the first begins in its line; *column is where the last ended. Safe
 * in a phrase and in a comment, too (RFC 2047 5). OK, E_MEMORY, E_TOO_BIG. */
int encoded_words_add(struct bytes text, size_t *column, struct buffer *out);

#endif
