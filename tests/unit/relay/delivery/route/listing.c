/* When a listing begins and ends, when somebody is told, and when the list is asked again. */
#include "relay/delivery/route/listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR (INT64_C(3600) * 1000000)
#define NOW (INT64_C(1700000000) * 1000000)

static enum listing_change take(struct listing *l, enum blocklist_state state, int64_t now_us) {
  struct blocklist_finding f = {.state = state};
  if (state == BLOCKLIST_LISTED) snprintf(f.codes, sizeof f.codes, "127.0.0.2");
  if (state != BLOCKLIST_CLEAN) snprintf(f.text, sizeof f.text, "text %d", state);
  return listing_take(l, &f, now_us);
}

static void test_begin_and_end(void **state) {
  (void)state;
  static const struct {
    enum blocklist_state found, is;
    enum listing_change change;
  } steps[] = {
      {BLOCKLIST_UNKNOWN, BLOCKLIST_UNKNOWN, LISTING_NOTHING},
      {BLOCKLIST_CLEAN, BLOCKLIST_CLEAN, LISTING_NOTHING},
      {BLOCKLIST_UNKNOWN, BLOCKLIST_CLEAN, LISTING_NOTHING},
      {BLOCKLIST_LISTED, BLOCKLIST_LISTED, LISTING_BEGAN},
      {BLOCKLIST_LISTED, BLOCKLIST_LISTED, LISTING_NOTHING},
      {BLOCKLIST_UNKNOWN, BLOCKLIST_LISTED, LISTING_NOTHING},
      {BLOCKLIST_CLEAN, BLOCKLIST_CLEAN, LISTING_ENDED},
      {BLOCKLIST_UNUSABLE, BLOCKLIST_UNUSABLE, LISTING_NOTHING},
      {BLOCKLIST_UNKNOWN, BLOCKLIST_UNUSABLE, LISTING_NOTHING},
      {BLOCKLIST_LISTED, BLOCKLIST_LISTED, LISTING_BEGAN},
      {BLOCKLIST_UNUSABLE, BLOCKLIST_UNUSABLE, LISTING_ENDED}, /* a list that has gone wrong is no listing */
  };
  struct listing l = {0};
  int64_t since = 0;
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    int64_t now = NOW + (int64_t)i * HOUR;
    if (l.state != steps[i].is) since = now;
    assert_int_equal(take(&l, steps[i].found, now), steps[i].change);
    assert_int_equal(l.state, steps[i].is);
    assert_int_equal(l.since_us, since);
    assert_int_equal(l.asked_us, now);
    assert_int_equal(*l.trouble != '\0', steps[i].found == BLOCKLIST_UNKNOWN);
    assert_int_equal(*l.codes != '\0', steps[i].is == BLOCKLIST_LISTED);
  }
}

static void test_a_list_that_has_gone_pauses_nobody_for_ever(void **state) {
  (void)state;
  struct listing l = {0};
  take(&l, BLOCKLIST_LISTED, NOW);
  assert_int_equal(take(&l, BLOCKLIST_UNKNOWN, NOW + LISTING_HOLD_US - 1), LISTING_NOTHING);
  assert_int_equal(l.state, BLOCKLIST_LISTED);
  assert_int_equal(take(&l, BLOCKLIST_UNKNOWN, NOW + LISTING_HOLD_US), LISTING_ENDED);
  assert_int_equal(l.state, BLOCKLIST_UNKNOWN);
  assert_string_equal(l.codes, "");
  assert_string_equal(l.text, "");
}

static void test_warnings(void **state) {
  (void)state;
  struct listing l = {0};
  assert_false(listing_warn(&l, NOW));
  take(&l, BLOCKLIST_LISTED, NOW);
  assert_true(listing_warn(&l, NOW));
  assert_false(listing_warn(&l, NOW + LISTING_REMIND_US - 1));
  assert_true(listing_warn(&l, NOW + LISTING_REMIND_US));
  assert_true(listing_warn(&l, NOW)); /* the clock was set back: rather once more than not for long */
  take(&l, BLOCKLIST_CLEAN, NOW);
  assert_false(listing_warn(&l, NOW + 9 * HOUR));
  take(&l, BLOCKLIST_LISTED, NOW + 1);
  assert_true(listing_warn(&l, NOW + 1)); /* another listing */
}

static void test_when_it_is_asked_again(void **state) {
  (void)state;
  struct listing l = {0};
  const int64_t every = 4 * HOUR;
  assert_int_equal(listing_due_us(&l, every, NOW), NOW);
  take(&l, BLOCKLIST_CLEAN, NOW);
  assert_int_equal(listing_due_us(&l, every, NOW + 1), NOW + every);
  assert_int_equal(listing_due_us(&l, every, NOW - HOUR), NOW - HOUR + every); /* the clock was set back */
  take(&l, BLOCKLIST_LISTED, NOW);
  assert_int_equal(listing_due_us(&l, every, NOW), NOW + LISTING_LISTED_US);
  assert_int_equal(listing_due_us(&l, 1000000, NOW), NOW + 1000000);
  take(&l, BLOCKLIST_UNUSABLE, NOW);
  assert_int_equal(listing_due_us(&l, every, NOW), NOW + LISTING_UNUSABLE_US);
  take(&l, BLOCKLIST_UNKNOWN, NOW);
  assert_int_equal(listing_due_us(&l, every, NOW), NOW + LISTING_SILENT_US);
  take(&l, BLOCKLIST_CLEAN, NOW);
  assert_int_equal(listing_due_us(&l, every, NOW), NOW + every);
}

static void test_out_of_the_store(void **state) {
  (void)state;
  struct listing l = {.warned_us = 1};
  const struct blocklist_note n = {"bl.example.org", "193.0.2.25", BLOCKLIST_LISTED, NOW,     NOW + 1,
                                   NOW + 2,          "127.0.0.4",  "reason",         "silent"};
  listing_load(&l, &n);
  assert_int_equal(l.state, BLOCKLIST_LISTED);
  assert_int_equal(l.since_us, NOW);
  assert_int_equal(l.answered_us, NOW + 1);
  assert_int_equal(l.asked_us, NOW + 2);
  assert_string_equal(l.codes, "127.0.0.4");
  assert_string_equal(l.text, "reason");
  assert_string_equal(l.trouble, "silent");
  assert_true(listing_warn(&l, NOW + 3)); /* after a restart it is said again */
  assert_int_equal(take(&l, BLOCKLIST_LISTED, NOW + 4), LISTING_NOTHING);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_begin_and_end),
                                     cmocka_unit_test(test_a_list_that_has_gone_pauses_nobody_for_ever),
                                     cmocka_unit_test(test_warnings), cmocka_unit_test(test_when_it_is_asked_again),
                                     cmocka_unit_test(test_out_of_the_store)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
