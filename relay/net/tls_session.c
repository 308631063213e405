/* A session: its handshake, what is read and written, and how it fails. */
#include "relay/net/tls_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDSHAKE_STEPS_MAX 64
#define HANDSHAKE_RECORD 22

static void keep_last(struct tls_session *s, const unsigned char *octets, size_t n) {
  size_t more = n < sizeof s->last ? n : sizeof s->last, old = sizeof s->last - more;
  memmove(s->last, s->last + more, old);
  memcpy(s->last + old, octets + n - more, more);
}

/* GnuTLS keeps a handshake message of any length until it is whole, during the handshake and behind it; its own limit
 * (gnutls_handshake_set_max_packet_length) is applied only then. */
static bool has_room(struct tls_session *s, size_t size) {
  s->over |= size > TLS_WITHOUT_DATA_MAX - s->taken;
  return !s->over;
}

static ssize_t pull(gnutls_transport_ptr_t arg, void *out, size_t size) {
  struct tls_session *s = arg;
  errno = EMSGSIZE;
  ssize_t n = has_room(s, size) ? s->transport.pull(s->transport.arg, out, size) : -1;
  if (n < 0) gnutls_transport_set_errno(s->session, errno);
  if (n <= 0) return n;
  keep_last(s, out, (size_t)n);
  if (!s->began) s->is_tls = *(const unsigned char *)out == HANDSHAKE_RECORD;
  s->taken += (size_t)n;
  s->began = true;
  return n;
}

static ssize_t push(gnutls_transport_ptr_t arg, const void *data, size_t len) {
  struct tls_session *s = arg;
  ssize_t n = s->transport.push(s->transport.arg, data, len);
  if (n < 0) gnutls_transport_set_errno(s->session, errno);
  return n;
}

/* Data is always at hand when pull is called, or it says EAGAIN: no waiting happens inside GnuTLS. */
static int pull_ready(gnutls_transport_ptr_t arg, unsigned ms) {
  (void)arg;
  (void)ms;
  return 1;
}

struct tls_session *tls_session_new(unsigned flags, const struct tls_transport *transport) {
  struct tls_session *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->transport = *transport;
  s->failure = TLS_RESULT_VALIDATION_FAILURE;
  if (gnutls_init(&s->session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
    free(s);
    return NULL;
  }
  gnutls_transport_set_ptr(s->session, s);
  gnutls_transport_set_pull_function(s->session, pull);
  gnutls_transport_set_push_function(s->session, push);
  gnutls_transport_set_pull_timeout_function(s->session, pull_ready);
  gnutls_handshake_set_timeout(s->session, 0); /* the stream's own timeout bounds it */
  return s;
}

void tls_session_free(struct tls_session **at) {
  struct tls_session *s = *at;
  *at = NULL;
  if (!s) return;
  if (s->resumes && !*s->text) tls_client_cannot_resume(s);
  gnutls_deinit(s->session);
  tls_server_release(&s->server);
  free(s);
}

/* Those that a peer sends who was shown a certificate and does not take it (RFC 8446 6.2). */
static bool is_distrust(unsigned alert) {
  return (alert >= GNUTLS_A_BAD_CERTIFICATE && alert <= GNUTLS_A_CERTIFICATE_UNKNOWN) || alert == GNUTLS_A_UNKNOWN_CA;
}

/* A client that gives up within TLS 1.3 may not have switched to its handshake keys yet, and sends the alert in the
 * clear (OpenSSL does). GnuTLS cannot read it; 0: that was none. */
static unsigned alert_in_clear(const struct tls_session *s) {
  const unsigned char *l = s->last;
  bool is_alert = l[0] == 21 && l[1] == 3 && l[3] == 0 && l[4] == 2 && (l[5] == 1 || l[5] == 2);
  return is_alert ? l[6] : 0;
}

static unsigned alert_of(const struct tls_session *s, int rc) {
  if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED) return gnutls_alert_get(s->session);
  return s->over || *s->text ? 0 : alert_in_clear(s);
}

static void describe_alert(struct tls_session *s, unsigned alert) {
  const char *name = gnutls_alert_get_name((gnutls_alert_description_t)alert);
  s->distrusted = is_distrust(alert);
  snprintf(s->error, sizeof s->error, "TLS alert from the peer: %s", name ? name : "of an unknown kind");
}

static enum tls_step failed(struct tls_session *s, int rc) {
  unsigned alert = alert_of(s, rc);
  if (rc == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
    tls_describe_distrust(s);
  else if (rc == GNUTLS_E_CERTIFICATE_ERROR && *s->error)
    return TLS_FAILED; /* match_peer has said why */
  else if (s->over)
    snprintf(s->error, sizeof s->error, "TLS: the peer sent more than %d KB without any data",
             TLS_WITHOUT_DATA_MAX / 1024);
  else if (alert)
    describe_alert(s, alert);
  else if (s->began && !s->is_tls)
    snprintf(s->error, sizeof s->error, "TLS: what the peer sends is no TLS");
  else
    snprintf(s->error, sizeof s->error, "TLS: %s", gnutls_strerror(rc));
  return TLS_FAILED;
}

static void describe(struct tls_session *s) {
  gnutls_protocol_t v = gnutls_protocol_get_version(s->session);
  /* The registered spelling of RFC 8314 4.3 logs and Received comments: TLSv1.3, not TLS1.3. */
  const char *name = v == GNUTLS_TLS1_3 ? "TLSv1.3" : v == GNUTLS_TLS1_2 ? "TLSv1.2" : gnutls_protocol_get_name(v);
  snprintf(s->text, sizeof s->text, "%s %s", name ? name : "TLS",
           gnutls_cipher_get_name(gnutls_cipher_get(s->session)));
}

static enum tls_step handshake_done(struct tls_session *s) {
  if (s->client && !tls_client_passes(s)) {
    gnutls_alert_send(s->session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return TLS_FAILED;
  }
  describe(s);
  s->taken = 0;
  return TLS_DONE;
}

enum tls_step tls_handshake(struct tls_session *s) {
  for (int i = 0; i < HANDSHAKE_STEPS_MAX; i++) {
    int rc = gnutls_handshake(s->session);
    if (rc == GNUTLS_E_SUCCESS) return handshake_done(s);
    if (rc == GNUTLS_E_AGAIN) return TLS_AGAIN;
    if (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED) continue;
    gnutls_alert_send_appropriate(s->session, s->over ? GNUTLS_E_HANDSHAKE_TOO_LARGE : rc);
    return failed(s, rc);
  }
  return failed(s, GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS);
}

/* Renegotiation is refused; TLS 1.3 has none. A server that asks for it goes on without (RFC 5246 7.4.1.1); behind a
 * client's ClientHello GnuTLS can only go on with that. */
static enum tls_step refuse_renegotiation(struct tls_session *s) {
  gnutls_alert_send(s->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
  if (!s->server) return TLS_AGAIN;
  snprintf(s->error, sizeof s->error, "TLS: the peer wants to negotiate again, which is refused");
  return TLS_FAILED;
}

enum tls_step tls_read(struct tls_session *s, void *out, size_t size, size_t *got) {
  *got = 0;
  ssize_t n = gnutls_record_recv(s->session, out, size);
  if (n > 0) {
    *got = (size_t)n;
    s->taken = 0;
    if (s->client) tls_client_keep_ticket(s);
    return TLS_DONE;
  }
  if (n == 0) return TLS_END;
  if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) return TLS_AGAIN;
  return n == GNUTLS_E_REHANDSHAKE ? refuse_renegotiation(s) : failed(s, (int)n);
}

enum tls_step tls_write(struct tls_session *s, struct bytes data) {
  while (data.len) {
    ssize_t n = gnutls_record_send(s->session, data.at, data.len);
    if (n < 0 && (n == GNUTLS_E_INTERRUPTED)) continue;
    if (n <= 0) return failed(s, n == 0 ? GNUTLS_E_PUSH_ERROR : (int)n);
    data = bytes_from(data, (size_t)n);
  }
  return TLS_DONE;
}

bool tls_began(const struct tls_session *s) {
  return s->began;
}
bool tls_resumes(const struct tls_session *s) {
  return s->resumes;
}

/* The last message of a server's flight has left, and the certificate was in it. In TLS 1.3 GnuTLS sends tickets with
 * it; in TLS 1.2 they are sent when all is done. */
static bool showed_certificate(const struct tls_session *s) {
  gnutls_handshake_description_t last = gnutls_handshake_get_last_out(s->session);
  bool sent = last == GNUTLS_HANDSHAKE_SERVER_HELLO_DONE || last == GNUTLS_HANDSHAKE_FINISHED ||
              last == GNUTLS_HANDSHAKE_NEW_SESSION_TICKET;
  return sent && s->server && !gnutls_session_is_resumed(s->session);
}

enum tls_distrust tls_distrust(const struct tls_session *s) {
  if (s->distrusted) return TLS_DISTRUST_CERTAIN;
  return !*s->error && !*s->text && showed_certificate(s) ? TLS_DISTRUST_POSSIBLE : TLS_DISTRUST_NONE;
}

bool tls_binding(const struct tls_session *s, unsigned char out[32]) {
  gnutls_datum_t binding = {0};
  /* RFC 9266 4.2 */
  if (gnutls_protocol_get_version(s->session) != GNUTLS_TLS1_3 && !gnutls_session_ext_master_secret_status(s->session))
    return false;
  if (gnutls_session_channel_binding(s->session, GNUTLS_CB_TLS_EXPORTER, &binding) < 0) return false;
  bool whole = binding.size == 32;
  if (whole) memcpy(out, binding.data, 32);
  gnutls_free(binding.data);
  return whole;
}

bool tls_fingerprint(const struct tls_session *s, struct fingerprint *out) {
  unsigned count;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers(s->session, &count); /* its own first */
  size_t size = sizeof out->sha256;
  return chain && count && gnutls_fingerprint(GNUTLS_DIG_SHA256, &chain[0], out->sha256, &size) == 0;
}

struct tls_facts tls_facts(const struct tls_session *s) {
  gnutls_protocol_t v = gnutls_protocol_get_version(s->session);
  unsigned version = v == GNUTLS_TLS1_3 ? 13 : v == GNUTLS_TLS1_2 ? 12 : v == GNUTLS_TLS1_1 ? 11 : 10;
  enum tls_proof proof = s->dane ? TLS_BY_DANE : *s->name ? TLS_BY_CA : TLS_UNVERIFIED;
  return (struct tls_facts){
      .version = version,
      .proof = proof, /* a bad certificate ends the handshake */
      .cipher = tls_cipher_of(gnutls_cipher_get_name(gnutls_cipher_get(s->session))),
      .tlsa = s->tlsa,
  };
}

void tls_bye(struct tls_session *s) {
  gnutls_bye(s->session, GNUTLS_SHUT_WR);
}
enum tls_result tls_failure(const struct tls_session *s) {
  return s->failure;
}
const char *tls_error(const struct tls_session *s) {
  return s->error;
}
const char *tls_text(const struct tls_session *s) {
  return s->text;
}
