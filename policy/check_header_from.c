#include "policy/check.h"
#include "policy/senders.h"

void check_header_from(const struct facts *f, struct finding *out) {
  const struct account *a = f->account;
  size_t mailboxes;
  int rc =
      header_from_allowed(a->senders, a->sender_count, f->header_from, &mailboxes, out->subject, sizeof out->subject);
  out->outcome = OUTCOME_PASS;
  if (f->rewritten) return; /* to one that it may send as: no command leaves another */
  if (rc == E_MEMORY)
    finding_refuse(out, RULE_MEMORY, CAUSE_MAIN);
  else if (rc != E_DENIED)
    return;
  else if (sender_misleads(bytes_of(out->subject), out->meant))
    finding_refuse(out, RULE_FROM_SYNTAX, CAUSE_MISLEADING);
  else if (!f->daemon) /* its address is ours, and was not the account's choice */
    finding_refuse(out, RULE_HEADER_FROM, CAUSE_MAIN);
}
