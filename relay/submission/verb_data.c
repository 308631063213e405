/* DATA (RFC 5321 4.1.1.4) and BDAT (RFC 3030 2): two ways for content to come, one sink for it. */
#include "relay/submission/intake.h"
#include "relay/submission/reply.h"
#include "relay/submission/verbs.h"

#define FEED_STEP (64 * 1024)
#define DISCARD_UNKNOWN (64 * 1024) /* octets of refused chunks that are read from somebody who has not logged in */

/* --- DATA --- */

bool check_data(struct session *s) {
  if (!may_send_mail(s)) return false;
  if (!s->tx)
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "say MAIL first");
  else if (s->state == SESSION_BDAT) /* RFC 3030 2 */
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "not after BDAT; the rest of the message comes by BDAT, too");
  else if (s->state != SESSION_RCPT)
    /* All recipients of a pipelined transaction may have been refused: RFC 2920 3.1 has 554 for that. */
    reply_refused(s, 554, "5.5.1", RULE_SEQUENCE, "no valid recipients");
  else if (s->tx->said.body == BODY_BINARYMIME) /* RFC 3030 3 */
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "BODY=BINARYMIME takes BDAT");
  else
    return true;
  return false;
}

void do_data(struct session *s, struct bytes rest) {
  if (rest.len) {
    reply_refused(s, 501, "5.5.4", RULE_SYNTAX, "DATA takes no argument");
    return;
  }
  if (intake_begin(s) != OK) {
    reply_refused(s, 451, "4.3.0", RULE_MEMORY, "out of memory; try again later");
    return;
  }
  data_sink_init(&s->sink, DATA_DOTTED);
  session_set_state(s, SESSION_DATA);
  reply(s, 354, NULL, "send the message; end it with a dot alone on a line");
}

/* --- BDAT --- */

bool check_bdat(struct session *s) {
  (void)s;
  return true;
}

/* "SIZE" or "SIZE LAST". */
static bool read_chunk(struct bytes rest, uint64_t *octets, bool *last) {
  size_t end = bytes_find(rest, ' ', 0);
  struct bytes word = bytes_trim(bytes_from(rest, end));
  *last = bytes_equal_nocase(word, BYTES("LAST"));
  return (!word.len || *last) && end <= 20 && bytes_to_u64((struct bytes){rest.at, end}, octets);
}

/* Replies when it may not. */
static bool may_take_chunk(struct session *s, uint64_t octets) {
  uint64_t max = s->submission->config->max_message_size, before = s->intake ? intake_octets(s) : 0;
  if (!may_send_mail(s)) return false;
  if (!s->tx) {
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "say MAIL first");
  } else if (s->state == SESSION_MAIL) {
    reply_refused(s, 554, "5.5.1", RULE_SEQUENCE, "no valid recipients");
  } else if (octets > max || before + octets > max) { /* RFC 1870 6.1 */
    reply_refused(s, 552, "5.3.4", RULE_SIZE, "the message is over %llu octets", (unsigned long long)max);
  } else if (!s->intake && intake_begin(s) != OK) {
    reply_refused(s, 451, "4.3.0", RULE_MEMORY, "out of memory; try again later");
  } else {
    return true;
  }
  return false;
}

/* RFC 3030 2: a chunk is sent without waiting for leave, so the octets of one that is refused come, too; read as
 * commands they would be a way in. What is worth reading is bounded. */
static void discard_chunk(struct session *s, uint64_t octets) {
  uint64_t most = s->account_id ? s->submission->config->max_message_size : DISCARD_UNKNOWN;
  if (session_is_closed(s)) return;
  if (s->tx) session_reset(s); /* the message has a hole */
  if (s->state == SESSION_RCPT || s->state == SESSION_MAIL || s->state == SESSION_BDAT)
    session_set_state(s, SESSION_READY);
  if (octets > most) {
    session_close(s, true, "a refused chunk that is too large to wait for");
    return;
  }
  s->after_discard = s->state;
  s->discard_octets = octets;
  if (octets) session_set_state(s, SESSION_DISCARD);
}

static void chunk_ended(struct session *s) {
  if (s->last_chunk) {
    data_sink_last(&s->sink);
    intake_end(s);
  } else if (intake_is_refused(s)) {
    intake_end(s);
  } else {
    session_set_state(s, SESSION_BDAT);
    reply(s, 250, "2.0.0", "%llu octets received", (unsigned long long)s->chunk_octets);
  }
}

void do_bdat(struct session *s, struct bytes rest) {
  uint64_t octets;
  bool last, first = !s->intake;
  if (!read_chunk(rest, &octets, &last)) {
    reply_refused(s, 501, "5.5.4", RULE_SYNTAX,
                  "say BDAT and the number of octets, and LAST behind it for the last chunk");
    session_close(s, true, "a chunk of unknown size"); /* where the next command begins is unknown, too */
    return;
  }
  if (!may_take_chunk(s, octets)) {
    discard_chunk(s, octets);
    return;
  }
  if (first) data_sink_init(&s->sink, s->tx->said.body == BODY_BINARYMIME ? DATA_BINARY_CHUNKS : DATA_CHUNKS);
  data_sink_chunk(&s->sink, octets);
  s->chunk_octets = octets;
  s->last_chunk = last;
  session_set_state(s, SESSION_CHUNK);
  if (!octets) chunk_ended(s);
}

/* --- content --- */

static void emit(void *arg, struct bytes run) {
  intake_write(arg, run);
}

static size_t discard(struct session *s, struct bytes in) {
  size_t n = in.len < s->discard_octets ? in.len : (size_t)s->discard_octets;
  s->discard_octets -= n;
  if (!s->discard_octets) session_set_state(s, s->after_discard);
  return n;
}

/* After DATA only the client knows when it ends: twice the limit is enough to be polite (RFC 1870 6.1). */
static bool is_endless(const struct session *s) {
  return s->state == SESSION_DATA && intake_octets(s) / 2 > s->submission->config->max_message_size;
}

size_t content_receive(struct session *s, struct bytes in) {
  bool done;
  if (in.len > FEED_STEP) in.len = FEED_STEP;
  if (s->state == SESSION_DISCARD) return discard(s, in);
  size_t used = data_sink_feed(&s->sink, in, emit, s, &done);
  if (done && s->state == SESSION_CHUNK)
    chunk_ended(s);
  else if (done)
    intake_end(s);
  else if (is_endless(s))
    session_turn_away(s, "4.3.4", "the message is far over the limit; good-bye", "endless content");
  /* Also between two chunks, which may all have been sent at once. */
  if (!s->waiting && !session_is_closed(s) && intake_is_full(s)) session_wait(s, WAIT_DISK);
  return used;
}
