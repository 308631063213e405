#include "relay/mime/encoded_word.h"

#include "relay/mime/base64.h"

#include <string.h>

#define OPEN_B "=?utf-8?B?"
#define OPEN_Q "=?utf-8?Q?"
#define LINE_MAX_OCTETS 76
#define ROOM (75 - (sizeof OPEN_B - 1) - 2) /* of encoded text in a word */

/* RFC 2047 5 (3): what a phrase may have; it is the narrowest. */
static bool literal(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("!*+-/", c));
}

static size_t q_cost(char c) {
  return c == ' ' || literal(c) ? 1 : 3;
}

static size_t character_length(struct bytes text, size_t at) {
  size_t n = (unsigned char)text.at[at] >= 0x80 ? bytes_utf8_length(text, at) : 1;
  return n ? n : 1;
}

/* "Q" can be read by people, so it may cost a little more. */
static bool suits_q(struct bytes text) {
  size_t cost = 0;
  for (size_t i = 0; i < text.len; i++) cost += q_cost(text.at[i]);
  return cost <= (text.len + 2) / 3 * 4 + 8;
}

static size_t cost_of(struct bytes text, size_t from, size_t to, bool q) {
  size_t cost = 0;
  if (!q) return (to - from + 2) / 3 * 4;
  for (size_t i = from; i < to; i++) cost += q_cost(text.at[i]);
  return cost;
}

/* The offset behind as many characters as `room` takes; at least one. */
static size_t fill(struct bytes text, size_t from, size_t room, bool q) {
  size_t end = from + character_length(text, from);
  while (end < text.len) {
    size_t next = end + character_length(text, end);
    if (cost_of(text, from, next, q) > room) break;
    end = next;
  }
  return end;
}

static size_t write_q(struct bytes text, char *out) {
  static const char hex[] = "0123456789ABCDEF";
  size_t n = 0;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.at[i];
    if (c == ' ') {
      out[n++] = '_';
    } else if (literal((char)c)) {
      out[n++] = (char)c;
    } else {
      out[n++] = '=';
      out[n++] = hex[c >> 4];
      out[n++] = hex[c & 15];
    }
  }
  return n;
}

static int add_word(struct bytes text, bool q, struct buffer *out, size_t *column) {
  char word[128];
  size_t n = sizeof OPEN_B - 1;
  memcpy(word, q ? OPEN_Q : OPEN_B, n);
  if (q) {
    n += write_q(text, word + n);
  } else {
    base64_write(text, word + n);
    n += BASE64_LENGTH(text.len);
  }
  memcpy(word + n, "?=", 2);
  *column += n + 2;
  return buffer_add(out, word, n + 2);
}

int encoded_words_add(struct bytes text, size_t *column, struct buffer *out) {
  bool q = suits_q(text);
  int rc = OK;
  for (size_t at = 0; rc == OK && at < text.len;) {
    size_t overhead = sizeof OPEN_B - 1 + 2, used = *column + overhead;
    size_t room = used + 12 < LINE_MAX_OCTETS ? LINE_MAX_OCTETS - used : ROOM;
    if (room > ROOM) room = ROOM;
    size_t end = fill(text, at, room, q);
    rc = add_word((struct bytes){text.at + at, end - at}, q, out, column);
    at = end;
    if (rc != OK || at == text.len) break;
    rc = buffer_add(out, "\r\n ", 3);
    *column = 1;
  }
  return rc;
}
