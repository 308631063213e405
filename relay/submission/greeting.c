#include "relay/submission/greeting.h"

#include "base/log.h"
#include "relay/smtp/proxy_header.h"
#include "relay/submission/auth/auth.h"
#include "relay/submission/auth/login.h"
#include "relay/submission/auth/login_bans.h"
#include "relay/submission/expected.h"
#include "relay/submission/local_peer.h"
#include "relay/submission/reply.h"
#include "relay/submission/session_limits.h"

#include <stdio.h>
#include <string.h>

/* --- room --- */

/* Who is turned away is still open until he has read why; when there are too many of those, too, they get no reply. */
static bool may_explain(const struct session *s) {
  return s->submission->session_count <= 2 * (size_t)s->submission->config->max_sessions;
}

/* By what a session is counted beside the others of its client; NULL: that is not known yet. */
static const char *counted_as(const struct session *s, char out[IP_TEXT]) {
  if (!session_is_local(s)) return s->identity == CLIENT_AWAITED ? NULL : s->peer;
  snprintf(out, IP_TEXT, "user %u", (unsigned)s->uid);
  return out;
}

/* Counts the session in; false: it was turned away. On a listener with implicit TLS that is without a reply: a
 * handshake for everybody would be more work than the limit spares. */
static bool enter(struct session *s) {
  char key[IP_TEXT];
  enum session_room room = session_limits_enter(s->submission->limits, counted_as(s, key));
  s->counted = room == ROOM;
  if (s->counted) return true;
  bool in_all = room == NO_ROOM;
  const char *why = in_all                ? "too many sessions"
                    : session_is_local(s) ? "too many sessions of this user"
                                          : "too many sessions from this address";
  if (!may_explain(s))
    session_close(s, false, why);
  else
    session_refuse(s, "4.3.2", RULE_SESSIONS,
                   in_all                ? "too many sessions; try again in a minute"
                   : session_is_local(s) ? "too many sessions of your user; close some, or try again in a minute"
                                         : "too many sessions from your address; close some, or try again in a minute");
  return false;
}

void greeting_leave(struct session *s) {
  char key[IP_TEXT];
  if (s->counted) session_limits_leave(s->submission->limits, counted_as(s, key));
  s->counted = false;
}

/* --- the greeting --- */

void greeting_too_early(struct session *s) {
  log_event(LOG_WARN_, s->id, "injection", "client", s->peer, "where", "before the greeting", NULL);
  reply_refused(s, 554, "5.5.1", RULE_SEQUENCE, "%s: wait for the greeting before sending anything; good-bye",
                s->submission->config->hostname);
  session_close(s, true, "octets before the greeting");
}

void greeting_send(struct session *s) {
  if (session_is_closed(s) || !session_may_reply(s)) return; /* the handshake is under way */
  bool early = !stream_is_tls(s->stream) && (s->in.len || stream_has_input(s->stream));
  bool by_name = s->account_id || s->self_test || session_is_local(s); /* where nobody guesses at passwords */
  uint64_t banned = by_name ? 0 : login_bans_banned(s->submission->bans, session_client(s));
  if (early)
    greeting_too_early(s);
  else if (s->submission->draining)
    session_turn_away(s, "4.3.2", "stopping; try again in a minute", "draining");
  else if (banned)
    login_turn_away(s, banned);
  else {
    session_set_state(s, SESSION_START);
    reply(s, 220, NULL, "%s ESMTP Sendoff", s->submission->config->hostname);
    session_set_timeout(s);
  }
}

/* --- whose it is --- */

/* An account's --client-ip is about who sends; a load balancer that does not say so stands for anybody. */
static void log_in_by_address(struct session *s) {
  const struct account *a =
      s->identity == CLIENT_KNOWN ? directory_account_by_client(s->loop->directory, session_client(s)) : NULL;
  if (a) login_by_address(s, a);
}

int greeting_start_tls(struct session *s) {
  return stream_start_tls_server(s->stream, auth_wants_certificate(s));
}

/* With implicit TLS, what came behind the PROXY header is the begin of the handshake. */
static int start_tls(struct session *s) {
  int rc = s->in.len ? stream_put_back(s->stream, buffer_bytes(&s->in)) : OK;
  buffer_wipe_free(&s->in);
  return rc == OK ? greeting_start_tls(s) : rc;
}

static void log_session(const struct session *s) {
  struct log_line l;
  log_begin(&l, LOG_INFO_, s->id, "session");
  log_str(&l, "client", s->peer);
  if (*s->proxy) log_str(&l, "proxy", s->proxy);
  log_end(&l);
}

static void identified(struct session *s, enum client_identity identity) {
  s->identity = identity;
  ip_format(session_client(s), s->peer);
  log_session(s);
  session_set_state(s, SESSION_ARRIVED);
  if (!enter(s)) return;
  log_in_by_address(s);
  if (s->listener->tls == LISTEN_IMPLICIT && start_tls(s) != OK)
    session_close(s, false, "TLS cannot be started");
  else
    loop_defer(s->loop, &s->turn);
  session_set_timeout(s);
}

/* Whatever its address is known for: an account of --client-ip, or a load balancer. */
static void begin_expected(struct session *s, int64_t account_id) {
  const struct account *a = account_id ? directory_account_by_id(s->loop->directory, account_id) : NULL;
  s->self_test = !account_id;
  identified(s, CLIENT_ANONYMOUS);
  if (a && !session_is_closed(s)) login_by_command(s, a);
}

static void refuse_header(struct session *s, const char *why) {
  char reason[128];
  snprintf(reason, sizeof reason, "PROXY header: %s", why);
  session_close(s, false, reason);
}

void greeting_header(struct session *s, struct bytes data) {
  struct proxy_header h;
  const char *why = "out of memory";
  int rc = buffer_add_bytes(&s->in, data) == OK ? proxy_header_parse(buffer_bytes(&s->in), &h, &why) : -1;
  if (rc < 0) refuse_header(s, why);
  if (rc <= 0) return;
  buffer_consume(&s->in, h.length);
  greeting_leave(s); /* it is counted anew, as that of its own address */
  if (h.known) s->client = h.client;
  identified(s, h.known ? CLIENT_KNOWN : CLIENT_ANONYMOUS);
}

/* --- the connection --- */

/* The kernel has said who it is; the session goes on when his name is known. */
static void user_found(struct session *s) {
  local_peer_format(s, s->peer);
  log_session(s);
  login_by_user(s);
}

static void begin_local(struct session *s) {
  local_peer_format(s, s->peer);
  session_set_state(s, SESSION_ARRIVED);
  if (enter(s)) local_peer_find(s, user_found);
}

static bool is_proxy(const struct session *s) {
  for (size_t i = 0; i < s->listener->proxy_count; i++)
    if (cidr_contains(&s->listener->proxies[i], session_client(s))) return true;
  return false;
}

void greeting_begin(struct session *s) {
  memcpy(&s->client, stream_peer(s->stream), sizeof s->client);
  ip_format(session_client(s), s->peer);
  /* Otherwise a client that --client-ip knows would be refused permanently, as one that is not logged in. */
  if (session_client(s)->sa_family == AF_UNSPEC) {
    session_close(s, false, "the client's address cannot be read");
    return;
  }
  if (stream_peer_user(s->stream, &s->uid)) {
    begin_local(s);
    return;
  }
  int64_t account_id;
  if (expected_take(s->submission->expected, session_client(s), &account_id)) {
    begin_expected(s, account_id);
    return;
  }
  if (!is_proxy(s)) {
    identified(s, CLIENT_KNOWN);
    return;
  }
  memcpy(s->proxy, s->peer, sizeof s->proxy);
  session_set_state(s, SESSION_PROXY);
  if (enter(s)) session_set_timeout(s);
}
