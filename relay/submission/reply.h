/* Replies (RFC 5321 4.2), and the refusals that are also logged. Private to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_REPLY_H
#define SENDOFF_RELAY_SUBMISSION_REPLY_H

#include "base/refusal.h"
#include "relay/submission/session.h"

/* One line: "CODE ENHANCED text". `enhanced` NULL for replies that have none. 500-504 and 530, 535 count as errors, and
 * too many of those end the session. */
void reply(struct session *s, int code, const char *enhanced, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* AUTH's 334. As long as the mechanism makes it: the limit of other replies does not apply (RFC 4954 4). */
void reply_challenge(struct session *s, const char *challenge);
/* One line of a multi-line reply: "CODE-text", the last with a space. */
void reply_line(struct session *s, int code, bool last, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A refusal that depends on nothing but what was typed: not logged. */
void reply_refusal(struct session *s, const struct refusal *r);
/* A refusal that a person may ask about: logged, with a reference at the end: "... sendoff why REF". `to`: "" for the
 * whole message. */
void reply_logged_refusal(struct session *s, const struct refusal *r, const char *to);

#endif
