#include "policy/bulk_rules.h"
#include "policy/check.h"

/* Reports and automatic replies have the null reverse-path (RFC 3834 3.3), and nobody subscribes to them. */
void check_bulk_rules(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  if (f->stream != STREAM_BULK || f->from.is_null) return;
  out->count = bulk_rules_missing(f);
  if (out->count) finding_refuse(out, RULE_BULK, CAUSE_MAIN);
}
