/* A message on its way in: content from the sink -> header hygiene -> sender check -> signer -> memory or spool file ->
 * store -> 250.
 *
 * The first thing that is wrong decides the reply; what follows is then read and thrown away, because the reply to DATA
 * comes after the content (RFC 5321 3.3). The wire content is `prefix` (DKIM-Signature, Received, added fields)
 * followed by `body` (the header as kept, and the body as it came). */
#include "base/header.h"
#include "base/log.h"
#include "policy/limits.h"
#include "policy/senders.h"
#include "relay/delivery/dispatch.h"
#include "relay/signing.h"
#include "relay/submission/hygiene.h"
#include "relay/submission/session.h"
#include "relay/submission/spooling.h"
#include "store/write.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_MAX (32 * 1024)

enum intake_phase { INTAKE_HEADER, INTAKE_BODY, INTAKE_DISCARD, INTAKE_STORING };

struct intake {
  struct session *session; /* NULL once abandoned: then what is under way only cleans up */
  struct loop *loop;
  struct directory *directory; /* held: the session may close while the store works on the message */
  const struct account *owner;
  enum intake_phase phase;
  int64_t id;
  char id_text[ID_TEXT];
  uint64_t octets; /* of content, as decoded */
  struct buffer head, added, prefix, body;
  struct signer *signer;
  bool eight_bit;
  char signed_by[160], message_id[256];
  struct spooling *spool; /* NULL while all is in memory */
  /* why not; code 0: nothing is wrong so far */
  int code;
  const char *enhanced;
  char text[512], rule[300];
  struct limit_verdict limit;
  /* what the store is given */
  struct store_accept accept;
  struct new_recipient *recipients;
  char log_text[640], log_to[ADDRESS_MAX + 32], *reverse_path, account[65], pool[65];
  int64_t not_before_us;
};

static struct intake *intake_of(struct store_op *op) {
  return (struct intake *)((char *)op - offsetof(struct intake, accept.op));
}

static void intake_free(struct intake *i) {
  signer_free(&i->signer);
  buffer_free(&i->head);
  buffer_free(&i->added);
  buffer_free(&i->prefix);
  buffer_free(&i->body);
  for (size_t n = 0; i->recipients && n < i->accept.message.recipient_count; n++) {
    free((char *)(uintptr_t)i->recipients[n].address);
    free((char *)(uintptr_t)i->recipients[n].domain);
  }
  free(i->recipients);
  free(i->reverse_path);
  directory_release(&i->directory);
  free(i);
}

int intake_begin(struct session *s) {
  struct intake *i = calloc(1, sizeof *i);
  if (!i) return E_MEMORY;
  i->session = s;
  i->loop = s->loop;
  i->directory = directory_hold(s->tx->directory);
  i->owner = s->tx->account;
  i->id = id_new();
  id_format(i->id, i->id_text);
  buffer_init(&i->head, HEADER_MAX + 4);
  buffer_init(&i->added, 2048);
  buffer_init(&i->prefix, PREFIX_MAX);
  buffer_init(&i->body, HEADER_MAX + 2 * STORE_INLINE_MAX);
  s->intake = i;
  return OK;
}

/* Remembers the first reason to refuse; the rest of the content is thrown away. */
static void refuse(struct intake *i, int code, const char *enhanced, const char *rule, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void refuse(struct intake *i, int code, const char *enhanced, const char *rule, const char *format, ...) {
  if (i->code) return;
  va_list args;
  va_start(args, format);
  vsnprintf(i->text, sizeof i->text, format, args);
  va_end(args);
  i->code = code;
  i->enhanced = enhanced;
  bytes_copy(bytes_of(rule), i->rule, sizeof i->rule);
  i->phase = INTAKE_DISCARD;
  signer_free(&i->signer);
  buffer_free(&i->head);
  buffer_free(&i->body);
}

static void refuse_memory(struct intake *i) {
  refuse(i, 451, "4.3.0", "memory", "out of memory; try again later");
}

/* --- header --- */

static bool check_from(struct intake *i, struct bytes from, char domain[DOMAIN_MAX + 1]) {
  const struct account *a = i->owner;
  char offender[ADDRESS_MAX + 1];
  int rc = header_from_allowed(a->senders, a->sender_count, from, offender, sizeof offender);
  if (rc == E_DENIED) {
    char allowed[160] = "", rule[ADDRESS_MAX + 16];
    size_t at = 0;
    for (size_t n = 0; n < a->sender_count && at < sizeof allowed; n++)
      at += (size_t)snprintf(allowed + at, sizeof allowed - at, "%s%s", n ? ", " : "", a->senders[n]);
    snprintf(rule, sizeof rule, "sender %s", offender);
    refuse(i, 553, "5.7.1", rule, "%s may not send with From: %s; allowed: %s", a->name, offender, allowed);
    return false;
  }
  struct address first;
  char *scratch = malloc(from.len + 1);
  size_t at = 0;
  bool ok = scratch && rc == OK && mailbox_next(from, &at, &first, scratch, from.len) == 1 &&
            domain_normalize(first.domain, domain) == OK;
  free(scratch);
  if (!ok)
    refuse(i, 550, "5.6.0", "from", "the From field cannot be read as RFC 5322 3.6.2 wants it: one or more mailboxes");
  return ok;
}

static int add_received(struct intake *i) {
  struct session *s = i->session;
  const struct config *c = i->loop->gateway->config;
  char date[64], from[DOMAIN_MAX + IP_TEXT + 16] = "", tls[128] = "";
  clock_format_rfc5322(clock_now_us(), date, sizeof date);
  /* RFC 5321 4.4 wants a from clause; a submitter's address is personal data that recipients have no need of, so it is
   * there only when the operator asks for it. RFC 5322 3.6.7 is content without. */
  if (c->received_client) snprintf(from, sizeof from, "from %s ([%s])\r\n\t", s->helo, s->peer);
  if (stream_is_tls(s->stream)) snprintf(tls, sizeof tls, " (%s)", stream_tls_text(s->stream));
  /* RFC 3848: ESMTP, then S for TLS, then A for AUTH. */
  return buffer_addf(&i->prefix, "Received: %sby %s (Sendoff) with %s%s%s%s id %s;\r\n\t%s\r\n", from, c->hostname,
                     s->extended ? "ESMTP" : "SMTP", s->extended && stream_is_tls(s->stream) ? "S" : "",
                     s->extended && !s->admitted ? "A" : "", tls, i->id_text, date);
}

static int feed_signer(struct intake *i, struct bytes fields) {
  size_t at = 0;
  struct field f;
  int rc = OK;
  while (rc == OK && header_next(fields, &at, &f) == 1) rc = signer_header(i->signer, f.whole);
  return rc;
}

static bool begin_signature(struct intake *i, const char *from_domain) {
  struct reason why = {0};
  int rc =
      signing_begin(i->loop->signing, i->directory, from_domain, &i->signer, i->signed_by, sizeof i->signed_by, &why);
  if (rc == OK && i->signer) {
    rc = feed_signer(i, buffer_bytes(&i->added));
    if (rc == OK) rc = feed_signer(i, buffer_bytes(&i->body));
    if (rc == OK) rc = signer_headers_end(i->signer, &why);
  }
  if (rc == OK) return true;
  log_event(LOG_ERROR_, i->session->id, "cannot sign", "domain", from_domain, "reason", why.text, NULL);
  refuse(i, 451, "4.3.5", "signing", "the message could not be signed for %s; try again later", from_domain);
  return false;
}

/* `block` is the whole header, without the empty line. */
static void header_complete(struct intake *i, struct bytes block) {
  struct hygiene h = {.hostname = i->loop->gateway->config->hostname,
                      .id_text = i->id_text,
                      .now_us = clock_now_us(),
                      .accept_8bit = i->owner->accept_8bit,
                      .added = &i->added,
                      .kept = &i->body};
  char domain[DOMAIN_MAX + 1];
  int rc = hygiene_apply(block, &h);
  if (rc == E_DENIED) {
    refuse(i, h.code, h.enhanced, "header", "%s", h.text);
    return;
  }
  if (rc != OK) {
    refuse_memory(i);
    return;
  }
  bytes_copy(bytes_of(h.message_id), i->message_id, sizeof i->message_id);
  i->eight_bit |= h.eight_bit;
  if (!check_from(i, h.from, domain) || !begin_signature(i, domain)) return;
  if (buffer_add(&i->body, "\r\n", 2) != OK) {
    refuse_memory(i);
    return;
  }
  buffer_free(&i->head);
  i->phase = INTAKE_BODY;
}

/* Offset of the empty line that ends the header, or SIZE_MAX. `from`: where the search may begin. */
static size_t find_header_end(const struct buffer *head, size_t from) {
  if (head->len >= 2 && memcmp(head->at, "\r\n", 2) == 0) return 0;
  const char *at = head->len > from ? memmem(head->at + from, head->len - from, "\r\n\r\n", 4) : NULL;
  return at ? (size_t)(at - head->at) + 2 : SIZE_MAX;
}

/* --- body --- */

static void spool_failed(struct intake *i, const char *why) {
  log_event(LOG_ERROR_, i->session ? i->session->id : NULL, "cannot write a message to the spool", "reason", why, NULL);
  refuse(i, 452, "4.3.1", "disk", "the message cannot be stored now; try again later"); /* RFC 5321 4.2.2 */
}

static void spool_moved(void *arg, struct reason *why) {
  struct intake *i = arg;
  if (why) spool_failed(i, why->text);
  if (i->session && i->session->waiting && !intake_is_full(i->session)) session_resume(i->session);
}

static void keep_body(struct intake *i, struct bytes run) {
  if (!i->spool && i->body.len + run.len > STORE_INLINE_MAX) {
    i->spool = spooling_begin(i->loop, i->id, spool_moved, i);
    if (!i->spool || spooling_write(i->spool, buffer_bytes(&i->body)) != OK) {
      refuse_memory(i);
      return;
    }
    buffer_free(&i->body);
  }
  int rc = i->spool ? spooling_write(i->spool, run) : buffer_add_bytes(&i->body, run);
  if (rc != OK) refuse_memory(i);
}

static void take_body(struct intake *i, struct bytes run) {
  if (!run.len) return;
  if (i->signer && signer_body(i->signer, run) != OK) {
    refuse(i, 451, "4.3.5", "signing", "the message could not be signed; try again later");
    return;
  }
  keep_body(i, run);
}

static void take_header(struct intake *i, struct bytes run) {
  size_t searched = i->head.len > 3 ? i->head.len - 3 : 0;
  size_t room = i->head.max - i->head.len;
  size_t n = run.len < room ? run.len : room;
  if (buffer_add(&i->head, run.at, n) != OK) {
    refuse_memory(i);
    return;
  }
  size_t end = find_header_end(&i->head, searched);
  if (end == SIZE_MAX) {
    if (n < run.len || i->head.len > HEADER_MAX)
      refuse(i, 552, "5.3.4", "header", "the header is over %d octets", HEADER_MAX);
    return;
  }
  /* The body's first octets sit behind the header: keep them while the header is worked on. */
  struct buffer head = i->head;
  buffer_init(&i->head, head.max);
  header_complete(i, (struct bytes){head.at, end});
  if (i->phase == INTAKE_BODY) take_body(i, bytes_from(buffer_bytes(&head), end + 2));
  buffer_free(&head);
  if (i->phase == INTAKE_BODY) take_body(i, bytes_from(run, n));
}

void intake_write(struct session *s, struct bytes run) {
  struct intake *i = s->intake;
  uint64_t max = i->loop->gateway->config->max_message_size;
  i->octets += run.len;
  if (i->octets > max)
    refuse(i, 552, "5.3.4", "size", "the message is over %llu octets", (unsigned long long)max); /* RFC 1870 6.1 */
  if (i->phase == INTAKE_HEADER)
    take_header(i, run);
  else if (i->phase == INTAKE_BODY)
    take_body(i, run);
}

bool intake_is_full(const struct session *s) {
  return s->intake && s->intake->spool && spooling_is_full(s->intake->spool);
}

/* --- the end --- */

static void end_session_part(struct intake *i) {
  struct session *s = i->session;
  s->intake = NULL;
  i->session = NULL;
  session_reset(s);
  if (!s->closing) session_set_state(s, SESSION_READY);
}

static void release(struct intake *i) {
  if (i->spool) spooling_end(&i->spool, i->phase != INTAKE_STORING || i->accept.op.result != OK);
  intake_free(i);
}

static void answer_refusal(struct intake *i) {
  struct session *s = i->session;
  if (i->limit.rule)
    refuse_limit(s, &i->limit, i->log_to);
  else
    reply_refusal(s, i->code, i->enhanced, i->rule, i->log_to, i->text);
  end_session_part(i);
  release(i);
}

static void check_octets(struct intake *i) {
  const struct data_sink *d = &i->session->sink;
  if (d->bare_lf || d->bare_cr) { /* RFC 5321 2.3.8; passing it on would let two servers see two messages */
    i->code = 0;                  /* whatever else was found wrong, this is the cause */
    refuse(i, 550, "5.6.11", "bare", "line %zu of the message has a bare %s; lines end with CR LF",
           d->bare_lf ? d->bare_lf : d->bare_cr, d->bare_lf ? "LF" : "CR");
  } else if (d->nul)
    refuse(i, 550, "5.6.0", "nul", "line %zu of the message has a NUL octet", d->nul);
  else if (d->long_line)
    refuse(i, 550, "5.6.0", "line",
           "line %zu of the message is over %d octets; encode it as quoted-printable or base64", d->long_line,
           LINE_OCTETS_MAX);
  i->eight_bit |= d->eight_bit != 0;
  struct transaction *tx = i->session->tx;
  if (i->eight_bit && !tx->announced_8bit && !i->owner->accept_8bit) /* RFC 6152 2 */
    refuse(i, 550, "5.6.1", "8bit",
           "line %zu has 8-bit octets, but MAIL did not say BODY=8BITMIME; or allow it: sendoff account set %s "
           "--eight-bit accept",
           d->eight_bit, i->session->account);
}

/* On the store's writer thread: the exact count. */
static int admit(struct store_accept *accept, struct usage *usage, int64_t now_us) {
  struct intake *i = accept->admit_arg;
  const struct account *a = i->owner;
  i->limit = limits_check(a->limits, a->limit_count, usage, now_us, accept->message.recipient_count,
                          accept->message.envelope.size, true);
  if (i->limit.result != OK) return E_LIMIT;
  if (i->limit.not_before_us) {
    i->not_before_us = i->limit.not_before_us;
    accept->message.first_attempt_us = i->not_before_us; /* it is not handed over in memory: the reader finds it then */
  }
  return OK;
}

static void hand_over(struct intake *i) {
  struct store_accept *a = &i->accept;
  bool in_file = a->message.envelope.flags & MESSAGE_IN_FILE;
  struct content *c = in_file ? NULL : content_new(&i->prefix, &i->body);
  for (size_t n = 0; n < a->message.recipient_count; n++) {
    const char *domain = i->recipients[n].domain;
    if (!domain) continue; /* went with an earlier one */
    struct job *j = job_new(&a->message.envelope, domain);
    if (!j) break; /* the reader of the queue finds the rows later */
    j->content = c ? content_hold(c) : NULL;
    bool ok = true;
    for (size_t m = n; m < a->message.recipient_count && ok; m++) {
      struct new_recipient *r = &i->recipients[m];
      if (!r->domain || strcmp(r->domain, j->domain) != 0) continue;
      struct queued_recipient one = {.id = r->id, .address = r->address, .notify = r->notify, .orcpt = r->orcpt};
      ok = job_add_recipient(j, &one) == OK;
      free((char *)(uintptr_t)r->domain);
      r->domain = NULL;
    }
    if (ok)
      dispatch_accepted(i->loop->gateway, j, i->not_before_us);
    else
      job_free(&j);
  }
  if (c) content_release(&c);
}

static void answer_stored(struct intake *i) {
  struct session *s = i->session;
  struct store_op *op = &i->accept.op;
  if (op->result == OK) {
    s->accepted++;
    log_event(LOG_INFO_, s->id, "accepted", "message", i->id_text, "account", s->account, "from", i->reverse_path, "to",
              i->log_to, NULL);
    reply(s, 250, "2.0.0", "accepted as %s", i->id_text);
  } else if (op->result == E_LIMIT) {
    refuse_limit(s, &i->limit, i->log_to);
  } else {
    log_event(LOG_ERROR_, s->id, "cannot store a message", "reason", op->why.text, NULL);
    reply(s, 451, "4.3.0", "the message could not be stored; try again later");
  }
}

static void stored(struct store_op *op) {
  struct intake *i = intake_of(op);
  struct session *s = i->session;
  answer_stored(i); /* also to a session that closed meanwhile: reply() then says nothing */
  end_session_part(i);
  if (op->result == OK) hand_over(i);
  release(i);
  if (!s->closing) session_resume(s);
  session_unhold(s);
}

static bool copy_envelope(struct intake *i) {
  struct transaction *tx = i->session->tx;
  struct message *m = &i->accept.message.envelope;
  const struct config *c = i->loop->gateway->config;
  i->reverse_path = strdup(tx->reverse_path);
  i->recipients = calloc(tx->recipient_count, sizeof *i->recipients);
  if (!i->reverse_path || !i->recipients) return false;
  for (size_t n = 0; n < tx->recipient_count; n++) {
    i->recipients[n] = (struct new_recipient){
        .address = tx->recipients[n].address, .domain = tx->recipients[n].domain, .id = id_new()};
    tx->recipients[n] = (struct tx_recipient){0}; /* they are the intake's now */
  }
  i->accept.message.recipients = i->recipients;
  i->accept.message.recipient_count = tx->recipient_count;
  tx->recipient_count = 0;
  bytes_copy(bytes_of(i->owner->name), i->account, sizeof i->account);
  bytes_copy(bytes_of(i->owner->pool), i->pool, sizeof i->pool);
  int64_t now = clock_now_us();
  *m = (struct message){.id = i->id,
                        .account = i->account,
                        .pool = i->pool,
                        .reverse_path = i->reverse_path,
                        .flags = (i->eight_bit ? MESSAGE_8BIT : 0u) | (i->spool ? MESSAGE_IN_FILE : 0u),
                        .size = i->prefix.len + (i->spool ? spooling_octets(i->spool) : i->body.len),
                        .created_us = now,
                        .expires_us = now + c->expire_us};
  i->accept.message.first_attempt_us = now + DISPATCH_GRACE_US;
  return true;
}

static void describe(struct intake *i) {
  struct transaction *tx = i->session->tx;
  const struct new_message *m = &i->accept.message;
  snprintf(i->log_text, sizeof i->log_text, "%llu octets, %zu recipient%s, Message-ID %.200s, DKIM %s, SPF %s%s%.160s",
           (unsigned long long)m->envelope.size, m->recipient_count, m->recipient_count == 1 ? "" : "s", i->message_id,
           i->signed_by, tx->spf_mode == CHECK_OFF ? "not checked" : spf_result_name(tx->spf.result),
           tx->spf.why[0] ? ": " : "", tx->spf.why);
  i->accept.accepted = (struct event){.account = i->account,
                                      .from = i->reverse_path,
                                      .to = i->log_to,
                                      .code = 250,
                                      .enhanced = "2.0.0",
                                      .text = i->log_text,
                                      .host = i->session->peer};
}

static void post(struct intake *i) {
  struct store_accept *a = &i->accept;
  store_accept_init(a);
  if (!copy_envelope(i)) {
    refuse_memory(i);
    answer_refusal(i);
    return;
  }
  a->message.prefix = buffer_bytes(&i->prefix);
  a->message.content = buffer_bytes(&i->body);
  a->count_usage = true;
  a->admit = admit;
  a->admit_arg = i;
  describe(i);
  i->phase = INTAKE_STORING;
  session_hold(i->session);
  session_wait(i->session, "store");
  loop_store_post(i->loop, &a->op, stored);
}

static void spool_finished(void *arg, struct reason *why) {
  struct intake *i = arg;
  struct session *s = i->session;
  if (!s || s->closing) { /* the client has gone before its 250: the message was never promised */
    if (s) end_session_part(i);
    release(i);
    if (s) session_unhold(s);
    return;
  }
  if (why) {
    spool_failed(i, why->text);
    answer_refusal(i);
    session_resume(s);
  } else {
    post(i);
    if (!s->intake) session_resume(s); /* refused after all */
  }
  session_unhold(s);
}

static bool finish_signature(struct intake *i) {
  struct reason why = {0};
  if (i->signer && signer_finish(i->signer, &i->prefix, &why) != OK) {
    log_event(LOG_ERROR_, i->session->id, "cannot sign", "reason", why.text, NULL);
    refuse(i, 451, "4.3.5", "signing", "the message could not be signed; try again later");
    return false;
  }
  if (add_received(i) == OK && buffer_add_bytes(&i->prefix, buffer_bytes(&i->added)) == OK) return true;
  refuse_memory(i);
  return false;
}

void intake_end(struct session *s) {
  struct intake *i = s->intake;
  struct transaction *tx = s->tx;
  if (tx->recipient_count > 1)
    snprintf(i->log_to, sizeof i->log_to, "%s (+%zu)", tx->recipients[0].address, tx->recipient_count - 1);
  else
    snprintf(i->log_to, sizeof i->log_to, "%s", tx->recipients[0].address);
  if (i->phase == INTAKE_HEADER) { /* a header alone, without an empty line: RFC 5322 3.5 allows it */
    struct buffer head = i->head;
    buffer_init(&i->head, head.max);
    header_complete(i, buffer_bytes(&head));
    buffer_free(&head);
  }
  check_octets(i);
  if (i->code || !finish_signature(i)) {
    answer_refusal(i);
    return;
  }
  if (!i->spool) {
    post(i);
    return;
  }
  session_hold(s);
  session_wait(s, "disk");
  spooling_finish(i->spool, spool_finished);
}

void intake_abandon(struct session *s) {
  struct intake *i = s->intake;
  if (i->phase == INTAKE_STORING || (i->spool && spooling_is_finishing(i->spool))) return; /* it comes back by itself */
  s->intake = NULL;
  i->session = NULL;
  release(i);
}
