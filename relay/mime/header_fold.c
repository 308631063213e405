#include "relay/mime/header_fold.h"

#include "relay/mime/encoded_word.h"
#include "relay/mime/octets.h"

#include <string.h>

#define LINE_GOAL 78 /* RFC 5322 2.1.1: should */

static bool blank(char c) {
  return c == ' ' || c == '\t';
}

/* Without its CRLF. */
static struct bytes line_at(struct bytes text, size_t at) {
  const char *end = at < text.len ? memmem(text.at + at, text.len - at, "\r\n", 2) : NULL;
  return (struct bytes){text.at + at, (end ? (size_t)(end - text.at) : text.len) - at};
}

bool header_needs_folding(struct bytes whole) {
  for (size_t at = 0; at < whole.len;) {
    struct bytes line = line_at(whole, at);
    if (line.len > TEXT_LINE_MAX) return true;
    at += line.len + 2;
  }
  return false;
}

static bool in_list(struct bytes name, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (bytes_equal_nocase(name, bytes_of(list[i]))) return true;
  return false;
}

static const char *const lists[] = {"From",      "To",        "Cc",          "Reply-To",     "Sender",
                                    "Resent-To", "Resent-Cc", "Resent-From", "Resent-Sender"};
static const char *const structured[] = {
    "Message-ID", "In-Reply-To",    "References",          "Date",
    "Received",   "DKIM-Signature", "Content-Type",        "Content-Transfer-Encoding",
    "Content-ID", "MIME-Version",   "Content-Disposition", "Authentication-Results"};
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static bool may_encode(struct bytes name) {
  return !in_list(name, lists, COUNT_OF(lists)) && !in_list(name, structured, COUNT_OF(structured)) &&
         !bytes_starts_nocase(name, BYTES("ARC-"));
}

/* Where the line can be broken: the last such place up to the goal, else the first behind it; line.len: nowhere. A
 * line of white space alone must not come to be, so words stand on both sides. `commas`: they count as well. */
static size_t break_at(struct bytes line, bool commas) {
  size_t begin = 0, found = line.len;
  while (begin < line.len && blank(line.at[begin])) begin++;
  size_t end = line.len;
  while (end > begin && blank(line.at[end - 1])) end--;
  for (size_t i = begin + 1; i < end; i++) {
    bool space = blank(line.at[i]) && !blank(line.at[i - 1]);
    if (!space && !(commas && line.at[i - 1] == ',')) continue;
    if (i > LINE_GOAL && found < line.len) break;
    found = i;
    if (i > LINE_GOAL) break;
  }
  return found;
}

/* A word that is longer than any line, of text: as encoded-words, which read as the same. */
static int add_word(struct bytes line, struct buffer *out) {
  size_t end = 0, column;
  while (end < line.len && blank(line.at[end])) end++;
  column = end;
  size_t word = end;
  while (end < line.len && !blank(line.at[end])) end++;
  int rc = buffer_add(out, line.at, word);
  if (rc == OK) rc = encoded_words_add((struct bytes){line.at + word, end - word}, &column, out);
  return rc == OK ? buffer_add(out, line.at + end, line.len - end) : rc;
}

static int add_line(struct bytes line, bool commas, bool encode, struct buffer *out) {
  int rc = OK;
  while (rc == OK && line.len > LINE_GOAL) {
    size_t at = break_at(line, commas);
    if (at == line.len || at > TEXT_LINE_MAX) break;
    rc = buffer_add(out, line.at, at);
    if (rc == OK) rc = buffer_add_bytes(out, blank(line.at[at]) ? BYTES("\r\n") : BYTES("\r\n "));
    line = bytes_from(line, at);
  }
  if (rc != OK || line.len <= TEXT_LINE_MAX - 1) return rc == OK ? buffer_add_bytes(out, line) : rc;
  return encode ? add_word(line, out) : E_SYNTAX;
}

/* The name is kept apart, so that a word behind it has a line of its own. */
static int add_first(const struct field *f, struct bytes line, bool commas, bool encode, struct buffer *out) {
  size_t value = (size_t)(f->value.at - f->whole.at);
  int rc = buffer_add(out, line.at, value);
  struct bytes rest = bytes_from(line, value);
  if (rc == OK && rest.len && !blank(rest.at[0])) rc = buffer_add(out, " ", 1);
  return rc == OK ? add_line(rest, commas, encode, out) : rc;
}

int header_fold(const struct field *f, struct buffer *out) {
  bool commas = in_list(f->name, lists, COUNT_OF(lists)), encode = may_encode(f->name);
  size_t before = out->len;
  int rc = OK;
  for (size_t at = 0; rc == OK && at < f->whole.len;) {
    struct bytes line = line_at(f->whole, at);
    if (line.len <= TEXT_LINE_MAX)
      rc = buffer_add_bytes(out, line);
    else
      rc = at ? add_line(line, commas, encode, out) : add_first(f, line, commas, encode, out);
    if (rc == OK) rc = buffer_add(out, "\r\n", 2);
    at += line.len + 2;
  }
  if (rc == E_SYNTAX) out->len = before;
  return rc;
}
