/* From the connection to the greeting: whose it is (the PROXY header of a load balancer), whether there is room, TLS
 * where it comes first, and that the client has waited for the greeting (RFC 5321 3.1). */
#include "base/log.h"
#include "relay/smtp/proxy_header.h"
#include "relay/submission/admission.h"
#include "relay/submission/session.h"

#include <stdio.h>
#include <string.h>

static struct admission *admission_of(const struct session *s) {
  return s->loop->gateway->admission;
}

/* --- room --- */

/* Who is turned away is still open until he has read why; when there are too many of those, too, they get no words. */
static bool has_time_for_words(const struct session *s) {
  return s->loop->session_count <= 2 * (size_t)s->loop->gateway->config->max_sessions;
}

/* Counts the session in, as that of `client` (NULL: not known yet); false: it was turned away. On a listener with
 * implicit TLS that is without words: a handshake for everybody would be more work than the limit spares. */
static bool enter(struct session *s, const struct sockaddr *client) {
  enum admitted a = admission_enter(admission_of(s), client);
  s->counted = a == ADMITTED;
  if (s->counted) return true;
  const char *why = a == FULL_HERE ? "too many sessions" : "too many sessions from this address";
  if (!has_time_for_words(s))
    session_close(s, false, why);
  else
    session_turn_away(s, "4.3.2",
                      a == FULL_HERE ? "too many sessions; try again in a minute"
                                     : "too many sessions from your address; close some, or try again in a minute",
                      why);
  return false;
}

void entrance_leave(struct session *s) {
  if (s->counted) admission_leave(admission_of(s), s->identified ? session_client(s) : NULL);
  s->counted = false;
}

/* --- the greeting --- */

void entrance_spoken_early(struct session *s) {
  log_event(LOG_WARN_, s->id, "injection", "client", s->peer, "where", "before the greeting", NULL);
  reply(s, 554, "5.5.1", "%s: you spoke before the greeting; good-bye", s->loop->gateway->config->hostname);
  session_close(s, true, "octets before the greeting");
}

void entrance_arrived(struct session *s) {
  if (s->closing || !session_may_speak(s)) return; /* the handshake is under way */
  bool early = !stream_is_tls(s->stream) && (s->in.len || stream_has_input(s->stream));
  uint64_t banned = s->admitted ? 0 : admission_banned(admission_of(s), session_client(s));
  if (early)
    entrance_spoken_early(s);
  else if (s->loop->draining)
    session_turn_away(s, "4.3.2", "stopping; try again in a minute", "draining");
  else if (banned)
    login_turn_away(s, banned);
  else {
    session_set_state(s, SESSION_START);
    reply(s, 220, NULL, "%s ESMTP Sendoff", s->loop->gateway->config->hostname);
    session_set_timeout(s);
  }
}

/* --- whose it is --- */

/* An account's --client-ip is about who sends; a load balancer that does not say so stands for anybody. */
static void admit_by_address(struct session *s) {
  const struct account *a = s->anonymous ? NULL : directory_account_by_client(s->loop->directory, session_client(s));
  if (!a) return;
  s->account_id = a->id;
  s->admitted = true;
  bytes_copy(bytes_of(a->name), s->account, sizeof s->account);
}

/* Certificates are asked for where some account has one: clients that have none are not troubled by it. */
int session_start_tls(struct session *s) {
  return stream_start_tls_server(s->stream, s->loop->directory->client_cert_count > 0);
}

/* With implicit TLS, what came behind the PROXY header is the begin of the handshake. */
static int start_tls(struct session *s) {
  int rc = s->in.len ? stream_put_back(s->stream, buffer_bytes(&s->in)) : OK;
  buffer_wipe_free(&s->in);
  return rc == OK ? session_start_tls(s) : rc;
}

static void identified(struct session *s) {
  struct log_line l;
  s->identified = true;
  ip_format(session_client(s), s->peer);
  log_begin(&l, LOG_INFO_, s->id, "session");
  log_str(&l, "client", s->peer);
  if (*s->proxy) log_str(&l, "proxy", s->proxy);
  log_end(&l);
  session_set_state(s, SESSION_ARRIVED);
  if (!enter(s, session_client(s))) return;
  admit_by_address(s);
  if (s->listen == LISTEN_IMPLICIT && start_tls(s) != OK)
    session_close(s, false, "TLS cannot be started");
  else
    loop_defer(s->loop, &s->turn);
  session_set_timeout(s);
}

static void refuse_header(struct session *s, const char *why) {
  char reason[128];
  snprintf(reason, sizeof reason, "PROXY header: %s", why);
  session_close(s, false, reason);
}

void entrance_header(struct session *s, struct bytes data) {
  struct proxy_header h;
  const char *why = "out of memory";
  int rc = buffer_add_bytes(&s->in, data) == OK ? proxy_header_parse(buffer_bytes(&s->in), &h, &why) : -1;
  if (rc < 0) refuse_header(s, why);
  if (rc <= 0) return;
  buffer_consume(&s->in, h.length);
  entrance_leave(s);
  s->anonymous = !h.known;
  if (h.known) s->client = h.client;
  identified(s);
}

/* --- the connection --- */

static bool is_proxy(const struct session *s) {
  for (size_t i = 0; i < s->listener->proxy_count; i++)
    if (cidr_contains(&s->listener->proxies[i], session_client(s))) return true;
  return false;
}

void entrance_begin(struct session *s) {
  memcpy(&s->client, stream_peer(s->stream), sizeof s->client);
  ip_format(session_client(s), s->peer);
  if (!is_proxy(s)) {
    identified(s);
    return;
  }
  memcpy(s->proxy, s->peer, sizeof s->proxy);
  session_set_state(s, SESSION_PROXY);
  if (enter(s, NULL)) session_set_timeout(s);
}
