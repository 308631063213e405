/* What is remembered of SPF checks: for whom, for how long, and how much. */
#include "policy/spf/spf_cache.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define NOW (INT64_C(1795000000) * SECOND_US)

static struct spf_verdict verdict(uint32_t ttl, bool local_part) {
  return (struct spf_verdict){.result = SPF_FAIL, .ttl = ttl, .depends_on_local_part = local_part};
}

static void test_keys(void **state) {
  (void)state;
  static const struct {
    bool local_part;
    const char *ip, *path, *helo;    /* put */
    const char *ip2, *path2, *helo2; /* asked for */
    bool found;
  } samples[] = {
      {false, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "a@e.org", "h.org", true},
      {false, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "b@e.org", "i.org", true},
      {false, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "b@E.ORG", "h.org", true},
      {false, "192.0.2.1", "a@e.org", "h.org", "192.0.2.2", "a@e.org", "h.org", false},
      {false, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "a@f.org", "h.org", false},
      {false, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "a@sub.e.org", "h.org", false},
      {false, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "", "e.org", false},
      {false, "192.0.2.1", "", "h.org", "192.0.2.1", "", "h.org", true},
      {false, "192.0.2.1", "", "h.org", "192.0.2.1", "", "H.Org", true},
      {false, "192.0.2.1", "", "h.org", "192.0.2.1", "", "i.org", false},
      {false, "192.0.2.1", "", "h.org", "192.0.2.1", "a@h.org", "h.org", false},
      {true, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "a@e.org", "h.org", true},
      {true, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "a@E.org", "h.org", true},
      {true, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "b@e.org", "h.org", false},
      {true, "192.0.2.1", "a@e.org", "h.org", "192.0.2.1", "A@e.org", "h.org", false},
      {true, "192.0.2.1", "\"x@y\"@e.org", "h.org", "192.0.2.1", "\"x@Y\"@e.org", "h.org", false},
      {true, "192.0.2.1", "", "h.org", "192.0.2.1", "", "h.org", true},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct spf_cache *c = spf_cache_new(10);
    struct spf_verdict v = verdict(60, samples[i].local_part);
    spf_cache_put(c, samples[i].ip, samples[i].path, samples[i].helo, &v, NOW);
    bool found = spf_cache_find(c, samples[i].ip2, samples[i].path2, samples[i].helo2, NOW) != NULL;
    if (found != samples[i].found) fail_msg("sample %zu", i);
    spf_cache_free(&c);
    assert_null(c);
  }
}

static void test_expiry(void **state) {
  (void)state;
  struct spf_cache *c = spf_cache_new(10);
  struct spf_verdict v = verdict(60, false);
  spf_cache_put(c, "192.0.2.1", "a@e.org", "h.org", &v, NOW);
  const struct spf_verdict *found = spf_cache_find(c, "192.0.2.1", "a@e.org", "h.org", NOW + 60 * SECOND_US - 1);
  assert_non_null(found);
  assert_int_equal(found->result, SPF_FAIL);
  assert_null(spf_cache_find(c, "192.0.2.1", "a@e.org", "h.org", NOW + 60 * SECOND_US));
  assert_null(spf_cache_find(c, "192.0.2.1", "a@e.org", "h.org", NOW)); /* it is gone, not only hidden */
  spf_cache_free(&c);
}

/* A newer verdict takes the place of the older one, also where its key is another one. */
static void test_newer_counts(void **state) {
  (void)state;
  struct spf_cache *c = spf_cache_new(10);
  struct spf_verdict v = verdict(60, false);
  spf_cache_put(c, "192.0.2.1", "a@e.org", "h.org", &v, NOW);
  v.result = SPF_PASS;
  v.ttl = 600;
  spf_cache_put(c, "192.0.2.1", "a@e.org", "h.org", &v, NOW);
  assert_int_equal(spf_cache_find(c, "192.0.2.1", "a@e.org", "h.org", NOW + 599 * SECOND_US)->result, SPF_PASS);
  v.result = SPF_SOFTFAIL;
  v.depends_on_local_part = true;
  spf_cache_put(c, "192.0.2.1", "a@e.org", "h.org", &v, NOW);
  assert_int_equal(spf_cache_find(c, "192.0.2.1", "a@e.org", "h.org", NOW)->result, SPF_SOFTFAIL);
  assert_null(spf_cache_find(c, "192.0.2.1", "b@e.org", "h.org", NOW));
  spf_cache_free(&c);
}

static size_t remembered(struct spf_cache *c, unsigned upto) {
  size_t n = 0;
  char path[32];
  for (unsigned i = 0; i < upto; i++) {
    snprintf(path, sizeof path, "a@d%u.org", i);
    n += spf_cache_find(c, "192.0.2.1", path, "h.org", NOW) != NULL;
  }
  return n;
}

/* When full, what would end soonest goes. */
static void test_bound(void **state) {
  (void)state;
  for (size_t max = 1; max <= 16; max *= 4) {
    struct spf_cache *c = spf_cache_new(max);
    char path[32];
    for (unsigned i = 0; i < 50; i++) {
      struct spf_verdict v = verdict(i == 3 ? 10 : 1000 + i, false);
      snprintf(path, sizeof path, "a@d%u.org", i);
      spf_cache_put(c, "192.0.2.1", path, "h.org", &v, NOW);
      assert_int_equal(remembered(c, i + 1), i + 1 < max ? i + 1 : max);
    }
    assert_non_null(spf_cache_find(c, "192.0.2.1", "a@d49.org", "h.org", NOW));
    assert_null(spf_cache_find(c, "192.0.2.1", "a@d3.org", "h.org", NOW));
    spf_cache_free(&c);
  }
}

/* The longest that a caller may bring. */
static void test_long_keys(void **state) {
  (void)state;
  char path[255], helo[256];
  memset(path, 'p', sizeof path);
  memset(helo, 'h', sizeof helo);
  path[60] = '@';
  path[254] = helo[255] = '\0';
  struct spf_cache *c = spf_cache_new(10);
  struct spf_verdict v = verdict(60, true);
  const char *ip = "2001:db8:1234:5678:9abc:def0:1234:5678";
  spf_cache_put(c, ip, path, helo, &v, NOW);
  assert_non_null(spf_cache_find(c, ip, path, helo, NOW));
  path[253] = 'q';
  assert_null(spf_cache_find(c, ip, path, helo, NOW));
  spf_cache_put(c, ip, "", helo, &v, NOW);
  helo[254] = 'i';
  assert_null(spf_cache_find(c, ip, "", helo, NOW));
  spf_cache_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_expiry),
                                     cmocka_unit_test(test_newer_counts), cmocka_unit_test(test_bound),
                                     cmocka_unit_test(test_long_keys)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
