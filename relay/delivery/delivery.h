/* The way in to delivery: what the rest of the gateway hands over or asks for. The queue (queue/dispatch.h) is behind
 * it. Any loop. */
#ifndef SENDOFF_RELAY_DELIVERY_DELIVERY_H
#define SENDOFF_RELAY_DELIVERY_DELIVERY_H

#include "base/clock.h"
#include "base/envelope.h"
#include "relay/message/content.h"
#include "relay/net/loop.h"

/* Fresh mail is handed over in memory. Its rows carry next_us = now + DELIVERY_GRACE_US, so that the reader of the
 * queue does not see them before the dispatcher knows them. */
#define DELIVERY_GRACE_US (30 * SECOND_US)

/* A committed message: its recipients are tried at once, or from `not_before_us` on (0: at once). Copies; takes its own
 * reference of `content` (NULL: it is read from the store). What finds no memory, or no room, waits for the reader of
 * the queue, which finds the rows when their time has come. */
void delivery_accept(struct gateway *g, const struct envelope *e, const struct recipient *recipients, size_t count,
                     struct content *content, int64_t not_before_us);
/* The queue was changed by command: read this domain's mail now; NULL: all. */
void delivery_poll(struct gateway *g, const char *domain);

#endif
