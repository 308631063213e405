/* Failed logins: what they add up to, for whom, for how long, and that nothing grows. */
#include "relay/submission/auth/bans.h"

#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000)
#define START (1000000 * SECOND)

static const struct ban_rules rules = {
    .per_address = 5, .per_account = 8, .window_ms = 80 * SECOND, .ban_ms = 300 * SECOND};

static const struct sockaddr *ip(const char *text) {
  static struct sockaddr_storage all[4];
  static unsigned next;
  struct sockaddr_storage *s = &all[next++ % 4];
  assert_int_equal(ip_parse(text, 1234, s), OK);
  return (struct sockaddr *)s;
}

/* Fails once; true when the address is banned by it. */
static bool fails(struct bans *b, const char *address, const char *name, uint64_t now) {
  struct login_failure f;
  bans_failed(b, ip(address), name, true, now, &f);
  return f.banned;
}

static struct bans *new_bans(void) {
  struct bans *b = bans_new(&rules);
  assert_non_null(b);
  return b;
}

static void test_address(void **state) {
  (void)state;
  struct bans *b = new_bans();
  struct login_failure f;
  for (unsigned i = 1; i < 5; i++) {
    bans_failed(b, ip("192.0.2.1"), "", false, START, &f);
    assert_int_equal(f.failures, i);
    assert_false(f.banned);
    assert_int_equal(bans_banned(b, ip("192.0.2.1"), START), 0);
  }
  assert_true(fails(b, "192.0.2.1", "", START));
  assert_int_equal(bans_banned(b, ip("192.0.2.1"), START), 300 * SECOND);
  assert_int_equal(bans_banned(b, ip("::ffff:192.0.2.1"), START + 299 * SECOND), SECOND);
  assert_int_equal(bans_banned(b, ip("192.0.2.2"), START), 0);
  assert_int_equal(bans_banned(b, ip("192.0.2.1"), START + 300 * SECOND), 0);
  /* afterwards it has as many tries as before */
  for (unsigned i = 1; i < 5; i++) assert_false(fails(b, "192.0.2.1", "", START + 300 * SECOND));
  assert_true(fails(b, "192.0.2.1", "", START + 300 * SECOND));
  bans_free(&b);
  assert_null(b);
}

static void test_window_slides(void **state) {
  (void)state;
  struct bans *b = new_bans();
  /* one each 20 s: four in any 80 s, for ever */
  for (uint64_t i = 0; i < 100; i++) assert_false(fails(b, "192.0.2.1", "", START + i * 20 * SECOND));
  /* one each 15 s: five in 80 s */
  for (uint64_t i = 0; i < 4; i++) assert_false(fails(b, "192.0.2.2", "", START + i * 15 * SECOND));
  assert_true(fails(b, "192.0.2.2", "", START + 60 * SECOND));
  /* long ago is forgotten */
  struct login_failure f;
  bans_failed(b, ip("192.0.2.3"), "", false, START, &f);
  bans_failed(b, ip("192.0.2.3"), "", false, START + 1000 * SECOND, &f);
  assert_int_equal(f.failures, 1);
  bans_free(&b);
}

static void test_ipv6_network(void **state) {
  (void)state;
  struct bans *b = new_bans();
  char text[64];
  for (int i = 1; i <= 5; i++) {
    snprintf(text, sizeof text, "2001:db8:0:1:%d::%d", i, i);
    assert_int_equal(fails(b, text, "", START), i == 5);
  }
  assert_true(bans_banned(b, ip("2001:db8:0:1::9"), START) > 0);
  assert_int_equal(bans_banned(b, ip("2001:db8:0:2::1"), START), 0);
  struct ban found[2];
  assert_int_equal(bans_list(b, START, found, 2), 1);
  assert_string_equal(found[0].what, "2001:db8:0:1::/64");
  assert_int_equal(bans_lift(b, "2001:db8:0:1::/64", START), 1);
  assert_int_equal(bans_banned(b, ip("2001:db8:0:1::9"), START), 0);
  bans_free(&b);
}

/* Eight failures from eight addresses. */
static void attack(struct bans *b, const char *name, bool is_account, uint64_t now) {
  char text[64];
  for (int i = 1; i <= 8; i++) {
    struct login_failure f;
    snprintf(text, sizeof text, "198.51.100.%d", i);
    bans_failed(b, ip(text), name, is_account, now, &f);
    assert_int_equal(f.restricted, i == 8);
  }
}

static void test_account_is_guarded_not_locked(void **state) {
  (void)state;
  struct bans *b = new_bans();
  bans_succeeded(b, ip("192.0.2.1"), "blog", START);
  attack(b, "blog", true, START);
  assert_int_equal(bans_restricted(b, ip("198.51.100.1"), "blog", START), 300 * SECOND);
  assert_int_equal(bans_restricted(b, ip("192.0.2.9"), "blog", START), 300 * SECOND);
  assert_int_equal(bans_restricted(b, ip("192.0.2.1"), "blog", START), 0); /* the owner's */
  assert_int_equal(bans_restricted(b, ip("192.0.2.1"), "shop", START), 0);
  assert_int_equal(bans_restricted(b, ip("192.0.2.9"), "blog", START + 300 * SECOND), 0);
  /* who was known long ago is a stranger */
  uint64_t later = START + 31 * UINT64_C(86400) * SECOND;
  attack(b, "blog", true, later);
  assert_true(bans_restricted(b, ip("192.0.2.1"), "blog", later) > 0);
  bans_free(&b);
}

static void test_known_addresses_are_no_attack(void **state) {
  (void)state;
  struct bans *b = new_bans();
  bans_succeeded(b, ip("192.0.2.1"), "blog", START);
  for (int i = 0; i < 40; i++) fails(b, "192.0.2.1", "blog", START);
  assert_int_equal(bans_restricted(b, ip("192.0.2.9"), "blog", START), 0);
  assert_true(bans_banned(b, ip("192.0.2.1"), START) > 0); /* that limit holds for everybody */
  bans_free(&b);
}

static void test_list_and_lift(void **state) {
  (void)state;
  struct bans *b = new_bans();
  struct ban found[3];
  for (int i = 0; i < 5; i++) fails(b, "192.0.2.1", "", START);
  for (int i = 0; i < 5; i++) fails(b, "192.0.2.2", "", START);
  attack(b, "blog", true, START);
  attack(b, "hunter2", false, START); /* no account: not shown, and treated alike */
  assert_true(bans_restricted(b, ip("192.0.2.9"), "hunter2", START) > 0);
  assert_int_equal(bans_list(b, START + SECOND, found, 3), 3);
  assert_string_equal(found[0].what, "192.0.2.1");
  assert_string_equal(found[1].what, "192.0.2.2");
  assert_false(found[1].account);
  assert_string_equal(found[2].what, "blog");
  assert_true(found[2].account);
  assert_int_equal(found[2].left_ms, 299 * SECOND);
  assert_int_equal(bans_list(b, START, NULL, 0), 3); /* how many there are, whatever the room */
  assert_int_equal(bans_lift(b, "192.0.2.3", START), 0);
  assert_int_equal(bans_lift(b, "192.0.2.1/24", START), 0);
  assert_int_equal(bans_lift(b, "nobody", START), 0);
  assert_int_equal(bans_lift(b, "192.0.2.1", START), 1);
  assert_int_equal(bans_banned(b, ip("192.0.2.1"), START), 0);
  assert_int_equal(bans_lift(b, "blog", START), 1);
  assert_int_equal(bans_restricted(b, ip("192.0.2.9"), "blog", START), 0);
  assert_int_equal(bans_lift(b, NULL, START), 1);
  assert_int_equal(bans_list(b, START, found, 3), 0);
  bans_free(&b);
}

static void test_no_limits(void **state) {
  (void)state;
  struct ban_rules none = {.window_ms = 80 * SECOND, .ban_ms = SECOND};
  struct bans *b = bans_new(&none);
  struct login_failure f = {0};
  assert_non_null(b);
  for (int i = 0; i < 1000; i++) bans_failed(b, ip("192.0.2.1"), "blog", true, START, &f);
  assert_int_equal(f.failures, 1000); /* still counted: the delay grows with it */
  assert_int_equal(bans_list(b, START, NULL, 0), 0);
  bans_free(&b);
}

/* A table that is full forgets what is oldest, but rather what is not banned. */
static void test_bounded(void **state) {
  (void)state;
  struct ban_rules few = rules;
  few.entries_max = 100;
  struct bans *b = bans_new(&few);
  assert_non_null(b);
  for (int i = 0; i < 5; i++) fails(b, "192.0.2.1", "", START);
  struct login_failure f;
  bans_failed(b, ip("192.0.2.2"), "", false, START, &f);
  for (int i = 0; i < 1000; i++) {
    char address[64], name[64];
    snprintf(address, sizeof address, "10.0.%d.%d", i / 250, i % 250);
    snprintf(name, sizeof name, "name-%d", i);
    bans_failed(b, ip(address), name, false, START, &f);
  }
  assert_true(bans_banned(b, ip("192.0.2.1"), START) > 0);
  bans_failed(b, ip("192.0.2.2"), "", false, START, &f);
  assert_int_equal(f.failures, 1);
  bans_free(&b);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_address),
      cmocka_unit_test(test_window_slides),
      cmocka_unit_test(test_ipv6_network),
      cmocka_unit_test(test_account_is_guarded_not_locked),
      cmocka_unit_test(test_known_addresses_are_no_attack),
      cmocka_unit_test(test_list_and_lift),
      cmocka_unit_test(test_no_limits),
      cmocka_unit_test(test_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
