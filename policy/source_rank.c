#include "policy/source_rank.h"

#include <stdio.h>
#include <string.h>

/* From best to worst for the sender. */
static int badness(enum spf_result r) {
  static const int order[] = {[SPF_PASS] = 0,     [SPF_NONE] = 1,      [SPF_NEUTRAL] = 2, [SPF_TEMPERROR] = 3,
                              [SPF_SOFTFAIL] = 4, [SPF_PERMERROR] = 5, [SPF_FAIL] = 6};
  return order[r];
}

/* Returns how many do as well. */
static size_t list(const struct spf_verdict *const verdicts[], size_t count, enum spf_result best, char *out) {
  size_t at = 0, listed = 0;
  for (size_t i = 0; i < count; i++) {
    if (verdicts[i]->result != best) continue;
    int n = snprintf(out + at, SOURCES_TEXT - at, "%s%s", listed++ ? " " : "", verdicts[i]->source);
    if (n > 0 && at + (size_t)n < SOURCES_TEXT) at += (size_t)n;
  }
  return listed;
}

void source_rank(const struct spf_verdict *const verdicts[], size_t count, size_t total, struct source_rank *out) {
  const struct spf_verdict *best = verdicts[0];
  out->count = count;
  out->unasked = total - count;
  out->failing = 0;
  for (size_t i = 0; i < count; i++) {
    if (badness(verdicts[i]->result) < badness(best->result)) best = verdicts[i];
    out->failing += verdicts[i]->result == SPF_FAIL;
  }
  out->best = *best;
  if (list(verdicts, count, best->result, out->preferred) == total) out->preferred[0] = '\0';
}

bool source_listed(const char *list, const char *address) {
  size_t len = strlen(address);
  for (const char *at = list; (at = strstr(at, address)); at++)
    if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0')) return true;
  return false;
}
