#include "base/bytes.h"

#include "base/result.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct bytes bytes_of(const char *text) {
  return text ? (struct bytes){text, strlen(text)} : (struct bytes){"", 0};
}

bool bytes_equal(struct bytes a, struct bytes b) {
  return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

static char lower(char c) {
  if (c < 'A' || c > 'Z') return c;
  return (char)(c - 'A' + 'a');
}

bool bytes_starts_nocase(struct bytes text, struct bytes prefix) {
  if (text.len < prefix.len) return false;
  for (size_t i = 0; i < prefix.len; i++)
    if (lower(text.at[i]) != lower(prefix.at[i])) return false;
  return true;
}

bool bytes_equal_nocase(struct bytes a, struct bytes b) {
  return a.len == b.len && bytes_starts_nocase(a, b);
}

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes bytes_trim(struct bytes text) {
  while (text.len && is_space(text.at[0])) text = (struct bytes){text.at + 1, text.len - 1};
  while (text.len && is_space(text.at[text.len - 1])) text.len--;
  return text;
}

struct bytes bytes_from(struct bytes text, size_t offset) {
  if (offset > text.len) offset = text.len;
  return text.at ? (struct bytes){text.at + offset, text.len - offset} : text;
}

size_t bytes_find(struct bytes text, char needle, size_t from) {
  if (from >= text.len) return text.len;
  const char *at = memchr(text.at + from, needle, text.len - from);
  return at ? (size_t)(at - text.at) : text.len;
}

char *bytes_dup(struct bytes text) {
  if (text.len && memchr(text.at, '\0', text.len)) return NULL;
  char *copy = malloc(text.len + 1);
  if (!copy) return NULL;
  if (text.len) memcpy(copy, text.at, text.len);
  copy[text.len] = '\0';
  return copy;
}

bool bytes_copy(struct bytes text, char *out, size_t size) {
  if (!size) return false;
  size_t n = text.len < size ? text.len : size - 1;
  if (n) memcpy(out, text.at, n);
  out[n] = '\0';
  return n == text.len;
}

bool bytes_to_u64(struct bytes text, uint64_t *out) {
  uint64_t value = 0;
  if (!text.len) return false;
  for (size_t i = 0; i < text.len; i++) {
    if (text.at[i] < '0' || text.at[i] > '9') return false;
    uint64_t digit = (uint64_t)(text.at[i] - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *out = value;
  return true;
}

size_t bytes_utf8_length(struct bytes text, size_t at) {
  const unsigned char *u = (const unsigned char *)text.at + at;
  size_t left = text.len - at, n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
  if (u[0] < 0xc2 || u[0] > 0xf4 || left < n) return 0;
  for (size_t k = 1; k < n; k++)
    if ((u[k] & 0xc0) != 0x80) return 0;
  bool over_long = (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xf0 && u[1] < 0x90);
  bool beyond = (u[0] == 0xed && u[1] > 0x9f) || (u[0] == 0xf4 && u[1] > 0x8f); /* surrogates; over U+10FFFF */
  return over_long || beyond ? 0 : n;
}

/* --- buffers --- */

void buffer_init(struct buffer *b, size_t max) {
  *b = (struct buffer){.max = max};
}

void buffer_init_secret(struct buffer *b, size_t max) {
  *b = (struct buffer){.max = max, .secret = true};
}

void buffer_free(struct buffer *b) {
  free(b->at);
  *b = (struct buffer){.max = b->max, .secret = b->secret};
}

void buffer_wipe_free(struct buffer *b) {
  if (b->at) wipe(b->at, b->cap);
  buffer_free(b);
}

/* realloc may leave the old octets behind in freed memory. */
static char *grow_secret(struct buffer *b, size_t cap) {
  char *more = malloc(cap);
  if (!more || !b->at) return more;
  memcpy(more, b->at, b->len);
  wipe(b->at, b->cap);
  free(b->at);
  return more;
}

int buffer_reserve(struct buffer *b, size_t extra) {
  if (extra > b->max || b->len > b->max - extra) return E_TOO_BIG;
  size_t need = b->len + extra;
  if (need <= b->cap) return OK;
  size_t cap = b->cap ? b->cap : 256;
  if (cap > b->max) cap = b->max;
  while (cap < need) cap = cap > b->max / 2 ? b->max : cap * 2;
  char *more = b->secret ? grow_secret(b, cap) : realloc(b->at, cap);
  if (!more) return E_MEMORY;
  b->at = more;
  b->cap = cap;
  return OK;
}

int buffer_add(struct buffer *b, const void *data, size_t len) {
  int rc = buffer_reserve(b, len);
  if (rc != OK || !len) return rc;
  memcpy(b->at + b->len, data, len);
  b->len += len;
  return OK;
}

int buffer_add_bytes(struct buffer *b, struct bytes text) {
  return buffer_add(b, text.at, text.len);
}

int buffer_addf(struct buffer *b, const char *format, ...) {
  char small[512], *large = NULL;
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(small, sizeof small, format, args);
  int rc = n < 0 ? E_MEMORY : buffer_reserve(b, (size_t)n); /* a bound that is reached is known before memory is used */
  if (rc == OK && (size_t)n >= sizeof small && vasprintf(&large, format, again) < 0) {
    large = NULL;
    rc = E_MEMORY;
  }
  if (rc == OK) rc = buffer_add(b, large ? large : small, (size_t)n);
  if (b->secret) wipe(small, sizeof small);
  if (b->secret && large) wipe(large, (size_t)n);
  free(large);
  va_end(again);
  va_end(args);
  return rc;
}

void buffer_consume(struct buffer *b, size_t len) {
  if (len > b->len) len = b->len;
  if (!len) return;
  memmove(b->at, b->at + len, b->len - len);
  b->len -= len;
}

/* --- secrets --- */

bool equal_constant_time(const void *a, const void *b, size_t len) {
  const volatile unsigned char *x = a, *y = b;
  unsigned char difference = 0;
  for (size_t i = 0; i < len; i++) difference |= (unsigned char)(x[i] ^ y[i]);
  return difference == 0;
}

void wipe(void *at, size_t len) {
  explicit_bzero(at, len);
}

void random_bytes(void *out, size_t len) {
  char *at = out;
  while (len) {
    ssize_t n = getrandom(at, len, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) abort();
    at += n;
    len -= (size_t)n;
  }
}
