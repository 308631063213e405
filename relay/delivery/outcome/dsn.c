#include "relay/delivery/outcome/dsn.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/text/header.h"
#include "relay/delivery/outcome/dsn_parts.h"
#include "relay/message/content_loader.h"
#include "relay/mime/octets.h"
#include "relay/mime/quoted_printable.h"

#include <stdio.h>
#include <string.h>

#define FOLD_AT 72
#define BLANKS " \t"
#define BOUNDARY_SIZE 64

bool dsn_ascii(const char *text) {
  for (const char *c = text; *c; c++)
    if ((unsigned char)*c > 127) return false;
  return true;
}

/* How many octets there are the next character, if it may be written as it is; else 0. */
static size_t printable_length(struct bytes text, size_t at, bool utf8) {
  unsigned char c = (unsigned char)text.at[at];
  if (c < 0x80) return c >= 0x20 && c < 0x7f;
  if (!utf8 || (c == 0xc2 && at + 1 < text.len && (unsigned char)text.at[at + 1] < 0xa0)) return 0; /* C1 controls */
  return bytes_utf8_length(text, at);
}

static int add_word(struct buffer *out, struct bytes word, const char *indent, size_t *column, bool utf8) {
  int rc = OK;
  for (size_t i = 0; i < word.len && rc == OK; ++*column) {
    size_t len = printable_length(word, i, utf8);
    if (*column > 2 * FOLD_AT) {
      rc = buffer_addf(out, "\r\n%s", indent);
      *column = strlen(indent);
    }
    if (rc == OK) rc = buffer_add(out, len ? word.at + i : "?", len ? len : 1);
    i += len ? len : 1;
  }
  return rc;
}

int dsn_add_folded(struct buffer *out, const char *text, const char *indent, size_t column, bool utf8) {
  const char *gap = "";
  int rc = OK;
  while (*(text += strspn(text, BLANKS)) && rc == OK) {
    struct bytes word = {text, strcspn(text, BLANKS)};
    bool fold = *gap && column + word.len > FOLD_AT;
    rc = fold ? buffer_addf(out, "\r\n%s", indent) : buffer_add_bytes(out, bytes_of(gap));
    column = fold ? strlen(indent) : column + strlen(gap);
    if (rc == OK) rc = add_word(out, word, indent, &column, utf8);
    text += word.len;
    gap = " ";
  }
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

enum dsn_action dsn_strongest(const struct dsn_recipient *recipients, size_t count) {
  enum dsn_action strongest = DSN_NONE;
  for (size_t i = 0; i < count; i++)
    if (recipients[i].action > strongest) strongest = recipients[i].action;
  return strongest;
}

/* --- the parts --- */

static int begin_part(struct buffer *out, const char *boundary, const char *type, const char *encoding) {
  return buffer_addf(out, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n", boundary, type,
                     encoding);
}

/* A part of lines, as it is where that may be, else in quoted-printable. */
static int add_part(struct buffer *out, const struct dsn_input *in, const char *boundary, const char *type,
                    struct bytes text) {
  struct octets o;
  octets_scan(text, &o);
  bool seven_bit = seven_bit_safe(text), plain = seven_bit || (in->utf8 && !octets_binary(&o));
  int rc = begin_part(out, boundary, type, seven_bit ? "7bit" : plain ? "8bit" : "quoted-printable");
  if (rc == OK) rc = plain ? buffer_add_bytes(out, text) : quoted_printable_add(text, out);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

static int add_explanation(const struct dsn_input *in, const char *boundary, struct buffer *out) {
  struct buffer text;
  buffer_init(&text, DSN_MAX);
  int rc = dsn_add_text(in, &text);
  bool ascii = seven_bit_safe(buffer_bytes(&text));
  const char *type = ascii ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8";
  if (rc == OK) rc = add_part(out, in, boundary, type, buffer_bytes(&text));
  buffer_free(&text);
  return rc;
}

/* RFC 6533 4: in UTF-8 it is another type. */
static const char *status_subtype(const struct dsn_input *in) {
  return in->utf8 ? "global-delivery-status" : "delivery-status";
}

/* Neither type is ever encoded, and without `utf8` it is ASCII. */
static int add_status(const struct dsn_input *in, const char *boundary, struct buffer *out) {
  char type[64];
  snprintf(type, sizeof type, "message/%s", status_subtype(in));
  int rc = begin_part(out, boundary, type, in->utf8 ? "8bit" : "7bit");
  return rc == OK ? dsn_add_fields(in, out) : rc;
}

/* --- the original --- */

static int add_header(const struct dsn_input *in, const char *boundary, struct buffer *out) {
  bool ascii = seven_bit_safe(in->header);
  const char *type = in->original_utf8 ? "message/global-headers"
                     : ascii           ? "text/rfc822-headers; charset=us-ascii"
                                       : "text/rfc822-headers; charset=utf-8";
  return add_part(out, in, boundary, type, in->header);
}

/* RFC 2046 5.2.1: message/rfc822 goes as it is; message/global may be encoded (RFC 6532 3.7), and is, where the notice
 * itself does not go with SMTPUTF8. */
static bool encodes_whole(const struct dsn_input *in) {
  return in->original_utf8 && !in->utf8;
}

static bool whole_is_eight_bit(const struct dsn_input *in) {
  return !encodes_whole(in) && !(seven_bit_safe(in->whole_head) && seven_bit_safe(in->whole_rest));
}

static int add_whole(const struct dsn_input *in, const char *boundary, struct buffer *out) {
  bool encode = encodes_whole(in);
  int rc = begin_part(out, boundary, in->original_utf8 ? "message/global" : "message/rfc822",
                      encode                   ? "quoted-printable"
                      : whole_is_eight_bit(in) ? "8bit"
                                               : "7bit");
  if (rc == OK) rc = encode ? quoted_printable_add(in->whole_head, out) : buffer_add_bytes(out, in->whole_head);
  if (rc == OK) rc = encode ? quoted_printable_add(in->whole_rest, out) : buffer_add_bytes(out, in->whole_rest);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

static int add_original(const struct dsn_input *in, const char *boundary, struct buffer *out) {
  if (in->whole_head.len || in->whole_rest.len) return add_whole(in, boundary, out);
  return in->header.len ? add_header(in, boundary, out) : OK;
}

/* --- the whole --- */

static int add_references(const struct dsn_input *in, struct buffer *out) {
  struct field field;
  char id[256];
  if (!header_find(in->header, "Message-ID", &field)) return OK;
  header_unfold(field.value, id, sizeof id);
  size_t len = strlen(id);
  if (len < 3 || id[0] != '<' || id[len - 1] != '>' || !dsn_ascii(id)) return OK;
  return buffer_addf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", id, id);
}

static const char *subject(const struct dsn_input *in) {
  bool one = in->recipient_count == 1;
  switch (dsn_strongest(in->recipients, in->recipient_count)) {
  case DSN_FAILED:
    return one ? "Undelivered mail: your message did not reach its recipient"
               : "Undelivered mail: your message did not reach some of its recipients";
  case DSN_DELAYED: return "Delayed mail: your message has not been delivered yet";
  default: return "Relayed mail: your message was handed on";
  }
}

/* RFC 2045 6.4: a multipart is in 8bit as soon as one of its parts is. */
static bool is_eight_bit(const struct dsn_input *in) {
  return in->utf8 || whole_is_eight_bit(in);
}

/* RFC 3834 3.1 and RFC 3464 2: automatic, from the null reverse-path, to the reverse-path of the original. */
static int add_top(const struct dsn_input *in, const char *boundary, struct buffer *out) {
  char id[ID_TEXT], now[40];
  id_format(in->id, id);
  clock_format_rfc5322(in->now_us, now, sizeof now);
  int rc = buffer_addf(out,
                       "Date: %s\r\n"
                       "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n"
                       "To: <%s>\r\n"
                       "Subject: %s\r\n"
                       "Message-ID: <%s.dsn@%s>\r\n",
                       now, in->hostname, in->to, subject(in), id, in->hostname);
  if (rc == OK) rc = add_references(in, out);
  if (rc != OK) return rc;
  return buffer_addf(out,
                     "Auto-Submitted: auto-replied\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: multipart/report; report-type=%s;\r\n" /* RFC 6522 3: the second part's subtype */
                     " boundary=\"%s\"\r\n"
                     "Content-Transfer-Encoding: %s\r\n\r\n",
                     status_subtype(in), boundary, is_eight_bit(in) ? "8bit" : "7bit");
}

int dsn_build(const struct dsn_input *in, struct buffer *out) {
  char boundary[BOUNDARY_SIZE] = "=_sendoff_";
  ref_new(boundary + strlen(boundary));
  ref_new(boundary + strlen(boundary));
  int rc = add_top(in, boundary, out);
  if (rc == OK) rc = add_explanation(in, boundary, out);
  if (rc == OK) rc = add_status(in, boundary, out);
  if (rc == OK) rc = add_original(in, boundary, out);
  return rc == OK ? buffer_addf(out, "--%s--\r\n", boundary) : rc;
}

/* Where the header ends: past the CRLF of its last line. */
static size_t header_end(struct bytes text) {
  if (text.len >= 2 && !memcmp(text.at, "\r\n", 2)) return 0;
  const char *end = text.len ? memmem(text.at, text.len, "\r\n\r\n", 4) : NULL;
  return end ? (size_t)(end - text.at) + 2 : text.len;
}

int dsn_header(struct bytes prefix, struct bytes body, struct buffer *out) {
  size_t start = out->len;
  size_t room = LOAD_HEADER_MAX;
  if (prefix.len > room) prefix.len = room;
  int rc = buffer_add_bytes(out, prefix);
  room -= prefix.len;
  body.len = header_end(body);
  if (body.len > room) body.len = room;
  if (rc == OK) rc = buffer_add_bytes(out, body);
  while (rc == OK && out->len > start && out->at[out->len - 1] != '\n') out->len--;
  return rc;
}
