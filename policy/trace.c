/* The record of a decision: what each check found as it was asked, and the line of it that a refusal keeps. */
#include "policy/check.h"

#include <stdio.h>
#include <string.h>

/* What a person wants to know beside the outcome. */
static void set_detail(struct check_result *r, const struct finding *found) {
  const struct limit_verdict *l = &found->limit;
  r->detail[0] = '\0';
  if (found->what)
    bytes_copy(bytes_of(found->what), r->detail, sizeof r->detail);
  else if (found->outcome == OUTCOME_REFUSE && strcmp(found->check->name, "limits") == 0)
    snprintf(r->detail, sizeof r->detail, "%llu of %s", (unsigned long long)l->used, l->rule->text);
}

/* What a check would have done, or does, at one stage or to one recipient is told, also when it passes the next. */
static bool stays(const struct check_result *r, enum outcome next) {
  return r->outcome > OUTCOME_PASS && next <= OUTCOME_PASS;
}

/* The detail is mostly empty, and a record is copied at each stage. */
void result_copy(struct check_result *to, const struct check_result *from) {
  to->outcome = from->outcome;
  to->mode = from->mode;
  to->detail[0] = '\0';
  if (from->detail[0]) memcpy(to->detail, from->detail, sizeof to->detail);
}

void record_finding(struct check_result *r, const struct finding *found) {
  if (stays(r, found->outcome)) return;
  r->outcome = found->outcome;
  r->mode = found->mode;
  set_detail(r, found);
}

void policy_record_add(struct policy_record *r, const struct policy_record *stage) {
  for (size_t i = 0; i < policy_check_count; i++)
    if (stage->of[i].outcome != OUTCOME_UNKNOWN && !stays(&r->of[i], stage->of[i].outcome))
      result_copy(&r->of[i], &stage->of[i]);
}

static const char *outcome_name(const struct check_result *r) {
  bool enforced = r->mode == CHECK_ENFORCE;
  switch (r->outcome) {
  case OUTCOME_OFF: return "off";
  case OUTCOME_PASS: return "pass";
  case OUTCOME_REFUSE: return enforced ? "refuse" : "would refuse";
  case OUTCOME_DROP: return enforced ? "drop" : "would drop";
  case OUTCOME_SLOW: return enforced ? "slow" : "would slow";
  case OUTCOME_HOLD: return enforced ? "hold" : "would hold";
  default: return NULL;
  }
}

void policy_trace(const struct policy_record *record, char out[TRACE_TEXT]) {
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < policy_check_count; i++) {
    const struct check_result *r = &record->of[i];
    const char *outcome = outcome_name(r), *name = policy_checks[i].name;
    if (!outcome) continue;
    int n = snprintf(out + at, TRACE_TEXT - at, "%s%s=%s%s%s", at ? "; " : "", name, outcome, *r->detail ? " " : "",
                     r->detail);
    if (n < 0 || (size_t)n >= TRACE_TEXT - at) {
      out[at] = '\0';
      return;
    }
    at += (size_t)n;
  }
}
