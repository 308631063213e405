/* xtext and its sister for UTF-8: what is written is valid, and stands for what it was made of. */
#include "tests/fuzz/fuzz.h"

#include "base/result.h"
#include "relay/smtp/xtext.h"

#define ROOM (1024 * 1024)

/* As it comes from a peer: decoding what is valid gives one line of printable ASCII. */
static void decode(struct bytes text) {
  struct buffer out;
  buffer_init(&out, ROOM);
  CHECK(xtext_decode(text, &out) == OK && out.len <= text.len);
  for (size_t i = 0; i < out.len; i++) CHECK(out.at[i] >= ' ' && out.at[i] <= '~');
  buffer_free(&out);
}

static void there_and_back(struct bytes text) {
  struct buffer there, back;
  buffer_init(&there, ROOM);
  buffer_init(&back, ROOM);
  CHECK(xtext_encode(text, &there) == OK && xtext_valid(buffer_bytes(&there)));
  CHECK(xtext_decode(buffer_bytes(&there), &back) == OK && back.len == text.len);
  for (size_t i = 0; i < text.len; i++)
    CHECK(back.at[i] == (text.at[i] >= ' ' && text.at[i] <= '~' ? text.at[i] : '?'));
  buffer_free(&there);
  buffer_free(&back);
}

/* What is written without UTF-8 is pure ASCII, and the same whether in one step or in two. */
static void utf8_addr(struct bytes text) {
  struct buffer raw, ascii, both;
  buffer_init(&raw, ROOM);
  buffer_init(&ascii, ROOM);
  buffer_init(&both, ROOM);
  CHECK(utf8_addr_encode(text, true, &raw) == OK && utf8_addr_encode(text, false, &ascii) == OK);
  CHECK(utf8_addr_to_ascii(buffer_bytes(&raw), &both) == OK);
  CHECK(bytes_equal(buffer_bytes(&both), buffer_bytes(&ascii)));
  CHECK(utf8_addr_valid(buffer_bytes(&ascii), false));
  bool utf8 = true;
  for (size_t i = 0, n; i < text.len && utf8; i += n) {
    n = (unsigned char)text.at[i] < 0x80 ? 1 : bytes_utf8_length(text, i);
    utf8 = n > 0;
  }
  CHECK(utf8_addr_valid(buffer_bytes(&raw), true) == utf8);
  buffer_free(&raw);
  buffer_free(&ascii);
  buffer_free(&both);
}

/* Characters that exist (RFC 3629 3). */
static void points(struct bytes text) {
  char *words = bytes_dup(text);
  CHECK(words);
  for (char *at = words; (at = strstr(at, "\\x{"));) {
    unsigned long point = strtoul(at + 3, &at, 16);
    CHECK(*at == '}' && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff));
  }
  free(words);
}

/* As it comes from a peer. */
static void to_ascii(struct bytes text) {
  struct buffer out;
  points(text);
  buffer_init(&out, ROOM);
  CHECK(utf8_addr_to_ascii(text, &out) == OK && utf8_addr_valid(buffer_bytes(&out), false));
  if (utf8_addr_valid(text, false)) CHECK(bytes_equal(buffer_bytes(&out), text));
  buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes text = exact((struct bytes){(const char *)data, size}, &hold);
  if (xtext_valid(text)) decode(text);
  if (utf8_addr_valid(text, true)) to_ascii(text);
  there_and_back(text);
  utf8_addr(text);
  free(hold);
  return 0;
}
