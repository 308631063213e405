#include "relay/net/dane.h"

#include "base/hash.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chain {
  const struct bytes *der;
  gnutls_x509_crt_t crt[DANE_CHAIN_MAX];
  unsigned count; /* of both; cut at the first that cannot be read */
  unsigned paths; /* that were verified */
  enum tls_result failure;
};

struct dane_rules *dane_rules_new(struct tlsa_set *records, const struct dane_names *names) {
  struct dane_rules *r = calloc(1, sizeof *r);
  if (!r) {
    free(records);
    return NULL;
  }
  r->records = records;
  snprintf(r->base, sizeof r->base, "%s", names->base);
  snprintf(r->next_hop, sizeof r->next_hop, "%s", names->next_hop);
  snprintf(r->expanded, sizeof r->expanded, "%s", names->expanded);
  return r;
}

static unsigned digest_of(unsigned so_far, const void *data, size_t len) {
  unsigned hash;
  HASH_VALUE(data, len, hash);
  return so_far * 31 + hash;
}

unsigned dane_rules_digest(const struct dane_rules *r) {
  bool names = tlsa_set_has(r->records, TLSA_DANE_TA); /* a certificate's names count for those alone */
  unsigned digest = digest_of(0, r->base, strlen(r->base));
  if (names) digest = digest_of(digest, r->next_hop, strlen(r->next_hop));
  if (names) digest = digest_of(digest, r->expanded, strlen(r->expanded));
  for (size_t i = 0; i < r->records->count; i++) {
    const struct tlsa *t = &r->records->records[i];
    digest = digest_of(digest * 31 + tlsa_number(t), t->data.at, t->data.len);
  }
  return digest;
}

void dane_rules_free(struct dane_rules **at) {
  struct dane_rules *r = *at;
  *at = NULL;
  if (!r) return;
  free(r->records);
  free(r);
}

static gnutls_datum_t datum(struct bytes b) {
  return (gnutls_datum_t){(unsigned char *)(uintptr_t)b.at, (unsigned)b.len};
}

static gnutls_x509_crt_t import(struct bytes der) {
  gnutls_x509_crt_t crt;
  gnutls_datum_t data = datum(der);
  if (gnutls_x509_crt_init(&crt) < 0) return NULL;
  if (gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_DER) == 0) return crt;
  gnutls_x509_crt_deinit(crt);
  return NULL;
}

static void chain_open(struct chain *c, const struct bytes *der, size_t count) {
  *c = (struct chain){.der = der};
  while (c->count < count && c->count < DANE_CHAIN_MAX) {
    c->crt[c->count] = import(der[c->count]);
    if (!c->crt[c->count]) break;
    c->count++;
  }
}

static void chain_close(struct chain *c) {
  for (unsigned i = 0; i < c->count; i++) gnutls_x509_crt_deinit(c->crt[i]);
}

/* --- one record, one certificate --- */

static bool matches_data(const struct tlsa *t, struct bytes data) {
  unsigned char digest[64];
  if (t->matching == TLSA_FULL) return bytes_equal(t->data, data);
  gnutls_digest_algorithm_t by = t->matching == TLSA_SHA2_256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512;
  if (gnutls_hash_fast(by, data.at, data.len, digest) < 0) return false;
  return bytes_equal(t->data, (struct bytes){(const char *)digest, (size_t)gnutls_hash_get_len(by)});
}

static bool matches_key(const struct tlsa *t, gnutls_x509_crt_t crt) {
  gnutls_pubkey_t key;
  gnutls_datum_t der = {0};
  if (gnutls_pubkey_init(&key) < 0) return false;
  bool good = gnutls_pubkey_import_x509(key, crt, 0) == 0 && gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der) == 0;
  good = good && matches_data(t, (struct bytes){(const char *)der.data, der.size});
  gnutls_free(der.data);
  gnutls_pubkey_deinit(key);
  return good;
}

static bool matches(const struct tlsa *t, const struct chain *c, unsigned index) {
  return t->selector == TLSA_CERT ? matches_data(t, c->der[index]) : matches_key(t, c->crt[index]);
}

/* --- DANE-TA --- */

static bool has_name(gnutls_x509_crt_t crt, const char *name) {
  return gnutls_x509_crt_check_hostname2(crt, name, GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS) != 0;
}

/* RFC 7672 3.2.3: a wildcard is the whole first label. GnuTLS would take "*x.example.net", too, so the name with a
 * wildcard is looked for as it is. Not one for all of a top-level domain. */
static bool names_host(gnutls_x509_crt_t crt, const char *host) {
  char wild[300];
  const char *rest = strchr(host, '.');
  if (has_name(crt, host)) return true;
  if (!rest || !strchr(rest + 1, '.')) return false;
  snprintf(wild, sizeof wild, "*%s", rest);
  return has_name(crt, wild);
}

/* RFC 7672 3.2.2: these are what the certificate may be for. GnuTLS looks at the CN only where there is no DNS name
 * (3.2.3). */
static bool is_for(const struct dane_rules *r, gnutls_x509_crt_t crt) {
  const char *const names[] = {r->base, r->next_hop, r->expanded};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i][0] && names[i][0] != '[' && names_host(crt, names[i])) return true;
  return false;
}

enum tls_result certificate_result(unsigned status) {
  if (status & GNUTLS_CERT_UNEXPECTED_OWNER) return TLS_RESULT_CERTIFICATE_HOST_MISMATCH;
  if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)) return TLS_RESULT_CERTIFICATE_EXPIRED;
  return TLS_RESULT_CERTIFICATE_NOT_TRUSTED;
}

/* Behind what each of GnuTLS's texts begins with, that is why. */
static const char *cause_of(const gnutls_datum_t *words) {
  static const char start[] = "The certificate is NOT trusted. ";
  const char *text = (const char *)words->data;
  size_t len = sizeof start - 1;
  return strncmp(text, start, len) == 0 && text[len] ? text + len : text;
}

static int bad_path(const struct dane_rules *r, unsigned status, struct reason *why) {
  gnutls_datum_t words = {0};
  int rc = gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &words, 0);
  fail(why, E_DENIED, "the certificate of %.80s does not lead to the CA in its TLSA records: %.110s", r->base,
       rc == GNUTLS_E_SUCCESS ? cause_of(&words) : "");
  for (size_t at = strlen(why->text); at && why->text[at - 1] == ' '; at--) why->text[at - 1] = '\0';
  gnutls_free(words.data);
  return E_DENIED;
}

/* Not so large that a few signatures with it keep a loop busy. */
static bool is_usual_key(gnutls_x509_crt_t crt) {
  gnutls_datum_t modulus = {0}, exponent = {0};
  unsigned bits = 0;
  int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
  if (algorithm != GNUTLS_PK_RSA && algorithm != GNUTLS_PK_RSA_PSS) return true; /* others have one size, or a few */
  size_t octets = 0;
  if (algorithm == GNUTLS_PK_RSA && gnutls_x509_crt_get_pk_rsa_raw(crt, &modulus, &exponent) == 0) {
    while (octets < exponent.size && !exponent.data[octets]) octets++;
    octets = exponent.size - octets;
  }
  gnutls_free(modulus.data);
  gnutls_free(exponent.data);
  return bits <= DANE_KEY_BITS && octets <= DANE_KEY_OCTETS;
}

/* Of bounded work: a host may show any chain, and have any records. */
static int is_affordable(struct chain *c, gnutls_x509_crt_t anchor, struct reason *why) {
  bool usual = is_usual_key(anchor);
  for (unsigned i = 0; usual && i < c->count; i++) usual = is_usual_key(c->crt[i]);
  if (!usual) return fail(why, E_DENIED, "a key in the certificate chain is larger than is verified");
  if (c->paths++ < DANE_PATHS_MAX) return OK;
  return fail(why, E_DENIED, "none of the first %d TLSA records of a CA leads to the certificate", DANE_PATHS_MAX);
}

static int verify_path(const struct chain *c, gnutls_x509_crt_t anchor, unsigned *status) {
  gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                   .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER};
  gnutls_x509_trust_list_t list;
  gnutls_x509_crt_t path[DANE_CHAIN_MAX];
  memcpy(path, c->crt, sizeof path); /* GnuTLS may put it in another order */
  if (gnutls_x509_trust_list_init(&list, 0) < 0) return GNUTLS_E_MEMORY_ERROR;
  int rc = gnutls_x509_trust_list_add_cas(list, &anchor, 1, 0) == 1
               ? gnutls_x509_trust_list_verify_crt2(list, path, c->count, &purpose, 1, 0, status, NULL)
               : GNUTLS_E_MEMORY_ERROR;
  gnutls_x509_trust_list_deinit(list, 0);
  return rc;
}

/* RFC 7671 5.2: signatures, times and constraints up to this trust anchor, and no other; it need not be a root. The
 * name first, which costs nothing. */
static int check_path(const struct dane_rules *r, struct chain *c, gnutls_x509_crt_t anchor, struct reason *why) {
  unsigned status = 0;
  if (gnutls_x509_crt_equals(anchor, c->crt[0])) return E_DENIED; /* it is the host's own */
  if (!is_for(r, c->crt[0])) c->failure = TLS_RESULT_CERTIFICATE_HOST_MISMATCH;
  if (!is_for(r, c->crt[0]))
    return fail(why, E_DENIED, "the certificate is neither for %.90s nor for %.90s", r->base, r->next_hop);
  if (is_affordable(c, anchor, why) != OK) return E_DENIED;
  int rc = verify_path(c, anchor, &status);
  if (rc < 0) return fail(why, E_DENIED, "the certificate cannot be verified: %.150s", gnutls_strerror(rc));
  c->failure = certificate_result(status);
  return status ? bad_path(r, status, why) : OK;
}

/* The CA's certificate may be in the DNS alone (RFC 7671 5.2.1: "2 0 0"), where it is whole. */
static int check_own(const struct dane_rules *r, struct chain *c, const struct tlsa *t, struct reason *why) {
  gnutls_x509_crt_t anchor = t->selector == TLSA_CERT && t->matching == TLSA_FULL ? import(t->data) : NULL;
  if (!anchor) return E_DENIED;
  int rc = check_path(r, c, anchor, why);
  gnutls_x509_crt_deinit(anchor);
  return rc;
}

static int check_anchor(const struct dane_rules *r, struct chain *c, const struct tlsa *t, struct reason *why) {
  for (unsigned i = 1; i < c->count; i++)
    if (matches(t, c, i)) return check_path(r, c, c->crt[i], why); /* another that matches is the same, or its key */
  return check_own(r, c, t, why);
}

/* --- all --- */

/* RFC 7672 3.1.1: that its key is the one is all that is asked of the host's own certificate: no name, no time. */
static int check_record(const struct dane_rules *r, struct chain *c, const struct tlsa *t, struct reason *why) {
  if (t->usage == TLSA_DANE_EE) return matches(t, c, 0) ? OK : E_DENIED;
  return check_anchor(r, c, t, why);
}

int dane_verify(const struct dane_rules *r, const struct bytes *der, size_t count, const struct tlsa **matched,
                enum tls_result *failure, struct reason *why) {
  struct chain c;
  int rc = E_DENIED;
  fail(why, E_DENIED, "the certificate matches none of the TLSA records of %.150s", r->base);
  chain_open(&c, der, count);
  c.failure = TLS_RESULT_CERTIFICATE_NOT_TRUSTED;
  for (size_t i = 0; c.count && rc != OK && i < r->records->count; i++) {
    *matched = &r->records->records[i];
    rc = check_record(r, &c, *matched, why);
  }
  chain_close(&c);
  *failure = rc == OK ? TLS_RESULT_SUCCESS : c.failure;
  return rc;
}
