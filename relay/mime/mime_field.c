/*   content  = type "/" subtype *( ";" attribute "=" value )        value = token / quoted-string
 *
 * with white space, folds and comments between the words (RFC 2045 5.1, RFC 5322 3.2.2). */
#include "relay/mime/mime_field.h"

struct walk {
  struct bytes value;
  size_t at;
};

static bool more(const struct walk *w) {
  return w->at < w->value.len;
}

static char peek(const struct walk *w) {
  return (char)(more(w) ? w->value.at[w->at] : '\0');
}

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* White space, folds and comments; a comment that does not end takes all the rest. */
static void skip(struct walk *w) {
  size_t depth = 0;
  for (; more(w); w->at++) {
    char c = peek(w);
    if (depth && c == '\\')
      w->at += w->at + 1 < w->value.len;
    else if (c == '(')
      depth++;
    else if (depth && c == ')')
      depth--;
    else if (!depth && !blank(c))
      break;
  }
}

static bool token_octet(char c) {
  if ((unsigned char)c <= 32 || (unsigned char)c >= 127) return false;
  for (const char *special = "()<>@,;:\\\"/[]?="; *special; special++)
    if (c == *special) return false;
  return true;
}

static struct bytes token(struct walk *w) {
  skip(w);
  size_t start = w->at;
  while (more(w) && token_octet(peek(w))) w->at++;
  return (struct bytes){w->value.at + start, w->at - start};
}

static bool take(struct walk *w, char c) {
  skip(w);
  if (!more(w) || peek(w) != c) return false;
  w->at++;
  return true;
}

/* One octet more of a boundary; false when it can stand in no line, or there is no room. */
static bool keep(struct mime_type *out, char c) {
  if ((unsigned char)c < 32 || (unsigned char)c > 126 || out->boundary_len == MIME_BOUNDARY_MAX) return false;
  out->boundary[out->boundary_len++] = c;
  return true;
}

/* A quoted-string, kept as a boundary when `out` is given. False: it does not end, or makes no boundary. */
static bool quoted(struct walk *w, struct mime_type *out) {
  bool good = true;
  for (w->at++; more(w); w->at++) {
    char c = peek(w);
    if (c == '"') {
      w->at++;
      return good;
    }
    if (c == '\r' || c == '\n') continue; /* a fold */
    if (c == '\\' && w->at + 1 < w->value.len) c = w->value.at[++w->at];
    if (out && good) good = keep(out, c);
  }
  return false;
}

/* A value without quotes goes on up to ";" or white space, whatever is in it: "----=_Part" is written so, though "=" is
 * no token's. */
static bool unquoted(struct walk *w, struct mime_type *out) {
  bool good = true;
  for (; more(w) && peek(w) != ';' && !blank(peek(w)); w->at++) {
    good = good && peek(w) != '(' && peek(w) != '"'; /* a comment to some readers and a part of it to others */
    if (out && good) good = keep(out, peek(w));
  }
  return good;
}

/* Up to behind the next ";"; false at the end. */
static bool next_parameter(struct walk *w) {
  while (more(w)) {
    skip(w);
    char c = peek(w);
    if (c == '"') {
      quoted(w, NULL);
    } else if (more(w)) {
      w->at++;
      if (c == ';') return true;
    }
  }
  return false;
}

void mime_type_read(struct bytes value, struct mime_type *out) {
  struct walk w = {.value = value};
  size_t boundaries = 0;
  *out = (struct mime_type){.boundary_len = 0};
  out->type = token(&w);
  if (take(&w, '/')) out->subtype = token(&w);
  while (next_parameter(&w)) {
    struct bytes name = token(&w);
    if (!take(&w, '=')) continue;
    bool boundary = bytes_equal_nocase(name, BYTES("boundary"));
    struct mime_type *into = boundary && !boundaries++ ? out : NULL;
    skip(&w);
    bool good = peek(&w) == '"' ? quoted(&w, into) : unquoted(&w, into);
    if (into && !good) boundaries++;
  }
  if (boundaries != 1) out->boundary_len = 0;
  while (out->boundary_len && out->boundary[out->boundary_len - 1] == ' ') out->boundary_len--; /* RFC 2046 5.1.1 */
}

bool mime_parameter_read(struct bytes value, const char *name, char *out, size_t size) {
  struct walk w = {.value = value};
  struct mime_type into;
  while (next_parameter(&w)) {
    struct bytes attribute = token(&w);
    if (!take(&w, '=') || !bytes_equal_nocase(attribute, bytes_of(name))) continue;
    skip(&w);
    into.boundary_len = 0;
    bool good = peek(&w) == '"' ? quoted(&w, &into) : unquoted(&w, &into);
    return good && bytes_copy((struct bytes){into.boundary, into.boundary_len}, out, size);
  }
  return false;
}

static const char *const names[] = {"7bit", "8bit", "binary", "quoted-printable", "base64"};

enum mime_encoding mime_encoding_read(struct bytes value) {
  struct walk w = {.value = value};
  struct bytes word = token(&w);
  skip(&w);
  if (more(&w)) return ENCODING_OTHER;
  if (!word.len) return ENCODING_7BIT;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (bytes_equal_nocase(word, bytes_of(names[i]))) return (enum mime_encoding)i;
  return ENCODING_OTHER;
}
