/* Conversion to 7-bit MIME. What comes out must fit where it goes, converted again stay as it is, and, where the
 * message is a single part, decode to the octets that went in. The first octet says for which next hop, the second how
 * much of the rest is the prefix. */
#include "base/text/header.h"
#include "relay/mime/mime_7bit.h"
#include "relay/mime/mime_field.h"
#include "relay/mime/octets.h"
#include "tests/fuzz/decode.h"

struct message {
  struct buffer header, body;
  bool header_ended;
};

static int on_field(void *arg, struct bytes field) {
  struct message *m = arg;
  CHECK(!m->header_ended && field.len);
  return buffer_add_bytes(&m->header, field);
}

static int on_header_end(void *arg) {
  struct message *m = arg;
  CHECK(!m->header_ended);
  m->header_ended = true;
  return OK;
}

static int on_body(void *arg, struct bytes run) {
  struct message *m = arg;
  CHECK(m->header_ended && run.len);
  return buffer_add_bytes(&m->body, run);
}

static int convert(const struct mime_source *from, struct message *m, enum mime_obstacle *why) {
  struct mime_out out = {.field = on_field, .header_end = on_header_end, .body = on_body, .arg = m};
  enum mime_obstacle looked;
  *m = (struct message){.header_ended = false};
  buffer_init(&m->header, SIZE_MAX / 2);
  buffer_init(&m->body, SIZE_MAX / 2);
  int can = mime_7bit_convert(from, NULL, &looked), rc = mime_7bit_convert(from, &out, why);
  CHECK(can == rc && looked == *why && (rc == OK || rc == E_DENIED) && (rc == OK) == (*why == MIME_CONVERTIBLE));
  CHECK(m->header_ended == (rc == OK));
  return rc;
}

static void release(struct message *m) {
  buffer_free(&m->header);
  buffer_free(&m->body);
}

static struct bytes join(const struct message *m, struct buffer *whole) {
  buffer_init(whole, SIZE_MAX / 2);
  CHECK(buffer_add_bytes(whole, buffer_bytes(&m->header)) == OK && buffer_add(whole, "\r\n", 2) == OK);
  CHECK(buffer_add_bytes(whole, buffer_bytes(&m->body)) == OK);
  return buffer_bytes(whole);
}

static void fits(const struct message *m, bool keep_8bit) {
  struct octets o;
  octets_scan(buffer_bytes(&m->header), &o);
  CHECK(!octets_binary(&o) && (keep_8bit || !o.high));
  octets_scan(buffer_bytes(&m->body), &o);
  CHECK(!octets_binary(&o) && (keep_8bit || !o.high));
}

static void stays(const struct message *m, bool keep_8bit, bool fields) {
  struct buffer whole;
  struct message again;
  enum mime_obstacle why;
  struct mime_source from = {.content = join(m, &whole), .keep_8bit = keep_8bit, .fields = fields};
  CHECK(convert(&from, &again, &why) == OK);
  CHECK(bytes_equal(buffer_bytes(&m->header), buffer_bytes(&again.header)));
  CHECK(bytes_equal(buffer_bytes(&m->body), buffer_bytes(&again.body)));
  release(&again);
  buffer_free(&whole);
}

/* --- what it decodes to --- */

static enum mime_encoding encoding_of(struct bytes header, bool *single) {
  struct field f;
  struct mime_type type = {.boundary_len = 0};
  bool composite = false;
  if (header_find(header, "Content-Type", &f)) {
    mime_type_read(f.value, &type);
    composite = bytes_equal_nocase(type.type, BYTES("multipart")) || bytes_equal_nocase(type.type, BYTES("message"));
  }
  *single = !composite;
  return header_find(header, "Content-Transfer-Encoding", &f) ? mime_encoding_read(f.value) : ENCODING_7BIT;
}

/* Only a single part that was encoded; tests/e2e/test_mime_7bit.py does it for all, with another parser. */
static void decodes(const struct message *m, struct bytes before) {
  bool single;
  enum mime_encoding encoding = encoding_of(buffer_bytes(&m->header), &single);
  struct buffer out;
  if (!single || bytes_equal(buffer_bytes(&m->body), before)) return;
  buffer_init(&out, SIZE_MAX / 2);
  CHECK(encoding == ENCODING_QUOTED_PRINTABLE || encoding == ENCODING_BASE64);
  if (encoding == ENCODING_BASE64)
    decode_base64(buffer_bytes(&m->body), &out);
  else
    decode_quoted_printable(buffer_bytes(&m->body), &out);
  CHECK(bytes_equal(buffer_bytes(&out), before));
  buffer_free(&out);
}

/* Where the body begins, by the header's own rules. */
static struct bytes body_of(struct bytes content) {
  struct field f;
  size_t at = 0;
  while (header_next(content, &at, &f) == 1) continue;
  return bytes_from(content, at + 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size};
  unsigned choices = take_octet(&in);
  bool keep_8bit = choices & 1, fields = choices & 2;
  size_t cut = take_octet(&in);
  if (cut > in.len) cut = in.len;
  char *hold_prefix, *hold;
  struct mime_source from = {.prefix = exact((struct bytes){in.at, cut}, &hold_prefix),
                             .content = exact(bytes_from(in, cut), &hold),
                             .keep_8bit = keep_8bit,
                             .fields = fields};
  struct message m;
  enum mime_obstacle why;
  if (convert(&from, &m, &why) == OK) {
    fits(&m, keep_8bit);
    stays(&m, keep_8bit, fields);
    decodes(&m, body_of(from.content));
  } else {
    CHECK(mime_obstacle_text(why) && strncmp(mime_obstacle_enhanced(why), "5.6.", 4) == 0);
  }
  release(&m);
  free(hold_prefix);
  free(hold);
  return 0;
}
