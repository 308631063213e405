/* A notice is put together from what strangers said: the next hop's words, the envelope, the header that is sent back.
 * Whatever they said, it must be fit to be sent, and its parts must be where a reader finds them. The input: an octet
 * of choices; then, each up to an octet 1, the next hop's words, a recipient, ORCPT, ENVID; then the message. */
#include "base/address/address.h"
#include "base/text/header.h"
#include "relay/delivery/outcome/dsn.h"
#include "relay/message/content_loader.h"
#include "relay/mime/mime_field.h"
#include "relay/mime/octets.h"
#include "relay/smtp/extensions.h"
#include "relay/smtp/parameters.h"
#include "relay/smtp/xtext.h"
#include "tests/fuzz/decode.h"

enum choice { REMOTE = 4, OVERDUE = 8, WHOLE = 16, ORIGINAL_UTF8 = 32, UTF8 = 64, TWO = 128 };

struct story {
  unsigned choices;
  char *words, *recipient, *orcpt, *envid;
  struct bytes message;
};

/* --- what the gateway lets come that far --- */

static char *take_text(struct bytes *in) {
  size_t end = bytes_find(*in, 1, 0);
  char *text = bytes_dup((struct bytes){in->at, end});
  *in = bytes_from(*in, end + 1);
  if (!text) text = bytes_dup(BYTES(""));
  CHECK(text);
  return text;
}

static bool orcpt_valid(const char *orcpt) {
  const struct parameter_rules rules = {.offered = EXTENSION_DSN};
  struct rcpt_parameters out;
  struct refusal why = {0};
  char text[ORCPT_MAX + 16];
  int n = snprintf(text, sizeof text, " ORCPT=%s", orcpt);
  if (!*orcpt) return true;
  return (size_t)n < sizeof text && rcpt_parameters_read(bytes_of(text), 0, &rules, true, &out, &why) == OK;
}

static bool possible(const struct story *s) {
  struct address a;
  struct octets o;
  octets_scan(s->message, &o);
  return strlen(s->words) < REPLY_TEXT_MAX && address_parse(bytes_of(s->recipient), &a) == OK &&
         orcpt_valid(s->orcpt) && strlen(s->envid) <= ENVID_MAX && xtext_valid(bytes_of(s->envid)) &&
         !octets_binary(&o);
}

/* --- what a reader finds --- */

/* The part behind the next delimiter, without the CRLF that belongs to the one that ends it. */
static struct bytes next_part(struct bytes notice, const char *delimiter, size_t *at) {
  size_t len = strlen(delimiter);
  CHECK(notice.len - *at > len && memcmp(notice.at + *at, delimiter, len) == 0);
  size_t start = *at + len;
  struct bytes rest = bytes_from(notice, start);
  CHECK(bytes_starts_nocase(rest, BYTES("\r\n")));
  const char *end = memmem(rest.at, rest.len, delimiter, len);
  CHECK(end && end - rest.at > 4 && memcmp(end - 2, "\r\n", 2) == 0);
  *at = start + (size_t)(end - rest.at);
  return (struct bytes){rest.at + 2, (size_t)(end - rest.at) - 4};
}

/* All fields up to the empty line or the end; returns how many. None has a line of white space alone: readers differ on
 * where such a header ends. */
static size_t read_fields(struct bytes block, size_t *at) {
  struct field f;
  size_t count = 0, used = 0;
  int rc;
  struct bytes rest = bytes_from(block, *at);
  for (; (rc = header_next(rest, &used, &f)) == 1; count++) {
    size_t line = 0;
    for (size_t i = 0; i < f.whole.len; i++) {
      if (f.whole.at[i] == '\r') CHECK(line > 0);
      line = f.whole.at[i] == '\n' ? 0 : line + (f.whole.at[i] != ' ' && f.whole.at[i] != '\t');
    }
  }
  CHECK(rc == 0);
  *at += used + 2;
  return count;
}

static bool quoted(struct bytes part) {
  struct field f;
  CHECK(header_find(part, "Content-Transfer-Encoding", &f) == 1);
  return mime_encoding_read(f.value) == ENCODING_QUOTED_PRINTABLE;
}

/* The original, whole or its header, is what was sent. */
static void is_original(struct bytes part, struct bytes original) {
  struct buffer decoded;
  bool encoded = quoted(part);
  size_t at = 0;
  CHECK(read_fields(part, &at) == 2);
  struct bytes body = bytes_from(part, at);
  buffer_init(&decoded, SIZE_MAX / 2);
  if (encoded) {
    decode_quoted_printable(body, &decoded);
    body = buffer_bytes(&decoded);
  }
  if (body.len == original.len + 2) body.len -= 2; /* quoted-printable ends the last line in any case */
  CHECK(bytes_equal(body, original));
  buffer_free(&decoded);
}

static void is_status(struct bytes part, size_t recipients) {
  size_t at = 0, groups = 0;
  CHECK(!quoted(part) && read_fields(part, &at) == 2);
  for (; at < part.len; groups++) CHECK(read_fields(part, &at) >= 2);
  CHECK(groups == 1 + recipients);
}

static void is_notice(struct bytes notice, const struct dsn_input *in) {
  struct octets o;
  struct field f;
  struct mime_type type;
  char delimiter[MIME_BOUNDARY_MAX + 8];
  size_t at = 0;
  bool whole = in->whole_head.len;
  octets_scan(notice, &o);
  CHECK(!octets_binary(&o));
  if (!in->utf8 && !(whole && !in->original_utf8)) CHECK(!o.high);
  CHECK(header_find(notice, "Content-Type", &f) == 1);
  mime_type_read(f.value, &type);
  snprintf(delimiter, sizeof delimiter, "--%.*s", (int)type.boundary_len, type.boundary);
  CHECK(read_fields(notice, &at) >= 8);
  struct bytes people = next_part(notice, delimiter, &at);
  CHECK(header_find(people, "Content-Type", NULL) == 1);
  is_status(next_part(notice, delimiter, &at), in->recipient_count);
  if (whole || in->header.len) is_original(next_part(notice, delimiter, &at), whole ? in->whole_head : in->header);
  struct bytes end = bytes_from(notice, at + strlen(delimiter));
  CHECK(bytes_equal(end, BYTES("--\r\n")));
}

/* --- the notice --- */

static void build(const struct dsn_input *in) {
  struct buffer out;
  buffer_init(&out, DSN_MAX);
  CHECK(dsn_build(in, &out) == OK);
  is_notice(buffer_bytes(&out), in);
  buffer_free(&out);
}

static void tell(const struct story *s) {
  unsigned c = s->choices;
  enum dsn_action action = c % 3 == 0 ? DSN_RELAYED : c % 3 == 1 ? DSN_DELAYED : DSN_FAILED;
  struct ruling ruling = {.code = 550, .enhanced = "5.1.1", .remote = c & REMOTE};
  ruling.kind = action == DSN_DELAYED ? EVENT_DEFERRED : c & OVERDUE ? EVENT_EXPIRED : EVENT_BOUNCED;
  bytes_copy(bytes_of(s->words), ruling.text, sizeof ruling.text);
  struct dsn_recipient recipients[] = {
      {.to = &(struct recipient){.address = s->recipient, .orcpt = s->orcpt},
       .ruling = &ruling,
       .action = action,
       .overdue = c & OVERDUE},
      {.to = &(struct recipient){.address = "bob@example.net"}, .ruling = &ruling, .action = DSN_FAILED}};
  struct buffer header;
  buffer_init(&header, LOAD_HEADER_MAX);
  CHECK(dsn_header((struct bytes){0}, s->message, &header) == OK);
  struct dsn_input in = {.hostname = "smtp.example.com",
                         .to = "a@example.com",
                         .host = "mx.example.net[192.0.2.1]:25",
                         .envid = s->envid,
                         .arrived_us = 1000000,
                         .expires_us = 2000000,
                         .deliver_by_us = c & OVERDUE ? 3000000 : 0,
                         .recipients = recipients,
                         .recipient_count = c & TWO ? 2 : 1,
                         .header = buffer_bytes(&header),
                         .original_utf8 = c & ORIGINAL_UTF8,
                         .utf8 = c & UTF8};
  if (c & WHOLE) in.whole_head = s->message;
  build(&in);
  buffer_free(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size};
  struct story s = {.choices = take_octet(&in)};
  s.words = take_text(&in);
  s.recipient = take_text(&in);
  s.orcpt = take_text(&in);
  s.envid = take_text(&in);
  s.message = in;
  if (possible(&s)) tell(&s);
  free(s.words);
  free(s.recipient);
  free(s.orcpt);
  free(s.envid);
  return 0;
}
