/* A message's octets in memory, shared by the deliveries that need them: immutable, counted. Any thread may hold and
 * release. */
#ifndef SENDOFF_RELAY_MESSAGE_CONTENT_H
#define SENDOFF_RELAY_MESSAGE_CONTENT_H

#include "base/bytes.h"

struct content {
  struct buffer prefix; /* header fields put before the content */
  struct buffer body;   /* the message as kept: header and body, CRLF lines, not dot-stuffed */
};
/* Takes over both buffers (they are left empty). NULL without memory. One reference. */
struct content *content_new(struct buffer *prefix, struct buffer *body);
struct content *content_hold(struct content *c);
void content_release(struct content **c);
/* Octets held by all contents now, for the budget that delivery keeps. */
size_t content_octets_held(void);

#endif
