/* By what is committed so far, until the store has decided exactly. */
#include "policy/check.h"
#include "policy/limit_text.h"

static void take(struct finding *out, const struct limit_verdict *v) {
  out->outcome = OUTCOME_PASS;
  out->limit = *v;
  if (v->result != OK) finding_refuse(out, limit_rule(v->rule), CAUSE_MAIN);
}

/* Those that count: as the store counts them. Before the first, there will be one. */
static size_t recipients_of(const struct facts *f) {
  if (!f->recipient_count) return 1;
  return f->recipient_count - f->recipients_dropped - suppression_drops(f);
}

void check_limits(const struct facts *f, struct finding *out) {
  if (f->known & FACT_STORED) {
    take(out, f->stored_limit);
  } else if (f->known & FACT_USAGE) {
    struct limit_request request = {.recipients = recipients_of(f), .octets = f->size};
    struct limit_verdict v = limits_check_scopes(f->scopes, f->usage, f->scope_count, f->now_us, &request);
    take(out, &v);
  } else {
    out->missing = FACT_USAGE;
  }
}
