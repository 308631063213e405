/* Counting sessions, in memory. */
#include "relay/delivery/tls_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tls_outcome good = {.domain = "example.net",
                                        .policy = {TLS_POLICY_TLSA, "mx.example.net", "3 1 1 AB\n", ""},
                                        .sending_ip = "192.0.2.1",
                                        .mx = "mx.example.net"};
static const struct tls_outcome bad = {
    .domain = "example.net",
    .policy = {TLS_POLICY_STS, "", "version: STSv1\nmode: enforce\n", "*.example.net\n"},
    .result = TLS_RESULT_CERTIFICATE_EXPIRED,
    .sending_ip = "192.0.2.1",
    .receiving_ip = "192.0.2.2",
    .mx = "mx.example.net",
    .reason = "expired"};

static bool count(struct tls_tally *t, const struct tls_outcome *o, int64_t day) {
  return tls_tally_add(t, &(struct tls_count){day, *o, 1});
}

static int setup(void **state) {
  *state = tls_tally_new();
  return *state ? 0 : -1;
}

static int teardown(void **state) {
  tls_tally_free((struct tls_tally **)state);
  return 0;
}

static const struct tls_count *find(const struct tls_count *all, size_t count, enum tls_result result, int64_t day) {
  for (size_t i = 0; i < count; i++)
    if (all[i].of.result == result && all[i].day == day) return &all[i];
  fail_msg("no %s on day %lld", tls_result_name(result), (long long)day);
  return NULL;
}

static void test_what_is_alike_is_one_count(void **state) {
  struct tls_tally *t = *state;
  struct tls_outcome other = good;
  other.sending_ip = "192.0.2.9"; /* of a success nothing of the host counts */
  for (int i = 0; i < 3; i++) assert_true(count(t, &good, 7));
  assert_true(count(t, &other, 7));
  assert_true(count(t, &good, 8)); /* another day */
  for (int i = 0; i < 2; i++) assert_true(count(t, &bad, 7));
  assert_int_equal(tls_tally_size(t), 3);
  size_t n;
  struct tls_count *all = tls_tally_take(t, &n);
  assert_int_equal(n, 3);
  assert_int_equal(find(all, n, TLS_RESULT_SUCCESS, 7)->sessions, 4);
  assert_int_equal(find(all, n, TLS_RESULT_SUCCESS, 8)->sessions, 1);
  const struct tls_count *c = find(all, n, TLS_RESULT_CERTIFICATE_EXPIRED, 7);
  assert_int_equal(c->sessions, 2);
  assert_int_equal(c->of.policy.type, TLS_POLICY_STS);
  assert_string_equal(c->of.domain, "example.net");
  assert_string_equal(c->of.policy.strings, "version: STSv1\nmode: enforce\n");
  assert_string_equal(c->of.policy.mx, "*.example.net\n");
  assert_string_equal(c->of.receiving_ip, "192.0.2.2");
  assert_string_equal(c->of.helo, "");
  assert_string_equal(c->of.reason, "expired");
  assert_true(tls_tally_add(t, c)); /* as it was taken, it goes back */
  free(all);
  all = tls_tally_take(t, &n);
  assert_int_equal(n, 1);
  assert_int_equal(all[0].sessions, 2);
  free(all);
  assert_null(tls_tally_take(t, &n));
  assert_int_equal(n, 0);
}

/* Each of the fields tells failures apart. */
static void test_what_differs_is_not(void **state) {
  struct tls_tally *t = *state;
  struct tls_outcome s[] = {bad, bad, bad, bad, bad, bad, bad, bad, bad, bad};
  s[1].domain = "example.org";
  s[2].policy.type = TLS_POLICY_NONE;
  s[3].policy.domain = "x";
  s[4].policy.strings = "";
  s[5].result = TLS_RESULT_VALIDATION_FAILURE;
  s[6].sending_ip = "192.0.2.3";
  s[7].mx = "mx2.example.net";
  s[8].helo = "mx";
  s[9].reason = "";
  for (size_t i = 0; i < sizeof s / sizeof s[0]; i++) assert_true(count(t, &s[i], 1));
  assert_int_equal(tls_tally_size(t), sizeof s / sizeof s[0]);
}

/* "ab" and "c" are not "a" and "bc". */
static void test_fields_do_not_run_together(void **state) {
  struct tls_tally *t = *state;
  struct tls_outcome a = bad, b = bad;
  a.mx = "ab", a.helo = "c";
  b.mx = "a", b.helo = "bc";
  count(t, &a, 1);
  count(t, &b, 1);
  assert_int_equal(tls_tally_size(t), 2);
}

static void test_it_is_bounded(void **state) {
  struct tls_tally *t = *state;
  struct tls_outcome s = bad;
  char reason[TLS_REASON_MAX];
  size_t added = 0;
  s.reason = reason;
  for (int i = 0; i < 100000; i++) {
    snprintf(reason, sizeof reason, "%0150d", i);
    if (count(t, &s, 1)) added++;
  }
  assert_in_range(added, 1000, 5000);
  assert_true(tls_tally_is_half_full(t));
  assert_int_equal(tls_tally_size(t), added);
  snprintf(reason, sizeof reason, "%0150d", 0);
  assert_true(count(t, &s, 1)); /* what is there counts on */
  size_t n;
  free(tls_tally_take(t, &n));
  assert_int_equal(n, added);
  assert_true(!tls_tally_is_half_full(t) && count(t, &s, 1)); /* and there is room again */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_what_is_alike_is_one_count, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_differs_is_not, setup, teardown),
      cmocka_unit_test_setup_teardown(test_fields_do_not_run_together, setup, teardown),
      cmocka_unit_test_setup_teardown(test_it_is_bounded, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
