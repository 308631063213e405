#include "policy/check.h"
#include "policy/senders.h"

/* How many mailboxes it has, whoever may use them. */
static size_t count_mailboxes(struct bytes from) {
  static const char *const any[] = {"*"};
  char offender[ADDRESS_MAX + 1];
  size_t count = 0;
  header_from_allowed(any, 1, from, &count, offender, sizeof offender);
  return count;
}

void check_from_form(const struct facts *f, struct finding *out) {
  out->outcome = OUTCOME_PASS;
  out->count = count_mailboxes(f->header_from);
  if (!f->from_domain)
    finding_refuse(out, RULE_FROM_SYNTAX, CAUSE_NO_DOMAIN);
  else if (out->count > 1 && !f->header_sender.len) /* RFC 5322 3.6.2 */
    finding_refuse(out, RULE_FROM_SYNTAX, CAUSE_MANY_FROM);
}
