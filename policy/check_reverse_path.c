#include "policy/check.h"
#include "policy/senders.h"

void check_reverse_path(const struct facts *f, struct finding *out) {
  const struct account *a = f->account;
  out->outcome = OUTCOME_PASS;
  if (f->rewritten) return; /* to one that it may send as: no command leaves another */
  if (sender_allowed(a->senders, a->sender_count, &f->from)) return;
  bytes_copy(bytes_of(f->reverse_path), out->subject, sizeof out->subject);
  finding_refuse(out, RULE_SENDER, sender_misleads(f->from.whole, out->meant) ? CAUSE_MISLEADING : CAUSE_MAIN);
}
