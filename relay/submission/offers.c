#include "relay/submission/offers.h"

#include "base/clock.h"
#include "base/usage/limits.h"
#include "relay/net/tls.h"
#include "relay/submission/auth/auth.h"
#include "relay/submission/reply.h"
#include "relay/submission/usage_scopes.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_VALUE_MAX 999999 /* RFC 9422 4: six digits */

/* RFC 4954 4 and RFC 8314: passwords travel inside TLS, unless the operator has said that this listener may do without.
 */
static bool offers_auth(const struct session *s) {
  bool safe = stream_is_tls(s->stream) || s->listener->tls == LISTEN_OPTIONAL;
  return safe && (!s->account_id || s->proof == LOGIN_ADDRESS) && auth_has_mechanism(s);
}

unsigned session_offers(const struct session *s) {
  bool tls = stream_is_tls(s->stream), may_start = !tls && s->loop->tls && !session_is_local(s);
  if (!s->extended) return 0;
  return EXTENSION_SIZE | EXTENSION_8BITMIME | EXTENSION_SMTPUTF8 | EXTENSION_PIPELINING | EXTENSION_CHUNKING |
         EXTENSION_BINARYMIME | EXTENSION_DSN | EXTENSION_ENHANCED | EXTENSION_LIMITS | EXTENSION_DELIVERBY |
         EXTENSION_PRIORITY | (may_start ? EXTENSION_STARTTLS : 0) | (offers_auth(s) ? EXTENSION_AUTH : 0) |
         (tls ? EXTENSION_REQUIRETLS : 0) | /* RFC 8689 2: only inside TLS */
         (s->submission->config->max_hold_us ? EXTENSION_HOLD : 0);
}

/* RFC 9422: what the account has left now. A limit that is used up is announced as 1, as there is no 0. */
static void announce_limits(struct session *s) {
  const struct account *a = session_account(s);
  struct limits_left left = {.messages = UINT64_MAX, .recipients = s->submission->config->max_recipients};
  struct usage_scope scopes[USAGE_SCOPES_MAX];
  struct usage usage;
  struct facts f = {.directory = s->loop->directory, .account = a};
  struct usage_owners owners = {
      .directory = s->loop->directory, .account = a, .observe = a && !policy_enforces(&f, "limits")};
  if (a) owners.domain = usage_certain_domain(s->loop->directory, a);
  size_t count = a ? usage_scopes_of(&owners, scopes) : 0;
  for (size_t i = 0; i < count; i++) {
    if (!scopes[i].limit_count) continue;
    store_usage(s->loop->gateway->store, &scopes[i], &usage);
    limits_left(scopes[i].limits, scopes[i].limit_count, &usage, &left);
  }
  if (left.recipients > LIMIT_VALUE_MAX) left.recipients = LIMIT_VALUE_MAX;
  if (left.messages > LIMIT_VALUE_MAX)
    reply_line(s, 250, false, "LIMITS RCPTMAX=%" PRIu64, left.recipients ? left.recipients : 1);
  else
    reply_line(s, 250, false, "LIMITS MAILMAX=%" PRIu64 " RCPTMAX=%" PRIu64, left.messages ? left.messages : 1,
               left.recipients ? left.recipients : 1);
}

/* RFC 4865 3: the longest time, and the latest moment that it leads to. */
static void announce_hold(struct session *s) {
  int64_t max_us = s->submission->config->max_hold_us;
  time_t until = (time_t)((clock_now_us() + max_us) / SECOND_US);
  struct tm t;
  char text[32];
  gmtime_r(&until, &t);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t);
  reply_line(s, 250, false, "FUTURERELEASE %" PRId64 " %s", max_us / SECOND_US, text);
}

void offers_announce(struct session *s) {
  static const struct {
    unsigned extension;
    const char *line;
  } lines[] = {
      {EXTENSION_8BITMIME, "8BITMIME"},     {EXTENSION_SMTPUTF8, "SMTPUTF8"},     {EXTENSION_PIPELINING, "PIPELINING"},
      {EXTENSION_CHUNKING, "CHUNKING"},     {EXTENSION_BINARYMIME, "BINARYMIME"}, {EXTENSION_DSN, "DSN"},
      {EXTENSION_DELIVERBY, "DELIVERBY"},   {EXTENSION_PRIORITY, "MT-PRIORITY"},  {EXTENSION_STARTTLS, "STARTTLS"},
      {EXTENSION_REQUIRETLS, "REQUIRETLS"},
  };
  unsigned offered = session_offers(s);
  reply_line(s, 250, false, "SIZE %" PRIu64, s->submission->config->max_message_size);
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
    if (offered & lines[i].extension) reply_line(s, 250, false, "%s", lines[i].line);
  if (offered & EXTENSION_AUTH) auth_announce(s);
  if (offered & EXTENSION_HOLD) announce_hold(s);
  announce_limits(s);
  reply_line(s, 250, true, "ENHANCEDSTATUSCODES");
}
