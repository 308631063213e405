/* Server credentials, and sessions that use them. */
#include "relay/net/tls_parts.h"

#include "relay/net/file_access.h"

#include <errno.h>
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

static int check_key_mode(const char *key, struct reason *why) {
  struct stat st;
  if (stat(key, &st) != 0) return fail(why, E_IO, "%s: %s", key, strerror(errno));
  if (st.st_mode & (S_IRWXO))
    return fail(why, E_IO, "%s: the private key can be read by others; run: chmod 600 %s", key, key);
  return OK;
}

static int load_pair(struct tls_server *t, const struct tls_files *f, struct reason *why) {
  int rc = certificate_file_check(f->certificate, why);
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

int tls_session_server(struct tls_server *t, bool ask, const struct tls_transport *transport,
                       struct tls_session **out) {
  struct tls_session *s = *out = tls_session_new(GNUTLS_SERVER, transport);
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
