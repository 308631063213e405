/* Replies (RFC 5321 4.2), and the refusals that are also logged. Private to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_REPLY_H
#define SENDOFF_RELAY_SUBMISSION_REPLY_H

#include "base/mail/event.h"
#include "base/mail/refusal.h"
#include "relay/submission/session.h"

/* One line: "CODE ENHANCED text". `enhanced` NULL for replies that have none. 500-504 and 530, 535 count as errors, and
 * too many of those end the session. */
void reply(struct session *s, int code, const char *enhanced, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* AUTH's 334. As long as the mechanism makes it: the limit of other replies does not apply (RFC 4954 4). */
void reply_challenge(struct session *s, const char *challenge);
/* One line of a multi-line reply: "CODE-text", the last with a space. */
void reply_line(struct session *s, int code, bool last, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Every refusal is logged, and its reply ends with a reference: "... sendoff why REF". `from` NULL: the transaction's
 * reverse-path. `to`: "" for the whole message. */
void reply_refusal(struct session *s, const struct refusal *r, const char *from, const char *to);
/* The same of a message whose content came: `of` has, besides `to`, what that said of itself. */
void reply_refusal_of(struct session *s, const struct refusal *r, const struct event *of);
/* The same in one, for what is about nothing but the command. */
void reply_refused(struct session *s, int code, const char *enhanced, const char *rule, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Into the log alone. `account` NULL: the session's. Returns the reference, which lives until the next call. */
const char *reply_log_refusal(struct session *s, const struct refusal *r, const char *from, const char *to,
                              const char *account);

#endif
