/* Client credentials, sessions that use them, and whom those trust. */
#include "relay/net/tls_parts.h"

#include "base/clock.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A mail exchanger with an old TLS still protects more than clear text would (RFC 7435). */
#define CLIENT_PRIORITY "NORMAL"
#define VERIFIED_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

int tls_client_new(struct tls_client **out) {
  struct tls_client *t = *out = calloc(1, sizeof *t);
  if (!t) return E_MEMORY;
  t->tickets = tls_tickets_new();
  if (!t->tickets || gnutls_certificate_allocate_credentials(&t->credentials) < 0 ||
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
  tls_tickets_free(&t->tickets);
  free(t);
}

int tls_client_trust(struct tls_client *t, const char *file, struct reason *why) {
  int rc = gnutls_certificate_set_x509_trust_file(t->credentials, file, GNUTLS_X509_FMT_PEM);
  if (rc < 0) return fail(why, E_IO, "trust %s: %s", file, gnutls_strerror(rc));
  if (rc == 0) return fail(why, E_IO, "trust %s: there is no certificate in it", file);
  t->trusting = true;
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

/* --- sessions that are resumed --- */

/* Of whom: a session that had to prove nothing may have a version that one that has to may not. */
static void resume(struct tls_session *s, const struct tls_peer *peer) {
  gnutls_datum_t data;
  if (!*peer->at) return;
  snprintf(s->ticket_peer, sizeof s->ticket_peer, "%s %s %s", peer->proof == TLS_UNVERIFIED ? "any" : "known", peer->at,
           peer->name ? peer->name : "");
  if (!tls_tickets_take(s->client->tickets, s->ticket_peer, &data)) return;
  s->resumes = gnutls_session_set_data(s->session, data.data, data.size) == 0;
  tls_ticket_wipe(&data);
}

void tls_client_keep_ticket(struct tls_session *s) {
  gnutls_datum_t data;
  bool later = gnutls_protocol_get_version(s->session) == GNUTLS_TLS1_3 &&
               !(gnutls_session_get_flags(s->session) & GNUTLS_SFLAGS_SESSION_TICKET);
  if (!*s->ticket_peer || later) return;
  if (gnutls_session_get_data2(s->session, &data) == 0)
    tls_tickets_put(s->client->tickets, s->ticket_peer, &data, clock_monotonic_ms());
  s->ticket_peer[0] = '\0';
}

void tls_client_cannot_resume(struct tls_session *s) {
  tls_tickets_bar(s->client->tickets, s->ticket_peer, clock_monotonic_ms());
}

/* Within the handshake nobody shows a certificate then, and GnuTLS verifies none. The chain is the first session's. */
bool tls_client_passes(struct tls_session *s) {
  unsigned status = 0;
  s->resumes &= gnutls_session_is_resumed(s->session) != 0;
  if (!s->resumes) return true;
  if (s->dane) return match_peer(s->session) == 0;
  if (!*s->name) return true;
  if (gnutls_certificate_verify_peers(s->session, s->wanted, 2, &status) < 0) status = GNUTLS_CERT_INVALID;
  if (!status) return true;
  s->failure = certificate_result(status);
  describe_status(status, s->name, s->error, sizeof s->error);
  return false;
}

static void demand_proof(struct tls_client *t, struct tls_session *s, const struct tls_peer *peer) {
  if (peer->proof == TLS_BY_CA) verify_peer(t, s, peer->name);
  if (peer->proof != TLS_BY_DANE) return;
  s->dane = peer->dane;
  gnutls_session_set_ptr(s->session, s);
  gnutls_session_set_verify_function(s->session, match_peer);
}

static int send_name(struct tls_session *s, const char *name) {
  if (!name || !*name || name[0] == '[') return 0; /* RFC 6066 3: no addresses */
  return gnutls_server_name_set(s->session, GNUTLS_NAME_DNS, name, strlen(name));
}

int tls_session_client(struct tls_client *t, const struct tls_peer *peer, const struct tls_transport *transport,
                       struct tls_session **out) {
  struct tls_session *s = *out = tls_session_new(GNUTLS_CLIENT, transport);
  if (!s) return E_MEMORY;
  s->client = t;
  demand_proof(t, s, peer);
  if (gnutls_priority_set(s->session, peer->proof != TLS_UNVERIFIED ? t->verified_priority : t->priority) < 0 ||
      gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, t->credentials) < 0 || send_name(s, peer->name) < 0) {
    tls_session_free(out);
    return E_MEMORY;
  }
  resume(s, peer);
  return OK;
}

void tls_describe_distrust(struct tls_session *s) {
  unsigned status = gnutls_session_get_verify_cert_status(s->session);
  s->failure = certificate_result(status);
  describe_status(status, s->name, s->error, sizeof s->error);
}
