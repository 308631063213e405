#include "relay/mime/quoted_printable.h"

#define LINE_ENCODED 73 /* 76 with the "=" of a soft break and room for one "=XX" (RFC 2045 6.7 (5)) */

static bool literal(struct bytes text, size_t at) {
  char c = text.at[at];
  if (c == '=') return false;
  if (c == ' ' || c == '\t') return at + 1 < text.len && text.at[at + 1] != '\r'; /* not at the end of a line */
  return c > 0x20 && c < 0x7f;
}

/* A line of the text could, cut short or escaped, come out as the delimiter of a multipart that it is in, so none
 * begins with "--" (RFC 2046 5.1.1). */
static bool like_delimiter(struct bytes text, size_t at) {
  return text.at[at] == '-' && at + 1 < text.len && text.at[at + 1] == '-';
}

static size_t put_octet(struct bytes text, size_t at, char *line, size_t len) {
  static const char hex[] = "0123456789ABCDEF";
  unsigned char c = (unsigned char)text.at[at];
  if (literal(text, at) && !(len == 0 && like_delimiter(text, at))) {
    line[len] = (char)c;
    return len + 1;
  }
  line[len] = '=';
  line[len + 1] = hex[c >> 4];
  line[len + 2] = hex[c & 15];
  return len + 3;
}

int quoted_printable_emit(struct bytes text, int (*emit)(void *arg, struct bytes run), void *arg, bool *open) {
  char line[LINE_ENCODED + 3];
  size_t len = 0;
  int rc = OK;
  for (size_t i = 0; i < text.len && rc == OK; i++) {
    bool end = text.at[i] == '\r' && i + 1 < text.len && text.at[i + 1] == '\n';
    if (end || len + (literal(text, i) ? 1 : 3) > LINE_ENCODED) {
      if (!end) line[len++] = '='; /* a soft line break, (5) */
      line[len++] = '\r';
      line[len++] = '\n';
      rc = emit(arg, (struct bytes){line, len});
      len = 0;
    }
    if (end)
      i++;
    else
      len = put_octet(text, i, line, len);
  }
  *open = len > 0;
  return rc == OK && len ? emit(arg, (struct bytes){line, len}) : rc;
}

static int into_buffer(void *arg, struct bytes run) {
  return buffer_add_bytes(arg, run);
}

int quoted_printable_add(struct bytes text, struct buffer *out) {
  bool open;
  int rc = quoted_printable_emit(text, into_buffer, out, &open);
  return rc == OK && open ? buffer_add(out, "\r\n", 2) : rc;
}
