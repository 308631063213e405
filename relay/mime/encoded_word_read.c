#include "relay/mime/encoded_word_read.h"

#include "base/text/header.h"
#include "base/text/text.h"
#include "relay/mime/to_utf8.h"

#include <stdlib.h>
#include <string.h>

#define FIELD_MOST 4096 /* octets of a field that are read */

/* "=?charset?B?text?=" taken apart (RFC 2047 2). */
struct word {
  struct bytes charset, text;
  char encoding;
};

static bool is_end(struct bytes in, size_t at) {
  return at + 1 < in.len && in.at[at] == '?' && in.at[at + 1] == '=';
}

/* The length of the encoded-word at `at`; 0: there is none. */
static size_t word_at(struct bytes in, size_t at, struct word *out) {
  if (at + 2 > in.len || in.at[at] != '=' || in.at[at + 1] != '?') return 0;
  size_t charset = at + 2, encoding = bytes_find(in, '?', charset) + 1, text = encoding + 2, end = text;
  if (text > in.len || in.at[encoding + 1] != '?') return 0;
  while (end < in.len && !is_end(in, end) && in.at[end] != ' ' && in.at[end] != '?') end++;
  if (!is_end(in, end)) return 0;
  out->charset = (struct bytes){in.at + charset, encoding - 1 - charset};
  out->charset.len = bytes_find(out->charset, '*', 0); /* RFC 2231 5: a language may follow */
  out->encoding = in.at[encoding];
  out->text = (struct bytes){in.at + text, end - text};
  return end + 2 - at;
}

static int hex_value(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : -1;
}

/* RFC 2047 4.2 */
static int decode_q(struct bytes text, struct buffer *out) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < text.len; i++) {
    char c = text.at[i] == '_' ? ' ' : text.at[i];
    int high = c == '=' && i + 2 < text.len ? hex_value(text.at[i + 1]) : -1;
    int low = high >= 0 ? hex_value(text.at[i + 2]) : -1;
    if (low >= 0) {
      c = (char)(high << 4 | low);
      i += 2;
    }
    rc = buffer_add(out, &c, 1);
  }
  return rc;
}

static int base64_value(char c) {
  return c >= 'A' && c <= 'Z'   ? c - 'A'
         : c >= 'a' && c <= 'z' ? c - 'a' + 26
         : c >= '0' && c <= '9' ? c - '0' + 52
         : c == '+'             ? 62
         : c == '/'             ? 63
                                : -1;
}

/* RFC 2047 4.1; what is not of the alphabet is skipped. */
static int decode_b(struct bytes text, struct buffer *out) {
  unsigned bits = 0, count = 0;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < text.len; i++) {
    int value = base64_value(text.at[i]);
    if (value < 0) continue;
    bits = (bits << 6 | (unsigned)value) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    char c = (char)(bits >> count);
    rc = buffer_add(out, &c, 1);
  }
  return rc;
}

static int decode(const struct word *w, struct buffer *out) {
  switch (w->encoding) {
  case 'q':
  case 'Q': return decode_q(w->text, out);
  case 'b':
  case 'B': return decode_b(w->text, out);
  default: return E_SYNTAX;
  }
}

/* Only between encoded-words is it no part of the text (RFC 2047 6.2). */
static size_t blanks_at(struct bytes in, size_t at) {
  size_t n = 0;
  while (at + n < in.len && in.at[at + n] == ' ') n++;
  return n;
}

/* The words that begin at `at`, as far as they have one character set: some programs cut a character in two. Returns
 * their length; 0: there are none that can be read. */
static size_t read_words(struct bytes in, size_t at, struct buffer *octets, struct buffer *out) {
  struct word first, next;
  size_t len = word_at(in, at, &first);
  buffer_consume(octets, octets->len);
  if (!len || decode(&first, octets) != OK) return 0;
  for (;;) {
    size_t gap = blanks_at(in, at + len), more = word_at(in, at + len + gap, &next);
    if (!more || !bytes_equal_nocase(first.charset, next.charset) || decode(&next, octets) != OK) break;
    len += gap + more;
  }
  if (to_utf8_of(buffer_bytes(octets), first.charset, out) != OK) return 0;
  size_t gap = blanks_at(in, at + len);
  return word_at(in, at + len + gap, &next) ? len + gap : len;
}

static int read_all(struct bytes in, struct buffer *octets, struct buffer *out) {
  int rc = OK;
  for (size_t at = 0; rc == OK && at < in.len;) {
    size_t n = in.at[at] == '=' ? read_words(in, at, octets, out) : 0;
    if (!n) rc = buffer_add(out, in.at + at++, 1);
    at += n;
  }
  return rc;
}

void encoded_words_read(struct bytes value, char *out, size_t size) {
  char plain[FIELD_MOST];
  struct buffer octets, text;
  header_unfold(value, plain, sizeof plain);
  if (!strstr(plain, "=?")) {
    header_unfold(value, out, size);
    return;
  }
  buffer_init(&octets, FIELD_MOST);
  buffer_init(&text, 4 * FIELD_MOST + 64);
  read_all(bytes_of(plain), &octets, &text);
  header_unfold(buffer_bytes(&text), out, size); /* what was encoded may be anything */
  buffer_free(&octets);
  buffer_free(&text);
}
