/* Content that is encoded anew before it takes the way of any other.
 *
 * BODY=BINARYMIME (RFC 3030 3): octets without lines. Nothing that we send to offers BINARYMIME in practice, and a
 * signature must cover what leaves, so such a message is kept apart until it is whole, is given lines by encoding what
 * needs it (relay/mime/mime_7bit.h), and then takes the same way as any other. What it decodes to stays the same, octet
 * for octet.
 *
 * Lines over 998 octets (RFC 5322 2.1.1), and raw octets over 127 in the fields of a part, are found when the content
 * has come whole; it then goes back to the beginning of the same way. */
#include "base/log.h"
#include "relay/message/content_feed.h"
#include "relay/message/conversion.h"
#include "relay/message/signing.h"
#include "relay/submission/intake_parts.h"

#include <stdlib.h>

struct binary {
  struct intake *intake; /* NULL once the intake has gone: then what is under way only cleans up */
  struct loop *loop;
  struct buffer raw; /* while it is small */
  int64_t spool_id;  /* else a file of its own */
  struct spool_writer *spool;
  struct content_feed *feed; /* of what the conversion gave */
  bool busy;                 /* spooling's end or the conversion is under way, and the session is held */
};

struct binary *binary_new(struct intake *i) {
  struct binary *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->intake = i;
  b->loop = i->loop;
  buffer_init(&b->raw, INTAKE_SMALL);
  return b;
}

void binary_free(struct binary **at) {
  struct binary *b = *at;
  *at = NULL;
  if (!b) return;
  spool_writer_end(&b->spool, true);
  content_feed_free(&b->feed);
  buffer_free(&b->raw);
  free(b);
}

bool binary_is_full(const struct binary *b) {
  return b->spool && spool_writer_is_full(b->spool);
}

bool binary_is_busy(const struct binary *b) {
  return b->busy;
}

/* --- keeping it --- */

static void cannot_spool(struct intake *i, const char *why) {
  log_event(LOG_ERROR_, i->session ? i->session->id : NULL, "cannot write a message to the spool", "reason", why, NULL);
  intake_refuse(i, 452, "4.3.1", RULE_DISK, "the message cannot be stored now; try again later");
}

static void moved(void *arg, struct reason *why) {
  struct binary *b = arg;
  struct session *s = b->intake->session;
  if (why) cannot_spool(b->intake, why->text);
  if (s && s->waiting == WAIT_DISK && !b->busy && !intake_is_full(s)) session_resume(s);
}

static int to_spool(struct binary *b, struct bytes run) {
  if (!b->spool) {
    b->spool_id = id_new();
    b->spool = spool_writer_begin(b->loop, b->spool_id, moved, b);
    int rc = b->spool ? spool_writer_write(b->spool, buffer_bytes(&b->raw)) : E_MEMORY;
    buffer_free(&b->raw);
    if (rc != OK) return rc;
  }
  return spool_writer_write(b->spool, run);
}

void binary_write(struct intake *i, struct bytes run) {
  struct binary *b = i->binary;
  bool small = !b->spool && run.len <= INTAKE_SMALL - b->raw.len;
  if ((small ? buffer_add_bytes(&b->raw, run) : to_spool(b, run)) != OK) intake_refuse_memory(i);
}

/* --- converting it --- */

static void emit(void *arg, struct bytes run) {
  intake_take(arg, run);
}

/* The client has gone before its 250: the message was never promised. */
static bool client_has_gone(struct binary *b) {
  struct intake *i = b->intake;
  struct session *s = i->session;
  if (!session_is_closed(s)) return false;
  intake_leave_session(i);
  intake_release(i);
  session_unhold(s);
  return true;
}

static bool has_room(const struct intake *i) {
  return !i->spool || !spool_writer_is_full(i->spool);
}

/* Gives the next pieces to the intake, through the sink: what was converted is checked like anything else. OK: all are
 * given, or one was refused. E_BUSY: there will be more, when the file was read or the spool has room. E_IO. */
static int give_pieces(struct binary *b) {
  struct intake *i = b->intake;
  struct bytes piece;
  bool done;
  while (has_room(i)) {
    int rc = content_feed_take(b->feed, &piece);
    if (rc != 1) return rc;
    data_sink_chunk(&i->session->sink, piece.len);
    data_sink_feed(&i->session->sink, piece, emit, i, &done);
    if (is_refused(&i->refusal)) return OK;
  }
  return E_BUSY;
}

/* The content is whole, or refused: it takes the way of any other from here. */
static void finish(struct binary *b) {
  struct intake *i = b->intake;
  struct session *s = i->session;
  b->busy = false;
  data_sink_last(&s->sink);
  intake_complete(i);
  if (!s->intake) session_resume(s); /* refused: nothing more is awaited */
  session_unhold(s);
}

static void go_on(void *arg) {
  struct binary *b = arg;
  if (client_has_gone(b)) return;
  int rc = is_refused(&b->intake->refusal) ? OK : give_pieces(b);
  if (rc == E_BUSY) return;
  if (rc == E_IO) cannot_spool(b->intake, content_feed_error(b->feed));
  finish(b);
}

void binary_continue(struct intake *i) {
  if (i->binary->feed && has_room(i)) go_on(i->binary);
}

static void refuse_conversion(struct intake *i, const struct converted *c) {
  if (c->result == E_DENIED && i->anew)
    intake_refuse(i, 550, mime_obstacle_enhanced(c->obstacle), RULE_LINE_LENGTH,
                  "the message has lines over %d octets, and cannot be encoded anew: %s", LINE_OCTETS_MAX,
                  mime_obstacle_text(c->obstacle));
  else if (c->result == E_DENIED)
    intake_refuse(i, 554, mime_obstacle_enhanced(c->obstacle), RULE_CONVERSION,
                  "the message cannot be sent on without BINARYMIME: %s", mime_obstacle_text(c->obstacle));
  else if (c->result == E_MEMORY)
    intake_refuse_memory(i);
  else
    cannot_spool(i, c->why.text);
}

static struct content_feed *feed_of(struct binary *b, struct converted *c) {
  if (c->result != OK || buffer_add(&c->header, "\r\n", 2) != OK) return NULL;
  if (c->fd >= 0) {
    struct content_feed *feed = content_feed_of_file(b->loop, &c->header, c->fd);
    if (feed) c->fd = -1;
    return feed;
  }
  struct content *content = content_new(&c->header, &c->body);
  struct content_feed *feed = content ? content_feed_of_memory(b->loop, content) : NULL;
  content_release(&content);
  return feed;
}

static void on_converted(void *arg, struct converted *c) {
  struct binary *b = arg;
  struct intake *i = b->intake;
  if (client_has_gone(b)) return;
  if (c->result != OK) refuse_conversion(i, c);
  b->feed = feed_of(b, c);
  if (!b->feed && !is_refused(&i->refusal)) intake_refuse_memory(i);
  if (!is_refused(&i->refusal)) {
    i->phase = INTAKE_HEADER;
    data_sink_init(&i->session->sink, DATA_CHUNKS);
    content_feed_on_ready(b->feed, go_on, b);
  }
  go_on(b);
}

/* Of what was submitted without SMTPUTF8, no field may have octets over 127. */
static bool encodes_fields(const struct intake *i) {
  return i->owner->accept_8bit && !i->session->tx->said.utf8;
}

static void convert(struct binary *b) {
  struct buffer none;
  buffer_init(&none, 0);
  struct content *content = b->spool ? NULL : content_new(&none, &b->raw);
  struct conversion_source from = {
      .content = content, .fd = -1, .spool_id = b->spool_id, .keep_8bit = true, .fields = encodes_fields(b->intake)};
  bool started = (content || b->spool) && conversion_start(b->loop, &from, on_converted, b);
  content_release(&content);
  if (started) return;
  intake_refuse_memory(b->intake);
  go_on(b);
}

static void spooled(void *arg, struct reason *why) {
  struct binary *b = arg;
  if (client_has_gone(b)) return;
  if (why) {
    cannot_spool(b->intake, why->text);
    go_on(b);
  } else
    convert(b);
}

static void original_spooled(void *arg, struct reason *why) {
  spooled(((struct intake *)arg)->binary, why);
}

/* As if nothing had come yet. Its id has not been told to anybody; the file that has the old one is going to be read.
 */
static void start_over(struct intake *i) {
  i->id = id_new();
  id_format(i->id, i->id_text);
  i->phase = INTAKE_RAW;
  i->begun = false;
  i->eight_bit = i->utf8 = false;
  i->header_lines = 0;
  signer_free(&i->signer);
  buffer_free(&i->added);
  buffer_free(&i->prefix);
  buffer_free(&i->body);
}

bool binary_anew(struct intake *i) {
  struct binary *b = i->binary = binary_new(i);
  if (!b) return false;
  i->anew = b->busy = true;
  b->spool = i->spool;
  b->spool_id = i->spool ? i->id : 0;
  i->spool = NULL;
  if (!b->spool) {
    b->raw = i->body; /* still counted, until what it becomes is */
    buffer_init(&i->body, b->raw.max);
  }
  start_over(i);
  repairs_add(i->repairs, BYTES("content"), "encoded anew");
  session_hold(i->session);
  session_wait(i->session, WAIT_CONVERSION);
  if (b->spool)
    spool_writer_finish(b->spool, original_spooled);
  else
    convert(b);
  return true;
}

void binary_end(struct intake *i) {
  struct binary *b = i->binary;
  b->busy = true;
  session_hold(i->session);
  session_wait(i->session, WAIT_CONVERSION);
  if (b->spool)
    spool_writer_finish(b->spool, spooled);
  else
    convert(b);
}
