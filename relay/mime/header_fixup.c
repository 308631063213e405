#include "relay/mime/header_fixup.h"

#include "base/clock.h"
#include "base/header.h"

#include <stdio.h>

/* RFC 5322 3.6: these may stand once. Two of them let a signer, a filter and a reader each believe another one. */
static const char *const once[] = {"From",     "Date", "Message-ID", "Subject",     "Sender",
                                   "Reply-To", "To",   "Cc",         "In-Reply-To", "References"};
enum { SEEN_FROM, SEEN_DATE, SEEN_MESSAGE_ID, SEEN_COUNT = sizeof once / sizeof once[0] };

struct tally {
  size_t seen[SEEN_COUNT], received, line;
  bool mime_version, content_fields;
};

static bool named(const struct field *f, const char *name) {
  return bytes_equal_nocase(f->name, bytes_of(name));
}

/* What stands beyond ASCII in a field, and whether it may. */
static int scan_octets(const struct field *f, struct header_fixup *h) {
  int name_len = (int)(f->name.len < 60 ? f->name.len : 60);
  for (size_t i = 0; i < f->whole.len; i++) {
    if ((unsigned char)f->whole.at[i] < 0x80) continue;
    size_t character = bytes_utf8_length(f->whole, i);
    h->eight_bit = true;
    h->utf8 |= h->accept_utf8 && character;
    if (!h->accept_8bit && !h->accept_utf8)
      return refuse(&h->refusal, 550, "5.6.7", RULE_HEADER_8BIT,
                    "the %.*s field has raw 8-bit octets; encode them as RFC 2047 says, or say SMTPUTF8", name_len,
                    f->name.at);
    if (!h->accept_8bit && !character) /* RFC 6532 3.1 */
      return refuse(&h->refusal, 550, "5.6.7", RULE_HEADER_8BIT, "the %.*s field has 8-bit octets that are no UTF-8",
                    name_len, f->name.at);
    if (character) i += character - 1;
  }
  return OK;
}

static int scan_field(const struct field *f, struct header_fixup *h, struct tally *t) {
  if (f->name.at[f->name.len] != ':') /* RFC 5322 4.5; signers and verifiers do not agree on what it is */
    return refuse(&h->refusal, 550, "5.6.0", RULE_HEADER, "the %.*s field has white space before its colon",
                  (int)(f->name.len < 60 ? f->name.len : 60), f->name.at);
  for (size_t i = 0; i < SEEN_COUNT; i++)
    if (named(f, once[i]) && ++t->seen[i] > 1)
      return refuse(&h->refusal, 550, "5.6.0", RULE_HEADER,
                    "the header has more than one %s field; RFC 5322 allows one", once[i]);
  if (named(f, "From")) h->from = f->value;
  h->sender |= named(f, "Sender");
  if (named(f, "Message-ID")) header_unfold(f->value, h->message_id, sizeof h->message_id);
  if (named(f, "Received")) t->received++;
  t->mime_version |= named(f, "MIME-Version");
  t->content_fields |= bytes_starts_nocase(f->name, BYTES("Content-"));
  return scan_octets(f, h);
}

static bool must_go(const struct field *f) {
  return named(f, "Bcc") || named(f, "Resent-Bcc") || named(f, "Return-Path");
}

static int add_missing(struct header_fixup *h, const struct tally *t) {
  int rc = OK;
  if (!t->seen[SEEN_DATE]) {
    char date[64];
    clock_format_rfc5322(h->now_us, date, sizeof date);
    rc = buffer_addf(h->added, "Date: %s\r\n", date);
  }
  if (rc == OK && !t->seen[SEEN_MESSAGE_ID]) {
    snprintf(h->message_id, sizeof h->message_id, "<%s@%s>", h->id_text, h->hostname);
    h->own_message_id = true;
    rc = buffer_addf(h->added, "Message-ID: %s\r\n", h->message_id);
  }
  /* RFC 2045 4: without it the Content- fields mean nothing, and readers guess. */
  if (rc == OK && t->content_fields && !t->mime_version) rc = buffer_addf(h->added, "MIME-Version: 1.0\r\n");
  return rc;
}

int header_fixup_apply(struct bytes block, struct header_fixup *h) {
  struct tally t = {0};
  struct field f;
  size_t at = 0;
  int rc;
  while ((rc = header_next(block, &at, &f)) == 1) {
    t.line++;
    rc = scan_field(&f, h, &t);
    if (rc != OK) return rc;
    if (must_go(&f)) continue;
    rc = buffer_add_bytes(h->kept, f.whole);
    if (rc != OK) return rc;
  }
  if (rc < 0)
    return refuse(&h->refusal, 550, "5.6.0", RULE_HEADER,
                  "what follows header field %zu is no header field; an empty line ends the header", t.line);
  if (t.received > HOPS_MAX)
    return refuse(&h->refusal, 554, "5.4.6", RULE_MAIL_LOOP, "the message has passed %zu hops, over %d: a mail loop",
                  t.received, HOPS_MAX);
  if (!t.seen[SEEN_FROM])
    return refuse(&h->refusal, 550, "5.6.0", RULE_HEADER, "the header has no From field, which RFC 5322 requires");
  return add_missing(h, &t);
}
