/* How many lookups a record takes with all that it includes. */
#include "policy/spf/spf_lookups.h"

#include "base/clock.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/policy_zone.h"

#define TXT ns_t_txt

static const struct sample {
  const char *record;
  unsigned count;
  bool in_part;
  struct row rows[6];
} samples[] = {
    {"v=spf1 -all", 0},
    {"v=spf1 ip4:192.0.2.1 a mx:b.example ptr exists:c.example -all", 4},
    {"v=spf1 ip4:192.0.2.1 -all a mx", 0},
    {"v=spf1 include:b.example -all", 3, .rows = {{"b.example", TXT, "v=spf1 a mx -all"}}},
    {"v=spf1 include:b.example redirect=c.example", 5,
     .rows = {{"b.example", TXT, "v=spf1 include:c.example -all"}, {"c.example", TXT, "v=spf1 a -all"}}},
    {"v=spf1 redirect=c.example all", 0, .rows = {{"c.example", TXT, "v=spf1 a -all"}}},
    {"v=spf1 include:b.example include:none.example -all", 2, .rows = {{"b.example", TXT, "nothing of this"}}},
    {"v=spf1 include:%{d}.example -all", 1, .in_part = true},
    {"v=spf1 include:b.example -all", 1, .in_part = true, .rows = {{"b.example", 0, .trouble = DNS_FAILED}}},
    {"v=spf1 include:loop.example -all", 20, .rows = {{"loop.example", TXT, "v=spf1 include:loop.example -all"}}},
    {"v=spf1 a bad:term mx -all", 1},
};

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct zone z = {.rows = samples[i].rows};
    const struct dns_source dns = zone_source(&z);
    struct spf_lookups got;
    print_message("%s\n", samples[i].record);
    spf_lookups_count(&dns, bytes_of(samples[i].record), clock_monotonic_ms() + 20000, &got);
    assert_int_equal(got.count, samples[i].count);
    assert_int_equal(got.whole, !samples[i].in_part);
    assert_int_equal(z.asked, z.released);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
