/* Connections are shared so that nobody uses up what others need. */
#include "relay/delivery/site/shares.h"
#include "relay/delivery/site/site_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h> /* last: it has a macro named fail */

/* As many as it gets. */
static size_t take_all(struct shares *s, const char *account, enum site_class class) {
  size_t n = 0;
  struct share *a = shares_of(s, account);
  assert_non_null(a);
  while (share_allows(s, a, class)) {
    share_take(s, a, class);
    n++;
  }
  share_tidy(s, a);
  return n;
}

static void give(struct shares *s, const char *account, enum site_class class, size_t count) {
  for (size_t i = 0; i < count; i++) share_give(s, shares_of(s, account), class);
}

static void test_a_reserve_is_left(void **state) {
  (void)state;
  struct shares s;
  shares_init(&s, 1000);
  size_t unanswered = 0;
  char account[16];
  for (int i = 0; i < 200; i++) { /* however many accounts there are */
    snprintf(account, sizeof account, "a%d", i);
    unanswered += take_all(&s, account, SITE_NEW) + take_all(&s, account, SITE_SILENT);
  }
  assert_int_equal(s.used[SITE_NEW], 500);
  assert_int_equal(s.used[SITE_SILENT], 125);
  assert_int_equal(unanswered, 625);
  assert_true(take_all(&s, "good", SITE_ANSWERS) >= 250);
  for (int i = 0; i < 200; i++) {
    snprintf(account, sizeof account, "g%d", i);
    take_all(&s, account, SITE_ANSWERS);
  }
  assert_int_equal(shares_used(&s), 1000);
  shares_clear(&s);
}

static void test_an_account_leaves_something_for_the_next(void **state) {
  (void)state;
  struct shares s;
  shares_init(&s, 1000);
  assert_int_equal(take_all(&s, "one", SITE_NEW), 250);
  assert_int_equal(take_all(&s, "two", SITE_NEW), 125);
  assert_int_equal(take_all(&s, "three", SITE_NEW), 63);
  assert_int_equal(take_all(&s, "one", SITE_NEW), 0);
  give(&s, "two", SITE_NEW, 125);
  assert_int_equal(take_all(&s, "four", SITE_NEW), 94);
  shares_clear(&s);
  shares_init(&s, 1000);
  assert_int_equal(take_all(&s, "one", SITE_ANSWERS), 750);
  assert_int_equal(take_all(&s, "two", SITE_ANSWERS), 188);
  shares_clear(&s);
}

/* Also of the fewest that there can be. */
static void test_few(void **state) {
  (void)state;
  struct shares s;
  shares_init(&s, 8);
  assert_int_equal(take_all(&s, "one", SITE_NEW), 2);
  assert_int_equal(take_all(&s, "two", SITE_NEW), 1);
  assert_int_equal(take_all(&s, "three", SITE_SILENT), 1);
  assert_true(take_all(&s, "four", SITE_ANSWERS) >= 2);
  assert_int_equal(take_all(&s, "five", SITE_SILENT), 0);
  shares_clear(&s);
}

static void test_accounts_come_and_go(void **state) {
  (void)state;
  struct shares s;
  shares_init(&s, 100);
  for (int i = 0; i < 3; i++) {
    size_t n = take_all(&s, "one", SITE_NEW);
    assert_string_equal(shares_largest(&s)->account, "one");
    assert_int_equal(share_held(shares_largest(&s)), n);
    give(&s, "one", SITE_NEW, n);
    assert_null(s.accounts);
    assert_null(shares_largest(&s));
  }
  shares_clear(&s);
}

/* Accounts that wait get their turn one after another; what the class or the account has no room for is passed over. */
static void test_turns(void **state) {
  (void)state;
  struct shares s;
  struct destination *some = (struct destination *)&s; /* never looked at */
  enum site_class class;
  shares_init(&s, 100);
  assert_null(shares_next(&s, &class));
  struct share *one = shares_of(&s, "one"), *two = shares_of(&s, "two");
  one->waiting[SITE_NEW] = two->waiting[SITE_NEW] = two->waiting[SITE_ANSWERS] = some;
  s.waiting = 3;
  struct share *first = shares_next(&s, &class);
  assert_ptr_not_equal(shares_next(&s, &class), first);
  assert_ptr_equal(shares_next(&s, &class), first);
  while (share_allows(&s, one, SITE_NEW)) share_take(&s, one, SITE_NEW);
  for (int i = 0; i < 3; i++) assert_ptr_equal(shares_next(&s, &class), two);
  assert_int_equal(class, SITE_ANSWERS);
  two->waiting[SITE_ANSWERS] = NULL;
  assert_ptr_equal(shares_next(&s, &class), two);
  assert_int_equal(class, SITE_NEW);
  while (share_allows(&s, two, SITE_NEW)) share_take(&s, two, SITE_NEW);
  assert_null(shares_next(&s, &class));
  one->waiting[SITE_NEW] = two->waiting[SITE_NEW] = NULL;
  shares_clear(&s);
}

static unsigned bit(enum site_class class) {
  return 1u << class;
}

#define ANY_CLASS (bit(SITE_ANSWERS) | bit(SITE_NEW) | bit(SITE_SILENT))

/* What has to end so that one that waits can go on. */
static void test_wanted(void **state) {
  (void)state;
  struct shares s;
  struct destination *some = (struct destination *)&s; /* never looked at */
  shares_init(&s, 100);
  struct share *one = shares_of(&s, "one"), *two = shares_of(&s, "two");
  assert_int_equal(shares_wanted(&s), 0);
  one->waiting[SITE_NEW] = some;
  s.waiting = 1;
  assert_int_equal(shares_wanted(&s), 0); /* there is one for it */
  take_all(&s, "one", SITE_NEW);
  assert_int_equal(shares_wanted(&s), bit(SITE_NEW));
  one->waiting[SITE_SILENT] = some;
  s.waiting = 2;
  take_all(&s, "one", SITE_SILENT);
  assert_int_equal(shares_wanted(&s), bit(SITE_NEW) | bit(SITE_SILENT));
  take_all(&s, "one", SITE_ANSWERS); /* all that one account may have */
  assert_int_equal(shares_wanted(&s), ANY_CLASS);
  one->waiting[SITE_NEW] = one->waiting[SITE_SILENT] = NULL;
  two->waiting[SITE_ANSWERS] = some;
  s.waiting = 1;
  assert_int_equal(shares_wanted(&s), 0);
  take_all(&s, "two", SITE_ANSWERS);
  assert_int_equal(shares_wanted(&s), ANY_CLASS);
  share_give(&s, one, SITE_ANSWERS); /* whoever had it */
  assert_int_equal(shares_wanted(&s), 0);
  two->waiting[SITE_ANSWERS] = NULL;
  s.waiting = 0;
  shares_clear(&s);
}

static void test_memory_of_sites(void **state) {
  (void)state;
  struct site_memory *m = site_memory_new();
  assert_non_null(m);
  assert_int_equal(site_class_of(m, "x", 5), SITE_NEW);
  site_was_silent(m, "x", 5);
  assert_int_equal(site_class_of(m, "x", 5 + SITE_MEMORY_MS - 1), SITE_SILENT);
  assert_int_equal(site_class_of(m, "x", 5 + SITE_MEMORY_MS), SITE_NEW);
  site_was_silent(m, "x", 6);
  site_answered(m, "x", 7);
  assert_int_equal(site_class_of(m, "x", 8), SITE_ANSWERS);
  site_was_silent(m, "x", 9); /* once is no proof */
  assert_int_equal(site_class_of(m, "x", 9), SITE_NEW);
  site_was_silent(m, "x", 9);
  assert_int_equal(site_class_of(m, "x", 9), SITE_SILENT);
  for (int i = 0; i < SITE_MEMORY_MAX; i++) {
    char key[2 * SITE_KEY_MAX];
    snprintf(key, sizeof key, "%d %0*d", i, SITE_KEY_MAX, 7);
    site_answered(m, key, 10);
    assert_int_equal(site_class_of(m, key, 10), SITE_ANSWERS);
  }
  assert_int_equal(site_class_of(m, "x", 10), SITE_NEW); /* gave way */
  site_memory_free(&m);
  assert_null(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_reserve_is_left),
      cmocka_unit_test(test_an_account_leaves_something_for_the_next),
      cmocka_unit_test(test_few),
      cmocka_unit_test(test_accounts_come_and_go),
      cmocka_unit_test(test_turns),
      cmocka_unit_test(test_wanted),
      cmocka_unit_test(test_memory_of_sites),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
