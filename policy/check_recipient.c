#include "policy/check.h"
#include "policy/senders.h"

void check_recipient(const struct facts *f, struct finding *out) {
  const struct account *a = f->account;
  out->outcome = OUTCOME_PASS;
  bool denied = a->not_to_count && sender_allowed(a->not_to, a->not_to_count, &f->to);
  bool allowed = !denied && (!a->to_count || sender_allowed(a->to, a->to_count, &f->to));
  if (allowed && f->simulated != SIMULATED_UNKNOWN) return;
  bytes_copy(bytes_of(f->recipient), out->subject, sizeof out->subject);
  if (allowed)
    finding_refuse(out, RULE_SIMULATOR, CAUSE_MAIN);
  else
    finding_refuse(out, RULE_RECIPIENT, denied ? CAUSE_DENIED : CAUSE_MAIN);
}
