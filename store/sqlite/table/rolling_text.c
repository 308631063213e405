#include "store/sqlite/table/rolling_text.h"

#include "store/sqlite/table/number_list.h"

#include <string.h>

static char *put_slot(char *out, const struct rolling_slot *s, int64_t previous) {
  out = number_put(out, (uint64_t)(s->number - previous));
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++) out = number_put(out, s->used.of[unit]);
  return out;
}

void rolling_text_write(const struct rolling windows[USAGE_ROLLING], char out[ROLLING_TEXT_MAX]) {
  for (uint64_t w = 0; w < USAGE_ROLLING; w++) {
    const struct rolling *r = &windows[w];
    if (!r->count) continue;
    out = number_put(number_put(out, w), r->count);
    for (uint64_t i = 0; i < r->count; i++) out = put_slot(out, &r->slot[i], i ? r->slot[i - 1].number : 0);
  }
  *out = '\0';
}

static int get_slot(const char **text, struct rolling *r) {
  uint64_t further;
  struct rolling_slot s;
  int64_t previous = r->count ? r->slot[r->count - 1].number : 0;
  if (!number_get(text, &further) || further > INT64_MAX / 2) return E_SYNTAX;
  if (!numbers_get(text, s.used.of, LIMIT_OCTETS + 1)) return E_SYNTAX;
  s.number = previous + (int64_t)further;
  return rolling_put(r, &s);
}

int rolling_text_read(const char *text, struct rolling windows[USAGE_ROLLING]) {
  memset(windows, 0, USAGE_ROLLING * sizeof *windows);
  while (*text) {
    uint64_t w, count;
    if (!number_get(&text, &w) || w >= USAGE_ROLLING || windows[w].count || !number_get(&text, &count)) return E_SYNTAX;
    for (; count; count--)
      if (get_slot(&text, &windows[w]) != OK) return E_SYNTAX;
  }
  return OK;
}
