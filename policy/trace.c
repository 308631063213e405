/* Every check's result in one line, as it is kept with a refusal: "account=pass; limits=refuse 5000 of 5000/day". */
#include "policy/check.h"

#include <stdio.h>
#include <string.h>

/* NULL: it was not reached. `bit`: its own. */
static const char *outcome_name(const struct facts *f, const struct finding *found, unsigned bit) {
  if (found->outcome == OUTCOME_DROP) return found->mode == CHECK_ENFORCE ? "drop" : "would drop";
  if (found->outcome == OUTCOME_SLOW) return found->mode == CHECK_ENFORCE ? "slow" : "would slow";
  if (found->outcome == OUTCOME_HOLD) return found->mode == CHECK_ENFORCE ? "hold" : "would hold";
  if (found->outcome == OUTCOME_REFUSE && found->mode == CHECK_ENFORCE) return "refuse";
  if (found->outcome == OUTCOME_REFUSE || f->observed & bit) return "would refuse";
  if (found->outcome == OUTCOME_PASS || f->passed & bit) return "pass";
  return found->outcome == OUTCOME_OFF ? "off" : NULL;
}

/* What a person wants to know of it beside that. */
static void detail(const struct facts *f, const struct finding *found, char *out, size_t size) {
  const struct limit_verdict *l = &found->limit;
  out[0] = '\0';
  if (strcmp(found->check->name, "spf") == 0 && f->known & FACT_SPF)
    snprintf(out, size, " %s", spf_result_name(f->spf->result));
  else if (strcmp(found->check->name, "dmarc") == 0 && f->known & FACT_DMARC)
    snprintf(out, size, " %s", f->dmarc ? dmarc_result_name(f->dmarc->now.result) : "temperror");
  else if (strcmp(found->check->name, "limits") == 0 && found->outcome == OUTCOME_REFUSE)
    snprintf(out, size, " %llu of %s", (unsigned long long)l->used, l->rule->text);
}

void policy_trace(const struct facts *f, char out[TRACE_TEXT]) {
  struct finding found[POLICY_CHECKS_MAX];
  size_t at = 0;
  policy_find_all(f, found);
  out[0] = '\0';
  for (size_t i = 0; i < policy_check_count; i++) {
    char more[96];
    const char *outcome = outcome_name(f, &found[i], 1u << i);
    if (!outcome) continue;
    detail(f, &found[i], more, sizeof more);
    int n = snprintf(out + at, TRACE_TEXT - at, "%s%s=%s%s", at ? "; " : "", found[i].check->name, outcome, more);
    if (n < 0 || (size_t)n >= TRACE_TEXT - at) {
      out[at] = '\0';
      return;
    }
    at += (size_t)n;
  }
}
