#include "policy/spf/spf_expand.h"

#include "policy/spf/rdata.h"

#include <stdio.h>
#include <string.h>

#define GROWN_MAX 8192 /* a record that makes more of its macros is not followed */
#define PARTS_MAX 128  /* RFC 7208 7.3: at least 127 */

/* --- one macro --- */

struct macro {
  char letter;    /* lower case */
  bool escaped;   /* the letter is a capital (7.3) */
  unsigned parts; /* 0: all */
  bool reversed;
  struct bytes delimiters;
};

/* From "%{" on; behind its "}". */
static size_t read_macro(struct bytes spec, size_t i, struct macro *m) {
  char letter = spec.at[i + 2];
  m->escaped = letter >= 'A' && letter <= 'Z';
  m->letter = m->escaped ? (char)(letter - 'A' + 'a') : letter;
  m->parts = 0;
  for (i += 3; spec.at[i] >= '0' && spec.at[i] <= '9'; i++)
    if (m->parts < PARTS_MAX) m->parts = m->parts * 10 + (unsigned)(spec.at[i] - '0');
  m->reversed = spec.at[i] == 'r' || spec.at[i] == 'R';
  if (m->reversed) i++;
  size_t end = bytes_find(spec, '}', i);
  m->delimiters = end > i ? (struct bytes){spec.at + i, end - i} : BYTES(".");
  return end + 1;
}

static const char *value_of(char letter, const struct spf_values *values) {
  switch (letter) {
  case 's': return values->sender;
  case 'l': return values->local_part;
  case 'o': return values->sender_domain;
  case 'd': return values->domain;
  case 'i': return values->ip;
  case 'v': return values->version;
  default: return values->helo;
  }
}

static bool is_unreserved(char c) { /* RFC 3986 2.3 */
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/* So that libspf2 reads it as itself. */
static int put_octet(struct buffer *out, char c) {
  if (c == '%') return buffer_add(out, "%%", 2);
  if (c == ' ') return buffer_add(out, "%_", 2);
  return buffer_add(out, &c, 1);
}

static int put_part(struct buffer *out, struct bytes part, bool escaped) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < part.len; i++)
    rc = escaped && !is_unreserved(part.at[i]) ? buffer_addf(out, "%%%%%02X", (unsigned)(unsigned char)part.at[i])
                                               : put_octet(out, part.at[i]);
  return rc;
}

static size_t part_end(struct bytes value, size_t from, struct bytes delimiters) {
  while (from < value.len && !memchr(delimiters.at, value.at[from], delimiters.len)) from++;
  return from;
}

static size_t count_parts(struct bytes value, struct bytes delimiters) {
  size_t count = 1;
  for (size_t at = 0; (at = part_end(value, at, delimiters)) < value.len; at++) count++;
  return count;
}

static struct bytes part_at(struct bytes value, size_t index, struct bytes delimiters) {
  size_t from = 0;
  while (index--) from = part_end(value, from, delimiters) + 1;
  return (struct bytes){value.at + from, part_end(value, from, delimiters) - from};
}

/* 7.3: split at the delimiters, turned round, the parts at the right, dots between them. */
static int put_value(struct buffer *out, struct bytes value, const struct macro *m) {
  size_t count = count_parts(value, m->delimiters);
  size_t first = m->parts && m->parts < count ? count - m->parts : 0;
  int rc = OK;
  for (size_t i = first; rc == OK && i < count; i++) {
    if (i > first) rc = buffer_add(out, ".", 1);
    if (rc == OK) rc = put_part(out, part_at(value, m->reversed ? count - 1 - i : i, m->delimiters), m->escaped);
  }
  return rc;
}

/* As it is, but for the capital "R" that libspf2 does not know. */
static int put_macro(struct buffer *out, const struct macro *m) {
  char parts[12] = "";
  if (m->parts) snprintf(parts, sizeof parts, "%u", m->parts < PARTS_MAX ? m->parts : PARTS_MAX);
  return buffer_addf(out, "%%{%c%s%s%.*s}", m->escaped ? 'P' : 'p', parts, m->reversed ? "r" : "",
                     (int)m->delimiters.len, m->delimiters.at);
}

/* --- the whole --- */

static int put_spec(struct buffer *out, struct bytes spec, const struct spf_values *values, bool *names) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < spec.len;) {
    if (spec.at[i] != '%') {
      rc = buffer_add(out, spec.at + i++, 1);
    } else if (spec.at[i + 1] == '{') {
      struct macro m;
      i = read_macro(spec, i, &m);
      *names |= m.letter == 'p';
      rc = m.letter == 'p' ? put_macro(out, &m) : put_value(out, bytes_of(value_of(m.letter, values)), &m);
    } else {
      rc = spec.at[i + 1] == '-' ? buffer_add_bytes(out, BYTES("%%20")) : buffer_add(out, spec.at + i, 2);
      i += 2;
    }
  }
  return rc;
}

static size_t octets(struct bytes text) {
  size_t n = 0;
  for (size_t i = 0; i < text.len; i++, n++) i += text.at[i] == '%';
  return n;
}

static struct bytes shorten(struct bytes text) {
  if (text.len && text.at[text.len - 1] == '.') text.len--;
  while (octets(text) > NAME_MAX_TEXT) text = bytes_from(text, bytes_find(text, '.', 0) + 1);
  return text.len ? text : BYTES(".");
}

int spf_expand(struct bytes spec, const struct spf_values *values, char out[SPF_EXPANDED_MAX + 1], struct reason *why) {
  struct buffer grown;
  bool names = false;
  buffer_init(&grown, GROWN_MAX);
  int rc = put_spec(&grown, spec.len ? spec : BYTES("%{d}"), values, &names);
  struct bytes text = buffer_bytes(&grown);
  if (rc == OK && !bytes_copy(names ? text : shorten(text), out, SPF_EXPANDED_MAX + 1)) rc = E_TOO_BIG;
  buffer_free(&grown);
  return rc == E_TOO_BIG ? fail(why, rc, "its macros make a name that is too long") : rc;
}
