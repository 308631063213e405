#include "relay/delivery/queue/outages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MINUTE (60 * SECOND_US)
#define SITE "10 mx.example"

static struct outage *fail_site(struct outages *o, const char *source, const char *site, int64_t until_us,
                                int64_t now_us) {
  return outages_failed(o, &(struct outage_report){source, site, "mx.example[192.0.2.1]:25", "refused", until_us},
                        now_us);
}

static void test_one_probe_at_a_time(void **state) {
  (void)state;
  struct outages o = {0};
  struct outage old;
  assert_null(outages_find(&o, "192.0.2.9", SITE));
  fail_site(&o, "192.0.2.9", SITE, MINUTE, 0);
  struct outage *a = outages_find(&o, "192.0.2.9", SITE);
  assert_non_null(a);
  assert_null(outages_find(&o, "192.0.2.8", SITE)); /* from elsewhere it may be reached */
  assert_null(outages_find(&o, "192.0.2.9", "10 other.example"));
  assert_false(outage_may_probe(a, MINUTE - 1));
  assert_true(outage_may_probe(a, MINUTE));
  outage_probe_begins(a, MINUTE);
  assert_false(outage_may_probe(a, 3 * MINUTE)); /* it is under way */
  assert_ptr_equal(fail_site(&o, "192.0.2.9", SITE, 10 * MINUTE, 5 * MINUTE), a);
  assert_false(outage_may_probe(a, 9 * MINUTE));
  outage_probe_begins(a, 10 * MINUTE);
  assert_true(outages_answered(&o, "192.0.2.9", SITE, &old));
  assert_int_equal(old.rows_us, 10 * MINUTE); /* what its mail has in the store */
  assert_int_equal(old.until_us, 10 * MINUTE + OUTAGE_PROBE_US);
  assert_false(outages_answered(&o, "192.0.2.9", SITE, &old));
  assert_null(outages_find(&o, "192.0.2.9", SITE));
  assert_int_equal(o.count, 0);
  outages_free(&o);
}

/* A probe that came to nothing else ends the outage; one that was overtaken by its own result does not. */
static void test_a_probe_that_ends(void **state) {
  (void)state;
  struct outages o = {0};
  struct outage old, *a = fail_site(&o, "", SITE, MINUTE, 0);
  assert_int_equal(a->family, 0);
  uint64_t serial = a->serial;
  assert_false(outages_probe_ended(&o, serial, &old)); /* none is under way */
  outage_probe_begins(a, MINUTE);
  fail_site(&o, "", SITE, 3 * MINUTE, 2 * MINUTE);
  assert_false(outages_probe_ended(&o, serial, &old));
  outage_probe_begins(a, 3 * MINUTE);
  assert_true(outages_probe_ended(&o, serial, &old));
  assert_false(outages_probe_ended(&o, serial, &old));
  assert_int_equal(o.count, 0);
  outages_free(&o);
}

static void test_families(void **state) {
  (void)state;
  struct outages o = {0};
  fail_site(&o, "192.0.2.9", SITE, MINUTE, 0);
  fail_site(&o, "", SITE, MINUTE, 0);
  assert_true(outages_family_waits(&o, SITE, AF_INET, 0));
  assert_false(outages_family_waits(&o, SITE, AF_INET6, 0));
  assert_false(outages_family_waits(&o, SITE, AF_INET, MINUTE)); /* a probe is due */
  fail_site(&o, "2001:db8::9", SITE, MINUTE, 0);
  assert_true(outages_family_waits(&o, SITE, AF_INET6, 0));
  assert_false(outages_family_waits(&o, "10 other.example", AF_INET6, 0));
  outages_free(&o);
  assert_int_equal(o.count, 0);
}

static void test_by_command_and_by_clock(void **state) {
  (void)state;
  struct outages o = {0};
  assert_int_not_equal(outage_key("a", "b"), outage_key("", "ab"));
  struct outage *a = fail_site(&o, "", SITE, MINUTE, 0), *b = fail_site(&o, "", "20 b.example", MINUTE, 0);
  outage_probe_begins(b, MINUTE);
  int64_t end = b->until_us;
  outages_hurry(&o, SECOND_US);
  assert_true(outage_may_probe(a, SECOND_US));
  assert_int_equal(a->rows_us, MINUTE); /* the store does not know */
  assert_int_equal(b->until_us, end);
  outages_shift(&o, MINUTE);
  assert_int_equal(a->until_us, MINUTE + SECOND_US);
  assert_int_equal(a->rows_us, 2 * MINUTE);
  outages_free(&o);
}

static void test_is_bounded(void **state) {
  (void)state;
  struct outages o = {0};
  char site[40];
  for (int i = 0; i < OUTAGES_MAX; i++) {
    snprintf(site, sizeof site, "10 mx%d.example", i / 2);
    assert_non_null(fail_site(&o, i % 2 ? "" : "192.0.2.9", site, MINUTE, 0));
  }
  assert_null(fail_site(&o, "", "10 one.more", MINUTE, 0));
  assert_non_null(fail_site(&o, "", site, 2 * MINUTE, 0)); /* one that is there */
  assert_non_null(fail_site(&o, "", "10 one.more", MINUTE, OUTAGE_OLD_US + 3 * MINUTE));
  assert_int_equal(o.count, 1);
  outages_free(&o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_probe_at_a_time),
      cmocka_unit_test(test_a_probe_that_ends),
      cmocka_unit_test(test_families),
      cmocka_unit_test(test_by_command_and_by_clock),
      cmocka_unit_test(test_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
