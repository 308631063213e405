#include "policy/check.h"

void check_store(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  if (f->stored == E_FULL)
    finding_refuse(out, RULE_DISK, CAUSE_LATE);
  else if (f->stored != OK)
    finding_refuse(out, RULE_STORE, CAUSE_LATE);
}
