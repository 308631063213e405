#include "base/text/text_fold.h"

#include "base/bytes.h"

#include <glib.h>
#include <string.h>

static bool is_ascii(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text >= 0x80) return false;
  return true;
}

static size_t fold_ascii(const char *text, char *out, size_t size) {
  size_t n = 0;
  for (; *text && n + 1 < size; text++) out[n++] = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
  out[n] = '\0';
  return n;
}

/* Copies whole characters only. */
static size_t copy_whole(const char *text, char *out, size_t size) {
  size_t n = strlen(text);
  if (n >= size) {
    n = size - 1;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
  }
  memcpy(out, text, n);
  out[n] = '\0';
  return n;
}

/* Case is folded behind NFKC, which makes plain capitals of some letters that have no case (mathematical bold ones, as
 * in much advertising), and NFKC follows, for what folding takes apart (Unicode 3.13, D146). */
size_t text_fold(const char *text, char *out, size_t size) {
  if (!size) return 0;
  if (is_ascii(text) || !g_utf8_validate(text, -1, NULL)) return fold_ascii(text, out, size);
  char *plain = g_utf8_normalize(text, -1, G_NORMALIZE_NFKC), *folded = g_utf8_casefold(plain ? plain : text, -1),
       *normal = g_utf8_normalize(folded, -1, G_NORMALIZE_NFKC);
  size_t n = copy_whole(normal ? normal : folded, out, size);
  g_free(plain);
  g_free(folded);
  g_free(normal);
  return n;
}

/* --- patterns --- */

static size_t piece_length(const char *pattern) {
  return strcspn(pattern, "*");
}

/* Where the piece is first; NULL: nowhere. */
static const char *find(const char *text, const char *piece, size_t len) {
  return len ? memmem(text, strlen(text), piece, len) : text;
}

static bool ends_with(const char *text, const char *piece, size_t len) {
  size_t n = strlen(text);
  return n >= len && memcmp(text + n - len, piece, len) == 0;
}

/* Each piece as early as it can be; the last one of a whole text at its end. */
bool text_matches(const char *text, const char *pattern, bool whole) {
  size_t len = piece_length(pattern);
  if (whole && strncmp(text, pattern, len) != 0) return false;
  if (whole && !pattern[len]) return strlen(text) == len;
  if (whole) {
    text += len;
    pattern += len;
  }
  for (;;) {
    pattern += strspn(pattern, "*");
    len = piece_length(pattern);
    if (!len) return true;
    if (whole && !pattern[len]) return ends_with(text, pattern, len);
    const char *at = find(text, pattern, len);
    if (!at) return false;
    text = at + len;
    pattern += len;
  }
}
