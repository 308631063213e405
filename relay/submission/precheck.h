/* What MAIL and RCPT check alike before the content is sent. Private to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_PRECHECK_H
#define SENDOFF_RELAY_SUBMISSION_PRECHECK_H

#include "relay/submission/session.h"
#include "store/write.h"

/* Which parameters this session may say, and how far they go. */
struct parameter_rules session_parameter_rules(const struct session *s);
/* What MAIL, and all that follows from it up to the commit, needs of the session's account: it is there, what the
 * session logged in with still holds, and it is not suspended. OK or E_DENIED. */
int precheck_account(const struct session *s, struct refusal *why);
/* The same, when the store has found out, at the commit. */
int refuse_standing(struct refusal *why, const char *account, enum account_standing standing, const char *reason);
/* Has the disk room for a message of so many octets (0: not known)? OK or E_DENIED. */
int precheck_room(const struct session *s, uint64_t octets, struct refusal *why);
/* RFC 6531 3.2, 3.4. Returns E_DENIED. */
int refuse_utf8(struct refusal *why);
/* An address whose domain is not written as it is read (domain_is_plain): `meant` is what it is. */
int refuse_misleading(struct refusal *why, int code, const char *enhanced, const char *rule, struct bytes address,
                      const char *meant);
/* Would the account's limits take a message to so many recipients, going by what is committed so far? The store
 * decides exactly, when the message is kept. OK or E_DENIED. */
int precheck_limits(const struct session *s, uint64_t recipients, struct refusal *why);

#endif
