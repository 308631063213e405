#include "base/log.h"
#include "base/text/header.h"
#include "relay/message/signing.h"
#include "relay/mime/header_fixup.h"
#include "relay/mime/header_preamble.h"
#include "relay/submission/intake_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the message says counts more than what its account has. One that is encoded anew has said it: the field is gone
 * by now. */
static bool find_stream(struct intake *i, const struct header_fixup *h) {
  if (i->anew) return true;
  bool urgent = i->session->tx->said.priority >= 0; /* RFC 6710; 0: not said */
  i->stream = h->bulk || !urgent ? STREAM_BULK : i->owner->stream;
  if (!*h->stream || stream_parse(h->stream, &i->stream) == OK) return true;
  intake_refuse(i, 550, "5.6.0", RULE_HEADER, "X-Sendoff-Stream is \"%s\"; write transactional or bulk", h->stream);
  refusal_about(&i->refusal, h->stream);
  return false;
}

static bool check_header(struct intake *i, const struct header_fixup *h) {
  if (intake_facts(i, h) != OK) {
    intake_refuse_memory(i);
    return false;
  }
  bool may = intake_decide(i, STAGE_HEADER);
  i->session->tx->facts.known &= ~(unsigned)FACT_HEADER; /* it may move, and come again */
  return may;
}

/* What the client calls itself is taken over where it is a name (RFC 5321 4.1.2); else its address alone. */
static void from_clause(const struct session *s, char *out, size_t size) {
  char name[DOMAIN_MAX + 1], literal[IP_TEXT + 8];
  bool six = strchr(s->peer, ':') != NULL;
  snprintf(literal, sizeof literal, "[%s%s]", six ? "IPv6:" : "", s->peer); /* RFC 5321 4.1.3 */
  if (domain_normalize(bytes_of(s->helo), name) == OK)
    snprintf(out, size, "from %s (%s)\r\n\t", name, literal);
  else
    snprintf(out, size, "from %s\r\n\t", literal);
}

/* RFC 5321 4.4 has no form for a client without an address, but comments anywhere. */
static void by_clause(const struct session *s, char *out, size_t size) {
  const struct config *c = s->submission->config;
  bool user = c->received_client && session_is_local(s);
  snprintf(out, size, "%s (Sendoff%s%s)", c->hostname, user ? ", from " : "", user ? s->peer : "");
}

int intake_add_received(struct intake *i) {
  struct session *s = i->session;
  const struct config *c = i->submission->config;
  char date[64], from[DOMAIN_MAX + IP_TEXT + 64] = "", by[DOMAIN_MAX + IP_TEXT + 32], tls[128] = "";
  clock_format_rfc5322(clock_now_us(), date, sizeof date);
  /* RFC 5321 4.4 wants a from clause; a submitter's address is personal data that recipients have no need of, so it is
   * there only when the operator asks for it. RFC 5322 3.6.7 is content without. */
  if (c->received_client && !session_is_local(s)) from_clause(s, from, sizeof from);
  if (stream_is_tls(s->stream)) snprintf(tls, sizeof tls, " (%s)", stream_tls_text(s->stream));
  by_clause(s, by, sizeof by);
  bool logged_in = s->proof == LOGIN_PASSWORD || s->proof == LOGIN_CERTIFICATE;
  /* RFC 3848: ESMTP, then S for TLS, then A for AUTH, which an address or a local user has not said. RFC 6531 4.3:
   * UTF8SMTP, where that was asked for. */
  const char *with = !s->extended ? "SMTP" : s->tx->said.utf8 ? "UTF8SMTP" : "ESMTP";
  return buffer_addf(&i->prefix, "Received: %sby %s with %s%s%s%s id %s;\r\n\t%s\r\n", from, by, with,
                     s->extended && stream_is_tls(s->stream) ? "S" : "", s->extended && logged_in ? "A" : "", tls,
                     i->id_text, date);
}

static int feed_signer(struct intake *i, struct bytes fields) {
  size_t at = 0;
  struct field f;
  int rc = OK;
  while (rc == OK && header_next(fields, &at, &f) == 1) rc = signer_header(i->signer, f.whole);
  return rc;
}

/* Whatever is wrong with a message is refused permanently: sent again, it would be wrong again. */
static void refuse_signature(struct intake *i, int rc, const char *from_domain, struct reason *why) {
  if (rc == E_TOO_BIG)
    fail(why, rc, "it has over %d fields of the kinds that are signed (RFC 6376 5.4.1)", SIGNER_FIELDS_MAX);
  else if (!*why->text)
    fail(why, rc, "%s", result_text(rc));
  log_event(LOG_ERROR_, i->session->id, "cannot sign", "domain", from_domain, "reason", why->text, NULL);
  if (rc == E_SYNTAX || rc == E_TOO_BIG)
    intake_refuse(i, 550, "5.6.0", RULE_HEADER, "the message cannot be signed for %s: %s", from_domain, why->text);
  else
    intake_refuse(i, 451, "4.3.5", RULE_SIGNING, "the message could not be signed for %s; try again later",
                  from_domain);
}

static bool begin_signature(struct intake *i, const char *from_domain) {
  struct reason why = {0};
  i->signatures[0] = '\0'; /* encoded anew, it is signed anew */
  int rc = signing_begin(i->loop->signing, i->loop->directory, from_domain, i->stream, &i->signer, i->signatures,
                         sizeof i->signatures, &why);
  if (rc == OK && i->signer) {
    rc = feed_signer(i, buffer_bytes(&i->added));
    if (rc == OK) rc = feed_signer(i, buffer_bytes(&i->body));
    if (rc == OK) rc = signer_headers_end(i->signer, &why);
  }
  if (rc == OK) return true;
  refuse_signature(i, rc, from_domain, &why);
  return false;
}

/* Of the header so far. */
static size_t count_lines(struct bytes text) {
  size_t n = 0;
  for (size_t lf = bytes_find(text, '\n', 0); lf < text.len; lf = bytes_find(text, '\n', lf + 1)) n++;
  return n;
}

bool intake_begin_header(struct intake *i, bool last) {
  bool open;
  size_t n = header_preamble(buffer_bytes(&i->head), &open);
  if (open && !last) return false;
  i->begun = true;
  i->header_lines = count_lines((struct bytes){i->head.at, n});
  buffer_consume(&i->head, n);
  if (n) repairs_add(i->repairs, (struct bytes){"", 0}, "what stood ahead of the header taken off");
  return true;
}

/* For the log, whatever becomes of it. */
static void take_description(struct intake *i, const struct header_fixup *h) {
  bytes_copy(bytes_of(h->message_id), i->message_id, sizeof i->message_id);
  if (i->submission->config->log_subject) bytes_copy(bytes_of(h->subject), i->subject, sizeof i->subject);
  i->own_message_id = h->own_message_id;
}

void intake_header(struct intake *i, struct bytes block) {
  struct header_fixup h = {.hostname = i->submission->config->hostname,
                           .id_text = i->id_text,
                           .now_us = clock_now_us(),
                           .encode_8bit = i->owner->accept_8bit,
                           .accept_utf8 = i->session->tx->said.utf8,
                           .convert_long_lines = i->owner->convert_long_lines,
                           .report = !*i->session->tx->reverse_path,
                           .rewrite_from = i->session->tx->facts.rewritten ? i->owner->rewrite_from : "",
                           .added = &i->added,
                           .kept = &i->body};
  i->header_lines += count_lines(block) + 1;
  memcpy(h.repairs, i->repairs, sizeof h.repairs);
  int rc = header_fixup_apply(block, &h);
  take_description(i, &h);
  if (rc == E_DENIED) {
    i->refusal = h.refusal;
    intake_discard(i);
    return;
  }
  if (rc == E_TOO_BIG)
    intake_refuse(i, 552, "5.3.4", RULE_HEADER_SIZE, "the header is over %d octets once it is encoded", HEADER_MAX);
  if (rc != OK) {
    intake_refuse_memory(i);
    return;
  }
  memcpy(i->repairs, h.repairs, sizeof i->repairs);
  i->utf8 = h.utf8;
  i->tls_optional = h.tls_optional;
  i->multipart = h.multipart;
  if (!find_stream(i, &h) || !check_header(i, &h) || !begin_signature(i, i->session->tx->author)) return;
  if (buffer_add(&i->body, "\r\n", 2) != OK) {
    intake_refuse_memory(i);
    return;
  }
  buffer_free(&i->head);
  i->phase = INTAKE_BODY;
}
