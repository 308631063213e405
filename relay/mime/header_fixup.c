#include "relay/mime/header_fixup.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "base/text/header.h"
#include "relay/mime/encoded_word_read.h"
#include "relay/mime/from_repair.h"
#include "relay/mime/from_rewrite.h"
#include "relay/mime/header_encode.h"
#include "relay/mime/header_fold.h"
#include "relay/mime/mime_field.h"
#include "relay/mime/to_utf8.h"

#include <stdio.h>
#include <string.h>

#define FIELD_ROOM (4 * HEADER_MAX)
#define CHARSET_MAX 64

/* RFC 5322 3.6, RFC 2045: these may stand once. Two of them let a signer, a filter and a reader each believe another
 * one. */
static const struct bytes once[] = {BYTES("From"),       BYTES("Date"),         BYTES("Message-ID"),
                                    BYTES("Subject"),    BYTES("Sender"),       BYTES("Reply-To"),
                                    BYTES("To"),         BYTES("Cc"),           BYTES("In-Reply-To"),
                                    BYTES("References"), BYTES("MIME-Version"), BYTES("Content-Type")};
enum {
  SEEN_FROM,
  SEEN_DATE,
  SEEN_MESSAGE_ID,
  SEEN_REPLY_TO = 5,
  SEEN_MIME_VERSION = 10,
  SEEN_COUNT = sizeof once / sizeof once[0]
};

struct tally {
  size_t seen[SEEN_COUNT], received, streams;
  bool content_fields;
  char charset[CHARSET_MAX]; /* of the text, as Content-Type says; "": it does not */
};

static bool named(const struct field *f, struct bytes name) {
  return bytes_equal_nocase(f->name, name);
}

static bool rewrites(const struct header_fixup *h) {
  return h->rewrite_from && *h->rewrite_from;
}

static int shown(struct bytes text) {
  return (int)(text.len < 60 ? text.len : 60);
}

void repairs_add(char repairs[REPAIRS_MAX], struct bytes what, const char *done) {
  size_t len = strlen(repairs);
  int n = snprintf(repairs + len, REPAIRS_MAX - len, "%s%.*s%s%s", len ? ", " : "", shown(what), what.at,
                   what.len ? " " : "", done);
  if (n < 0 || (size_t)n >= REPAIRS_MAX - len) repairs[len] = '\0';
}

/* --- what is looked at --- */

static int refuse_line(struct header_fixup *h, const char *what, struct bytes line) {
  char text[121];
  header_unfold(line, text, sizeof text);
  return refuse(&h->refusal, 550, "5.6.0", RULE_HEADER, "%s: \"%s\"", what, text);
}

static bool says_bulk(struct bytes value) {
  struct bytes word = bytes_trim(value);
  return bytes_equal_nocase(word, BYTES("bulk")) || bytes_equal_nocase(word, BYTES("list"));
}

static int scan_field(const struct field *f, struct header_fixup *h, struct tally *t) {
  for (size_t i = 0; i < SEEN_COUNT; i++)
    if (named(f, once[i]) && ++t->seen[i] > 1)
      return refuse(&h->refusal, 550, "5.6.0", RULE_HEADER,
                    "the header has more than one %s field; RFC 5322 allows one", once[i].at);
  if (named(f, BYTES("X-Sendoff-Stream")) && t->streams++)
    return refuse(&h->refusal, 550, "5.6.0", RULE_HEADER, "the header has more than one X-Sendoff-Stream field");
  if (named(f, BYTES("X-Sendoff-Stream"))) header_unfold(f->value, h->stream, sizeof h->stream);
  if (named(f, BYTES("Precedence"))) h->bulk |= says_bulk(f->value);
  if (named(f, BYTES("TLS-Required"))) h->tls_optional |= bytes_equal_nocase(bytes_trim(f->value), BYTES("no"));
  if (named(f, BYTES("Received"))) t->received++;
  t->content_fields |= bytes_starts_nocase(f->name, BYTES("Content-"));
  return OK;
}

/* Reads all of it once, so that what a field is in is known before it is written. */
static int scan(struct bytes block, struct header_fixup *h, struct tally *t) {
  struct field f;
  size_t at = 0;
  int rc;
  while ((rc = header_next(block, &at, &f)) == 1) {
    if ((rc = scan_field(&f, h, t)) != OK) return rc;
    if (!named(&f, BYTES("Content-Type"))) continue;
    mime_parameter_read(f.value, "charset", t->charset, sizeof t->charset);
    h->multipart = bytes_starts_nocase(bytes_trim(f.value), BYTES("multipart/"));
  }
  if (rc < 0) return refuse_line(h, "a line of the header is no header field (an empty line ends the header)", f.whole);
  if (t->received > HOPS_MAX)
    return refuse(&h->refusal, 554, "5.4.6", RULE_MAIL_LOOP, "the message has passed %zu hops, over %d: a mail loop",
                  t->received, HOPS_MAX);
  if (!t->seen[SEEN_FROM] && !rewrites(h))
    return refuse(&h->refusal, 550, "5.6.0", RULE_HEADER, "the header has no From field, which RFC 5322 requires");
  return OK;
}

/* --- what is repaired: each step appends the field that it makes of `f`, and says so with 1; OK: nothing to do --- */

/* Replaces the value; the name and what stands before the value stay. */
static int with_value(const struct field *f, struct bytes value, struct buffer *out) {
  int rc = buffer_add(out, f->whole.at, (size_t)(f->value.at - f->whole.at));
  if (rc == OK) rc = buffer_add_bytes(out, value);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

static int refuse_from(struct header_fixup *h, struct bytes value, size_t at) {
  char text[121], rest[41];
  header_unfold(value, text, sizeof text);
  header_unfold(bytes_from(value, at), rest, sizeof rest);
  return refuse(
      &h->refusal, 550, "5.6.0", RULE_FROM_SYNTAX,
      "the From field cannot be read as mailboxes (RFC 5322 3.6.2) from \"%s\" on: \"%s\"; write From: \"Name\" "
      "<user@example.com>",
      rest, text);
}

/* RFC 5322 4.5 has white space before the colon as obsolete; signers and verifiers do not agree on what it is. */
static int close_up(const struct field *f, struct header_fixup *h, const struct tally *t, struct buffer *out) {
  (void)t;
  if (f->name.at[f->name.len] == ':') return OK;
  int rc = buffer_add_bytes(out, f->name);
  if (rc == OK) rc = buffer_add(out, ":", 1);
  if (rc == OK) rc = buffer_add_bytes(out, f->value);
  if (rc == OK) rc = buffer_add(out, "\r\n", 2);
  if (rc != OK) return rc;
  repairs_add(h->repairs, f->name, "closed up");
  return 1;
}

/* Vertical tabs and form feeds (RFC 5322 4.1, obs-NO-WS-CTL): white space to libopendkim and not to RFC 6376 2.8, so
 * that what is signed would not be what others verify. */
static int respace(const struct field *f, struct header_fixup *h, const struct tally *t, struct buffer *out) {
  (void)t;
  if (bytes_find(f->value, '\v', 0) == f->value.len && bytes_find(f->value, '\f', 0) == f->value.len) return OK;
  size_t at = out->len + (size_t)(f->value.at - f->whole.at);
  int rc = with_value(f, f->value, out);
  if (rc != OK) return rc;
  for (; at < out->len; at++)
    if (out->at[at] == '\v' || out->at[at] == '\f') out->at[at] = ' ';
  repairs_add(h->repairs, f->name, "form feeds replaced");
  return 1;
}

/* Reply-To stands in the header, not among what is added: a second look at the header must find it. */
static int rewrite(const struct field *f, struct header_fixup *h, const struct tally *t, struct buffer *out) {
  if (!rewrites(h) || !named(f, BYTES("From"))) return OK;
  struct from_rewrite r = {.address = h->rewrite_from, .reply_to = t->seen[SEEN_REPLY_TO] ? NULL : h->kept};
  struct buffer utf8;
  buffer_init(&utf8, FIELD_ROOM);
  int rc = h->encode_8bit ? to_utf8(f->value, bytes_of(t->charset), &utf8) : buffer_add_bytes(&utf8, f->value);
  if (rc == OK) rc = from_rewrite(buffer_bytes(&utf8), &r, out);
  buffer_free(&utf8);
  if (rc != OK || !r.changed) return rc;
  repairs_add(h->repairs, BYTES("From"), "rewritten");
  return 1;
}

static int repair_from(const struct field *f, struct header_fixup *h, const struct tally *t, struct buffer *out) {
  struct buffer utf8, value;
  size_t at;
  if (!named(f, BYTES("From")) || (!h->encode_8bit && !is_utf8(f->value))) return OK;
  buffer_init(&utf8, FIELD_ROOM);
  buffer_init(&value, FIELD_ROOM);
  int rc = to_utf8(f->value, bytes_of(t->charset), &utf8);
  int made = rc == OK ? from_repair(buffer_bytes(&utf8), h->report, h->hostname, &value, &at) : rc;
  h->daemon = made == 2;
  if (made == E_SYNTAX)
    rc = refuse_from(h, buffer_bytes(&utf8), at);
  else
    rc = made < 0 ? made : made ? with_value(f, buffer_bytes(&value), out) : OK;
  buffer_free(&utf8);
  buffer_free(&value);
  if (rc != OK || made <= 0) return rc;
  repairs_add(h->repairs, BYTES("From"), made == 2 ? "given an address" : "quoted");
  return 1;
}

static int refuse_8bit(struct header_fixup *h, const struct field *f, bool utf8) {
  int n = shown(f->name);
  if (h->encode_8bit) /* it could not be encoded */
    return refuse(
        &h->refusal, 550, "5.6.7", RULE_HEADER_8BIT,
        "the %.*s field has octets beyond ASCII where they cannot be encoded (RFC 2047 5); say SMTPUTF8 if it "
        "is an address",
        n, f->name.at);
  if (utf8 || !h->accept_utf8)
    return refuse(&h->refusal, 550, "5.6.7", RULE_HEADER_8BIT,
                  "the %.*s field has raw 8-bit octets; encode them as RFC 2047 says, or say SMTPUTF8", n, f->name.at);
  return refuse(&h->refusal, 550, "5.6.7", RULE_HEADER_8BIT, "the %.*s field has 8-bit octets that are no UTF-8", n,
                f->name.at); /* RFC 6532 3.1 */
}

/* What is wrong in an address list that nobody is judged by is written as text: it reads the same. */
static bool reads_as_text(const struct field *f) {
  return !named(f, BYTES("From")) && !named(f, BYTES("Sender")) && !named(f, BYTES("Content-Type"));
}

static int encode(const struct field *f, struct header_fixup *h, const struct tally *t, struct buffer *out) {
  if (!header_needs_encoding(f->whole)) return OK;
  bool utf8 = is_utf8(f->whole);
  if (utf8 && h->accept_utf8) {
    h->utf8 = true;
    return OK;
  }
  if (!h->encode_8bit) return refuse_8bit(h, f, utf8);
  struct bytes charset = bytes_of(t->charset);
  int rc = header_encode(f, charset, out);
  if (rc == E_SYNTAX && reads_as_text(f)) rc = header_encode_text(f, charset, out);
  if (rc == E_SYNTAX) return refuse_8bit(h, f, utf8);
  if (rc != OK) return rc;
  repairs_add(h->repairs, f->name, "encoded");
  return 1;
}

static int fold(const struct field *f, struct header_fixup *h, const struct tally *t, struct buffer *out) {
  (void)t;
  if (!header_needs_folding(f->whole)) return OK;
  int rc = h->convert_long_lines ? header_fold(f, out) : E_SYNTAX;
  if (rc == E_SYNTAX)
    return refuse(&h->refusal, 550, "5.6.0", RULE_LINE_LENGTH,
                  "the %.*s field has a line over 998 octets%s; fold it: CR LF and a space (RFC 5322 2.2.3)",
                  shown(f->name), f->name.at, h->convert_long_lines ? " without white space" : "");
  if (rc != OK) return rc;
  repairs_add(h->repairs, f->name, "folded");
  return 1;
}

/* --- what is kept --- */

/* A Sender beside a From that we have written would say that somebody else is behind it. */
static bool must_go(const struct header_fixup *h, const struct field *f) {
  return named(f, BYTES("Bcc")) || named(f, BYTES("Resent-Bcc")) || named(f, BYTES("Return-Path")) ||
         named(f, BYTES("X-Sendoff-Stream")) || (rewrites(h) && named(f, BYTES("Sender")));
}

/* What the log says of it. */
static void describe(struct header_fixup *h, const struct field *f) {
  if (named(f, BYTES("Message-ID"))) header_unfold(f->value, h->message_id, sizeof h->message_id);
  if (named(f, BYTES("Subject"))) encoded_words_read(f->value, h->subject, sizeof h->subject);
}

/* Of a header that is refused, as far as it can be read. */
static void describe_refused(struct bytes block, struct header_fixup *h) {
  struct field f;
  size_t at = 0;
  while (header_next(block, &at, &f) == 1) describe(h, &f);
}

static int add_kept(struct header_fixup *h, const struct field *f) {
  if (named(f, BYTES("From"))) {
    h->from_at = h->kept->len + (size_t)(f->value.at - f->whole.at);
    h->from_len = f->value.len;
  }
  if (named(f, BYTES("Sender"))) {
    h->sender_at = h->kept->len + (size_t)(f->value.at - f->whole.at);
    h->sender_len = f->value.len;
  }
  describe(h, f);
  return buffer_add_bytes(h->kept, f->whole);
}

/* From the first step on that has something to do: what it made goes through those that follow. */
static int keep_from(struct header_fixup *h, const struct field *f, const struct tally *t, size_t step) {
  static int (*const steps[])(const struct field *f, struct header_fixup *h, const struct tally *t,
                              struct buffer *out) = {close_up, respace, rewrite, repair_from, encode, fold};
  struct buffer made;
  struct field next;
  size_t at = 0;
  int rc = OK;
  buffer_init(&made, FIELD_ROOM);
  while (rc == OK && step < sizeof steps / sizeof steps[0]) rc = steps[step++](f, h, t, &made);
  if (rc == OK) rc = add_kept(h, f);
  if (rc == 1) rc = header_next(buffer_bytes(&made), &at, &next) == 1 ? keep_from(h, &next, t, step) : E_SYNTAX;
  buffer_free(&made);
  return rc;
}

/* RFC 5322 3.6 wants one; where an account has its own, a message without gets it. */
static int add_from(struct header_fixup *h) {
  char text[ADDRESS_MAX + 16];
  struct field f;
  size_t at = 0;
  snprintf(text, sizeof text, "From: %s\r\n", h->rewrite_from);
  repairs_add(h->repairs, BYTES("From"), "added");
  const struct buffer *kept = h->kept;
  /* BDAT may end anywhere. */
  bool ended = !kept->len || (kept->len > 1 && memcmp(kept->at + kept->len - 2, "\r\n", 2) == 0);
  int rc = ended ? OK : buffer_add(h->kept, "\r\n", 2);
  if (rc != OK) return rc;
  return header_next(bytes_of(text), &at, &f) == 1 ? add_kept(h, &f) : E_SYNTAX;
}

static int add_missing(struct header_fixup *h, const struct tally *t) {
  int rc = t->seen[SEEN_FROM] ? OK : add_from(h);
  if (rc == OK && !t->seen[SEEN_DATE]) {
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
  if (rc == OK && t->content_fields && !t->seen[SEEN_MIME_VERSION]) rc = buffer_addf(h->added, "MIME-Version: 1.0\r\n");
  return rc;
}

int header_fixup_apply(struct bytes block, struct header_fixup *h) {
  struct tally t = {0};
  struct field f;
  size_t at = 0;
  int rc = scan(block, h, &t);
  while (rc == OK && header_next(block, &at, &f) == 1)
    if (!must_go(h, &f)) rc = keep_from(h, &f, &t, 0);
  if (rc == E_DENIED) {
    refusal_about(&h->refusal, h->refusal.text); /* a rule has many texts: each has a line in the log */
    describe_refused(block, h);
  }
  return rc == OK ? add_missing(h, &t) : rc;
}
