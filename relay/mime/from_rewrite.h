/* A From field that gets another address, for devices and old sites that cannot set their own. Pure. */
#ifndef SENDOFF_RELAY_MIME_FROM_REWRITE_H
#define SENDOFF_RELAY_MIME_FROM_REWRITE_H

#include "base/bytes.h"
#include "base/result.h"

struct from_rewrite {
  const char *address;     /* that it gets */
  struct buffer *reply_to; /* gets a Reply-To field with the old addresses; NULL: there is one already */
  bool changed;            /* out: it had another address, several, or none that can be read */
};

/* Appends the whole field to `out`, unless it has this one address already: then nothing. Whatever `value` says, the
 * field reads as this address and nobody else. One author's name stays, also where it stands in a comment or lacks the
 * quotes that it needs; several have none in common. Old addresses in UTF-8 are left out of Reply-To: it is ASCII. OK,
 * E_MEMORY, E_TOO_BIG. */
int from_rewrite(struct bytes value, struct from_rewrite *r, struct buffer *out);

#endif
