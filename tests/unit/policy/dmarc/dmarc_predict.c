/* What receivers will find, and what would repair it. */
#include "policy/dmarc/dmarc_predict.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/policy_zone.h"

#define TXT ns_t_txt
#define ROWS_MAX 6
#define IP "203.0.113.7"
#define REJECT                                                                                                         \
  { "_dmarc.example.org", TXT, "v=DMARC1; p=reject" }
#define STRICT                                                                                                         \
  { "_dmarc.example.org", TXT, "v=DMARC1; p=reject; adkim=s; aspf=s" }

/* d= and its key; without a domain: not signed */
struct sign {
  const char *domain;
  enum published_key key;
  enum key_algorithm algorithm;
  bool testing;
};

struct sample {
  const char *author;
  enum spf_result spf;
  const char *spf_domain;
  struct sign sign[2];
  struct row rows[ROWS_MAX];
  enum dmarc_result now, old;
  enum dmarc_policy now_does, old_does;
  unsigned warnings;
  const char *why[3];       /* parts of it */
  const char *repair[2][2]; /* name, value; a value that begins with "+" is added */
};

static const struct sample samples[] = {
    /* the example */
    {"example.org", SPF_FAIL, "example.org", .rows = {REJECT}, .now = DMARC_FAIL, .old = DMARC_FAIL,
     .now_does = DMARC_REJECT, .old_does = DMARC_REJECT,
     .why = {"example.org publishes p=reject and this mail would fail it: ", "example.org does not list " IP,
             "no DKIM key for example.org"},
     .repair = {{"example.org", "+ip4:" IP}}},
    {"example.org",
     SPF_NONE,
     "example.org",
     {{"example.org", PUBLISHED_MISSING}},
     {REJECT},
     .now = DMARC_FAIL,
     .old = DMARC_FAIL,
     .now_does = DMARC_REJECT,
     .old_does = DMARC_REJECT,
     .why = {"the key is missing"},
     .repair = {{"s1._domainkey.example.org", "v=DKIM1; k=rsa; p=AAAA"}, {"example.org", "v=spf1 ip4:" IP " -all"}}},
    {"example.org",
     SPF_PERMERROR,
     "example.org",
     {{"example.org", PUBLISHED_DIFFERS, KEY_ED25519}},
     {REJECT},
     .now = DMARC_FAIL,
     .old = DMARC_FAIL,
     .now_does = DMARC_REJECT,
     .old_does = DMARC_REJECT,
     .repair = {{"s1._domainkey.example.org", "v=DKIM1; k=ed25519; p=AAAA"}}},
    /* passes */
    {"example.org",
     SPF_PASS,
     "example.org",
     {{"example.org", PUBLISHED_MATCHES}},
     {REJECT},
     .why = {"passes it by SPF and DKIM"}},
    {"Example.ORG.", SPF_FAIL, "example.org", {{"EXAMPLE.org", PUBLISHED_MATCHES}}, {REJECT}, .why = {"by DKIM"}},
    {"example.org", SPF_PASS, "example.org", .rows = {REJECT}, .warnings = DMARC_WARN_SPF_ALONE,
     .why = {"by SPF", "must be signed with DKIM"}},
    {"example.org",
     SPF_PASS,
     "example.org",
     {{"example.org", PUBLISHED_MISSING}},
     {REJECT},
     .warnings = DMARC_WARN_SPF_ALONE,
     .repair = {{"s1._domainkey.example.org", "v=DKIM1; k=rsa; p=AAAA"}}},
    {"example.org", SPF_PASS, "example.org", .rows = {{"_dmarc.example.org", TXT, "v=DMARC1; p=none"}}},
    {"example.org",
     SPF_FAIL,
     "example.org",
     {{"example.org", PUBLISHED_MATCHES, KEY_RSA, true}},
     {REJECT},
     .warnings = DMARC_WARN_TEST_KEY,
     .why = {"t=y"}},
    {"example.org",
     SPF_FAIL,
     "example.org",
     {{"example.org", PUBLISHED_MISSING}, {"example.org", PUBLISHED_MATCHES, KEY_ED25519}},
     {REJECT},
     .warnings = DMARC_WARN_ED25519,
     .why = {"Ed25519"}},
    {"example.org",
     SPF_FAIL,
     "example.org",
     {{"example.org", PUBLISHED_MATCHES}, {"example.org", PUBLISHED_MATCHES, KEY_ED25519}},
     {REJECT}},
    /* alignment: relaxed and strict */
    {"news.example.org", SPF_FAIL, "x.net", {{"example.org", PUBLISHED_MATCHES}}, {REJECT}},
    {"example.org", SPF_PASS, "bounce.example.org", .rows = {REJECT}, .warnings = DMARC_WARN_SPF_ALONE},
    {"example.org",
     SPF_PASS,
     "bounce.example.org",
     {{"mail.example.org", PUBLISHED_MATCHES}},
     {STRICT},
     .now = DMARC_FAIL,
     .old = DMARC_FAIL,
     .now_does = DMARC_REJECT,
     .old_does = DMARC_REJECT,
     .why = {"SPF passes for bounce.example.org, which is not aligned", "d=mail.example.org is not aligned"}},
    {"example.org",
     SPF_PASS,
     "other.org",
     {{"other.org", PUBLISHED_MATCHES}},
     {REJECT},
     .now = DMARC_FAIL,
     .old = DMARC_FAIL,
     .now_does = DMARC_REJECT,
     .old_does = DMARC_REJECT},
    {"example.org",
     SPF_PASS,
     "example.net",
     {{"notexample.org", PUBLISHED_MATCHES}},
     {REJECT},
     .now = DMARC_FAIL,
     .old = DMARC_FAIL,
     .now_does = DMARC_REJECT,
     .old_does = DMARC_REJECT},
    /* a subdomain with a record, and parents without: d= of a parent is aligned by the suffix list alone */
    {"news.example.org",
     SPF_NONE,
     "x.net",
     {{"example.org", PUBLISHED_MATCHES}},
     {{"_dmarc.news.example.org", TXT, "v=DMARC1; p=reject"}},
     .now = DMARC_FAIL,
     .old = DMARC_PASS,
     .now_does = DMARC_REJECT,
     .warnings = DMARC_WARN_OLD_DIFFERS,
     .why = {"d=example.org is not aligned with news.example.org", "receivers that follow RFC 7489 find: pass"}},
    /* psd=n splits an organization */
    {"a.example.org", SPF_PASS, "b.example.org",
     .rows = {{"_dmarc.a.example.org", TXT, "v=DMARC1; p=quarantine; psd=n"}, REJECT}, .now = DMARC_FAIL,
     .old = DMARC_PASS, .now_does = DMARC_QUARANTINE, .warnings = DMARC_WARN_OLD_DIFFERS},
    /* two customers of one public suffix that the list does not know */
    {"a.host.example", SPF_PASS, "b.host.example", .rows = {{"_dmarc.host.example", TXT, "v=DMARC1; p=reject; psd=y"}},
     .now = DMARC_FAIL, .old = DMARC_PASS, .now_does = DMARC_REJECT, .warnings = DMARC_WARN_OLD_DIFFERS},
    /* and two of one that only the list knows */
    {"a.github.io", SPF_PASS, "b.github.io",
     .rows = {{"_dmarc.a.github.io", TXT, "v=DMARC1; p=reject"}, {"_dmarc.github.io", TXT, "v=DMARC1; p=none"}},
     .now = DMARC_PASS, .old = DMARC_FAIL, .old_does = DMARC_REJECT,
     .warnings = DMARC_WARN_OLD_DIFFERS | DMARC_WARN_SPF_ALONE, .why = {"RFC 7489 find: fail, a.github.io"}},
    {"a.github.io",
     SPF_SOFTFAIL,
     "a.github.io",
     {{"b.github.io", PUBLISHED_MATCHES}},
     {{"_dmarc.a.github.io", TXT, "v=DMARC1; p=reject"}, {"_dmarc.github.io", TXT, "v=DMARC1; p=none"}},
     .old = DMARC_FAIL,
     .old_does = DMARC_REJECT,
     .warnings = DMARC_WARN_OLD_DIFFERS,
     .repair = {{"a.github.io", "+ip4:" IP}}},
    /* dispositions that differ */
    {"example.org", SPF_FAIL, "example.org", .rows = {{"_dmarc.example.org", TXT, "v=DMARC1; p=reject; t=y"}},
     .now = DMARC_FAIL, .old = DMARC_FAIL, .now_does = DMARC_QUARANTINE, .old_does = DMARC_REJECT,
     .warnings = DMARC_WARN_OLD_DIFFERS,
     .why = {"p=reject with t=y", "RFC 7489 find: fail, example.org, disposition reject"},
     .repair = {{"example.org", "+ip4:" IP}}},
    {"a.example.org", SPF_FAIL, "a.example.org", .rows = {{"_dmarc.example.org", TXT, "v=DMARC1; p=none; np=reject"}},
     .now = DMARC_FAIL, .old = DMARC_FAIL, .now_does = DMARC_REJECT, .warnings = DMARC_WARN_OLD_DIFFERS,
     .why = {"example.org publishes np=reject"}, .repair = {{"a.example.org", "+ip4:" IP}}},
    {"example.org", SPF_FAIL, "example.org", .rows = {{"_dmarc.example.org", TXT, "v=DMARC1; p=none"}},
     .now = DMARC_FAIL, .old = DMARC_FAIL, .repair = {{"example.org", "+ip4:" IP}}},
    /* no policy */
    {"example.org", SPF_PASS, "example.org", .rows = {{"example.org", TXT, "x"}}, .now = DMARC_NO_POLICY,
     .old = DMARC_NO_POLICY, .why = {"no DMARC record applies to example.org"},
     .repair = {{"_dmarc.example.org", "v=DMARC1; p=none"}}},
    {"example.org", SPF_PASS, "example.org", .rows = {{"_dmarc.example.org", TXT, "v=DMARC1; p=x"}},
     .now = DMARC_NO_POLICY, .old = DMARC_NO_POLICY, .why = {"has no policy that can be read"},
     .repair = {{"_dmarc.example.org", "v=DMARC1; p=none"}}},
    {"example.org", SPF_PASS, "example.org", .rows = {REJECT, {"_dmarc.example.org", TXT, "v=DMARC1; p=none"}},
     .now = DMARC_NO_POLICY, .old = DMARC_NO_POLICY, .warnings = DMARC_WARN_SEVERAL, .why = {"several DMARC records"},
     .repair = {{"_dmarc.example.org", "v=DMARC1; p=none"}}},
    /* DNS failures: never a fail */
    {"example.org", SPF_FAIL, "example.org", .rows = {{"_dmarc.example.org", 0, .trouble = DNS_FAILED}},
     .now = DMARC_TEMPERROR, .old = DMARC_TEMPERROR, .why = {"DNS did not answer for _dmarc.example.org"}},
    {"example.org", SPF_FAIL, "example.org", .rows = {{"_dmarc.example.org", 0, .trouble = DNS_FAILED, .bogus = true}},
     .now = DMARC_TEMPERROR, .old = DMARC_TEMPERROR,
     .why = {"is not known: DNSSEC does not confirm the answer for _dmarc.example.org"}},
    {"example.org", SPF_TEMPERROR, "example.org", .rows = {REJECT}, .now = DMARC_TEMPERROR, .old = DMARC_TEMPERROR,
     .why = {"is not known: example.org does not list " IP ""}},
    {"example.org",
     SPF_FAIL,
     "example.org",
     {{"example.org", PUBLISHED_UNKNOWN}},
     {REJECT},
     .now = DMARC_TEMPERROR,
     .old = DMARC_TEMPERROR,
     .why = {"is not known: the key is unknown"}},
    {"example.org",
     SPF_TEMPERROR,
     "example.net",
     {{"example.net", PUBLISHED_UNKNOWN}},
     {REJECT},
     .now = DMARC_FAIL, /* whatever they are, they are not aligned */
     .old = DMARC_FAIL,
     .now_does = DMARC_REJECT,
     .old_does = DMARC_REJECT},
    {"example.org", SPF_TEMPERROR, "example.org", {{"example.org", PUBLISHED_MATCHES}}, {REJECT}}, /* DKIM is enough */
    /* no check of SPF: not in time, no source to check */
    {"example.org", SPF_TEMPERROR, "", .rows = {REJECT}, .now = DMARC_TEMPERROR, .old = DMARC_TEMPERROR,
     .why = {"example.org is not known: SPF: it was not checked"}},
    {"example.org",
     SPF_NONE,
     "",
     {{"example.org", PUBLISHED_MISSING}},
     {REJECT},
     .now = DMARC_TEMPERROR,
     .old = DMARC_TEMPERROR},
    {"example.org", SPF_TEMPERROR, "", {{"example.org", PUBLISHED_MATCHES}}, {REJECT}},
    {"example.org", SPF_PASS, "a.example.org", .rows = {REJECT, {"_dmarc.a.example.org", 0, .trouble = DNS_FAILED}},
     .now = DMARC_TEMPERROR, /* whether it is aligned is not known */
     .old = DMARC_PASS, .warnings = DMARC_WARN_OLD_DIFFERS,
     .why = {"DNS did not answer for _dmarc.a.example.org", "RFC 7489 find: pass"}},
    {"no domain", SPF_PASS, "example.org", .rows = {REJECT}, .now = DMARC_TEMPERROR, .old = DMARC_TEMPERROR,
     .why = {"could not be looked up"}},
};

static void spf_of(const struct sample *s, struct spf_verdict *out) {
  *out = (struct spf_verdict){.result = s->spf, .source = IP, .ttl = 1000};
  snprintf(out->domain, sizeof out->domain, "%s", s->spf_domain);
  snprintf(out->why, sizeof out->why, "%s%s", s->spf_domain,
           *s->spf_domain ? " does not list " IP : "it was not checked");
}

static void predict(const struct sample *s, struct zone *z, uint64_t deadline_ms, struct dmarc_prediction *out) {
  struct spf_verdict spf;
  struct key_verdict keys[2];
  struct dmarc_signature signatures[2];
  struct dmarc_facts facts = {.author = s->author, .spf = &spf, .signatures = signatures};
  struct dns_source dns = zone_source(z);
  spf_of(s, &spf);
  for (; facts.signature_count < 2 && s->sign[facts.signature_count].domain; facts.signature_count++) {
    const struct sign *sign = &s->sign[facts.signature_count];
    struct key_verdict *key = &keys[facts.signature_count];
    *key = (struct key_verdict){.state = sign->key, .testing = sign->testing, .ttl = 900};
    snprintf(key->name, sizeof key->name, "s1._domainkey.%s", sign->domain);
    snprintf(key->why, sizeof key->why, "the key is %s", published_key_name(sign->key));
    signatures[facts.signature_count] = (struct dmarc_signature){sign->domain, "s1", sign->algorithm, "AAAA", key};
  }
  dmarc_predict_until(&dns, &facts, deadline_ms, out);
  assert_int_equal(z->asked, z->released);
  assert_true(z->asked <= DMARC_QUESTIONS_MAX);
  for (const char *c = out->why; *c; c++) assert_in_range((unsigned char)*c, 32, 126);
}

static bool repairs_are(const struct dmarc_prediction *p, const char *const want[2][2]) {
  size_t n = 0;
  for (; n < 2 && want[n][0]; n++) {
    const struct dmarc_repair *r = &p->repairs[n];
    bool add = want[n][1][0] == '+';
    if (n == p->repair_count || r->add != add || strcmp(r->name, want[n][0]) != 0 ||
        strcmp(r->value, want[n][1] + add) != 0)
      return false;
  }
  return n == p->repair_count;
}

static void test_predictions(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    const struct sample *s = &samples[i];
    struct zone z = {.rows = s->rows};
    struct dmarc_prediction p;
    predict(s, &z, UINT64_MAX, &p);
    bool said = true;
    for (size_t k = 0; k < 3 && s->why[k]; k++) said &= strstr(p.why, s->why[k]) != NULL;
    if (p.now.result != s->now || p.old.result != s->old || p.now.disposition != s->now_does ||
        p.old.disposition != s->old_does || p.warnings != s->warnings || !said || !repairs_are(&p, s->repair))
      fail_msg("sample %zu: %s/%s %s/%s warnings %u: %s; %zu repairs, %s %s", i, dmarc_result_name(p.now.result),
               dmarc_result_name(p.old.result), dmarc_policy_name(p.now.disposition),
               dmarc_policy_name(p.old.disposition), p.warnings, p.why, p.repair_count, p.repairs[0].name,
               p.repairs[0].value);
  }
}

/* Every prediction, with every question failing once, and with no time: no result becomes a fail, and none is kept. */
static size_t fail_at;

static void failing_lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  struct zone *z = arg;
  if (z->asked++ != fail_at) {
    zone_answer(z->rows, name, type, out);
    return;
  }
  *out = (struct dns_answer){.status = DNS_FAILED};
  z->released++; /* it holds nothing */
}

static void test_failures(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(samples); i++)
    for (fail_at = 0; fail_at < DMARC_QUESTIONS_MAX; fail_at++) {
      const struct sample *s = &samples[i];
      struct zone z = {.rows = s->rows};
      struct spf_verdict spf;
      struct dns_source dns = {&z, failing_lookup, zone_release};
      struct dmarc_facts facts = {.author = s->author, .spf = &spf};
      struct dmarc_prediction whole, p;
      spf_of(s, &spf);
      dmarc_predict_until(&dns, &facts, UINT64_MAX, &p);
      assert_int_equal(z.asked, z.released);
      bool failed = z.asked > fail_at;
      z = (struct zone){.rows = s->rows};
      dns = zone_source(&z);
      dmarc_predict_until(&dns, &facts, UINT64_MAX, &whole);
      if (p.now.result == DMARC_FAIL) assert_int_equal(whole.now.result, DMARC_FAIL);
      if (p.old.result == DMARC_FAIL) assert_int_equal(whole.old.result, DMARC_FAIL);
      if (failed) assert_int_equal(p.ttl, 5);
      if (!failed) break;
    }
}

static void test_ttl_and_deadline(void **state) {
  (void)state;
  static const struct { uint32_t ttl, want; } ttls[] = {{600, 300 /* of the negative answers */}, {60, 60}, {1, 5}};
  for (size_t i = 0; i < COUNT_OF(ttls); i++) {
    struct sample s = {"example.org", SPF_PASS, "bounce.example.org", {{"example.org", PUBLISHED_MATCHES}}};
    s.rows[0] = (struct row){"_dmarc.example.org", TXT, "v=DMARC1; p=reject", .ttl = ttls[i].ttl};
    struct zone z = {.rows = s.rows};
    struct dmarc_prediction p;
    predict(&s, &z, UINT64_MAX, &p);
    assert_int_equal(p.ttl, ttls[i].want);
  }
  struct zone z = {.rows = samples[0].rows};
  struct dmarc_prediction p;
  predict(&samples[0], &z, clock_monotonic_ms(), &p);
  assert_int_equal(z.asked, 0);
  assert_int_equal(p.now.result, DMARC_TEMPERROR);
  assert_int_equal(p.old.result, DMARC_TEMPERROR);
  assert_int_equal(p.ttl, 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_predictions), cmocka_unit_test(test_failures),
                                     cmocka_unit_test(test_ttl_and_deadline)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
