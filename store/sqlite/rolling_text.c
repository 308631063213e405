#include "store/sqlite/rolling_text.h"

#include <string.h>

/* By hand: this is written with every commit, and printf would take a tenth of its time. */
static char *put(char *out, uint64_t n) {
  char digits[20];
  size_t len = 0;
  do digits[len++] = (char)('0' + n % 10);
  while (n /= 10);
  while (len) *out++ = digits[--len];
  *out++ = ' ';
  return out;
}

static char *put_slot(char *out, const struct rolling_slot *s, int64_t previous) {
  out = put(out, (uint64_t)(s->number - previous));
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++) out = put(out, s->used.of[unit]);
  return out;
}

void rolling_text_write(const struct rolling windows[USAGE_ROLLING], char out[ROLLING_TEXT_MAX]) {
  for (uint64_t w = 0; w < USAGE_ROLLING; w++) {
    const struct rolling *r = &windows[w];
    if (!r->count) continue;
    out = put(put(out, w), r->count);
    for (uint64_t i = 0; i < r->count; i++) out = put_slot(out, &r->slot[i], i ? r->slot[i - 1].number : 0);
  }
  *out = '\0';
}

static bool get(const char **text, uint64_t *out) {
  const char *at = *text;
  for (*out = 0; *at >= '0' && *at <= '9'; at++) {
    unsigned digit = (unsigned)(*at - '0');
    if (*out > (UINT64_MAX - digit) / 10) return false;
    *out = *out * 10 + digit;
  }
  if (at == *text || *at != ' ') return false;
  *text = at + 1;
  return true;
}

static int get_slot(const char **text, struct rolling *r) {
  uint64_t further;
  struct rolling_slot s;
  int64_t previous = r->count ? r->slot[r->count - 1].number : 0;
  if (!get(text, &further) || further > INT64_MAX / 2) return E_SYNTAX;
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++)
    if (!get(text, &s.used.of[unit])) return E_SYNTAX;
  s.number = previous + (int64_t)further;
  return rolling_put(r, &s);
}

int rolling_text_read(const char *text, struct rolling windows[USAGE_ROLLING]) {
  memset(windows, 0, USAGE_ROLLING * sizeof *windows);
  while (*text) {
    uint64_t w, count;
    if (!get(&text, &w) || w >= USAGE_ROLLING || windows[w].count || !get(&text, &count)) return E_SYNTAX;
    for (; count; count--)
      if (get_slot(&text, &windows[w]) != OK) return E_SYNTAX;
  }
  return OK;
}
