#include "policy/check.h"

static bool would_be_refused(const struct dmarc_outcome *o) {
  return o->result == DMARC_FAIL && o->disposition != DMARC_NONE;
}

/* By either of the standards that receivers follow. What DNS did not say refuses nothing. */
void check_dmarc(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  out->what = dmarc_result_name(f->dmarc ? f->dmarc->now.result : DMARC_TEMPERROR);
  if (f->dmarc && f->dmarc->now.result == DMARC_TEMPERROR) out->doubt = f->dmarc->why;
  if (f->dmarc && (would_be_refused(&f->dmarc->now) || would_be_refused(&f->dmarc->old)))
    finding_refuse(out, RULE_DMARC, CAUSE_MAIN);
}
