#include "relay/mime/from_repair.h"

#include "base/address/address.h"

#include <stdlib.h>
#include <string.h>

static struct bytes slice(struct bytes text, size_t from, size_t to) {
  return (struct bytes){text.at + from, to - from};
}

/* How many mailboxes it has; 0 when it cannot be read, from *at on. */
static int read_mailboxes(struct bytes value, size_t *count, size_t *at) {
  struct address a;
  char *scratch = malloc(value.len + 1);
  int rc = scratch ? 1 : E_MEMORY;
  *at = *count = 0;
  while (rc == 1 && (rc = mailbox_next(value, at, &a, scratch, value.len)) == 1) ++*count;
  free(scratch);
  if (rc != E_MEMORY && rc != OK) *count = 0;
  return rc == E_MEMORY ? rc : OK;
}

/* --- a name that takes quotes --- */

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_encoded_word(struct bytes word) {
  return word.len > 6 && memcmp(word.at, "=?", 2) == 0 && memcmp(word.at + word.len - 2, "?=", 2) == 0;
}

/* Words as a quoted-string: backslashes that were there count, quotes inside become part of the name. */
static int add_quoted(struct bytes words, struct buffer *out) {
  if (words.len > 1 && words.at[0] == '"' && words.at[words.len - 1] == '"') words = slice(words, 1, words.len - 1);
  int rc = buffer_add(out, "\"", 1);
  for (size_t i = 0; rc == OK && i < words.len; i++) {
    char c = words.at[i];
    if (c == '\r' || c == '\n') continue;
    bool escaped = c == '\\' && i + 1 < words.len && (words.at[i + 1] == '"' || words.at[i + 1] == '\\');
    if (escaped) c = words.at[++i];
    if (c == '"' || c == '\\') rc = buffer_add(out, "\\", 1);
    if (rc == OK) rc = buffer_add(out, &c, 1);
  }
  return rc == OK ? buffer_add(out, "\"", 1) : rc;
}

/* Encoded-words stay what they are: in quotes they would mean nothing (RFC 2047 5). */
static int add_name(struct bytes name, struct buffer *out) {
  size_t plain = 0, at = 0; /* where the words begin that are not yet written */
  int rc = OK;
  while (rc == OK && at < name.len) {
    size_t end = at;
    while (end < name.len && !blank(name.at[end])) end++;
    struct bytes word = slice(name, at, end), before = bytes_trim(slice(name, plain, at));
    at = end;
    while (at < name.len && blank(name.at[at])) at++;
    if (!is_encoded_word(word)) continue;
    if (before.len) rc = add_quoted(before, out);
    if (rc == OK) rc = buffer_add(out, before.len ? " " : "", before.len ? 1 : 0);
    if (rc == OK) rc = buffer_add_bytes(out, word);
    if (rc == OK) rc = buffer_add(out, " ", 1);
    plain = at;
  }
  struct bytes rest = bytes_trim(slice(name, plain, name.len));
  if (rc == OK && rest.len) rc = add_quoted(rest, out);
  return rc == OK && rest.len ? buffer_add(out, " ", 1) : rc;
}

/* Exactly one "<" and one ">", in this order. */
static bool one_angle(struct bytes value, size_t *open, size_t *close) {
  *open = bytes_find(value, '<', 0);
  *close = bytes_find(value, '>', 0);
  return *open < *close && *close < value.len && bytes_find(value, '<', *open + 1) == value.len &&
         bytes_find(value, '>', *close + 1) == value.len;
}

static int add_named_address(struct bytes value, struct buffer *out) {
  struct address a;
  size_t open, close;
  if (!one_angle(value, &open, &close)) return E_SYNTAX;
  if (address_parse(bytes_trim(slice(value, open + 1, close)), &a) != OK) return E_SYNTAX;
  int rc = buffer_add(out, " ", 1);
  if (rc == OK) rc = add_name(slice(value, 0, open), out);
  if (rc == OK) rc = buffer_addf(out, "<%.*s>", (int)a.whole.len, a.whole.at);
  return rc == OK ? buffer_add_bytes(out, bytes_from(value, close + 1)) : rc;
}

/* --- reports --- */

static int add_daemon(struct bytes value, const char *hostname, struct buffer *out) {
  struct bytes text = bytes_trim(value);
  bool empty = text.len >= 2 && memcmp(text.at + text.len - 2, "<>", 2) == 0;
  if (empty) text = bytes_trim(slice(text, 0, text.len - 2));
  if (bytes_find(text, '<', 0) < text.len || bytes_find(text, '@', 0) < text.len) return E_SYNTAX;
  int rc = buffer_add(out, " ", 1);
  if (rc == OK) rc = add_name(text.len ? text : BYTES("MAILER-DAEMON"), out);
  return rc == OK ? buffer_addf(out, "<MAILER-DAEMON@%s>", hostname) : rc;
}

int from_repair(struct bytes value, bool report, const char *hostname, struct buffer *out, size_t *at) {
  size_t count, before = out->len, ignored;
  int rc = read_mailboxes(value, &count, at);
  if (rc != OK || count) return rc;
  rc = report ? add_daemon(value, hostname, out) : E_SYNTAX;
  int repaired = rc == OK ? 2 : 1;
  if (rc == E_SYNTAX) {
    out->len = before;
    rc = add_named_address(value, out);
  }
  /* Whatever was made of it must be readable, as one mailbox, or it was not clear. */
  if (rc == OK) rc = read_mailboxes((struct bytes){out->at + before, out->len - before}, &count, &ignored);
  if (rc == OK && count == 1) return repaired;
  out->len = before;
  return rc == OK ? E_SYNTAX : rc;
}
