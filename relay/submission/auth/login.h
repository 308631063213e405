/* Logins: who may try, what comes of it, and whether one still holds. Private to relay/submission/; the loop's thread.
 */
#ifndef SENDOFF_RELAY_SUBMISSION_AUTH_LOGIN_H
#define SENDOFF_RELAY_SUBMISSION_AUTH_LOGIN_H

#include "relay/submission/session.h"

/* May this client try to log in as `name`? False: refused, with a reply. Asked before the password is checked, for any
 * name: the answer must reveal nothing. NULL, for a certificate, which nobody can guess: only its address matters. */
bool login_may_try(struct session *s, const char *name);
/* The reply to AUTH: at once when it succeeded, after a delay when it failed. `a` NULL: there is no such account. */
void login_decide(struct session *s, const struct account *a, bool right, const char *name, enum login_proof proof);
/* What it rests on is still good: the password was not changed, the certificate not taken away, the address still the
 * account's. */
bool login_holds(const struct session *s, const struct account *a);
/* The session acts for an account because of its client's address (--client-ip), or for none any more. */
void login_by_address(struct session *s, const struct account *a);
/* A command on this machine has announced the session as the account's (relay/submission/expected.h). */
void login_by_command(struct session *s, const struct account *a);
/* The same for a session by the local socket, whose user an account may have (--local-user). False: none has. */
bool login_by_user(struct session *s);
void login_end(struct session *s);
/* The gateway is stopping: a delayed answer is given now. */
void login_hurry(struct session *s);
void login_turn_away(struct session *s, uint64_t left_ms); /* ends it: its address is banned for so long */

#endif
