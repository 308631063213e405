/* The submission side's door: sessions begin here, at a listener's connection. The loop's thread only. */
#ifndef SENDOFF_RELAY_SUBMISSION_H
#define SENDOFF_RELAY_SUBMISSION_H

#include "base/config.h"
#include "relay/net/loop.h"

/* `config` stays for as long as the loop runs. */
void submission_accept(struct loop *loop, uv_stream_t *listener, const struct listen_config *config);
/* No new transactions: idle sessions get 421 now, the others after their transaction (RFC 5321 3.8). */
void submission_drain(struct loop *loop);
/* Ends those that are left with 421, but for those whose answer is on its way (the store is about to commit); called
 * again until none is left. */
void submission_cut(struct loop *loop);

#endif
