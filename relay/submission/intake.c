/* A message on its way in: content from the sink -> header fix-up -> sender check -> signer -> memory or spool file ->
 * store -> 250.
 *
 * The first thing that is wrong decides the reply; what follows is then read and discarded, because the reply to DATA
 * comes after the content (RFC 5321 3.3). The wire content is `prefix` (DKIM-Signature, Received, added fields)
 * followed by `body` (the header as kept, and the body as it came). */
#include "base/log.h"
#include "relay/message/signing.h"
#include "relay/mime/header_fixup.h"
#include "relay/submission/decision.h"
#include "relay/submission/dmarc_warning.h"
#include "relay/submission/intake_parts.h"
#include "relay/submission/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- life --- */

void intake_count_memory(struct intake *i, size_t octets) {
  i->submission->intake_octets += octets - i->counted;
  i->counted = octets;
}

static void intake_free(struct intake *i) {
  intake_count_memory(i, 0);
  signer_free(&i->signer);
  binary_free(&i->binary);
  idempotency_free(&i->idempotency);
  buffer_free(&i->head);
  buffer_free(&i->added);
  buffer_free(&i->prefix);
  buffer_free(&i->body);
  for (size_t n = 0; i->recipients && n < i->accept.message.recipient_count; n++) recipient_clear(&i->recipients[n]);
  free(i->recipients);
  free(i->accept.covered);
  free(i->reverse_path);
  free(i->sources);
  directory_release(&i->directory);
  directory_release(&i->current);
  free(i);
}

void intake_release(struct intake *i) {
  bool kept =
      i->phase == INTAKE_STORING && i->accept.op.result == OK && !i->accept.duplicate_of && !i->accept.nothing_kept;
  if (i->spool) spool_writer_end(&i->spool, !kept);
  intake_free(i);
}

/* What only some messages need. */
static bool make_parts(struct intake *i) {
  bool binary = i->session->tx->said.body == BODY_BINARYMIME;
  bool compare = i->owner->idempotent && i->submission->config->idempotency_window_us;
  if (binary) {
    i->binary = binary_new(i);
    i->phase = INTAKE_RAW;
  }
  if (compare) i->idempotency = idempotency_new();
  return (!binary || i->binary) && (!compare || i->idempotency);
}

int intake_begin(struct session *s) {
  struct intake *i = calloc(1, sizeof *i);
  if (!i) return E_MEMORY;
  i->session = s;
  i->submission = s->submission;
  i->loop = s->loop;
  i->directory = directory_hold(s->tx->directory);
  i->owner = s->tx->account;
  i->phase = INTAKE_HEADER;
  i->id = id_new();
  id_format(i->id, i->id_text);
  if (s->tx->path_rewritten) repairs_add(i->repairs, BYTES("reverse-path"), "rewritten");
  buffer_init(&i->head, HEADER_MAX + 4);
  buffer_init(&i->added, 2048);
  buffer_init(&i->prefix, PREFIX_MAX);
  buffer_init(&i->body, HEADER_MAX + 2 * STORE_INLINE_MAX);
  if (!make_parts(i)) {
    intake_free(i);
    return E_MEMORY;
  }
  s->intake = i;
  return OK;
}

/* --- refusals --- */

void intake_discard(struct intake *i) {
  i->phase = INTAKE_DISCARD;
  signer_free(&i->signer);
  buffer_free(&i->head);
  buffer_free(&i->body);
}

void intake_refuse(struct intake *i, int code, const char *enhanced, const char *rule, const char *format, ...) {
  char text[REFUSAL_TEXT];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  refuse(&i->refusal, code, enhanced, rule, "%s", text);
  intake_discard(i);
}

void intake_refuse_memory(struct intake *i) {
  intake_refuse(i, 451, "4.3.0", RULE_MEMORY, "out of memory; try again later");
}

bool intake_decide(struct intake *i, enum stage stage) {
  if (decide_now(i->session, stage, &i->refusal) == OK) return true;
  intake_discard(i);
  return false;
}

void intake_leave_session(struct intake *i) {
  struct session *s = i->session;
  s->intake = NULL;
  i->session = NULL;
  session_reset(s);
  session_set_state(s, SESSION_READY);
}

/* A Message-ID that we made, the client does not know: nobody searches for it, and each has another. */
void intake_reply_refusal(const struct intake *i, struct session *s, const struct refusal *r) {
  reply_refusal_of(s, r,
                   &(const struct event){.to = i->log_to,
                                         .stream = i->stream,
                                         .subject = i->subject,
                                         .header_id = i->own_message_id ? "" : i->message_id});
}

/* A reply that cannot be sent ends the session, and with it what is the session's: this is not, by then. */
void intake_answer_refusal(struct intake *i) {
  struct session *s = i->session;
  s->intake = NULL;
  i->session = NULL;
  intake_reply_refusal(i, s, &i->refusal);
  session_reset(s);
  session_set_state(s, SESSION_READY);
  intake_release(i);
}

/* --- content --- */

static void spool_failed(struct intake *i, const char *why) {
  log_event(LOG_ERROR_, i->session ? i->session->id : NULL, "cannot write a message to the spool", "reason", why, NULL);
  intake_refuse(i, 452, "4.3.1", RULE_DISK, "the message cannot be stored now; try again later"); /* RFC 5321 4.2.2 */
}

static void spool_moved(void *arg, struct reason *why) {
  struct intake *i = arg;
  if (why) spool_failed(i, why->text);
  if (i->binary && binary_is_busy(i->binary))
    binary_continue(i);
  else if (i->session && i->session->waiting == WAIT_DISK && !intake_is_full(i->session))
    session_resume(i->session);
}

static void keep_body(struct intake *i, struct bytes run) {
  size_t most = i->submission->intake_octets < INTAKE_MEMORY ? STORE_INLINE_MAX : INTAKE_SMALL;
  if (!i->spool && i->body.len + run.len > most) {
    i->spool = spool_writer_begin(i->loop, i->id, spool_moved, i);
    if (!i->spool || spool_writer_write(i->spool, buffer_bytes(&i->body)) != OK) {
      intake_refuse_memory(i);
      return;
    }
    buffer_free(&i->body);
    intake_count_memory(i, 0);
  }
  int rc = i->spool ? spool_writer_write(i->spool, run) : buffer_add_bytes(&i->body, run);
  if (rc != OK) intake_refuse_memory(i);
  if (!i->spool) intake_count_memory(i, i->body.len);
}

static void take_body(struct intake *i, struct bytes run) {
  if (!run.len) return;
  if (i->signer && signer_body(i->signer, run) != OK) {
    intake_refuse(i, 451, "4.3.5", RULE_SIGNING, "the message could not be signed; try again later");
    return;
  }
  keep_body(i, run);
}

/* Offset of the empty line that ends the header, or SIZE_MAX. `from`: where the search may begin. */
static size_t find_header_end(const struct buffer *head, size_t from) {
  if (head->len >= 2 && memcmp(head->at, "\r\n", 2) == 0) return 0;
  const char *at = head->len > from ? memmem(head->at + from, head->len - from, "\r\n\r\n", 4) : NULL;
  return at ? (size_t)(at - head->at) + 2 : SIZE_MAX;
}

static void take_header(struct intake *i, struct bytes run) {
  size_t searched = i->head.len > 3 ? i->head.len - 3 : 0;
  size_t room = i->head.max - i->head.len;
  size_t n = run.len < room ? run.len : room;
  if (buffer_add(&i->head, run.at, n) != OK) {
    intake_refuse_memory(i);
    return;
  }
  bool begins = !i->begun;
  if (begins && !intake_begin_header(i, false)) searched = i->head.len;
  size_t end = i->begun ? find_header_end(&i->head, begins ? 0 : searched) : SIZE_MAX;
  if (end == SIZE_MAX) {
    if (n < run.len || i->head.len > HEADER_MAX)
      intake_refuse(i, 552, "5.3.4", RULE_HEADER_SIZE, "the header is over %d octets", HEADER_MAX);
    return;
  }
  /* The body's first octets sit behind the header: keep them while the header is worked on. */
  struct buffer head = i->head;
  buffer_init(&i->head, head.max);
  intake_header(i, (struct bytes){head.at, end});
  if (i->phase == INTAKE_BODY) take_body(i, bytes_from(buffer_bytes(&head), end + 2));
  buffer_free(&head);
  if (i->phase == INTAKE_BODY) take_body(i, bytes_from(run, n));
}

void intake_take(struct intake *i, struct bytes run) {
  if (i->phase == INTAKE_HEADER)
    take_header(i, run);
  else if (i->phase == INTAKE_BODY)
    take_body(i, run);
}

/* A large one must not take what is kept free for outcomes. */
static void check_room(struct intake *i, struct bytes run) {
  if (i->octets <= STORE_INLINE_MAX || i->phase == INTAKE_DISCARD) return;
  i->session->tx->facts.room_octets = run.len;
  intake_decide(i, STAGE_DATA);
}

void intake_write(struct session *s, struct bytes run) {
  struct intake *i = s->intake;
  uint64_t max = i->submission->config->max_message_size;
  i->octets += run.len;
  if (i->octets > max)
    intake_refuse(i, 552, "5.3.4", RULE_SIZE, "the message is over %llu octets",
                  (unsigned long long)max); /* RFC 1870 6.1 */
  check_room(i, run);
  if (i->idempotency && i->phase != INTAKE_DISCARD) idempotency_content(i->idempotency, run);
  if (i->phase == INTAKE_RAW)
    binary_write(i, run);
  else
    intake_take(i, run);
}

bool intake_is_full(const struct session *s) {
  const struct intake *i = s->intake;
  return i && ((i->spool && spool_writer_is_full(i->spool)) || (i->binary && binary_is_full(i->binary)));
}

bool intake_is_refused(const struct session *s) {
  return is_refused(&s->intake->refusal);
}

uint64_t intake_octets(const struct session *s) {
  return s->intake->octets;
}

/* --- the end --- */

static bool in_body(const struct intake *i, size_t last_line) {
  return last_line > i->header_lines;
}

static void check_octets(struct intake *i) {
  const struct data_sink *d = &i->session->sink;
  if (d->bare_lf || d->bare_cr) {     /* RFC 5321 2.3.8; passing it on would let two servers see two messages */
    i->refusal = (struct refusal){0}; /* whatever else was found wrong, this is the cause */
    intake_refuse(i, 550, "5.6.11", RULE_BARE_NEWLINE, "line %zu of the message has a bare %s; lines end with CR LF",
                  d->bare_lf ? d->bare_lf : d->bare_cr, d->bare_lf ? "LF" : "CR");
  } else if (d->nul)
    intake_refuse(i, 550, "5.6.0", RULE_NUL, "line %zu of the message has a NUL octet", d->nul);
  else if (in_body(i, d->last_long_line) && (i->anew || !i->owner->convert_long_lines))
    intake_refuse(i, 550, "5.6.0", RULE_LINE_LENGTH,
                  "line %zu of the message is over %d octets; encode it as quoted-printable or base64",
                  d->last_long_line, LINE_OCTETS_MAX);
  i->eight_bit |= in_body(i, d->last_eight_bit);
  const struct mail_parameters *said = &i->session->tx->said;
  bool allowed = said->body != BODY_7BIT || said->utf8 || i->owner->accept_8bit;
  if (i->eight_bit && !allowed) /* RFC 6152 2 */
    intake_refuse(i, 550, "5.6.1", RULE_8BIT,
                  "line %zu has 8-bit octets, but MAIL did not say BODY=8BITMIME; or allow it: sendoff account set %s "
                  "--eight-bit accept",
                  d->last_eight_bit, i->session->account);
}

/* What every host takes is worth the second look at the few messages that are not so (RFC 5322 2.1.1; RFC 2045 2). */
static bool wants_encoding_anew(const struct intake *i) {
  const struct data_sink *d = &i->session->sink;
  bool may_encode = i->owner->accept_8bit && !i->session->tx->said.utf8;
  bool fields = may_encode && i->multipart && in_body(i, d->eight_bit_field);
  return !i->anew && !is_refused(&i->refusal) && (in_body(i, d->last_long_line) || fields);
}

/* What was changed since MAIL counts, however long the content took; the store asks once more. */
static void check_account(struct intake *i) {
  const struct account *a = session_account(i->session);
  if (is_refused(&i->refusal) || !intake_decide(i, STAGE_SESSION)) return;
  i->accept.account_id = a->id;
  i->accept.login_version = a->login_version;
}

static bool finish_signature(struct intake *i) {
  struct reason why = {0};
  if (i->signer && signer_finish(i->signer, &i->prefix, &why) != OK) {
    log_event(LOG_ERROR_, i->session->id, "cannot sign", "reason", why.text, NULL);
    intake_refuse(i, 451, "4.3.5", RULE_SIGNING, "the message could not be signed; try again later");
    return false;
  }
  if (intake_add_received(i) == OK && buffer_add_bytes(&i->prefix, buffer_bytes(&i->added)) == OK) return true;
  intake_refuse_memory(i);
  return false;
}

static void spool_finished(void *arg, struct reason *why) {
  struct intake *i = arg;
  struct session *s = i->session;
  if (!s || session_is_closed(s)) { /* the client has gone before its 250: the message was never promised */
    if (s) intake_leave_session(i);
    intake_release(i);
    if (s) session_unhold(s);
    return;
  }
  if (why) {
    spool_failed(i, why->text);
    intake_answer_refusal(i);
    session_resume(s);
  } else {
    intake_store(i);
    if (!s->intake) session_resume(s); /* refused after all */
  }
  session_unhold(s);
}

/* What it waits for now, if anything, is the disk or the store. */
static void content_decided(struct session *s, const struct verdict *v) {
  struct intake *i = s->intake;
  if (v->action == ACTION_REFUSE)
    i->refusal = v->refusal;
  else
    dmarc_warn(s);
  if (is_refused(&i->refusal) || !finish_signature(i)) {
    intake_answer_refusal(i);
    return;
  }
  if (!i->spool) {
    intake_store(i);
    return;
  }
  session_hold(s);
  session_wait(s, WAIT_DISK);
  spool_writer_finish(i->spool, spool_finished);
}

void intake_complete(struct intake *i) {
  struct session *s = i->session;
  if (i->phase == INTAKE_HEADER) { /* a header alone, without an empty line: RFC 5322 3.5 allows it */
    if (!i->begun) intake_begin_header(i, true);
    struct buffer head = i->head;
    buffer_init(&i->head, head.max);
    intake_header(i, buffer_bytes(&head));
    buffer_free(&head);
  }
  check_octets(i);
  if (wants_encoding_anew(i)) {
    if (binary_anew(i)) return;
    intake_refuse_memory(i);
  }
  check_account(i);
  if (is_refused(&i->refusal))
    intake_answer_refusal(i);
  else
    decide(s, STAGE_CONTENT, content_decided);
}

void intake_end(struct session *s) {
  struct intake *i = s->intake;
  struct transaction *tx = s->tx;
  if (tx->recipient_count > 1)
    snprintf(i->log_to, sizeof i->log_to, "%s (+%zu)", tx->recipients[0].address, tx->recipient_count - 1);
  else
    snprintf(i->log_to, sizeof i->log_to, "%s", tx->recipients[0].address);
  if (i->phase == INTAKE_RAW)
    binary_end(i);
  else
    intake_complete(i);
}

void intake_abandon(struct session *s) {
  struct intake *i = s->intake;
  /* What is under way comes back by itself. */
  bool busy = i->phase == INTAKE_STORING || (i->spool && spool_writer_is_finishing(i->spool)) ||
              (i->binary && binary_is_busy(i->binary));
  if (busy) return;
  s->intake = NULL;
  i->session = NULL;
  intake_release(i);
}
