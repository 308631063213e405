/* Failed logins and what follows from them (bans.h), shared by the loops behind one lock: a ban must hold whichever
 * loop the kernel gave the connection to. Times are the monotonic clock's. Any thread; nothing blocks while the lock is
 * held.
 */
#ifndef SENDOFF_RELAY_SUBMISSION_AUTH_LOGIN_BANS_H
#define SENDOFF_RELAY_SUBMISSION_AUTH_LOGIN_BANS_H

#include "relay/submission/auth/bans.h"

struct login_bans;
struct login_bans *login_bans_new(const struct ban_rules *rules); /* NULL without memory */
void login_bans_free(struct login_bans **b);

/* bans.h says what each does. */
void login_bans_failed(struct login_bans *b, const struct sockaddr *client, const char *name, bool is_account,
                       struct login_failure *out);
void login_bans_succeeded(struct login_bans *b, const struct sockaddr *client, const char *account);
uint64_t login_bans_banned(struct login_bans *b, const struct sockaddr *client);
uint64_t login_bans_restricted(struct login_bans *b, const struct sockaddr *client, const char *name);
size_t login_bans_list(struct login_bans *b, struct ban *out, size_t max);
size_t login_bans_lift(struct login_bans *b, const char *what);

#endif
