#include "cli/explain/explain_parts.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

const char *explain_outcome(const struct finding *found) {
  switch (found->outcome) {
  case OUTCOME_OFF: return "off";
  case OUTCOME_PASS: return "pass";
  case OUTCOME_DROP: return found->mode == CHECK_ENFORCE ? "drop" : "would drop";
  case OUTCOME_REFUSE: return found->mode == CHECK_ENFORCE ? "REFUSE" : "would refuse";
  case OUTCOME_SLOW: return found->mode == CHECK_ENFORCE ? "slow" : "would slow";
  case OUTCOME_HOLD: return found->mode == CHECK_ENFORCE ? "hold" : "would hold";
  default: return "later";
  }
}

/* When a check lets it leave: of a smoothed limit and of the brake. 0: as far as they are concerned, at once. */
int64_t explain_leaves_us(const struct explained *e, const struct finding *found) {
  if (strcmp(found->check->name, "limits") == 0 && found->outcome == OUTCOME_PASS) return found->limit.not_before_us;
  if (found->outcome != OUTCOME_SLOW || found->mode != CHECK_ENFORCE) return 0;
  struct brake copy = e->brake; /* nothing is counted */
  return brake_slow(&copy, e->facts.now_us, 1);
}

static void put_off_text(const struct explained *e, const struct finding *found, char *out, size_t size) {
  char when[40], span[40];
  int64_t us = explain_leaves_us(e, found);
  clock_format_minute(us, when, sizeof when);
  clock_format_span(us - e->facts.now_us, span, sizeof span);
  if (found->outcome == OUTCOME_PASS && us - e->facts.now_us < SECOND_US)
    snprintf(out, size, "leaves within a second, at %s", found->limit.rule->text);
  else if (found->outcome == OUTCOME_PASS)
    snprintf(out, size, "leaves %s (in %s), at %s", when, span, found->limit.rule->text);
  else if (us > e->facts.now_us)
    snprintf(out, size, "leaves %s (in %s), slowed by the brake; see: sendoff account review %s", when, span,
             e->facts.account_name);
  else
    snprintf(out, size, "slowed by the brake; see: sendoff account review %s", e->facts.account_name);
}

/* What a check has to say, also when it passes: its numbers, what it rests on. */
void explain_detail(const struct explained *e, const struct finding *found, char out[DETAIL_TEXT]) {
  const size_t size = DETAIL_TEXT;
  const char *name = found->check->name;
  struct refusal r = {0};
  out[0] = '\0';
  if (found->outcome == OUTCOME_REFUSE || found->outcome == OUTCOME_DROP) {
    policy_word(&e->facts, found, &r);
    snprintf(out, size, "%d %s %s", r.code, r.enhanced, r.text);
  } else if (found->outcome == OUTCOME_SLOW || explain_leaves_us(e, found)) {
    put_off_text(e, found, out, size);
  } else if (found->outcome == OUTCOME_HOLD) {
    snprintf(out, size, "new mail is held; see: sendoff account review %s", e->facts.account_name);
  } else if (found->outcome == OUTCOME_UNKNOWN) {
    snprintf(out, size, "known when the message comes");
  } else if (found->outcome == OUTCOME_PASS && strcmp(name, "spf") == 0) {
    snprintf(out, size, "%s: %s", spf_result_name(e->rank.best.result), e->rank.best.why);
  } else if (found->outcome == OUTCOME_PASS && strcmp(name, "dmarc") == 0) {
    snprintf(out, size, "%s: %s", dmarc_result_name(e->dmarc.now.result), e->dmarc.why);
  }
}

const char *explain_mode(const struct finding *found) {
  return found->check->fixed ? "always" : check_mode_name(found->mode);
}

/* The first that refuses, in order; NULL: it is taken. */
const struct finding *explain_cause(const struct finding *found) {
  for (size_t i = 0; i < policy_check_count; i++)
    if (found[i].outcome == OUTCOME_REFUSE && found[i].mode == CHECK_ENFORCE) return &found[i];
  return NULL;
}

/* By the policy, as far as it says anything. */
bool explain_names_host(const struct explained *e, const char *host) {
  const struct sts_policy *p = e->sts.policy;
  return !p || p->mode == STS_MODE_NONE || sts_policy_names(p, host);
}
