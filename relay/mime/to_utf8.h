/* Text in an old or unknown character set, as UTF-8 (by iconv). Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_TO_UTF8_H
#define SENDOFF_RELAY_MIME_TO_UTF8_H

#include "base/bytes.h"
#include "base/result.h"

/* Appends `text`: as it is when it is UTF-8, else read as `charset` ("iso-8859-2"; empty: not known), or where that
 * does not fit, as windows-1252 or iso-8859-1, which every text fits. OK, E_MEMORY, E_TOO_BIG. */
int to_utf8(struct bytes text, struct bytes charset, struct buffer *out);
/* The same, of text that says its character set, and is read so also when it could be UTF-8 (ISO-2022-JP is ASCII). */
int to_utf8_of(struct bytes text, struct bytes charset, struct buffer *out);
/* The whole of it is UTF-8. */
bool is_utf8(struct bytes text);

#endif
