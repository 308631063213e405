/* A From field that gets another address, for devices and old sites that cannot set their own. Pure. */
#ifndef SENDOFF_RELAY_MIME_FROM_REWRITE_H
#define SENDOFF_RELAY_MIME_FROM_REWRITE_H

#include "base/bytes.h"
#include "base/result.h"

struct from_rewrite {
  const char *address;     /* that it gets */
  struct buffer *reply_to; /* gets a Reply-To field with the old addresses; NULL: there is one already */
  bool changed;            /* out: it had another address, or none */
};

/* Appends the whole field, its display name kept, to `out`. OK, E_MEMORY, E_TOO_BIG. */
int from_rewrite(struct bytes value, struct from_rewrite *r, struct buffer *out);

#endif
