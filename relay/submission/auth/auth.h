/* AUTH (RFC 4954): the exchange. Private to relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_AUTH_AUTH_H
#define SENDOFF_RELAY_SUBMISSION_AUTH_AUTH_H

#include "relay/submission/session.h"

struct auth_exchange;
/* Certificates are asked for where some account has one: clients that have none are not troubled by it. */
bool auth_wants_certificate(const struct session *s);
bool auth_has_mechanism(const struct session *s); /* there is one that this client could use */
void auth_announce(struct session *s);            /* the line of the EHLO reply */
void auth_begin(struct session *s, struct bytes mechanism, struct bytes initial, bool has_initial);
void auth_continue(struct session *s, struct bytes line);
void auth_free(struct auth_exchange **a);

/* auth_password.c: is the password right? Answers by login_decide, now or later. */
void auth_password(struct session *s, const char *name, const char *password);

#endif
