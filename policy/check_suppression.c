#include "policy/check.h"

void check_suppression(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  if (!f->suppression) return;
  finding_refuse(out, RULE_SUPPRESSION, CAUSE_MAIN);
  if (f->account->drop_suppressed) out->outcome = OUTCOME_DROP;
}
