#include "policy/check.h"

void check_room(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  if (f->room == E_FULL)
    finding_refuse(out, RULE_DISK, CAUSE_MAIN);
  else if (f->room != OK)
    finding_refuse(out, RULE_STORE, CAUSE_LOST);
}
