/* AUTH: RFC 4954 4. */
#include "relay/submission/auth/auth.h"
#include "relay/submission/reply.h"
#include "relay/submission/verbs.h"

bool check_auth(struct session *s) {
  if (s->state == SESSION_START)
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "say EHLO first");
  else if (session_is_local(s))
    reply_refused(s, 502, "5.5.1", RULE_SYNTAX, "no AUTH by the local socket: your account is that of your user");
  else if (!stream_is_tls(s->stream) && s->listener->tls != LISTEN_OPTIONAL)
    reply_refused(s, 530, "5.7.0", RULE_AUTHENTICATION, "say STARTTLS first"); /* RFC 3207 4, RFC 4954 4 */
  else if (s->account_id && s->proof != LOGIN_ADDRESS) /* who needs no login may still have one */
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "already authenticated");
  else if (s->tx)
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "not inside a mail transaction");
  else if (s->submission->draining)
    reply_refused(s, 454, "4.7.0", RULE_STOPPING, "stopping; try again in a minute");
  else
    return true;
  return false;
}

void do_auth(struct session *s, struct bytes rest) {
  size_t end = bytes_find(rest, ' ', 0);
  struct bytes mechanism = {rest.at, end};
  struct bytes initial = bytes_trim(bytes_from(rest, end));
  if (!mechanism.len || bytes_find(initial, ' ', 0) < initial.len)
    reply_refused(s, 501, "5.5.4", RULE_SYNTAX, "say AUTH, a mechanism, and nothing else but an initial response");
  else
    auth_begin(s, mechanism, initial, initial.len > 0);
}
