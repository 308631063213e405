/* Quoted-printable for text (RFC 2045 6.7). Pure. */
#ifndef SENDOFF_RELAY_MIME_QUOTED_PRINTABLE_H
#define SENDOFF_RELAY_MIME_QUOTED_PRINTABLE_H

#include "base/bytes.h"
#include "base/result.h"

/* Hands `text` encoded to `emit`, in runs of at most a line. Lines of the text are lines of the encoded text; `*open`:
 * the last one is not ended, so that what decodes is `text` and nothing more, be it ended by a line break of the
 * surroundings or by a soft one. OK, or what `emit` returned, which ends it. */
int quoted_printable_emit(struct bytes text, int (*emit)(void *arg, struct bytes run), void *arg, bool *open);
/* Appends `text` encoded; ends with CRLF. OK, E_MEMORY or E_TOO_BIG. */
int quoted_printable_add(struct bytes text, struct buffer *out);

#endif
