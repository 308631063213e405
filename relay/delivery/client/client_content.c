/* The message itself, dot-stuffed, as fast as the host takes it and no faster: a bounded amount waits in the stream. */
#include "relay/delivery/client/client_parts.h"

#define CONTENT_PENDING (64 * 1024) /* octets in the stream that are enough for now */
_Static_assert(CONTENT_PENDING + 2 * FEED_PIECE + 8 <= STREAM_PENDING_MAX, "a stuffed piece always fits");

static void finish(struct smtp_client *c) {
  struct buffer end;
  buffer_init(&end, 16);
  client_set_state(c, CLIENT_DOT, TIMEOUT_DOT);
  if (dot_stuffing_end(&c->dots, &end) == OK)
    client_send(c, buffer_bytes(&end));
  else
    client_fail(c, TROUBLE_LOCAL, NULL, "out of memory");
  buffer_free(&end);
}

static bool send_piece(struct smtp_client *c, struct bytes piece) {
  struct buffer out;
  buffer_init(&out, 2 * FEED_PIECE + 8);
  bool sent = false;
  if (dot_stuffing_add(&c->dots, piece, &out) == OK)
    sent = client_send(c, buffer_bytes(&out));
  else
    client_fail(c, TROUBLE_LOCAL, NULL, "out of memory");
  buffer_free(&out);
  return sent;
}

void content_more(struct smtp_client *c) {
  client_set_state(c, CLIENT_CONTENT, TIMEOUT_BLOCK);
  while (stream_pending(c->stream) < CONTENT_PENDING) {
    struct bytes piece;
    int rc = content_feed_take(c->feed, &piece);
    if (rc == E_BUSY) return;
    if (rc == 0) {
      finish(c);
      return;
    }
    if (rc < 0) {
      /* The dot must not be sent: it would deliver half a message. */
      client_fail(c, TROUBLE_LOCAL, NULL, content_feed_error(c->feed));
      return;
    }
    if (!send_piece(c, piece)) return;
  }
}

static void on_feed_ready(void *arg) {
  struct smtp_client *c = arg;
  if (c->state == CLIENT_CONTENT) content_more(c);
}

void content_begin(struct smtp_client *c) {
  dot_stuffing_init(&c->dots);
  content_feed_on_ready(c->feed, on_feed_ready, c);
  client_set_state(c, CLIENT_CONTENT, TIMEOUT_BLOCK);
  content_more(c);
}
