#include "cli/account/preset_quote.h"

#include <string.h>

void quote_php(FILE *out, const char *text) {
  fputc('\'', out);
  for (; *text; text++) {
    if (*text == '\'' || *text == '\\') fputc('\\', out);
    fputc(*text, out);
  }
  fputc('\'', out);
}

static int is_unreserved(char c) {
  return c && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", c) != NULL;
}

void quote_url(FILE *out, const char *text) {
  for (; *text; text++)
    if (is_unreserved(*text))
      fputc(*text, out);
    else
      fprintf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

void quote_exim(FILE *out, const char *text) {
  for (; *text; text++) {
    if (strchr("$\\", *text)) fputc('\\', out);
    if (strchr(":^", *text)) fputc(*text, out);
    fputc(*text, out);
  }
}
