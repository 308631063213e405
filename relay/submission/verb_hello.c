/* EHLO, HELO, STARTTLS: RFC 5321 4.1.1.1, RFC 3207. */
#include "base/log.h"
#include "relay/submission/auth/login.h"
#include "relay/submission/greeting.h"
#include "relay/submission/offers.h"
#include "relay/submission/reply.h"
#include "relay/submission/verbs.h"

bool check_hello(struct session *s) {
  (void)s;
  return true; /* at any time: it also resets (RFC 5321 4.1.4) */
}

/* Whatever a client calls itself: devices say "my pc" and "[fe80::1%eth0]", and nothing is decided by it. */
static bool hello(struct session *s, struct bytes rest, const char *verb) {
  if (!rest.len) {
    reply_refused(s, 501, "5.5.4", RULE_SYNTAX, "say %s and your host's name, or its address in brackets", verb);
    return false;
  }
  bytes_copy(rest, s->helo, sizeof s->helo);
  session_reset(s);
  session_set_state(s, SESSION_READY);
  return true;
}

void do_helo(struct session *s, struct bytes rest) {
  if (!hello(s, rest, "HELO")) return;
  s->extended = false;
  reply(s, 250, NULL, "%s", s->submission->config->hostname);
}

void do_ehlo(struct session *s, struct bytes rest) {
  if (!hello(s, rest, "EHLO")) return;
  s->extended = true;
  reply_line(s, 250, false, "%s", s->submission->config->hostname);
  offers_announce(s);
}

bool check_starttls(struct session *s) {
  if (stream_is_tls(s->stream))
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "TLS is already in use");
  else if (!s->loop->tls || session_is_local(s))
    reply_refused(s, 502, "5.5.1", RULE_SYNTAX, "TLS is not available here");
  else if (s->state == SESSION_START)
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "say EHLO first");
  else if (s->tx)
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "not inside a mail transaction");
  else
    return true;
  return false;
}

void do_starttls(struct session *s, struct bytes rest) {
  if (rest.len) {
    reply_refused(s, 501, "5.5.4", RULE_SYNTAX, "STARTTLS takes no argument"); /* RFC 3207 4 */
    return;
  }
  /* RFC 3207 6: commands behind STARTTLS were put there by somebody in the middle, to be run inside TLS. */
  if (s->behind || stream_has_input(s->stream)) {
    reply_refused(s, 554, "5.5.1", RULE_SEQUENCE, "octets in the clear behind STARTTLS; good-bye");
    log_event(LOG_WARN_, s->id, "injection", "client", s->peer, "where", "behind STARTTLS", NULL);
    session_close(s, true, "octets in the clear behind STARTTLS");
    return;
  }
  reply(s, 220, "2.0.0", "ready for TLS");
  if (session_is_closed(s)) return;
  if (greeting_start_tls(s) != OK) {
    session_close(s, true, "TLS cannot be started");
    return;
  }
  /* RFC 3207 4.2: what was said in the clear is forgotten, a login included. One without AUTH stays what it is. */
  session_reset(s);
  s->helo[0] = '\0';
  if (!session_needs_no_login(s)) login_end(s);
  session_set_state(s, SESSION_HANDSHAKE);
}
