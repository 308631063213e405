/* What some programs put ahead of a header, and what no reader takes for a part of it: a byte order mark, the "From "
 * line of an mbox file (RFC 4155), empty lines. Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_HEADER_PREAMBLE_H
#define SENDOFF_RELAY_MIME_HEADER_PREAMBLE_H

#include "base/bytes.h"

/* How many octets at the beginning of `head` are such. *open: the next octets may belong to it, too, once more of them
 * are there. */
size_t header_preamble(struct bytes head, bool *open);

#endif
