#include "base/directory/fingerprint.h"

#include "base/result.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *behind_label(const char *text) {
  static const char *const labels[] = {"sha256 fingerprint=", "sha256:"};
  for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
    size_t n = strlen(labels[i]);
    if (strncasecmp(text, labels[i], n) == 0) return text + n;
  }
  return text;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int fingerprint_parse(const char *text, struct fingerprint *out) {
  const char *at = behind_label(text);
  for (size_t i = 0; i < sizeof out->sha256; i++) {
    if (i && *at == ':') at++;
    int high = digit(at[0]), low = high < 0 ? -1 : digit(at[1]);
    if (low < 0) return E_SYNTAX;
    out->sha256[i] = (unsigned char)(high << 4 | low);
    at += 2;
  }
  return *at ? E_SYNTAX : OK;
}

void fingerprint_format(const struct fingerprint *f, char out[FINGERPRINT_TEXT]) {
  for (size_t i = 0; i < sizeof f->sha256; i++) snprintf(out + 2 * i, 3, "%02x", f->sha256[i]);
}
