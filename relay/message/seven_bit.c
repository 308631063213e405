#include "relay/message/seven_bit.h"

#include "base/log.h"
#include "base/text/header.h"
#include "relay/message/signing.h"

#include <stdlib.h>
#include <unistd.h>

#define SIGNATURES_MAX (16 * 1024)

struct seven_bit {
  enum mail_stream stream; /* whose selector signs */
  struct loop *loop;
  struct conversion *conversion; /* NULL when that is done */
  struct buffer header, body;    /* `header` gets its empty line last */
  int fd;                        /* the body, when it is in a file */
  struct signer *signer;
  struct content_feed *reading; /* of that file, for the signer */
  void (*done)(void *arg, struct seven_bit_result *r);
  void *arg;
  struct seven_bit_result result;
};

static void destroy(struct seven_bit *s) {
  content_feed_free(&s->reading);
  content_feed_free(&s->result.feed);
  signer_free(&s->signer);
  buffer_free(&s->header);
  buffer_free(&s->body);
  if (s->fd >= 0) close(s->fd);
  free(s);
}

static void finish(struct seven_bit *s, int result) {
  s->result.result = result;
  s->done(s->arg, &s->result);
  destroy(s);
}

/* --- what leaves --- */

static struct content_feed *feed_of(struct seven_bit *s, struct buffer *prefix) {
  if (s->fd >= 0) {
    struct content_feed *feed = content_feed_of_file(s->loop, prefix, s->fd);
    if (feed) s->fd = -1;
    return feed;
  }
  struct content *content = content_new(prefix, &s->body);
  struct content_feed *feed = content ? content_feed_of_memory(s->loop, content) : NULL;
  content_release(&content);
  return feed;
}

static void assemble(struct seven_bit *s) {
  struct buffer prefix;
  buffer_init(&prefix, s->header.len + SIGNATURES_MAX);
  int rc = s->signer ? signer_finish(s->signer, &prefix, &s->result.why) : OK;
  if (rc == OK) rc = buffer_add_bytes(&prefix, buffer_bytes(&s->header));
  if (rc == OK) rc = buffer_add(&prefix, "\r\n", 2);
  s->result.octets += prefix.len;
  if (rc == OK) {
    s->result.feed = feed_of(s, &prefix);
    if (!s->result.feed) rc = E_MEMORY;
  }
  buffer_free(&prefix);
  finish(s, rc);
}

/* --- signing --- */

static void sign_file(void *arg) {
  struct seven_bit *s = arg;
  struct bytes piece;
  int rc;
  while ((rc = content_feed_take(s->reading, &piece)) == 1) {
    rc = signer_body(s->signer, piece);
    if (rc != OK) break;
  }
  if (rc == E_BUSY) return;
  if (rc == E_IO) fail(&s->result.why, E_IO, "%s", content_feed_error(s->reading));
  if (rc == OK)
    assemble(s);
  else
    finish(s, rc);
}

/* The feed closes its descriptor, and the body is read once more to be sent. */
static int open_file(struct seven_bit *s) {
  struct buffer none;
  buffer_init(&none, 0);
  int fd = dup(s->fd);
  if (fd < 0) return fail(&s->result.why, E_IO, "the converted message's file cannot be read");
  s->reading = content_feed_of_file(s->loop, &none, fd);
  if (s->reading) return OK;
  close(fd);
  return E_MEMORY;
}

static int sign_header(struct seven_bit *s) {
  struct bytes header = buffer_bytes(&s->header);
  struct field f, from;
  char domain[DOMAIN_MAX + 1];
  if (!s->loop->signing || !header_find(header, "From", &from) || signing_domain(from.value, domain) != OK) return OK;
  int rc = signing_begin(s->loop->signing, s->loop->directory, domain, s->stream, &s->signer, NULL, 0, &s->result.why);
  size_t at = 0;
  while (rc == OK && s->signer && header_next(header, &at, &f) == 1) rc = signer_header(s->signer, f.whole);
  if (rc == OK && s->signer) rc = signer_headers_end(s->signer, &s->result.why);
  return rc;
}

static void sign(struct seven_bit *s) {
  int rc = sign_header(s);
  if (rc == OK && s->signer) rc = s->fd < 0 ? signer_body(s->signer, buffer_bytes(&s->body)) : open_file(s);
  if (rc != OK) {
    finish(s, rc);
  } else if (s->reading) {
    content_feed_on_ready(s->reading, sign_file, s);
    sign_file(s);
  } else {
    assemble(s);
  }
}

/* --- the order of it --- */

static void take_buffer(struct buffer *to, struct buffer *from) {
  *to = *from;
  buffer_init(from, from->max);
}

static void on_converted(void *arg, struct converted *c) {
  struct seven_bit *s = arg;
  s->conversion = NULL;
  s->result.why = c->why;
  s->result.obstacle = c->obstacle;
  if (c->result != OK) {
    finish(s, c->result);
    return;
  }
  take_buffer(&s->header, &c->header);
  take_buffer(&s->body, &c->body);
  s->result.octets = c->body_octets;
  s->fd = c->fd;
  c->fd = -1;
  sign(s);
}

struct seven_bit *seven_bit_start(struct loop *loop, const struct conversion_source *from, enum mail_stream stream,
                                  void (*done)(void *arg, struct seven_bit_result *r), void *arg) {
  struct seven_bit *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  *s = (struct seven_bit){.loop = loop, .stream = stream, .fd = -1, .done = done, .arg = arg};
  buffer_init(&s->header, 0);
  buffer_init(&s->body, 0);
  s->conversion = conversion_start(loop, from, on_converted, s);
  if (s->conversion) return s;
  free(s);
  return NULL;
}

void seven_bit_forget(struct seven_bit **at) {
  struct seven_bit *s = *at;
  *at = NULL;
  if (!s) return;
  if (s->conversion) conversion_forget(s->conversion);
  destroy(s);
}
