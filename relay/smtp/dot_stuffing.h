/* Transparency of the DATA command (RFC 5321 4.5.2), for content that is sent in pieces: a line that begins with a dot
 * gets one more. Pure; one thread. */
#ifndef SENDOFF_RELAY_SMTP_DOT_STUFFING_H
#define SENDOFF_RELAY_SMTP_DOT_STUFFING_H

#include "base/bytes.h"
#include "base/result.h"

struct dot_stuffing {
  unsigned char seen; /* the end of what went before: 2 at the start of a line, 1 after CR, 0 inside a line */
};

void dot_stuffing_init(struct dot_stuffing *d);
/* Appends `in`, stuffed, to `out`: at most twice in.len octets. OK, E_MEMORY or E_TOO_BIG. */
int dot_stuffing_add(struct dot_stuffing *d, struct bytes in, struct buffer *out);
/* Appends the end of data: CRLF where the last line lacks it, the dot, CRLF. At most 5 octets. */
int dot_stuffing_end(struct dot_stuffing *d, struct buffer *out);

#endif
