/* Who may come in: sessions in all and per client address, and the memory of failed logins
 * (relay/submission/auth/bans.h). The one structure that the loops share and change, behind one lock: a limit per
 * address must hold whichever loop the kernel gave the connection to. Any thread; nothing blocks while the lock is
 * held. */
#ifndef SENDOFF_RELAY_ADMISSION_H
#define SENDOFF_RELAY_ADMISSION_H

#include "relay/submission/auth/bans.h"

struct admission;
enum admitted { ADMITTED, FULL_HERE /* in all */, FULL_FOR_ADDRESS };

/* NULL without memory. */
struct admission *admission_new(unsigned max_sessions, unsigned max_per_address, const struct ban_rules *rules);
void admission_free(struct admission **a);
/* `client` NULL: whose connection it is, is not known yet (the PROXY header is awaited); counted in all. */
enum admitted admission_enter(struct admission *a, const struct sockaddr *client);
void admission_leave(struct admission *a, const struct sockaddr *client); /* once for each ADMITTED */
unsigned admission_sessions(struct admission *a);

/* bans.h, with the lock and the time. */
void admission_login_failed(struct admission *a, const struct sockaddr *client, const char *name, bool is_account,
                            struct login_failure *out);
void admission_login_right(struct admission *a, const struct sockaddr *client, const char *account);
uint64_t admission_banned(struct admission *a, const struct sockaddr *client);
uint64_t admission_guarded(struct admission *a, const struct sockaddr *client, const char *name);
size_t admission_bans(struct admission *a, struct ban *out, size_t max);
size_t admission_unban(struct admission *a, const char *what);

#endif
