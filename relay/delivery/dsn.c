#include "relay/delivery/dsn.h"

#include "base/clock.h"
#include "base/header.h"
#include "base/id.h"
#include "relay/delivery/quoted_printable.h"

#include <string.h>

#define FOLD_AT 72
#define BOUNDARY_SIZE 64

static bool ascii(const char *text) {
  for (const char *c = text; *c; c++)
    if ((unsigned char)*c > 127) return false;
  return true;
}

/* Words of strangers: printable ASCII only, folded at spaces with `indent`, long words cut. The first line goes on from
 * column `column`. */
static int add_folded(struct buffer *out, const char *text, const char *indent, size_t column) {
  int rc = OK;
  for (const char *c = text; *c && rc == OK; c++) {
    bool space = *c == ' ' || *c == '\t';
    size_t word = space ? strcspn(c + 1, " \t") : 0;
    if ((space && column + word > FOLD_AT) || column > 2 * FOLD_AT) {
      rc = buffer_addf(out, "\r\n%s", indent);
      column = strlen(indent);
      if (space) continue;
    }
    char safe = (unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e ? '?' : *c;
    if (rc == OK) rc = buffer_add(out, space ? " " : &safe, 1);
    column++;
  }
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

/* --- the part for people --- */

static int add_reason(struct buffer *out, const struct dsn_input *in, const struct ruling *r) {
  int rc;
  if (r->kind == EVENT_EXPIRED)
    rc = buffer_addf(out, "  could not be delivered in time:\r\n    ");
  else if (r->remote)
    rc = buffer_addf(out, "  was refused by %s, which said:\r\n    %d %s ",
                     in->host && in->host[0] ? in->host : "the next hop", r->code, r->enhanced);
  else
    rc = buffer_addf(out, "  cannot be delivered (%d %s):\r\n    ", r->code, r->enhanced);
  return rc == OK ? add_folded(out, r->text, "    ", 16) : rc;
}

static int write_explanation(const struct dsn_input *in, struct buffer *out) {
  char arrived[40], id[ID_TEXT];
  clock_format_rfc5322(in->arrived_us, arrived, sizeof arrived);
  id_format(in->message_id, id);
  int rc = buffer_addf(out,
                       "This is the mail gateway %s.\r\n\r\n"
                       "Your message of %s could not be delivered to %s below.\r\n"
                       "It will not be tried again. The header of the message is attached.\r\n\r\n",
                       in->hostname, arrived, in->recipient_count == 1 ? "the recipient" : "the recipients");
  for (size_t i = 0; i < in->recipient_count && rc == OK; i++) {
    rc = buffer_addf(out, "<%s>\r\n", in->recipients[i].address);
    if (rc == OK) rc = add_reason(out, in, in->recipients[i].ruling);
    if (rc == OK) rc = buffer_add(out, "\r\n", 2);
  }
  return rc == OK ? buffer_addf(out, "The gateway's number for the message is %s.\r\n", id) : rc;
}

/* A text part, as it is or in quoted-printable. */
static int add_text_part(struct buffer *out, const char *boundary, const char *type, struct bytes text) {
  bool plain = seven_bit_safe(text);
  int rc = buffer_addf(out, "--%s\r\nContent-Type: %s; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n", boundary,
                       type, plain ? "us-ascii" : "utf-8", plain ? "7bit" : "quoted-printable");
  if (rc == OK) rc = plain ? buffer_add_bytes(out, text) : quoted_printable_add(text, out);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

static int add_explanation(const struct dsn_input *in, const char *boundary, struct buffer *out) {
  struct buffer text;
  buffer_init(&text, DSN_MAX);
  int rc = write_explanation(in, &text);
  if (rc == OK) rc = add_text_part(out, boundary, "text/plain", buffer_bytes(&text));
  buffer_free(&text);
  return rc;
}

/* --- the part for programs (RFC 3464 2) --- */

/* An address with octets over 127 goes as utf-8-addr-xtext (RFC 6533 3), so that the notice stays 7-bit. */
static int add_final_recipient(struct buffer *out, const char *address) {
  if (ascii(address)) return buffer_addf(out, "\r\nFinal-Recipient: rfc822; %s\r\n", address);
  int rc = buffer_addf(out, "\r\nFinal-Recipient: utf-8; ");
  const unsigned char *c = (const unsigned char *)address;
  while (*c && rc == OK) {
    unsigned length = *c < 0x80 ? 1 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;
    uint32_t point = length == 1 ? *c : *c & (0x7fu >> length);
    const unsigned char *end = c + 1;
    while (end < c + length && (*end & 0xc0) == 0x80) point = point << 6 | (*end++ & 0x3fu);
    bool escape = point < 0x21 || point > 0x7e || point == '\\' || point == '+' || point == '=';
    rc = escape ? buffer_addf(out, "\\x{%X}", point) : buffer_add(out, c, 1);
    c = end;
  }
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

static int add_remote_mta(struct buffer *out, const struct dsn_input *in) {
  const char *address = in->host ? strrchr(in->host, '[') : NULL;
  if (!address || address == in->host) return OK;
  return buffer_addf(out, "Remote-MTA: dns; %.*s\r\n", (int)(address - in->host), in->host);
}

static int add_status_of(struct buffer *out, const struct dsn_input *in, const struct dsn_recipient *rcpt) {
  const struct ruling *r = rcpt->ruling;
  char now[40];
  clock_format_rfc5322(in->now_us, now, sizeof now);
  int rc = add_final_recipient(out, rcpt->address);
  if (rc == OK) rc = buffer_addf(out, "Action: failed\r\nStatus: %s\r\n", r->enhanced);
  if (rc == OK && r->remote) rc = add_remote_mta(out, in);
  /* RFC 3464 2.3.6: "smtp" is for the words of an SMTP server. */
  if (rc == OK && r->remote && r->kind == EVENT_BOUNCED)
    rc = buffer_addf(out, "Diagnostic-Code: smtp; %d %s ", r->code, r->enhanced);
  else if (rc == OK)
    rc = buffer_addf(out, "Diagnostic-Code: x-sendoff; ");
  if (rc == OK) rc = add_folded(out, r->text, " ", 36);
  return rc == OK ? buffer_addf(out, "Last-Attempt-Date: %s\r\n", now) : rc;
}

static int add_status(const struct dsn_input *in, const char *boundary, struct buffer *out) {
  char arrived[40];
  clock_format_rfc5322(in->arrived_us, arrived, sizeof arrived);
  int rc = buffer_addf(out,
                       "--%s\r\nContent-Type: message/delivery-status\r\n\r\n"
                       "Reporting-MTA: dns; %s\r\nArrival-Date: %s\r\n",
                       boundary, in->hostname, arrived);
  for (size_t i = 0; i < in->recipient_count && rc == OK; i++) rc = add_status_of(out, in, &in->recipients[i]);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

/* --- the whole --- */

static int add_references(const struct dsn_input *in, struct buffer *out) {
  struct field field;
  char id[256];
  if (!header_find(in->header, "Message-ID", &field)) return OK;
  header_unfold(field.value, id, sizeof id);
  size_t len = strlen(id);
  if (len < 3 || id[0] != '<' || id[len - 1] != '>' || !ascii(id)) return OK;
  return buffer_addf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", id, id);
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
                       "Subject: Undelivered mail: your message did not reach %s\r\n"
                       "Message-ID: <%s.dsn@%s>\r\n",
                       now, in->hostname, in->reverse_path,
                       in->recipient_count == 1 ? "its recipient" : "some of its recipients", id, in->hostname);
  if (rc == OK) rc = add_references(in, out);
  if (rc != OK) return rc;
  return buffer_addf(out,
                     "Auto-Submitted: auto-replied\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                     " boundary=\"%s\"\r\n\r\n",
                     boundary);
}

int dsn_build(const struct dsn_input *in, struct buffer *out) {
  char boundary[BOUNDARY_SIZE] = "=_sendoff_";
  ref_new(boundary + strlen(boundary));
  ref_new(boundary + strlen(boundary));
  int rc = add_top(in, boundary, out);
  if (rc == OK) rc = add_explanation(in, boundary, out);
  if (rc == OK) rc = add_status(in, boundary, out);
  if (rc == OK && in->header.len) rc = add_text_part(out, boundary, "text/rfc822-headers", in->header);
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
  size_t room = DSN_HEADER_MAX;
  if (prefix.len > room) prefix.len = room;
  int rc = buffer_add_bytes(out, prefix);
  room -= prefix.len;
  body.len = header_end(body);
  if (body.len > room) body.len = room;
  if (rc == OK) rc = buffer_add_bytes(out, body);
  while (rc == OK && out->len > start && out->at[out->len - 1] != '\n') out->len--;
  return rc;
}
