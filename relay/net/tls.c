#include "relay/net/tls.h"

#include "relay/net/file_access.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* RFC 8997: TLS 1.2 is the least for submission. */
/* X25519 first: it is what clients send a key share for, and any other costs most of them a HelloRetryRequest.
 * AES-128-GCM first: its key schedule hashes with SHA-256, for which processors have instructions. */
#define PRIORITY                                                                                                       \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"             \
  "+GROUP-SECP521R1:+GROUP-X448:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:+AES-128-CCM:+AES-256-CCM:"   \
  "%SERVER_PRECEDENCE"
/* RFC 9325 4.1: no CBC but for those that have nothing else (padding oracles: Lucky Thirteen). */
#define PRIORITY_CBC PRIORITY ":+AES-128-CBC:+AES-256-CBC"
/* A mail exchanger with an old TLS still protects more than clear text would (RFC 7435). */
#define CLIENT_PRIORITY "NORMAL"
#define VERIFIED_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define HANDSHAKE_STEPS_MAX 64
#define HANDSHAKE_RECORD 22
#define ALERT_RECORD 7 /* octets, in the clear: RFC 8446 5.1 and 6 */

struct tls_server {
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t priority;
  gnutls_datum_t ticket_key;
  struct tls_certificate *certificates;
  size_t count;
  atomic_int references;
};

struct tls_client {
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t priority, verified_priority;
  bool trusting; /* its roots are read */
};

struct tls_session {
  gnutls_session_t session;
  struct tls_server *server; /* held; NULL on the client side */
  struct tls_transport transport;
  size_t taken; /* octets since the begin, or since data came */
  bool began;
  bool is_tls;                      /* the first octet was one of a handshake's record */
  bool over;                        /* more than TLS_WITHOUT_DATA_MAX would have been */
  unsigned char last[ALERT_RECORD]; /* octets that were taken */
  bool distrusted;
  char name[256]; /* that the peer's certificate must be for */
  gnutls_typed_vdata_st wanted[2];
  const struct dane_rules *dane; /* that the peer's certificate must match; NULL: none */
  unsigned tlsa;                 /* the record that it matches */
  enum tls_result failure;       /* as it will be reported, if it fails */
  char error[240], text[80];
};

static int check_key_mode(const char *key, struct reason *why) {
  struct stat st;
  if (stat(key, &st) != 0) return fail(why, E_IO, "%s: %s", key, strerror(errno));
  if (st.st_mode & (S_IRWXO))
    return fail(why, E_IO, "%s: the private key can be read by others; run: chmod 600 %s", key, key);
  return OK;
}

static int load_pair(struct tls_server *t, const struct tls_files *f, struct reason *why) {
  int rc = file_check_readable(f->certificate, why);
  if (rc == OK) rc = file_check_readable(f->key, why);
  if (rc == OK) rc = check_key_mode(f->key, why);
  if (rc != OK) return rc;
  rc = gnutls_certificate_set_x509_key_file(t->credentials, f->certificate, f->key, GNUTLS_X509_FMT_PEM);
  return rc < 0 ? fail(why, E_IO, "certificate %s with key %s: %s", f->certificate, f->key, gnutls_strerror(rc)) : OK;
}

/* GnuTLS counts them as they were loaded. */
static int describe_pair(struct tls_server *t, unsigned index, const char *file, struct reason *why) {
  struct tls_certificate *c = &t->certificates[index];
  gnutls_datum_t der;
  c->file = strdup(file);
  if (!c->file || gnutls_certificate_get_crt_raw(t->credentials, index, 0, &der) < 0 ||
      certificate_facts_of((struct bytes){(const char *)der.data, der.size}, &c->facts) != OK)
    return fail(why, E_MEMORY, "certificate %s: out of memory", file);
  return OK;
}

static bool wants_cbc(const struct tls_files *files, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (files[i].cbc) return true;
  return false;
}

/* GnuTLS takes the one whose names fit what the client asks for (RFC 6066 3), else the first. */
static int load_files(struct tls_server *t, const struct tls_files *files, size_t count, struct reason *why) {
  int rc = gnutls_certificate_allocate_credentials(&t->credentials);
  if (rc < 0) return fail(why, E_MEMORY, "%s", gnutls_strerror(rc));
  t->certificates = calloc(count ? count : 1, sizeof *t->certificates);
  if (!t->certificates) return fail(why, E_MEMORY, "out of memory");
  t->count = count;
  for (size_t i = 0; i < count; i++) {
    rc = load_pair(t, &files[i], why);
    if (rc == OK) rc = describe_pair(t, (unsigned)i, files[i].certificate, why);
    if (rc != OK) return rc;
  }
  rc = gnutls_priority_init(&t->priority, wants_cbc(files, count) ? PRIORITY_CBC : PRIORITY, NULL);
  if (rc < 0) return fail(why, E_IO, "TLS priorities: %s", gnutls_strerror(rc));
  rc = gnutls_session_ticket_key_generate(&t->ticket_key);
  if (rc < 0) return fail(why, E_MEMORY, "TLS ticket key: %s", gnutls_strerror(rc));
  return OK;
}

int tls_server_load(const struct tls_files *files, size_t count, struct tls_server **out, struct reason *why) {
  *out = NULL;
  struct tls_server *t = calloc(1, sizeof *t);
  if (!t) return fail(why, E_MEMORY, "out of memory");
  atomic_init(&t->references, 1);
  int rc = load_files(t, files, count, why);
  if (rc != OK) {
    tls_server_release(&t);
    return rc;
  }
  *out = t;
  return OK;
}

struct tls_server *tls_server_hold(struct tls_server *t) {
  if (t) atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
  return t;
}

void tls_server_release(struct tls_server **at) {
  struct tls_server *t = *at;
  *at = NULL;
  if (!t || atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) != 1) return;
  if (t->credentials) gnutls_certificate_free_credentials(t->credentials);
  if (t->priority) gnutls_priority_deinit(t->priority);
  if (t->ticket_key.data) {
    gnutls_memset(t->ticket_key.data, 0, t->ticket_key.size);
    gnutls_free(t->ticket_key.data);
  }
  for (size_t i = 0; i < t->count; i++) free(t->certificates[i].file);
  free(t->certificates);
  free(t);
}

const struct tls_certificate *tls_server_certificates(const struct tls_server *t, size_t *count) {
  *count = t->count;
  return t->certificates;
}

int tls_client_new(struct tls_client **out) {
  struct tls_client *t = *out = calloc(1, sizeof *t);
  if (!t) return E_MEMORY;
  if (gnutls_certificate_allocate_credentials(&t->credentials) < 0 ||
      gnutls_priority_init(&t->priority, CLIENT_PRIORITY, NULL) < 0 ||
      gnutls_priority_init(&t->verified_priority, VERIFIED_PRIORITY, NULL) < 0) {
    tls_client_free(out);
    return E_MEMORY;
  }
  return OK;
}

void tls_client_free(struct tls_client **at) {
  struct tls_client *t = *at;
  *at = NULL;
  if (!t) return;
  if (t->credentials) gnutls_certificate_free_credentials(t->credentials);
  if (t->priority) gnutls_priority_deinit(t->priority);
  if (t->verified_priority) gnutls_priority_deinit(t->verified_priority);
  free(t);
}

int tls_client_trust(struct tls_client *t, const char *file, struct reason *why) {
  int rc = gnutls_certificate_set_x509_trust_file(t->credentials, file, GNUTLS_X509_FMT_PEM);
  if (rc < 0) return fail(why, E_IO, "trust %s: %s", file, gnutls_strerror(rc));
  if (rc == 0) return fail(why, E_IO, "trust %s: there is no certificate in it", file);
  t->trusting = true;
  return OK;
}

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

static struct tls_session *session_new(unsigned flags, const struct tls_transport *transport) {
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

int tls_session_server(struct tls_server *t, bool ask, const struct tls_transport *transport,
                       struct tls_session **out) {
  struct tls_session *s = *out = session_new(GNUTLS_SERVER, transport);
  if (!s) return E_MEMORY;
  s->server = tls_server_hold(t);
  if (gnutls_priority_set(s->session, t->priority) < 0 ||
      gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, t->credentials) < 0 ||
      gnutls_session_ticket_enable_server(s->session, &t->ticket_key) < 0) {
    tls_session_free(out);
    return E_MEMORY;
  }
  gnutls_certificate_server_set_request(s->session, ask ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
  return OK;
}

/* Of an address literal (RFC 5321 4.1.3) the address alone: a certificate may have that (RFC 5280 4.2.1.6). */
static void write_name(const char *name, char out[256]) {
  const char *inner = name + (name[0] == '[') + (strncasecmp(name, "[IPv6:", 6) == 0 ? 5 : 0);
  snprintf(out, 256, "%.*s", (int)strcspn(inner, "]"), inner);
}

/* RFC 6125: the name, and that the certificate is for a server; looked at within the handshake. Without the system's
 * roots nothing can be trusted, and the handshake will say so. */
static void want(struct tls_client *t, char *name, gnutls_typed_vdata_st wanted[2]) {
  if (!t->trusting) gnutls_certificate_set_x509_system_trust(t->credentials);
  t->trusting = true;
  wanted[0] = (gnutls_typed_vdata_st){.type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)name};
  wanted[1] = (gnutls_typed_vdata_st){.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                      .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER};
}

static void verify_peer(struct tls_client *t, struct tls_session *s, const char *name) {
  write_name(name, s->name);
  want(t, s->name, s->wanted);
  gnutls_session_set_verify_cert2(s->session, s->wanted, 2, 0);
}

static void describe_status(unsigned status, const char *name, char *out, size_t size) {
  gnutls_datum_t phrases = {0};
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &phrases, 0) == GNUTLS_E_SUCCESS)
    snprintf(out, size, "TLS: the certificate for %.80s is not good: %.120s", name, phrases.data);
  else
    snprintf(out, size, "TLS: the certificate for %.80s is not good", name);
  gnutls_free(phrases.data);
  for (size_t at = strlen(out); at && out[at - 1] == ' '; at--) out[at - 1] = '\0';
}

bool tls_check_peer(struct tls_client *t, struct tls_session *s, const char *name, struct reason *why) {
  gnutls_typed_vdata_st wanted[2];
  char own[256];
  unsigned status = 0;
  write_name(name, own);
  want(t, own, wanted);
  if (gnutls_certificate_verify_peers(s->session, wanted, 2, &status) < 0) {
    fail(why, E_DENIED, "TLS: %.80s shows no certificate that can be verified", name);
    return false;
  }
  s->failure = certificate_result(status);
  if (status) describe_status(status, own, why->text, sizeof why->text);
  if (!status && gnutls_protocol_get_version(s->session) < GNUTLS_TLS1_2)
    fail(why, E_DENIED, "TLS: %.80s has no version from 1.2 on (RFC 8997)", name);
  else if (!status)
    return true;
  return false;
}

/* GnuTLS's, within the handshake: 0 when the peer is who it should be. */
static int match_peer(gnutls_session_t session) {
  struct tls_session *s = gnutls_session_get_ptr(session);
  struct bytes chain[DANE_CHAIN_MAX];
  unsigned count = 0;
  const struct tlsa *matched;
  struct reason why;
  const gnutls_datum_t *peers = gnutls_certificate_get_peers(session, &count);
  if (count > DANE_CHAIN_MAX) count = DANE_CHAIN_MAX;
  for (unsigned i = 0; i < count; i++) chain[i] = (struct bytes){(const char *)peers[i].data, peers[i].size};
  if (dane_verify(s->dane, chain, count, &matched, &s->failure, &why) != OK) {
    snprintf(s->error, sizeof s->error, "TLS: %.230s", why.text);
    return -1;
  }
  s->tlsa = tlsa_number(matched);
  return 0;
}

static void demand_proof(struct tls_client *t, struct tls_session *s, const char *name, enum tls_proof proof,
                         const struct dane_rules *dane) {
  if (proof == TLS_BY_CA) verify_peer(t, s, name);
  if (proof != TLS_BY_DANE) return;
  s->dane = dane;
  gnutls_session_set_ptr(s->session, s);
  gnutls_session_set_verify_function(s->session, match_peer);
}

int tls_session_client(struct tls_client *t, const char *server_name, enum tls_proof proof,
                       const struct dane_rules *dane, const struct tls_transport *transport, struct tls_session **out) {
  struct tls_session *s = *out = session_new(GNUTLS_CLIENT, transport);
  if (!s) return E_MEMORY;
  demand_proof(t, s, server_name, proof, dane);
  if (gnutls_priority_set(s->session, proof != TLS_UNVERIFIED ? t->verified_priority : t->priority) < 0 ||
      gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, t->credentials) < 0 ||
      (server_name && *server_name && server_name[0] != '[' &&
       gnutls_server_name_set(s->session, GNUTLS_NAME_DNS, server_name, strlen(server_name)) < 0)) {
    tls_session_free(out);
    return E_MEMORY;
  }
  return OK;
}

void tls_session_free(struct tls_session **at) {
  struct tls_session *s = *at;
  *at = NULL;
  if (!s) return;
  gnutls_deinit(s->session);
  tls_server_release(&s->server);
  free(s);
}

static void describe_distrust(struct tls_session *s) {
  unsigned status = gnutls_session_get_verify_cert_status(s->session);
  s->failure = certificate_result(status);
  describe_status(status, s->name, s->error, sizeof s->error);
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
    describe_distrust(s);
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

enum tls_step tls_handshake(struct tls_session *s) {
  for (int i = 0; i < HANDSHAKE_STEPS_MAX; i++) {
    int rc = gnutls_handshake(s->session);
    if (rc == GNUTLS_E_SUCCESS) {
      describe(s);
      s->taken = 0;
      return TLS_DONE;
    }
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

bool tls_peer(const struct tls_session *s, struct fingerprint *out) {
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
