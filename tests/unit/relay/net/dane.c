/* Certificates that the test makes, and TLSA records that are or are not of them. */
#include "relay/net/dane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MX "mx.example.net"
#define NO_NAME "neither for " MX " nor for example.org"

enum {
  ROOT,
  MIDDLE,
  LEAF,
  EXPIRED,
  NEXT_HOP,
  NEXT_HOP_ALIAS,
  CAPITALS,
  WILD,
  WILD_CN,
  WILD_PART,
  WILD_END,
  WILD_TWICE,
  WILD_ABOVE,
  OTHER_NAME,
  ONLY_CN,
  CLIENT_ONLY,
  OTHER_ROOT,
  FORGED,
  SELF,
  CERTS
};

struct made {
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;
  gnutls_datum_t der, spki;
};
static struct made made[CERTS];

struct recipe {
  int issuer; /* its own number: self-signed */
  const char *name, *cn;
  bool ca;
  int days;            /* how long it is good; negative: since when it is not */
  const char *purpose; /* NULL: any */
};
static const struct recipe recipes[CERTS] = {
    [ROOT] = {ROOT, NULL, "root", true, 1},
    [MIDDLE] = {ROOT, NULL, "middle", true, 1},
    [LEAF] = {MIDDLE, MX, "leaf", false, 1},
    [EXPIRED] = {MIDDLE, MX, "expired", false, -1},
    [NEXT_HOP] = {MIDDLE, "example.org", "next hop", false, 1},
    [NEXT_HOP_ALIAS] = {MIDDLE, "expanded.example", "where its CNAME led", false, 1},
    [CAPITALS] = {MIDDLE, "Mx.EXAMPLE.net", "capitals", false, 1},
    [WILD] = {MIDDLE, "*.example.net", "wild", false, 1},
    [WILD_CN] = {MIDDLE, NULL, "*.example.net", false, 1},
    [WILD_PART] = {MIDDLE, "m*.example.net", "part of a label", false, 1},
    [WILD_END] = {MIDDLE, "*x.example.net", "the other part", false, 1},
    [WILD_TWICE] = {MIDDLE, "*.*.net", "two labels", false, 1},
    [WILD_ABOVE] = {MIDDLE, "*.mx.example.net", "a label more", false, 1},
    [OTHER_NAME] = {MIDDLE, "other.example.com", MX, false, 1},
    [ONLY_CN] = {MIDDLE, NULL, MX, false, 1},
    [CLIENT_ONLY] = {MIDDLE, MX, "client", false, 1, GNUTLS_KP_TLS_WWW_CLIENT},
    [OTHER_ROOT] = {OTHER_ROOT, NULL, "root", true, 1}, /* of the same name */
    [FORGED] = {OTHER_ROOT, MX, "forged", false, 1},
    [SELF] = {SELF, "self.example.com", "self", true, -1},
};

static void make(int number) {
  const struct recipe *r = &recipes[number];
  struct made *m = &made[number];
  gnutls_pubkey_t pub;
  unsigned char serial = (unsigned char)(number + 1);
  gnutls_x509_privkey_init(&m->key);
  gnutls_x509_crt_init(&m->crt);
  assert_int_equal(
      gnutls_x509_privkey_generate(m->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
  gnutls_x509_crt_set_version(m->crt, 3);
  gnutls_x509_crt_set_key(m->crt, m->key);
  gnutls_x509_crt_set_serial(m->crt, &serial, 1);
  gnutls_x509_crt_set_dn_by_oid(m->crt, GNUTLS_OID_X520_COMMON_NAME, 0, r->cn, (unsigned)strlen(r->cn));
  if (r->name)
    gnutls_x509_crt_set_subject_alt_name(m->crt, GNUTLS_SAN_DNSNAME, r->name, (unsigned)strlen(r->name),
                                         GNUTLS_FSAN_SET);
  gnutls_x509_crt_set_activation_time(m->crt, time(NULL) - 10 * 86400);
  gnutls_x509_crt_set_expiration_time(m->crt, time(NULL) + r->days * 86400);
  gnutls_x509_crt_set_ca_status(m->crt, r->ca);
  if (r->ca) gnutls_x509_crt_set_key_usage(m->crt, GNUTLS_KEY_KEY_CERT_SIGN);
  if (r->purpose) gnutls_x509_crt_set_key_purpose_oid(m->crt, r->purpose, 0);
  struct made *by = &made[r->issuer];
  assert_int_equal(gnutls_x509_crt_sign2(m->crt, by->crt, by->key, GNUTLS_DIG_SHA256, 0), 0);
  assert_int_equal(gnutls_x509_crt_export2(m->crt, GNUTLS_X509_FMT_DER, &m->der), 0);
  gnutls_pubkey_init(&pub);
  assert_int_equal(gnutls_pubkey_import_x509(pub, m->crt, 0), 0);
  assert_int_equal(gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &m->spki), 0);
  gnutls_pubkey_deinit(pub);
}

static int make_all(void **state) {
  (void)state;
  for (int i = 0; i < CERTS; i++) make(i);
  return 0;
}

static int free_all(void **state) {
  (void)state;
  for (int i = 0; i < CERTS; i++) {
    gnutls_x509_privkey_deinit(made[i].key);
    gnutls_x509_crt_deinit(made[i].crt);
    gnutls_free(made[i].der.data);
    gnutls_free(made[i].spki.data);
  }
  return 0;
}

struct rdata {
  char octets[4096];
  size_t len;
};

/* The record of these numbers for this certificate; `wrong` has one bit of it changed. */
static struct rdata record(int number, int of, bool wrong) {
  struct rdata r = {.len = 3};
  gnutls_datum_t d = number / 10 % 10 ? made[of].spki : made[of].der;
  r.octets[0] = (char)(number / 100), r.octets[1] = (char)(number / 10 % 10), r.octets[2] = (char)(number % 10);
  if (number % 10 == 0) {
    assert_true(d.size < sizeof r.octets - 3);
    memcpy(r.octets + 3, d.data, d.size);
    r.len += d.size;
  } else {
    gnutls_digest_algorithm_t by = number % 10 == 1 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512;
    assert_int_equal(gnutls_hash_fast(by, d.data, d.size, r.octets + 3), 0);
    r.len += gnutls_hash_get_len(by);
  }
  if (wrong) r.octets[r.len - 1] ^= 1;
  return r;
}

static enum tls_result last_failure; /* of the last call of verify */

/* The number of the record that matches; 0: none. `certs` ends with -1. */
static unsigned verify(const struct rdata *records, size_t record_count, const int *certs, struct reason *why) {
  struct dns_record rows[8];
  struct bytes chain[DANE_CHAIN_MAX];
  size_t count = 0;
  const struct tlsa *matched = NULL;
  for (size_t i = 0; i < record_count; i++) rows[i].data = (struct bytes){records[i].octets, records[i].len};
  for (; certs[count] >= 0; count++)
    chain[count] = (struct bytes){(const char *)made[certs[count]].der.data, made[certs[count]].der.size};
  struct dns_answer answer = {.status = DNS_FOUND, .count = record_count, .records = rows};
  struct dane_rules *r =
      dane_rules_new(tlsa_set_read(&answer), &(struct dane_names){MX, "example.org", "expanded.example"});
  assert_non_null(r);
  int rc = dane_verify(r, chain, count, &matched, &last_failure, why);
  assert_true(rc == OK || rc == E_DENIED);
  unsigned number = rc == OK ? tlsa_number(matched) : 0;
  dane_rules_free(&r);
  return number;
}

static const int full[] = {LEAF, MIDDLE, ROOT, -1}, without_root[] = {LEAF, MIDDLE, -1}, alone[] = {LEAF, -1};

static void test_dane_ee(void **state) {
  (void)state;
  static const unsigned numbers[] = {300, 301, 302, 310, 311, 312};
  static const int self[] = {SELF, -1}, expired[] = {EXPIRED, MIDDLE, -1}, other[] = {OTHER_NAME, -1};
  struct reason why;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    int n = (int)numbers[i];
    struct rdata good = record(n, LEAF, false), bad = record(n, LEAF, true), issuer = record(n, MIDDLE, false);
    assert_int_equal(verify(&good, 1, full, &why), n);
    assert_int_equal(verify(&good, 1, alone, &why), n);
    assert_int_equal(verify(&bad, 1, full, &why), 0);
    assert_int_equal(last_failure, TLS_RESULT_CERTIFICATE_NOT_TRUSTED);
    assert_string_equal(why.text, "the certificate matches none of the TLSA records of " MX);
    assert_int_equal(verify(&issuer, 1, full, &why), 0); /* its own certificate alone counts */
    /* RFC 7672 3.1.1: neither name nor time */
    struct rdata of_self = record(n, SELF, false), of_expired = record(n, EXPIRED, false);
    assert_int_equal(verify(&of_self, 1, self, &why), n);
    assert_int_equal(verify(&of_expired, 1, expired, &why), n);
    struct rdata of_other = record(n, OTHER_NAME, false);
    assert_int_equal(verify(&of_other, 1, other, &why), n);
  }
}

static void test_dane_ta(void **state) {
  (void)state;
  static const unsigned numbers[] = {200, 201, 202, 210, 211, 212};
  struct reason why;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    int n = (int)numbers[i];
    struct rdata root = record(n, ROOT, false), middle = record(n, MIDDLE, false), bad = record(n, ROOT, true);
    assert_int_equal(verify(&root, 1, full, &why), n);
    assert_int_equal(verify(&middle, 1, full, &why), n);
    assert_int_equal(verify(&middle, 1, without_root, &why), n); /* an anchor need not be a root */
    if (n != 200) assert_int_equal(verify(&bad, 1, full, &why), 0);
    /* RFC 7672 3.1.2: a CA that only a digest names must be in the chain; "2 0 0" is the CA itself. */
    assert_int_equal(verify(&root, 1, without_root, &why), n == 200 ? 200 : 0);
    struct rdata own = record(n, LEAF, false);
    assert_int_equal(verify(&own, 1, full, &why), 0);
  }
}

static void test_what_dane_ta_asks_of_the_certificate(void **state) {
  (void)state;
  static const struct {
    int leaf;
    const char *why;         /* NULL: it is good */
    enum tls_result failure; /* as a TLS report calls it */
  } cases[] = {
      {LEAF, NULL},
      {NEXT_HOP, NULL},       /* RFC 7672 3.2.2: the domain whose MX records led to the host, */
      {NEXT_HOP_ALIAS, NULL}, /* and where its CNAME led */
      {CAPITALS, NULL},
      /* 3.2.3: a wildcard is the whole first label, in the CN, too; the CN counts where there is no DNS name. */
      {WILD, NULL},
      {WILD_CN, NULL},
      {WILD_PART, NO_NAME, TLS_RESULT_CERTIFICATE_HOST_MISMATCH},
      {WILD_END, NO_NAME, TLS_RESULT_CERTIFICATE_HOST_MISMATCH},
      {WILD_TWICE, NO_NAME, TLS_RESULT_CERTIFICATE_HOST_MISMATCH},
      {WILD_ABOVE, NO_NAME, TLS_RESULT_CERTIFICATE_HOST_MISMATCH},
      {ONLY_CN, NULL},
      {OTHER_NAME, NO_NAME, TLS_RESULT_CERTIFICATE_HOST_MISMATCH}, /* though its CN is right */
      {EXPIRED, "does not lead to the CA in its TLSA records: The certificate chain uses expired certificate.",
       TLS_RESULT_CERTIFICATE_EXPIRED},
      {CLIENT_ONLY, "does not lead to the CA", TLS_RESULT_CERTIFICATE_NOT_TRUSTED},
  };
  struct reason why;
  struct rdata r = record(201, ROOT, false);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const int certs[] = {cases[i].leaf, MIDDLE, ROOT, -1};
    unsigned number = verify(&r, 1, certs, &why);
    if (number != (cases[i].why ? 0 : 201)) fail_msg("%zu: %u %s", i, number, why.text);
    if (cases[i].why && !strstr(why.text, cases[i].why)) fail_msg("%zu: %s", i, why.text);
    assert_int_equal(last_failure, cases[i].failure);
  }
}

/* A chain may show the CA's certificate without being signed by it. */
static void test_an_anchor_beside_the_path(void **state) {
  (void)state;
  static const int beside[] = {FORGED, OTHER_ROOT, MIDDLE, ROOT, -1}, claimed[] = {FORGED, ROOT, -1};
  struct reason why;
  struct rdata root = record(201, ROOT, false), key = record(211, ROOT, false), whole = record(200, ROOT, false);
  assert_int_equal(verify(&root, 1, beside, &why), 0);
  assert_int_equal(verify(&root, 1, claimed, &why), 0);
  assert_int_equal(verify(&key, 1, claimed, &why), 0);
  assert_int_equal(verify(&whole, 1, claimed, &why), 0);
}

static void test_one_of_several_is_enough(void **state) {
  (void)state;
  struct reason why;
  struct rdata several[] = {record(311, SELF, false), record(201, OTHER_ROOT, false), record(311, LEAF, false)};
  assert_int_equal(verify(several, 3, full, &why), 311);
  assert_int_equal(verify(several, 2, full, &why), 0);
  /* RFC 7671 9: the weaker digest is good, the stronger is not. */
  struct rdata digests[] = {record(311, LEAF, false), record(312, LEAF, true)};
  assert_int_equal(verify(digests, 2, full, &why), 0);
}

/* A host may have many records, and a chain that has each verified to its end. */
static void test_paths_have_a_bound(void **state) {
  (void)state;
  struct reason why;
  struct rdata wrong = record(200, OTHER_ROOT, false), right = record(200, ROOT, false);
  struct rdata few[] = {wrong, wrong, wrong, right}, many[] = {wrong, wrong, wrong, wrong, right};
  assert_int_equal(verify(few, 4, full, &why), 200);
  assert_int_equal(verify(many, 5, full, &why), 0);
  assert_non_null(strstr(why.text, "none of the first 4 TLSA records of a CA"));
}

static struct dane_rules *rules_of(struct rdata *r, const char *next_hop) {
  struct dns_record row = {.data = {r->octets, r->len}};
  struct dns_answer answer = {.status = DNS_FOUND, .count = 1, .records = &row};
  return dane_rules_new(tlsa_set_read(&answer), &(struct dane_names){MX, next_hop, ""});
}

static unsigned digest(int number, int certificate, const char *next_hop) {
  struct rdata r = record(number, certificate, false);
  struct dane_rules *rules = rules_of(&r, next_hop);
  unsigned digest = dane_rules_digest(rules);
  dane_rules_free(&rules);
  return digest;
}

static void test_digest(void **state) {
  (void)state;
  assert_int_equal(digest(311, LEAF, "a.example"), digest(311, LEAF, "b.example"));
  assert_int_not_equal(digest(311, LEAF, ""), digest(311, SELF, ""));
  assert_int_not_equal(digest(301, LEAF, ""), digest(311, LEAF, ""));
  assert_int_not_equal(digest(201, ROOT, "a.example"), digest(201, ROOT, "b.example"));
}

static void test_what_is_no_chain(void **state) {
  (void)state;
  const struct tlsa *matched = NULL;
  struct reason why;
  static const struct bytes junk[] = {BYTES("\x30\x03\x02\x01"), BYTES("")};
  struct rdata r = record(311, LEAF, false);
  static const int none[] = {-1};
  assert_int_equal(verify(&r, 1, none, &why), 0);
  struct dns_record row = {.data = {r.octets, r.len}};
  struct dns_answer answer = {.status = DNS_FOUND, .count = 1, .records = &row};
  struct dane_rules *rules = dane_rules_new(tlsa_set_read(&answer), &(struct dane_names){MX, "", ""});
  assert_int_equal(dane_verify(rules, junk, 2, &matched, &last_failure, &why), E_DENIED);
  dane_rules_free(&rules);
  assert_null(rules);
  dane_rules_free(&rules);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dane_ee),
      cmocka_unit_test(test_dane_ta),
      cmocka_unit_test(test_what_dane_ta_asks_of_the_certificate),
      cmocka_unit_test(test_an_anchor_beside_the_path),
      cmocka_unit_test(test_one_of_several_is_enough),
      cmocka_unit_test(test_paths_have_a_bound),
      cmocka_unit_test(test_digest),
      cmocka_unit_test(test_what_is_no_chain),
  };
  return cmocka_run_group_tests(tests, make_all, free_all);
}
