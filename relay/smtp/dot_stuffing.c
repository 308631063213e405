#include "relay/smtp/dot_stuffing.h"

#include <string.h>

enum { INSIDE_LINE, AFTER_CR, LINE_START };

void dot_stuffing_init(struct dot_stuffing *d) {
  d->seen = LINE_START;
}

/* The number of octets at the front of `text` that can be copied as they are, given that it does not start a line with
 * a dot. */
static size_t plain_run(struct dot_stuffing *d, struct bytes text) {
  size_t at = 0;
  if (d->seen == AFTER_CR && text.at[0] == '\n') {
    d->seen = LINE_START;
    return 1;
  }
  for (;;) {
    size_t cr = bytes_find(text, '\r', at);
    if (cr == text.len) {
      d->seen = INSIDE_LINE;
      return text.len;
    }
    if (cr + 1 == text.len) {
      d->seen = AFTER_CR;
      return text.len;
    }
    if (text.at[cr + 1] == '\n') {
      d->seen = LINE_START;
      return cr + 2;
    }
    at = cr + 1; /* a bare CR ends no line */
  }
}

int dot_stuffing_add(struct dot_stuffing *d, struct bytes in, struct buffer *out) {
  if (buffer_reserve(out, in.len) == E_MEMORY) return E_MEMORY; /* at once, not line by line */
  while (in.len) {
    if (d->seen == LINE_START && in.at[0] == '.') {
      int rc = buffer_add(out, ".", 1);
      if (rc != OK) return rc;
    }
    size_t run = plain_run(d, in);
    int rc = buffer_add(out, in.at, run);
    if (rc != OK) return rc;
    in = bytes_from(in, run);
  }
  return OK;
}

int dot_stuffing_end(struct dot_stuffing *d, struct buffer *out) {
  const char *end = d->seen == LINE_START ? ".\r\n" : "\r\n.\r\n";
  return buffer_add(out, end, strlen(end));
}
