/* Which record applies, and the organizational domain: the tree walk (RFC 9989 4.10, with its examples), the public
 * suffix list (RFC 7489 6.6.3), and DNS that is broken or hostile. */
#include "policy/dmarc/dmarc_discover.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/policy_zone.h"

#define TXT ns_t_txt
#define ROWS_MAX 8
#define LONG "a.b.c.d.e.f.g.h.i.j.mail.example.com"

static void start(struct dmarc_dns *d, struct dns_source *dns, struct zone *z, const struct row *rows) {
  *z = (struct zone){.rows = rows};
  *dns = zone_source(z);
  dmarc_dns_init(d, dns, UINT64_MAX);
}

static void test_organization(void **state) {
  (void)state;
  static const struct {
    const char *domain;
    struct row rows[ROWS_MAX];
    const char *walk;   /* NULL: unknown */
    const char *suffix; /* NULL: not looked at */
  } samples[] = {
      /* RFC 9989 4.10.2 */
      {"a.mail.example.com",
       {{"_dmarc.mail.example.com", TXT, "v=DMARC1; p=none"}, {"_dmarc.example.com", TXT, "v=DMARC1; p=none"}},
       "example.com",
       "example.com"},
      {"a.mail.example.com",
       {{"_dmarc.mail.example.com", TXT, "v=DMARC1; p=none; psd=n"}, {"_dmarc.example.com", TXT, "v=DMARC1; p=none"}},
       "mail.example.com",
       "example.com"},
      {"a.mail.example.com", {{"_dmarc.com", TXT, "v=DMARC1; p=none; psd=y"}}, "example.com", "example.com"},
      /* nothing found: the name itself */
      {"a.mail.example.com", {{"x", TXT, "x"}}, "a.mail.example.com", "example.com"},
      /* psd=y where the walk starts is no reason to go below */
      {"example.com", {{"_dmarc.example.com", TXT, "v=DMARC1; p=none; psd=y"}}, "example.com", "example.com"},
      {"bank.example", {{"_dmarc.example", TXT, "v=DMARC1; p=reject; psd=y"}}, "bank.example", NULL},
      /* a private public suffix says so, or does not */
      {"x.shop.host.example",
       {{"_dmarc.host.example", TXT, "v=DMARC1; p=none; psd=y"}, {"_dmarc.example", TXT, "v=DMARC1; p=none"}},
       "shop.host.example",
       NULL},
      {"shop.example.co.uk", {{"x", TXT, "x"}}, "shop.example.co.uk", "example.co.uk"},
      {"co.uk", {{"x", TXT, "x"}}, "co.uk", "co.uk"},
      /* one label below, also where the walk jumped over that label */
      {LONG, {{"_dmarc.com", TXT, "v=DMARC1; psd=y"}}, "example.com", "example.com"},
      {"1.2.3.4.5.6.7.8.9", {{"_dmarc.3.4.5.6.7.8.9", TXT, "v=DMARC1; psd=y"}}, "2.3.4.5.6.7.8.9", NULL},
      /* several, other and broken records */
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=none"}, {"_dmarc.example.com", TXT, "v=DMARC1; p=none; x=y"}},
       "a.example.com",
       NULL},
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=spf1 -all"}, {"_dmarc.example.com", TXT, "v=DMARC1; p=none"}},
       "example.com",
       NULL},
      {"a.example.com", {{"_dmarc.example.com", TXT, .raw = {"\x20v=DMARC1; p=none", 17}}}, "a.example.com", NULL},
      /* unknown names on the way; those above psd= are not asked for */
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=none"}, {"_dmarc.com", 0, .trouble = DNS_FAILED}},
       NULL,
       "example.com"},
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=none; psd=n"}, {"_dmarc.com", 0, .trouble = DNS_FAILED}},
       "example.com",
       NULL},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    static struct dmarc_dns d;
    struct zone z;
    struct dns_source dns;
    char out[DOMAIN_MAX + 1] = "";
    start(&d, &dns, &z, samples[i].rows);
    int rc = dmarc_organization(&d, DMARC_BY_WALK, samples[i].domain, out);
    if (rc != (samples[i].walk ? OK : E_TEMPORARY) || (samples[i].walk && strcmp(out, samples[i].walk) != 0))
      fail_msg("sample %zu: %d, %s", i, rc, out);
    assert_int_equal(z.asked, z.released);
    assert_in_range(z.asked, 1, DMARC_WALK_MAX);
    if (!samples[i].suffix) continue;
    assert_int_equal(dmarc_organization(&d, DMARC_BY_SUFFIX, samples[i].domain, out), OK);
    assert_string_equal(out, samples[i].suffix);
  }
}

static void test_questions(void **state) {
  (void)state;
  static const struct {
    const char *domain, *asked[DMARC_WALK_MAX + 1];
  } samples[] = {
      /* RFC 9989 4.10 */
      {LONG,
       {"_dmarc." LONG, "_dmarc.g.h.i.j.mail.example.com", "_dmarc.h.i.j.mail.example.com",
        "_dmarc.i.j.mail.example.com", "_dmarc.j.mail.example.com", "_dmarc.mail.example.com", "_dmarc.example.com",
        "_dmarc.com"}},
      {"1.2.3.4.5.6.7.8",
       {"_dmarc.1.2.3.4.5.6.7.8", "_dmarc.2.3.4.5.6.7.8", "_dmarc.3.4.5.6.7.8", "_dmarc.4.5.6.7.8", "_dmarc.5.6.7.8",
        "_dmarc.6.7.8", "_dmarc.7.8", "_dmarc.8"}},
      {"2.3.4.5.6.7.8",
       {"_dmarc.2.3.4.5.6.7.8", "_dmarc.3.4.5.6.7.8", "_dmarc.4.5.6.7.8", "_dmarc.5.6.7.8", "_dmarc.6.7.8",
        "_dmarc.7.8", "_dmarc.8"}},
      {"com", {"_dmarc.com"}},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    static struct dmarc_dns d;
    static const struct row none[] = {{NULL}};
    struct zone z;
    struct dns_source dns;
    char out[DOMAIN_MAX + 1];
    size_t n = 0;
    start(&d, &dns, &z, none);
    assert_int_equal(dmarc_organization(&d, DMARC_BY_WALK, samples[i].domain, out), OK);
    for (; samples[i].asked[n]; n++) assert_string_equal(z.questions[n], samples[i].asked[n]);
    assert_int_equal(z.asked, n);
    /* once more: nothing is asked twice */
    assert_int_equal(dmarc_organization(&d, DMARC_BY_WALK, samples[i].domain, out), OK);
    assert_int_equal(z.asked, n);
  }
}

struct want {
  enum dmarc_found found;
  const char *domain; /* whose record */
  const char *tag;
  enum dmarc_policy published, effective;
};

static void check(size_t i, const char *method, const struct dmarc_finding *got, const struct want *want) {
  const char *domain = got->place ? got->place->domain : "";
  if (got->found != want->found || strcmp(domain, want->domain ? want->domain : "") != 0 ||
      strcmp(got->tag, want->tag ? want->tag : "") != 0 || got->published != want->published ||
      got->effective != want->effective)
    fail_msg("sample %zu, %s: found %d at %s, %s=%d, effective %d", i, method, (int)got->found, domain, got->tag,
             (int)got->published, (int)got->effective);
}

#define BOTH(...) __VA_ARGS__, __VA_ARGS__

static void test_policy(void **state) {
  (void)state;
  static const struct {
    const char *domain;
    struct row rows[ROWS_MAX];
    struct want walk, suffix;
  } samples[] = {
      {"example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=reject; sp=none"}},
       BOTH({DMARC_FOUND, "example.com", "p", DMARC_REJECT, DMARC_REJECT})},
      {"a.example.com", {{"a.example.com", TXT, "x"}}, BOTH({DMARC_FOUND_NOTHING})},
      /* the organizational domain's sp, np */
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=reject; sp=quarantine"}},
       BOTH({DMARC_FOUND, "example.com", "sp", DMARC_QUARANTINE, DMARC_QUARANTINE})},
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=reject"}},
       BOTH({DMARC_FOUND, "example.com", "sp", DMARC_REJECT, DMARC_REJECT})},
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=none; np=reject"}},
       {DMARC_FOUND, "example.com", "np", DMARC_REJECT, DMARC_REJECT},
       {DMARC_FOUND, "example.com", "sp", DMARC_NONE, DMARC_NONE}},
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=none; np=reject"}, {"a.example.com", ns_t_mx, "mx"}},
       BOTH({DMARC_FOUND, "example.com", "sp", DMARC_NONE, DMARC_NONE})},
      /* the answer for _dmarc.a shows that "a" is there */
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=none; np=reject"}, {"_dmarc.a.example.com", ns_t_mx, "mx"}},
       BOTH({DMARC_FOUND, "example.com", "sp", DMARC_NONE, DMARC_NONE})},
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=none; np=reject"}, {"a.example.com", 0, .trouble = DNS_FAILED}},
       {DMARC_FOUND_TROUBLE, "example.com"},
       {DMARC_FOUND, "example.com", "sp", DMARC_NONE, DMARC_NONE}},
      /* t=y, pct=0: one step */
      {"example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=reject; t=y"}},
       {DMARC_FOUND, "example.com", "p", DMARC_REJECT, DMARC_QUARANTINE},
       {DMARC_FOUND, "example.com", "p", DMARC_REJECT, DMARC_REJECT}},
      {"a.example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=reject; sp=quarantine; t=y; pct=0"}},
       BOTH({DMARC_FOUND, "example.com", "sp", DMARC_QUARANTINE, DMARC_NONE})},
      {"example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=none; t=y"}},
       BOTH({DMARC_FOUND, "example.com", "p", DMARC_NONE, DMARC_NONE})},
      {"example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=reject; pct=0"}},
       {DMARC_FOUND, "example.com", "p", DMARC_REJECT, DMARC_REJECT},
       {DMARC_FOUND, "example.com", "p", DMARC_REJECT, DMARC_QUARANTINE}},
      /* a record between the two, which the suffix list jumps over */
      {"b.a.example.com",
       {{"_dmarc.a.example.com", TXT, "v=DMARC1; p=reject; psd=n"}, {"_dmarc.example.com", TXT, "v=DMARC1; p=none"}},
       {DMARC_FOUND, "a.example.com", "sp", DMARC_REJECT, DMARC_REJECT},
       {DMARC_FOUND, "example.com", "sp", DMARC_NONE, DMARC_NONE}},
      {"b.a.example.com",
       {{"_dmarc.a.example.com", TXT, "v=DMARC1; p=reject"}},
       {DMARC_FOUND, "a.example.com", "sp", DMARC_REJECT, DMARC_REJECT},
       {DMARC_FOUND_NOTHING}},
      /* the public suffix's own record */
      {"b.a.example.com",
       {{"_dmarc.com", TXT, "v=DMARC1; p=reject; sp=quarantine; psd=y"},
        {"_dmarc.a.example.com", TXT, "v=DMARC1; p=none"}},
       {DMARC_FOUND, "com", "sp", DMARC_QUARANTINE, DMARC_QUARANTINE},
       {DMARC_FOUND_NOTHING}},
      {"a.example.com",
       {{"_dmarc.com", TXT, "v=DMARC1; p=reject; psd=y"}, {"_dmarc.example.com", TXT, "v=DMARC1; p=none"}},
       BOTH({DMARC_FOUND, "example.com", "sp", DMARC_NONE, DMARC_NONE})},
      /* several at the author's name: none by RFC 9989, which goes on; the end by RFC 7489 */
      {"a.example.com",
       {{"_dmarc.a.example.com", TXT, "v=DMARC1; p=none"},
        {"_dmarc.a.example.com", TXT, "v=DMARC1; p=reject"},
        {"_dmarc.example.com", TXT, "v=DMARC1; p=quarantine"}},
       {DMARC_FOUND, "example.com", "sp", DMARC_QUARANTINE, DMARC_QUARANTINE},
       {DMARC_FOUND_UNUSABLE, "a.example.com"}},
      {"example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=whatever"}},
       BOTH({DMARC_FOUND_UNUSABLE, "example.com"})},
      {"example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1; p=whatever; rua=mailto:a@e.org"}},
       BOTH({DMARC_FOUND, "example.com", "p", DMARC_NONE, DMARC_NONE})},
      {"example.com",
       {{"_dmarc.example.com", TXT, "v=DMARC1"}},
       {DMARC_FOUND, "example.com", "p", DMARC_NONE, DMARC_NONE},
       {DMARC_FOUND_UNUSABLE, "example.com"}},
      /* DNS trouble at each step */
      {"a.example.com",
       {{"_dmarc.a.example.com", 0, .trouble = DNS_FAILED}, {"_dmarc.example.com", TXT, "v=DMARC1; p=reject"}},
       BOTH({DMARC_FOUND_TROUBLE})},
      {"a.example.com", {{"_dmarc.example.com", 0, .trouble = DNS_FAILED}}, BOTH({DMARC_FOUND_TROUBLE})},
      {"a.example.com",
       {{"_dmarc.com", 0, .trouble = DNS_FAILED}, {"_dmarc.example.com", TXT, "v=DMARC1; p=reject"}},
       {DMARC_FOUND_TROUBLE},
       {DMARC_FOUND, "example.com", "sp", DMARC_REJECT, DMARC_REJECT}},
      {"a.example.com",
       {{"_dmarc.com", 0, .trouble = DNS_FAILED}, {"_dmarc.a.example.com", TXT, "v=DMARC1; p=reject"}},
       BOTH({DMARC_FOUND, "a.example.com", "p", DMARC_REJECT, DMARC_REJECT})},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    static struct dmarc_dns d;
    struct zone z;
    struct dns_source dns;
    struct dmarc_finding got;
    start(&d, &dns, &z, samples[i].rows);
    dmarc_discover(&d, DMARC_BY_WALK, samples[i].domain, &got);
    check(i, "walk", &got, &samples[i].walk);
    dmarc_discover(&d, DMARC_BY_SUFFIX, samples[i].domain, &got);
    check(i, "suffix", &got, &samples[i].suffix);
    assert_int_equal(z.asked, z.released);
    assert_int_equal(z.old_type, 0);
  }
}

/* 1,000 TXT records at a name, with the one that counts last; a record that is too long. */
static void test_many_and_long(void **state) {
  (void)state;
  static struct dmarc_dns d;
  static struct row rows[1002];
  struct zone z;
  struct dns_source dns;
  struct dmarc_finding got;
  for (size_t i = 0; i < 1000; i++) rows[i] = (struct row){"_dmarc.example.com", TXT, "v=spf1 -all"};
  rows[1000] = (struct row){"_dmarc.example.com", TXT, "v=DMARC1; p=reject"};
  start(&d, &dns, &z, rows);
  dmarc_discover(&d, DMARC_BY_WALK, "example.com", &got);
  assert_int_equal(got.effective, DMARC_REJECT);
  rows[999].data = "v=DMARC1; p=none";
  start(&d, &dns, &z, rows);
  dmarc_discover(&d, DMARC_BY_WALK, "example.com", &got);
  assert_int_equal(got.found, DMARC_FOUND_NOTHING);
  char *big = malloc(9000);
  snprintf(big, 9000, "v=DMARC1; p=reject; x=%08000d", 0);
  rows[0] = (struct row){"_dmarc.example.com", TXT, big};
  rows[1].name = NULL;
  start(&d, &dns, &z, rows);
  dmarc_discover(&d, DMARC_BY_WALK, "example.com", &got);
  assert_int_equal(got.found, DMARC_FOUND_NOTHING);
  assert_int_equal(z.asked, z.released);
  free(big);
}

/* However many domains are asked about, no more questions than promised. */
static void test_bound(void **state) {
  (void)state;
  static struct dmarc_dns d;
  static const struct row none[] = {{NULL}};
  struct zone z;
  struct dns_source dns;
  char name[64], out[DOMAIN_MAX + 1];
  int rc = OK;
  start(&d, &dns, &z, none);
  for (int i = 0; i < 50; i++) {
    snprintf(name, sizeof name, "a.b.c.d.e.n%d.example%d.com", i, i);
    rc = dmarc_organization(&d, DMARC_BY_WALK, name, out);
  }
  assert_int_equal(rc, E_TEMPORARY);
  assert_int_equal(z.asked, DMARC_QUESTIONS_MAX);
  assert_int_equal(dmarc_exists(&d, "example.com"), E_TEMPORARY);
  assert_int_equal(z.asked, DMARC_QUESTIONS_MAX);
}

static void slow_lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
  zone_lookup(arg, name, type, out);
}

static void test_deadline(void **state) {
  (void)state;
  static struct dmarc_dns d;
  static const struct row none[] = {{NULL}};
  struct zone z = {.rows = none};
  struct dns_source dns = {&z, slow_lookup, zone_release};
  struct dmarc_finding got;
  dmarc_dns_init(&d, &dns, clock_monotonic_ms() + 70);
  dmarc_discover(&d, DMARC_BY_WALK, LONG, &got);
  assert_int_equal(got.found, DMARC_FOUND_TROUBLE);
  assert_in_range(z.asked, 0, 3); /* none begins after 70 ms, and each takes 30 */
  assert_int_equal(dmarc_ttl(&d), DMARC_TTL_MIN);
}

/* 250 octets, so that _dmarc. before it makes no DNS name: never the domain's own TXT records instead. */
static void test_long_name(void **state) {
  (void)state;
  static struct dmarc_dns d;
  char name[DOMAIN_MAX + 1];
  size_t n = 0;
  while (n < 240) n += (size_t)snprintf(name + n, sizeof name - n, "%059d.", 0);
  snprintf(name + n, sizeof name - n, "abcdef.com");
  struct row rows[] = {{name, TXT, "v=DMARC1; p=reject"}, {NULL}};
  struct zone z;
  struct dns_source dns;
  struct dmarc_finding got;
  start(&d, &dns, &z, rows);
  dmarc_discover(&d, DMARC_BY_WALK, name, &got);
  assert_int_equal(got.found, DMARC_FOUND_NOTHING);
  assert_true(z.asked < DMARC_WALK_MAX);
  for (size_t i = 0; i < z.asked; i++) assert_int_equal(strncmp(z.questions[i], "_dmarc.", 7), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_organization), cmocka_unit_test(test_questions),
                                     cmocka_unit_test(test_policy),       cmocka_unit_test(test_many_and_long),
                                     cmocka_unit_test(test_bound),        cmocka_unit_test(test_deadline),
                                     cmocka_unit_test(test_long_name)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
