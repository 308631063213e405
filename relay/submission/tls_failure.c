#include "relay/submission/tls_failure.h"

#include "relay/submission/reply.h"

/* With implicit TLS, who connects and sends nothing only looks whether the port is open. */
static bool is_handshake(const struct session *s) {
  return s->state == SESSION_HANDSHAKE || (!session_may_reply(s) && stream_tls_began(s->stream));
}

/* An alert of that kind has other causes, too (GnuTLS sends "certificate is bad" for any of them), and a client that
 * only closes may have any. */
static void word(struct refusal *r, enum tls_distrust distrust, const char *why) {
  if (distrust == TLS_DISTRUST_CERTAIN)
    refuse(r, 421, "4.7.0", RULE_TLS_HANDSHAKE,
           "the client ended TLS, probably because it does not trust the certificate (%s)", why);
  else if (distrust == TLS_DISTRUST_POSSIBLE)
    refuse(r, 421, "4.7.0", RULE_TLS_HANDSHAKE,
           "the TLS handshake ended once the client had the certificate, which it may not trust (%s)", why);
  else
    refuse(r, 421, "4.7.0", RULE_TLS_HANDSHAKE, "the TLS handshake failed (%s)", why);
  refusal_about(r, why);
}

void tls_failure_end(struct session *s, const char *why) {
  struct refusal r = {0};
  enum tls_distrust distrust = stream_tls_distrust(s->stream);
  if (!is_handshake(s) && distrust != TLS_DISTRUST_CERTAIN) {
    session_close(s, false, why);
    return;
  }
  s->submission->tls_failed++;
  s->submission->tls_not_trusted += distrust == TLS_DISTRUST_CERTAIN;
  word(&r, distrust, why);
  reply_log_refusal(s, &r, NULL, "", NULL);
  session_close(s, false, r.text);
}
