#include "cli/output/suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

/* How many letters are to be added, left out, changed, or swapped with their neighbours, to make b of a (the optimal
 * string alignment distance). Both are SUGGEST_NAME_MAX at most. */
static size_t distance_of(struct bytes a, struct bytes b) {
  size_t rows[3][SUGGEST_NAME_MAX + 1];
  for (size_t j = 0; j <= b.len; j++) rows[0][j] = j;
  for (size_t i = 1; i <= a.len; i++) {
    size_t *now = rows[i % 3];
    const size_t *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
    now[0] = i;
    for (size_t j = 1; j <= b.len; j++) {
      bool same = a.at[i - 1] == b.at[j - 1];
      now[j] = least(least(before[j], now[j - 1]) + 1, before[j - 1] + !same);
      if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
        now[j] = least(now[j], earlier[j - 2] + 1);
    }
  }
  return rows[a.len % 3][b.len];
}

struct suggestion suggestion_for(struct bytes typed) {
  return (struct suggestion){.typed = typed, .distance = SIZE_MAX};
}

static void set_best(struct suggestion *s, struct bytes name, size_t distance) {
  s->distance = distance;
  memcpy(s->best, name.at, name.len);
  s->best[name.len] = '\0';
}

/* A short word is near with one mistake; a long one may have one in three letters. What begins as it was typed is near
 * in any case: "dele" for "delete". */
void suggestion_try(struct suggestion *s, struct bytes name) {
  if (!s->typed.len || !name.len || s->typed.len > SUGGEST_NAME_MAX || name.len > SUGGEST_NAME_MAX) return;
  bool begins = s->typed.len >= 3 && name.len > s->typed.len && memcmp(name.at, s->typed.at, s->typed.len) == 0;
  size_t most = s->typed.len / 3 ? s->typed.len / 3 : 1, d = distance_of(s->typed, name);
  if (begins && d > most) d = most;
  if (d <= most && d < s->distance) set_best(s, name, d);
}

/* What other programs call it. */
void suggestion_try_synonym(struct suggestion *s, struct bytes name) {
  static const struct {
    const char *typed, *ours;
  } synonyms[] = {
      {"delete", "remove"},     {"del", "remove"},      {"rm", "remove"},       {"create", "add"},
      {"new", "add"},           {"ls", "list"},         {"info", "show"},       {"view", "show"},
      {"get", "show"},          {"edit", "set"},        {"change", "set"},      {"update", "set"},
      {"modify", "set"},        {"enable", "resume"},   {"disable", "suspend"}, {"flush", "retry"},
      {"requeue", "retry"},     {"passwd", "password"}, {"user", "account"},    {"mailq", "queue"},
      {"ip", "source"},         {"key", "dkim"},        {"relayhost", "route"}, {"stats", "status"},
      {"start", "serve"},       {"run", "serve"},       {"test", "send-test"},  {"checkconfig", "config"},
      {"block", "suppression"},
  };
  for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++)
    if (bytes_equal(s->typed, bytes_of(synonyms[i].typed)) && bytes_equal(name, bytes_of(synonyms[i].ours)))
      set_best(s, name, 0);
}

const char *suggestion_text(const struct suggestion *s, const char *before, char *out, size_t size) {
  if (s->best[0])
    snprintf(out, size, "; did you mean %s%s?", before, s->best);
  else
    snprintf(out, size, ";");
  return out;
}
