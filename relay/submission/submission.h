/* The submission side's door: sessions begin here, at a listener's connection. The loop's thread only. */
#ifndef SENDOFF_RELAY_SUBMISSION_H
#define SENDOFF_RELAY_SUBMISSION_H

#include "relay/config.h"
#include "relay/loop.h"

void submission_accept(struct loop *loop, uv_stream_t *listener, enum listen_tls tls);
/* No new transactions: idle sessions get 421 now, the others after their message (RFC 5321 3.8). */
void submission_drain(struct loop *loop);
/* Ends those that are left, but for those whose answer is on its way (the store is about to commit). */
void submission_cut(struct loop *loop);

#endif
