#include "base/text/header.h"

#include "base/result.h"

#include <string.h>

/* Offset behind the line that begins at `at`: past its CRLF, or the end of the block. */
static size_t line_end(struct bytes block, size_t at) {
  const char *end = at < block.len ? memmem(block.at + at, block.len - at, "\r\n", 2) : NULL;
  return end ? (size_t)(end - block.at) + 2 : block.len;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

int header_next(struct bytes block, size_t *at, struct field *out) {
  size_t start = *at, end = line_end(block, start);
  if (start >= block.len || (end - start == 2 && memcmp(block.at + start, "\r\n", 2) == 0)) return 0;
  bool fold_alone = is_blank(block.at[start]);
  while (!fold_alone && end < block.len && is_blank(block.at[end])) end = line_end(block, end);
  *at = end;
  *out = (struct field){.whole = {block.at + start, end - start}};
  size_t colon = bytes_find(out->whole, ':', 0), name = 0;
  while (name < colon && (unsigned char)out->whole.at[name] > 32 && (unsigned char)out->whole.at[name] < 127) name++;
  size_t after = name; /* RFC 5322 4.5: obsolete white space before the colon */
  while (after < colon && is_blank(out->whole.at[after])) after++;
  if (fold_alone || colon == out->whole.len || !name || after != colon) return E_SYNTAX;
  out->name = (struct bytes){out->whole.at, name};
  out->value = bytes_from(out->whole, colon + 1);
  if (out->value.len >= 2 && memcmp(out->value.at + out->value.len - 2, "\r\n", 2) == 0) out->value.len -= 2;
  return 1;
}

size_t header_find(struct bytes block, const char *name, struct field *first) {
  size_t at = 0, count = 0;
  struct field f;
  int rc;
  while ((rc = header_next(block, &at, &f)) != 0) {
    if (rc < 0 || !bytes_equal_nocase(f.name, bytes_of(name))) continue;
    if (!count++ && first) *first = f;
  }
  return count;
}

void header_unfold(struct bytes value, char *out, size_t size) {
  size_t n = 0;
  value = bytes_trim(value);
  for (size_t i = 0; i < value.len && n + 1 < size; i++) {
    unsigned char c = (unsigned char)value.at[i];
    size_t wide = c >= 0x80 ? bytes_utf8_length(value, i) : 0;
    if (wide && n + wide >= size) break;
    if (wide && !(c == 0xc2 && (unsigned char)value.at[i + 1] < 0xa0)) { /* U+0080 to U+009F are controls, too */
      memcpy(out + n, value.at + i, wide);
      n += wide;
      i += wide - 1;
    } else if (c == '\r' && i + 1 < value.len && value.at[i + 1] == '\n') {
      i++;
    } else {
      i += wide ? wide - 1 : 0;
      if (c == '\t') c = ' ';
      out[n++] = (char)(c < 32 || c >= 127 ? '?' : c);
    }
  }
  if (size) out[n] = '\0';
}
