/* Is the selector published, and with our key? */
#include "policy/dmarc/key_record.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/policy_zone.h"

#define TXT ns_t_txt
#define NAME "s1._domainkey.e.org"
#define OURS "MIIBIjANBgkqAAAA+/=="

static struct key_verdict check(struct zone *z, const char *selector, enum key_algorithm algorithm,
                                uint64_t deadline_ms) {
  struct key_verdict v;
  struct dns_source dns = zone_source(z);
  key_check(&dns, selector, "e.org", algorithm, OURS, deadline_ms, &v);
  assert_int_equal(z->asked, z->released);
  assert_true(z->asked <= 1);
  for (const char *c = v.why; *c; c++) assert_in_range((unsigned char)*c, 32, 126);
  return v;
}

static void test_states(void **state) {
  (void)state;
  static const struct {
    struct row rows[4];
    enum published_key state;
    const char *why; /* a part of it */
    enum key_algorithm algorithm;
    bool testing;
    uint32_t ttl; /* 0: 300 */
  } samples[] = {
      {{{NAME, TXT, "v=DKIM1; k=rsa; p=" OURS}}, PUBLISHED_MATCHES, "is ours"},
      {{{NAME, TXT, "p=" OURS}}, PUBLISHED_MATCHES, "is ours"}, /* RFC 6376 3.6.1: the defaults */
      {{{NAME, TXT, "v=DKIM1; p=MIIBIjAN Bgkq\r\n AAAA+/= ="}}, PUBLISHED_MATCHES, "is ours"},
      {{{NAME, TXT, "v=DKIM1; p=MIIBIjANBgkqAAAA+/"}}, PUBLISHED_MATCHES, "is ours"},
      {{{NAME, TXT, "v=DKIM1; k=ed25519; p=" OURS}}, PUBLISHED_MATCHES, "is ours", KEY_ED25519},
      {{{NAME, TXT, "v=DKIM1; t=s:y; p=" OURS}}, PUBLISHED_MATCHES, "is ours", KEY_RSA, true},
      {{{NAME, TXT, "v=DKIM1; s=email; h=sha1:sha256; n=note; x=y; p=" OURS}}, PUBLISHED_MATCHES, "is ours"},
      {{{NAME, TXT, "v=DKIM1; p=" OURS, .ttl = 100000}}, PUBLISHED_MATCHES, "is ours", .ttl = 86400},
      {{{NAME, TXT, "v=DKIM1; p=" OURS, .ttl = 1}}, PUBLISHED_MATCHES, "is ours", .ttl = 5},
      {{{"e.org", TXT, "x"}}, PUBLISHED_MISSING, "there is no TXT record at " NAME},
      {{{NAME, ns_t_a, "192.0.2.1"}}, PUBLISHED_MISSING, "no TXT record"},
      {{{NAME, TXT, "v=DKIM1; p="}}, PUBLISHED_REVOKED, "revoked"},
      {{{NAME, TXT, "v=DKIM1; p=  ;"}}, PUBLISHED_REVOKED, "revoked"},
      {{{NAME, TXT, "v=DKIM1; p=AAAA"}}, PUBLISHED_DIFFERS, "not the one"},
      {{{NAME, TXT,
         "v=DKIM1; p="
         "MIIBIjANBgkqAAAA+/AA"}},
       PUBLISHED_DIFFERS,
       "not the one"},
      {{{NAME, TXT, "v=DKIM1; p=MIIBIjANBgkqAAAA+"}}, PUBLISHED_DIFFERS, "not the one"},
      {{{NAME, TXT, "v=DKIM1; p=miibijanbgkqaaaa+/=="}}, PUBLISHED_DIFFERS, "not the one"},
      {{{NAME, TXT, "v=DKIM1; p= = ="}}, PUBLISHED_DIFFERS, "not the one"},
      {{{NAME, TXT, "v=DKIM1; k=ed25519; p=" OURS}}, PUBLISHED_DIFFERS, "is for k=ed25519, and ours is k=rsa"},
      {{{NAME, TXT, "v=DKIM1; p=" OURS}}, PUBLISHED_DIFFERS, "is for k=rsa, and ours is k=ed25519", KEY_ED25519},
      {{{NAME, TXT, "v=DKIM1; s=tlsrpt; p=" OURS}}, PUBLISHED_DIFFERS, "not for mail"},
      {{{NAME, TXT, "v=DKIM1; h=sha1; p=" OURS}}, PUBLISHED_DIFFERS, "not for sha256"},
      {{{NAME, TXT, "v=DKIM2; p=" OURS}}, PUBLISHED_DIFFERS, "v= is not DKIM1"},
      {{{NAME, TXT, "p=" OURS "; v=DKIM1"}}, PUBLISHED_DIFFERS, "v= is not the first tag"},
      {{{NAME, TXT, "v=DKIM1; k=rsa"}}, PUBLISHED_DIFFERS, "it has no p="},
      {{{NAME, TXT, "v=DKIM1; P=" OURS}}, PUBLISHED_DIFFERS, "it has no p="}, /* names have case */
      {{{NAME, TXT, "v=DKIM1; p=" OURS "; p=" OURS}}, PUBLISHED_DIFFERS, "p= is there twice"},
      {{{NAME, TXT, "v=DKIM1; p=\x1b[2J"}}, PUBLISHED_DIFFERS, "no tag list"},
      {{{NAME, TXT, .raw = {"\x20v=DKIM1; p=", 12}}}, PUBLISHED_DIFFERS, "not well-formed"},
      {{{NAME, TXT, .raw = {"", 0}}}, PUBLISHED_DIFFERS, "it has no p="},
      {{{NAME, TXT, "v=DKIM1; p=" OURS}, {NAME, TXT, "v=DKIM1; p=AAAA"}}, PUBLISHED_DIFFERS, "there are 2 TXT records"},
      {{{NAME, TXT, .trouble = DNS_FAILED}}, PUBLISHED_UNKNOWN, "DNS did not answer for " NAME, .ttl = 5},
      {{{NAME, TXT, .trouble = DNS_FAILED, .bogus = true}},
       PUBLISHED_UNKNOWN,
       "DNSSEC does not confirm the answer for " NAME,
       .ttl = 5},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct zone z = {.rows = samples[i].rows};
    struct key_verdict v = check(&z, "s1", samples[i].algorithm, UINT64_MAX);
    if (v.state != samples[i].state || !strstr(v.why, samples[i].why) || v.testing != samples[i].testing ||
        v.ttl != (samples[i].ttl ? samples[i].ttl : 300))
      fail_msg("sample %zu: %s, %s, ttl %u", i, published_key_name(v.state), v.why, v.ttl);
  }
}

static void test_bounds(void **state) {
  (void)state;
  static struct row rows[1002];
  char *big = malloc(8000), selector[300];
  snprintf(big, 8000, "v=DKIM1; p=%07500d", 0);
  for (size_t i = 0; i < 1000; i++) rows[i] = (struct row){NAME, TXT, "v=DKIM1; p=" OURS};
  struct zone z = {.rows = rows};
  struct key_verdict v = check(&z, "s1", KEY_RSA, UINT64_MAX);
  assert_int_equal(v.state, PUBLISHED_DIFFERS);
  assert_non_null(strstr(v.why, "there are 1000 TXT records"));
  rows[0].data = big;
  rows[1].name = NULL;
  z.asked = z.released = 0;
  v = check(&z, "s1", KEY_RSA, UINT64_MAX);
  assert_int_equal(v.state, PUBLISHED_DIFFERS);
  assert_non_null(strstr(v.why, "longer than anybody reads"));
  /* no time left: nothing is asked, and nothing is known */
  z.asked = z.released = 0;
  v = check(&z, "s1", KEY_RSA, clock_monotonic_ms());
  assert_int_equal(v.state, PUBLISHED_UNKNOWN);
  assert_int_equal(z.asked, 0);
  /* no DNS name: nothing can be there */
  memset(selector, 'x', sizeof selector);
  selector[sizeof selector - 1] = '\0';
  v = check(&z, selector, KEY_RSA, UINT64_MAX);
  assert_int_equal(v.state, PUBLISHED_MISSING);
  assert_int_equal(z.asked, 0);
  free(big);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_states), cmocka_unit_test(test_bounds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
