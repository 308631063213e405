/* What looks at a domain's records have found: changes, alarms, and what DNS does not say. */
#include "tests/unit/store_lab.h"

#define DAY (INT64_C(86400) * SECOND_US)

static void add_domain(struct lab *l, const char *name) {
  struct admin *a = lab_admin(l);
  assert_ok(admin_domain_add(a, name, false, &l->why), l->why);
  admin_close(&a);
}

/* One record in that state, at that day. */
static enum domain_change look(struct lab *l, const char *name, enum found_state state, int day) {
  enum domain_change change = DOMAIN_SAME;
  const struct domain_note n = {"example.com", "dkim", name, state, "a text", 0};
  struct store_domain_notes op = {
      .domain = "example.com", .notes = &n, .changes = &change, .count = 1, .now_us = day * DAY};
  store_domain_notes_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
  return change;
}

static size_t alarms(struct lab *l) {
  struct directory *d = lab_directory(l);
  size_t n = d->domain_alarm_count;
  if (n) assert_string_equal(d->domain_alarms[0].domain, "example.com");
  directory_release(&d);
  return n;
}

static int64_t said(struct lab *l) {
  return lab_number(l->dir, "SELECT count(*) FROM events WHERE kind = 13 AND domain = 'example.com'");
}

static void what_was_right_is_an_alarm(void **state) {
  struct lab *l = *state;
  add_domain(l, "example.com");
  assert_int_equal(look(l, "s1", FOUND_RIGHT, 1), DOMAIN_SAME); /* the first time */
  assert_int_equal(look(l, "s1", FOUND_RIGHT, 2), DOMAIN_SAME);
  assert_true(said(l) == 0 && alarms(l) == 0);
  assert_int_equal(look(l, "s1", FOUND_MISSING, 3), DOMAIN_BROKEN);
  assert_true(said(l) == 1 && alarms(l) == 1);
  assert_int_equal(look(l, "s1", FOUND_MISSING, 4), DOMAIN_SAME);
  assert_int_equal(look(l, "s1", FOUND_UNKNOWN, 5), DOMAIN_SAME); /* what was known holds */
  assert_true(said(l) == 1 && alarms(l) == 1);
  assert_int_equal(lab_number(l->dir, "SELECT since_us FROM domain_notes"), 3 * DAY);
  assert_int_equal(lab_number(l->dir, "SELECT checked_us FROM domain_notes"), 5 * DAY);
  assert_int_equal(look(l, "s1", FOUND_WRONG, 6), DOMAIN_BROKEN); /* in another way */
  assert_int_equal(look(l, "s1", FOUND_RIGHT, 7), DOMAIN_REPAIRED);
  assert_true(said(l) == 3 && alarms(l) == 0);
}

static void what_was_never_right_is_none(void **state) {
  struct lab *l = *state;
  add_domain(l, "example.com");
  assert_int_equal(look(l, "s1", FOUND_UNKNOWN, 1), DOMAIN_SAME);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM domain_notes"), 0);
  assert_int_equal(look(l, "s1", FOUND_MISSING, 2), DOMAIN_SAME);
  assert_int_equal(look(l, "s1", FOUND_WRONG, 3), DOMAIN_CHANGED);
  assert_true(said(l) == 1 && alarms(l) == 0);
}

static void what_is_not_looked_at_any_more(void **state) {
  struct lab *l = *state;
  add_domain(l, "example.com");
  look(l, "s1", FOUND_RIGHT, 1);
  look(l, "s1", FOUND_MISSING, 2);
  look(l, "s2", FOUND_RIGHT, 3); /* s1 has been retired */
  assert_int_equal(alarms(l), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM domain_notes"), 1);
}

static bool see(void *arg, const char *domain, int64_t checked_us) {
  assert_string_equal(domain, "example.com");
  *(int64_t *)arg = checked_us;
  return true;
}

static void when_it_was_looked_at(void **state) {
  struct lab *l = *state;
  int64_t checked_us = 0;
  look(l, "s1", FOUND_RIGHT, 1); /* there is no such domain */
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM domain_notes"), 0);
  add_domain(l, "example.com");
  look(l, "s1", FOUND_RIGHT, 9);
  lab_reopen(l);
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_domain_checks(r, see, &checked_us), OK);
  reader_close(&r);
  assert_int_equal(checked_us, 9 * DAY);
  struct admin *a = lab_admin(l);
  assert_ok(admin_domain_remove(a, "example.com", &l->why), l->why);
  admin_close(&a);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM domain_notes"), 0);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_was_right_is_an_alarm, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_was_never_right_is_none, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_is_not_looked_at_any_more, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(when_it_was_looked_at, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
