/* A message's octets in pieces, in order: from memory, or from its spool file by asynchronous reads. One loop's thread.
 */
#ifndef SENDOFF_RELAY_MESSAGE_CONTENT_FEED_H
#define SENDOFF_RELAY_MESSAGE_CONTENT_FEED_H

#include "relay/message/content.h"
#include "relay/net/loop.h"

#define FEED_PIECE (64 * 1024)

struct content_feed;
/* Holds `content`. NULL without memory. */
struct content_feed *content_feed_of_memory(struct loop *loop, struct content *content);
/* Takes over the prefix (left empty) and the file. NULL without memory (then nothing is taken). */
struct content_feed *content_feed_of_file(struct loop *loop, struct buffer *prefix, int fd);
/* At any time; a read under way ends by itself later. */
void content_feed_free(struct content_feed **f);
/* Called when a piece that was not there yet can be taken. */
void content_feed_on_ready(struct content_feed *f, void (*ready)(void *arg), void *arg);
/* 1: the next piece, valid until the next call (or the feed's end). 0: the end. E_BUSY: not yet, `ready` will be
 * called. E_IO: the file cannot be read; content_feed_error says why. */
int content_feed_take(struct content_feed *f, struct bytes *piece);
const char *content_feed_error(const struct content_feed *f);

#endif
