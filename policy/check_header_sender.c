#include "policy/check.h"
#include "policy/senders.h"

#include <string.h>

static bool may_be_anybody(const struct account *a) {
  for (size_t i = 0; i < a->sender_count; i++)
    if (strcmp(a->senders[i], "*") == 0) return true;
  return false;
}

/* RFC 5322 3.6.2: one mailbox. Readers show it beside From, so it is as much a claim as From is. */
void check_header_sender(const struct facts *f, struct finding *out) {
  const struct account *a = f->account;
  size_t mailboxes;
  out->outcome = OUTCOME_PASS;
  if (!f->header_sender.len || may_be_anybody(a)) return;
  int rc =
      header_from_allowed(a->senders, a->sender_count, f->header_sender, &mailboxes, out->subject, sizeof out->subject);
  if (rc == E_MEMORY)
    finding_refuse(out, RULE_MEMORY, CAUSE_MAIN);
  else if (rc == E_DENIED)
    finding_refuse(out, RULE_HEADER_SENDER,
                   sender_misleads(bytes_of(out->subject), out->meant) ? CAUSE_MISLEADING : CAUSE_MAIN);
  else if (rc != OK)
    finding_refuse(out, RULE_HEADER_SENDER, CAUSE_UNREADABLE);
}
