/* A stream's TLS: its handshake, and what is read and written through it. */
#include "base/address/cidr.h"
#include "relay/net/stream_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PLAIN_CHUNK (16 * 1024) /* a record holds no more */

/* --- ciphertext --- */

/* That TCP has ended is not said: GnuTLS would give up the session, and nothing could be written any more. */
static ssize_t pull(void *arg, void *out, size_t size) {
  struct stream *s = arg;
  struct bytes from = s->cipher.len ? buffer_bytes(&s->cipher) : s->arrived;
  if (!from.len) {
    errno = EAGAIN;
    return -1;
  }
  size_t n = from.len < size ? from.len : size;
  memcpy(out, from.at, n);
  if (s->cipher.len)
    buffer_consume(&s->cipher, n);
  else
    s->arrived = bytes_from(s->arrived, n);
  return (ssize_t)n;
}

static ssize_t push(void *arg, const void *data, size_t len) {
  struct stream *s = arg;
  if (buffer_add(&s->out, data, len) != OK) {
    errno = ENOMEM;
    return -1;
  }
  s->drained = false;
  loop_defer(s->loop, &s->turn);
  return (ssize_t)len;
}

static const struct tls_transport no_transport = {pull, push, NULL};

/* Ciphertext that is there. */
static size_t cipher_left(const struct stream *s) {
  return s->cipher.len + s->arrived.len;
}

/* --- the handshake --- */

static void tls_failed(struct stream *s) {
  stream_send_last(s); /* the alert */
  stream_fail(s, tls_error(s->tls));
}

/* A message of the handshake may come in many records (RFC 8446 5.1); each call reads one. */
static void handshake(struct stream *s) {
  enum tls_step step;
  size_t before;
  do {
    before = cipher_left(s);
    step = tls_handshake(s->tls);
  } while (step == TLS_AGAIN && cipher_left(s) < before);
  if (step == TLS_AGAIN) {
    if (s->peer_ended) stream_fail(s, "TLS: the peer closed during the handshake");
  } else if (step != TLS_DONE)
    tls_failed(s);
  else {
    s->phase = PHASE_OPEN;
    s->secured = true;
    stream_emit(s, STREAM_TLS_READY);
  }
}

/* --- reading --- */

/* After close_notify nothing more is read (RFC 8446 6.1); the end of TCP, which follows, is no other. A peer that
 * closes without is common, and means no more than that to SMTP, whose dots mark ends. */
static void take_end(struct stream *s) {
  stream_peer_ended(s);
  buffer_wipe_free(&s->cipher);
  s->arrived = (struct bytes){0};
  stream_end(s);
}

/* One record at most. True: there may be more. */
static bool read_record(struct stream *s) {
  char plain[PLAIN_CHUNK];
  size_t got, before = cipher_left(s);
  switch (tls_read(s->tls, plain, sizeof plain, &got)) {
  case TLS_DONE: s->calls->on_data(s->owner, (struct bytes){plain, got}); return true;
  case TLS_END: take_end(s); return false;
  case TLS_FAILED: tls_failed(s); return false;
  case TLS_AGAIN: break;
  }
  if (cipher_left(s) < before) return true; /* a record that was not for us (a session ticket, say) */
  if (s->peer_ended) take_end(s);
  return false;
}

void stream_tls_read(struct stream *s) {
  if (s->phase == PHASE_HANDSHAKE) handshake(s);
  while (s->phase == PHASE_OPEN && !s->paused && !s->ended && read_record(s)) continue;
}

void stream_tls_arrived(struct stream *s, struct bytes data) {
  s->arrived = data;
  stream_tls_read(s);
  bool kept = stream_is_live(s) && s->arrived.len;
  if (kept && buffer_add_bytes(&s->cipher, s->arrived) != OK) stream_fail(s, "too much input while paused");
  s->arrived = (struct bytes){0};
}

/* --- its begin --- */

static int start_tls(struct stream *s, int rc) {
  if (rc != OK) return rc;
  s->phase = PHASE_HANDSHAKE;
  s->resumed = true;
  loop_defer(s->loop, &s->turn);
  return OK;
}

int stream_start_tls_server(struct stream *s, bool ask) {
  if (s->tls || !s->loop->tls || !stream_is_live(s)) return E_DENIED;
  struct tls_transport transport = no_transport;
  transport.arg = s;
  return start_tls(s, tls_session_server(s->loop->tls, ask, &transport, &s->tls));
}

int stream_start_tls_client(struct stream *s, const char *server_name, enum tls_proof proof,
                            const struct dane_rules *dane) {
  if (s->tls || !s->loop->tls_client || !stream_is_live(s)) return E_DENIED;
  struct tls_transport transport = no_transport;
  char address[IP_TEXT], at[IP_TEXT + 8];
  transport.arg = s;
  ip_format(stream_peer(s), address);
  snprintf(at, sizeof at, "%s:%u", address, ip_port(stream_peer(s)));
  struct tls_peer peer = {.name = server_name, .at = at, .proof = proof, .dane = dane};
  return start_tls(s, tls_session_client(s->loop->tls_client, &peer, &transport, &s->tls));
}

int stream_put_back(struct stream *s, struct bytes data) {
  return buffer_add_bytes(&s->cipher, data);
}

/* --- what it is --- */

bool stream_is_tls(const struct stream *s) {
  return s->secured;
}
bool stream_tls_began(const struct stream *s) {
  return s->tls && tls_began(s->tls);
}
bool stream_tls_resumes(const struct stream *s) {
  return s->tls && tls_resumes(s->tls);
}
enum tls_distrust stream_tls_distrust(const struct stream *s) {
  return s->tls ? tls_distrust(s->tls) : TLS_DISTRUST_NONE;
}
bool stream_tls_binding(const struct stream *s, unsigned char out[32]) {
  return stream_is_tls(s) && tls_binding(s->tls, out);
}
bool stream_tls_peer(const struct stream *s, struct fingerprint *out) {
  return stream_is_tls(s) && tls_fingerprint(s->tls, out);
}
const char *stream_tls_text(const struct stream *s) {
  return stream_is_tls(s) ? tls_text(s->tls) : "";
}
enum tls_result stream_tls_failure(const struct stream *s) {
  return s->tls ? tls_failure(s->tls) : TLS_RESULT_VALIDATION_FAILURE;
}
struct tls_facts stream_tls_facts(const struct stream *s) {
  return stream_is_tls(s) ? tls_facts(s->tls) : (struct tls_facts){0};
}
bool stream_tls_check(struct stream *s, const char *name, struct reason *why) {
  return stream_is_tls(s) && tls_check_peer(s->loop->tls_client, s->tls, name, why);
}
