#include "policy/check.h"

void check_account(const struct facts *f, struct finding *out) {
  bool here = f->account && f->standing == STANDING_GOOD;
  if (here && f->login_holds)
    out->outcome = OUTCOME_PASS;
  else if (here)
    finding_refuse(out, RULE_LOGIN_ENDED, CAUSE_MAIN); /* RFC 4954 6 */
  else if (!f->account || f->standing == STANDING_GONE)
    finding_refuse(out, RULE_ACCOUNT_GONE, CAUSE_MAIN);
  else if (f->standing == STANDING_SUSPENDED)
    finding_refuse(out, RULE_SUSPENDED, CAUSE_MAIN);
  else
    finding_refuse(out, RULE_LOGIN_ENDED, CAUSE_LATE); /* whether it still holds, MAIL knows when it is sent again */
}
