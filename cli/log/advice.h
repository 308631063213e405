/* What to do about a refusal, a delay or a bounce. Pure; any thread. */
#ifndef SENDOFF_CLI_LOG_ADVICE_H
#define SENDOFF_CLI_LOG_ADVICE_H

#include "base/mail/event.h"

#include <stddef.h>

#define ADVICE_MAX 768

/* By the event's kind, its rule (base/mail/rule.h) and its enhanced status code (RFC 3463), never by its text; "" when
 * there is nothing to say. Commands in it name the event's own account, domain and message. */
void advise(const struct event *e, char *out, size_t size);

#endif
