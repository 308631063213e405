#include "policy/check.h"

void check_spf(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  out->what = spf_result_name(f->spf->result);
  if (f->spf->result == SPF_FAIL) finding_refuse(out, RULE_SPF, CAUSE_MAIN);
}
