#include "base/mail/refusal.h"

#include "base/bytes.h"
#include "base/result.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int refuse(struct refusal *r, int code, const char *enhanced, const char *rule, const char *format, ...) {
  if (is_refused(r)) return E_DENIED;
  va_list args;
  va_start(args, format);
  vsnprintf(r->text, sizeof r->text, format, args);
  va_end(args);
  r->code = code;
  r->enhanced = enhanced;
  r->rule = rule;
  return E_DENIED;
}

void refusal_about(struct refusal *r, const char *about) {
  bytes_copy(bytes_of(about), r->about, sizeof r->about);
}

void numbers_add(char numbers[NUMBERS_TEXT], const char *name, int64_t value) {
  size_t len = strlen(numbers);
  int n = snprintf(numbers + len, NUMBERS_TEXT - len, "%s%s=%" PRId64, len ? " " : "", name, value);
  if (n < 0 || (size_t)n >= NUMBERS_TEXT - len) numbers[len] = '\0';
}

void numbers_set(char numbers[NUMBERS_TEXT], const char *name, int64_t value) {
  char kept[NUMBERS_TEXT] = "", other[32];
  const char *at = NULL;
  int64_t n;
  while (numbers_next(numbers, &at, other, &n))
    if (strcmp(other, name) != 0) numbers_add(kept, other, n);
  numbers_add(kept, name, value);
  memcpy(numbers, kept, sizeof kept);
}

int numbers_next(const char *numbers, const char **at, char name[32], int64_t *value) {
  const char *from = *at ? *at : numbers;
  from += strspn(from, " ");
  size_t len = strcspn(from, "= ");
  char *end;
  if (!len || len >= 32 || from[len] != '=') return 0;
  memcpy(name, from, len);
  name[len] = '\0';
  *value = strtoll(from + len + 1, &end, 10);
  if (end == from + len + 1 || (*end && *end != ' ')) return 0;
  *at = end;
  return 1;
}
