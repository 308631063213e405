#include "policy/check.h"

void check_recipient_count(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  if (f->recipient_count > f->recipients_max) finding_refuse(out, RULE_RECIPIENTS, CAUSE_MAIN);
}
