#include "store/sqlite/reader.h"

#include <stdlib.h>
#include <string.h>

char *pattern_to_like(const char *pattern) {
  char *out = malloc(2 * strlen(pattern) + 1), *at = out;
  if (!out) return NULL;
  for (; *pattern; pattern++) {
    if (*pattern == '%' || *pattern == '_' || *pattern == '\\') *at++ = '\\';
    *at++ = (char)(*pattern == '*' ? '%' : *pattern);
  }
  *at = '\0';
  return out;
}
