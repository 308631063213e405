#include "policy/check.h"

void check_suppression(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  if (f->suppression_failed)
    finding_refuse(out, f->suppression_failed == E_MEMORY ? RULE_MEMORY : RULE_STORE, CAUSE_UNREADABLE);
  if (f->suppression_failed || !f->suppression) return;
  finding_refuse(out, RULE_SUPPRESSION, CAUSE_MAIN);
  if (f->account->drop_suppressed) out->outcome = OUTCOME_DROP;
}

bool suppression_drops(const struct facts *f) {
  bool suppressed = f->known & FACT_SUPPRESSION && f->suppression;
  return suppressed && f->account->drop_suppressed && policy_mode(f, "suppression") == CHECK_ENFORCE;
}
