/* Which sources come first, by what SPF says of each. */
#include "policy/source_rank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define N 4

static void test_rank(void **state) {
  (void)state;
  static const struct {
    enum spf_result results[N];
    size_t count, more; /* more: sources that nobody asked about */
    enum spf_result best;
    size_t failing;
    const char *preferred;
  } cases[] = {
      {{SPF_PASS}, 1, 0, SPF_PASS, 0, ""},
      {{SPF_FAIL}, 1, 0, SPF_FAIL, 1, ""},
      {{SPF_PASS, SPF_PASS}, 2, 0, SPF_PASS, 0, ""},
      {{SPF_PASS, SPF_PASS}, 2, 1, SPF_PASS, 0, "192.0.2.0 192.0.2.1"},
      {{SPF_FAIL, SPF_PASS}, 2, 0, SPF_PASS, 1, "192.0.2.1"},
      {{SPF_PASS, SPF_FAIL, SPF_PASS, SPF_SOFTFAIL}, 4, 0, SPF_PASS, 1, "192.0.2.0 192.0.2.2"},
      {{SPF_SOFTFAIL, SPF_TEMPERROR, SPF_FAIL}, 3, 0, SPF_TEMPERROR, 1, "192.0.2.1"},
      {{SPF_PERMERROR, SPF_PERMERROR}, 2, 0, SPF_PERMERROR, 0, ""},
      {{SPF_NONE, SPF_NEUTRAL}, 2, 0, SPF_NONE, 0, "192.0.2.0"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct spf_verdict all[N] = {{0}};
    const struct spf_verdict *verdicts[N];
    struct source_rank r;
    for (size_t k = 0; k < cases[i].count; k++) {
      all[k].result = cases[i].results[k];
      strcpy(all[k].source, "192.0.2.0");
      all[k].source[8] = (char)('0' + k);
      verdicts[k] = &all[k];
    }
    source_rank(verdicts, cases[i].count, cases[i].count + cases[i].more, &r);
    assert_int_equal(r.unasked, cases[i].more);
    assert_int_equal(r.best.result, cases[i].best);
    assert_int_equal(r.failing, cases[i].failing);
    assert_string_equal(r.preferred, cases[i].preferred);
  }
}

static void test_the_longest_list_fits(void **state) {
  (void)state;
  struct spf_verdict all[SOURCES_MAX] = {{0}};
  const struct spf_verdict *verdicts[SOURCES_MAX];
  struct source_rank r;
  for (size_t k = 0; k < SOURCES_MAX; k++) {
    strcpy(all[k].source, "2001:db8:1111:2222:3333:4444:5555:6660");
    all[k].source[37] = "0123456789abcdef"[k];
    verdicts[k] = &all[k];
  }
  all[3].result = SPF_FAIL;
  source_rank(verdicts, SOURCES_MAX, SOURCES_MAX, &r);
  for (size_t k = 0; k < SOURCES_MAX; k++) assert_int_equal(source_listed(r.preferred, all[k].source), k != 3);
}

static void test_listed(void **state) {
  (void)state;
  assert_true(source_listed("192.0.2.1 192.0.2.22", "192.0.2.1"));
  assert_true(source_listed("192.0.2.1 192.0.2.22", "192.0.2.22"));
  assert_false(source_listed("192.0.2.1 192.0.2.22", "192.0.2.2"));
  assert_false(source_listed("192.0.2.1 192.0.2.22", "92.0.2.1"));
  assert_false(source_listed("", "192.0.2.1"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rank), cmocka_unit_test(test_the_longest_list_fits),
                                     cmocka_unit_test(test_listed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
