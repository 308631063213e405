#include "relay/mime/header_preamble.h"

#include <string.h>

static const struct {
  struct bytes start;
  bool line; /* the rest of its line goes, too */
} pieces[] = {
    {{"\xef\xbb\xbf", 3}, false},
    {{"\r\n", 2}, false},
    {{"From ", 5}, true},
    {{">From ", 6}, true},
};

/* "From :" is the field, with white space that it should not have. */
static bool is_field(struct bytes line, size_t at) {
  while (at < line.len && line.at[at] == ' ') at++;
  return at < line.len && line.at[at] == ':';
}

/* The length of the piece that `rest` begins with, or 0. */
static size_t piece_at(struct bytes rest, bool *open) {
  for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
    struct bytes start = pieces[i].start;
    size_t n = rest.len < start.len ? rest.len : start.len;
    if (memcmp(rest.at, start.at, n) != 0 || (pieces[i].line && is_field(rest, n))) continue;
    const char *end = pieces[i].line ? memmem(rest.at, rest.len, "\r\n", 2) : NULL;
    *open = n < start.len || (pieces[i].line && !end);
    if (*open) return 0;
    return end ? (size_t)(end - rest.at) + 2 : start.len;
  }
  return 0;
}

size_t header_preamble(struct bytes head, bool *open) {
  size_t at = 0, n;
  do {
    *open = at == head.len;
    n = *open ? 0 : piece_at(bytes_from(head, at), open);
    at += n;
  } while (n);
  return at;
}
