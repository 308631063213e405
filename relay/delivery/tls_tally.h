/* Counts what became of TLS in connections (base/mail/tls_outcome.h), in memory, until a batch of it goes into the
 * store. One thread. */
#ifndef SENDOFF_RELAY_DELIVERY_TLS_TALLY_H
#define SENDOFF_RELAY_DELIVERY_TLS_TALLY_H

#include "base/mail/tls_outcome.h"

#include <stdbool.h>

#define TLS_TALLY_OCTETS (1024 * 1024) /* of a batch; sessions that would add to it are not counted */

struct tls_tally;
struct tls_tally *tls_tally_new(void); /* NULL without memory */
void tls_tally_free(struct tls_tally **t);
/* Copies. False: there was no room, or no memory. */
bool tls_tally_add(struct tls_tally *t, const struct tls_count *c);
size_t tls_tally_size(const struct tls_tally *t); /* counts */
bool tls_tally_is_half_full(const struct tls_tally *t);

/* A batch, all that was counted so far; the tally begins anew. One block for free(); `*count` of them, whose text is in
 * the block. NULL with a count of 0: there is nothing, or no memory (then all stays). */
struct tls_count *tls_tally_take(struct tls_tally *t, size_t *count);

#endif
