/* Reads encoded-words (RFC 2047), for people: what a field's text says, in UTF-8. Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_ENCODED_WORD_READ_H
#define SENDOFF_RELAY_MIME_ENCODED_WORD_READ_H

#include "base/bytes.h"

/* The value of an unstructured field, unfolded, its encoded-words decoded, without control characters, cut to size at
 * the end of a character; NUL-terminated. What is no encoded-word, or cannot be decoded, stays as it is. Always
 * UTF-8. */
void encoded_words_read(struct bytes value, char *out, size_t size);

#endif
