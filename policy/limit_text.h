/* What a limit's refusal says. Pure; any thread. */
#ifndef SENDOFF_POLICY_LIMIT_TEXT_H
#define SENDOFF_POLICY_LIMIT_TEXT_H

#include "base/mail/refusal.h"
#include "base/usage/limits.h"

const char *limit_rule(const struct limit *l); /* base/mail/rule.h's identifier of a limit of that kind */
/* Makes the refusal that a verdict of E_LIMIT is, for this account: "blog: 5000 of 5000 messages today; resets
 * 2026-11-23 00:00 UTC (in 3h12m)". A window ends, so its refusal is transient (452; RFC 5321 4.2.1), and a client may
 * try again then; what is too much for one message stays so (550), unless its action is defer. Returns E_DENIED. */
int refuse_limit(struct refusal *r, const struct limit_verdict *v, const char *account, int64_t now_us);

#endif
