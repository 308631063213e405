/* A From field that says one thing only, and not quite as RFC 5322 3.6.2 wants it said. Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_FROM_REPAIR_H
#define SENDOFF_RELAY_MIME_FROM_REPAIR_H

#include "base/bytes.h"
#include "base/result.h"

/* `value` is what stands behind the colon. OK: it can be read, and nothing was written; 1: what it says was appended to
 * `out` in a form that can be; 2: the same, and its address is MAILER-DAEMON's at `hostname`; E_SYNTAX: what it says is
 * not clear, from offset *at on; E_MEMORY, E_TOO_BIG.
 * - exactly one angle address, and ahead of it a name with characters that take quotes: it gets them (1);
 * - "MAILER-DAEMON <>" of a report (`report`: its reverse-path is null): it gets an address (2). */
int from_repair(struct bytes value, bool report, const char *hostname, struct buffer *out, size_t *at);

#endif
