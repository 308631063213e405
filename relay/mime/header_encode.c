/* A field is one of three: a list of addresses, whose phrases and comments are encoded; a MIME field with parameters,
 * whose values are; or text, whose words are. What is ASCII stays octet for octet. */
#include "relay/mime/header_encode.h"

#include "base/address/address.h"
#include "relay/mime/encoded_word.h"
#include "relay/mime/to_utf8.h"

#include <string.h>

#define VALUE_ROOM (1024 * 1024)
#define LINE_GOAL 76

struct pen {
  struct bytes charset;
  struct buffer *out;
  size_t column; /* of the line that is being written */
  bool behind;   /* encoded-words end here */
  bool space;    /* and white space follows, which is not written yet */
};

static bool high(struct bytes text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.at[i] >= 0x80) return true;
  return false;
}

bool header_needs_encoding(struct bytes whole) {
  return high(whole);
}

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* strchr would find the NUL that ends `set`. */
static bool one_of(char c, const char *set) {
  return c && strchr(set, c);
}

static struct bytes slice(struct bytes text, size_t from, size_t to) {
  return (struct bytes){text.at + from, to - from};
}

/* White space behind encoded-words: it begins a new line where the word behind it would make this one too long. */
static int put_space(struct pen *p, struct bytes word) {
  size_t n = 0;
  while (n < word.len && !blank(word.at[n])) n++;
  bool fits = p->column + 1 + n <= LINE_GOAL;
  p->behind = p->space = false;
  p->column = fits ? p->column + 1 : 1;
  return buffer_add_bytes(p->out, fits ? BYTES(" ") : BYTES("\r\n "));
}

static int put(struct pen *p, struct bytes text) {
  int rc = OK;
  if (p->behind)
    while (text.len && blank(text.at[0])) {
      text = bytes_from(text, 1);
      p->space = true;
    }
  if (!text.len) return OK;
  if (p->space) rc = put_space(p, text);
  p->behind = false;
  if (rc != OK) return rc;
  size_t lf = text.len;
  while (lf && text.at[lf - 1] != '\n') lf--;
  p->column = lf ? text.len - lf : p->column + text.len;
  return buffer_add_bytes(p->out, text);
}

/* Text in whatever it is in, as encoded-words; a fold in it reads as the white space it has. */
static int put_encoded(struct pen *p, struct bytes text) {
  struct buffer utf8, flat;
  buffer_init(&utf8, VALUE_ROOM * 4);
  buffer_init(&flat, VALUE_ROOM);
  int rc = p->space ? put_space(p, text) : OK;
  for (size_t i = 0; rc == OK && i < text.len; i++)
    if (text.at[i] != '\r' && text.at[i] != '\n') rc = buffer_add(&flat, text.at[i] == '\t' ? " " : text.at + i, 1);
  if (rc == OK) rc = to_utf8(buffer_bytes(&flat), p->charset, &utf8);
  if (rc == OK) rc = encoded_words_add(buffer_bytes(&utf8), &p->column, p->out);
  p->behind = true;
  buffer_free(&flat);
  buffer_free(&utf8);
  return rc;
}

/* --- text --- */

/* The offset behind the last of the words from `at` on that all need encoding; each is ended by white space. */
static size_t run_end(struct bytes text, size_t at) {
  size_t end = at;
  while (at < text.len) {
    size_t word = at;
    while (at < text.len && !blank(text.at[at])) at++;
    if (!high(slice(text, word, at))) break;
    end = at;
    while (at < text.len && blank(text.at[at])) at++;
  }
  return end;
}

/* White space between two encoded-words has no meaning, so words side by side are encoded with what is between. */
static int put_text(struct pen *p, struct bytes text) {
  int rc = OK;
  for (size_t at = 0; rc == OK && at < text.len;) {
    size_t word = at;
    while (word < text.len && blank(text.at[word])) word++;
    rc = put(p, slice(text, at, word));
    at = run_end(text, word);
    if (rc == OK && at > word) rc = put_encoded(p, slice(text, word, at));
    if (rc != OK || at > word) continue;
    while (at < text.len && !blank(text.at[at])) at++;
    rc = put(p, slice(text, word, at));
  }
  return rc;
}

/* --- addresses (RFC 5322 3.4) --- */

/* The offset behind a quoted-string, comment or angle address that begins at `at`, or the end of the text. */
static size_t closed_at(struct bytes text, size_t at, char open, char close) {
  size_t depth = 0;
  for (; at < text.len; at++) {
    char c = text.at[at];
    if (c == '\\' && open != '<')
      at++;
    else if (c == close && (open == close ? depth : depth == 1))
      return at + 1;
    else if (c == open && (open == '(' || !depth))
      depth++;
    else if (c == close && depth)
      depth--;
  }
  return text.len;
}

/* Appends what the words mean: without quotes, backslashes and folds. */
static int add_meaning(struct bytes words, struct buffer *out) {
  bool quoted = false;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < words.len; i++) {
    char c = words.at[i];
    if (c == '"') {
      quoted = !quoted;
      continue;
    }
    if (c == '\r' || c == '\n') continue;
    if (c == '\\' && quoted && i + 1 < words.len) i++;
    rc = buffer_add(out, words.at + i, 1);
  }
  return rc;
}

static int put_phrase(struct pen *p, struct bytes words) {
  struct buffer meaning;
  size_t begin = 0, end = words.len;
  while (begin < end && blank(words.at[begin])) begin++;
  while (end > begin && blank(words.at[end - 1])) end--;
  buffer_init(&meaning, VALUE_ROOM);
  int rc = put(p, slice(words, 0, begin));
  if (rc == OK) rc = add_meaning(slice(words, begin, end), &meaning);
  if (rc == OK) rc = put_encoded(p, buffer_bytes(&meaning));
  if (rc == OK) rc = put(p, slice(words, end, words.len));
  buffer_free(&meaning);
  return rc;
}

static int put_comment(struct pen *p, struct bytes comment) {
  bool ended = comment.len > 1 && comment.at[comment.len - 1] == ')';
  int rc = put(p, BYTES("("));
  if (rc == OK) rc = put_encoded(p, slice(comment, 1, comment.len - ended));
  return rc == OK ? put(p, BYTES(")")) : rc;
}

/* An address whose domain alone is beyond ASCII has an ASCII form; one whose local part is has none (RFC 6531 3.3). */
static int put_address(struct pen *p, struct bytes text, const char *before, const char *after) {
  struct address a;
  char domain[DOMAIN_MAX + 1];
  struct bytes inside = bytes_trim(text);
  if (address_parse(inside, &a) != OK || high(a.local) || domain_normalize(a.domain, domain) != OK) return E_SYNTAX;
  int rc = put(p, bytes_of(before));
  if (rc == OK) rc = put(p, a.local);
  if (rc == OK) rc = put(p, BYTES("@"));
  if (rc == OK) rc = put(p, bytes_of(domain));
  return rc == OK ? put(p, bytes_of(after)) : rc;
}

static int put_part(struct pen *p, struct bytes part, bool phrase) {
  if (!high(part)) return put(p, part);
  char c = part.at[0];
  if (c == '(') return put_comment(p, part);
  if (c == '<') return put_address(p, slice(part, 1, part.len - (part.at[part.len - 1] == '>')), "<", ">");
  return phrase ? put_phrase(p, part) : put_address(p, part, " ", "");
}

/* The words of one item up to what ends them: "<" or ":" makes them a phrase, anything else an address. */
static int put_words(struct pen *p, struct bytes text, size_t *at) {
  size_t start = *at, i = start;
  while (i < text.len && !one_of(text.at[i], "<>,;:(")) i = text.at[i] == '"' ? closed_at(text, i, '"', '"') : i + 1;
  *at = i;
  bool phrase = i < text.len && (text.at[i] == '<' || text.at[i] == ':' || text.at[i] == '(');
  return put_part(p, slice(text, start, i), phrase);
}

static int put_addresses(struct pen *p, struct bytes text) {
  int rc = OK;
  for (size_t at = 0; rc == OK && at < text.len;) {
    char c = text.at[at];
    size_t end = at + 1;
    if (!one_of(c, "<>,;:(")) {
      rc = put_words(p, text, &at);
      continue;
    }
    if (c == '(') end = closed_at(text, at, '(', ')');
    if (c == '<') end = closed_at(text, at, '<', '>');
    rc = put_part(p, slice(text, at, end), false);
    at = end;
  }
  return rc;
}

/* --- parameters (RFC 2231) --- */

static bool attribute_octet(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c && strchr("!#$&+-.^_`{|}~", c));
}

static int put_percent(struct pen *p, struct bytes name, struct bytes text) {
  static const char hex[] = "0123456789ABCDEF";
  size_t section = 0;
  bool split = name.len + 12 + 3 * text.len > LINE_GOAL;
  int rc = OK;
  for (size_t at = 0; rc == OK && (at < text.len || !section); section++) {
    rc = buffer_addf(p->out, "%s%.*s", section ? ";\r\n " : "", (int)name.len, name.at);
    if (rc == OK && split) rc = buffer_addf(p->out, "*%zu", section);
    if (rc == OK) rc = buffer_addf(p->out, "*=%s", section ? "" : "utf-8''");
    size_t room = name.len + 14 < LINE_GOAL - 12 ? LINE_GOAL - 3 - (name.len + 14) : 9; /* one character at least */
    for (size_t n = 0; rc == OK && at < text.len && (!split || n < room); at++) {
      unsigned char c = (unsigned char)text.at[at];
      char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
      bool plain = attribute_octet((char)c);
      rc = buffer_add(p->out, plain ? text.at + at : escaped, plain ? 1 : 3);
      n += plain ? 1 : 3;
    }
  }
  p->column = LINE_GOAL;
  return rc;
}

/* name=value, from behind its ";" to before the next. */
static int put_parameter(struct pen *p, struct bytes text) {
  size_t equals = bytes_find(text, '=', 0);
  if (!high(text)) return put(p, text);
  struct bytes name = bytes_trim(slice(text, 0, equals));
  if (equals == text.len) return put_text(p, text);
  if (high(name) || bytes_equal_nocase(name, BYTES("boundary"))) return E_SYNTAX;
  struct buffer meaning, utf8;
  buffer_init(&meaning, VALUE_ROOM);
  buffer_init(&utf8, VALUE_ROOM * 4);
  if (name.len && name.at[name.len - 1] == '*') name.len--; /* it says that it is encoded, and is not */
  int rc = add_meaning(bytes_trim(bytes_from(text, equals + 1)), &meaning);
  if (rc == OK) rc = to_utf8(buffer_bytes(&meaning), p->charset, &utf8);
  if (rc == OK) rc = put(p, BYTES("\r\n "));
  if (rc == OK) rc = put_percent(p, name, buffer_bytes(&utf8));
  buffer_free(&meaning);
  buffer_free(&utf8);
  return rc;
}

static int put_parameters(struct pen *p, struct bytes text) {
  int rc = OK;
  for (size_t at = 0, n = 0; rc == OK && at < text.len; n++) {
    size_t end = at;
    while (end < text.len && text.at[end] != ';') end = text.at[end] == '"' ? closed_at(text, end, '"', '"') : end + 1;
    struct bytes part = slice(text, at, end); /* the first is the type, which has no other form */
    rc = n ? put_parameter(p, part) : high(part) ? E_SYNTAX : put(p, part);
    if (rc == OK && end < text.len) rc = put(p, BYTES(";"));
    at = end + 1;
  }
  return rc;
}

/* --- fields --- */

static const struct {
  const char *name;
  int (*put)(struct pen *p, struct bytes value);
} kinds[] = {
    {"From", put_addresses},
    {"Sender", put_addresses},
    {"Reply-To", put_addresses},
    {"To", put_addresses},
    {"Cc", put_addresses},
    {"Resent-From", put_addresses},
    {"Resent-To", put_addresses},
    {"Resent-Cc", put_addresses},
    {"Resent-Sender", put_addresses},
    {"Disposition-Notification-To", put_addresses},
    {"Content-Type", put_parameters},
    {"Content-Disposition", put_parameters},
};

static int write(const struct field *f, struct bytes charset, int (*how)(struct pen *p, struct bytes value),
                 struct buffer *out) {
  struct pen p = {.charset = charset, .out = out};
  size_t before = out->len, value = (size_t)(f->value.at - f->whole.at);
  int rc = put(&p, slice(f->whole, 0, value));
  if (rc == OK) rc = how(&p, f->value);
  if (rc == OK) rc = buffer_add(out, "\r\n", 2);
  if (rc == E_SYNTAX) out->len = before;
  return rc;
}

int header_encode(const struct field *f, struct bytes charset, struct buffer *out) {
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (bytes_equal_nocase(f->name, bytes_of(kinds[i].name))) return write(f, charset, kinds[i].put, out);
  return write(f, charset, put_text, out);
}

int header_encode_text(const struct field *f, struct bytes charset, struct buffer *out) {
  return write(f, charset, put_text, out);
}
