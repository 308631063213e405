/* A plan, its text in the store, and what holds for one provider. */
#include "base/site/warmup_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TEXT "hold 50\n* 100 10 20 40\noutlook 50\ngoogle 100 5 5\nexample.net 1 30"

static void a_text_is_read_and_written(void **state) {
  (void)state;
  static struct warmup_plan p;
  static char out[WARMUP_PLAN_TEXT];
  assert_int_equal(warmup_plan_parse(TEXT, &p), OK);
  assert_int_equal(p.hold_above, 50);
  assert_int_equal(p.count, 4);
  warmup_plan_format(&p, out);
  assert_string_equal(out, TEXT);
}

static void each_provider_has_its_course(void **state) {
  (void)state;
  static struct warmup_plan p;
  static const struct {
    const char *provider;
    uint32_t amounts[4];
  } cases[] = {{"others", {10, 20, 40, UINT32_MAX}},
               {"outlook", {5, 10, 20, UINT32_MAX}},
               {"google", {5, 5, UINT32_MAX, UINT32_MAX}},
               {"example.net", {1, UINT32_MAX, UINT32_MAX, UINT32_MAX}}}; /* a share of less than one is one */
  assert_int_equal(warmup_plan_parse(TEXT, &p), OK);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct warmup_course c = warmup_course_of(&p, cases[i].provider);
    assert_int_equal(warmup_names(&p, cases[i].provider), i > 0);
    for (unsigned day = 1; day <= 4; day++) assert_int_equal(warmup_course_amount(&c, day), cases[i].amounts[day - 1]);
  }
}

static void the_largest_plan_has_room(void **state) {
  (void)state;
  static struct warmup_plan p, again;
  static char out[WARMUP_PLAN_TEXT], same[WARMUP_PLAN_TEXT];
  p = (struct warmup_plan){.hold_above = 10000, .count = WARMUP_PROVIDERS_MAX + 1};
  for (size_t i = 0; i < p.count; i++) {
    struct warmup_entry *e = &p.entries[i];
    e->share = 100;
    e->day_count = WARMUP_DAYS_MAX;
    for (size_t k = 0; k < e->day_count; k++) e->days[k] = WARMUP_AMOUNT_MAX;
    memset(e->name, 'a', WARMUP_NAME_MAX);
    e->name[0] = (char)('a' + i / 26);
    e->name[1] = (char)('a' + i % 26);
    if (!i) strcpy(e->name, "*");
  }
  assert_int_equal(warmup_plan_check(&p, NULL), OK);
  warmup_plan_format(&p, out);
  assert_int_equal(warmup_plan_parse(out, &again), OK);
  warmup_plan_format(&again, same);
  assert_string_equal(same, out);
}

static void what_is_no_plan_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      "hold 50",
      "hold 50\n* 100",
      "hold x\n* 100 10",
      "hold 10001\n* 100 10",
      "keep 50\n* 100 10",
      "hold 50\ngoogle 100 10",
      "hold 50\n* 90 10",
      "hold 50\n* 100 10 x",
      "hold 50\n* 100 10 -1",
      "hold 50\n* 100 0",
      "hold 50\n* 100 10 9",
      "hold 50\n* 100 100000001",
      "hold 50\n* 100 10\ngoogle 0",
      "hold 50\n* 100 10\ngoogle 101",
      "hold 50\n* 100 10\ngoogle 50\ngoogle 50",
      "hold 50\n* 100 10\nGoogle 50",
      "hold 50\n* 100 10\n 50",
  };
  static struct warmup_plan p;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (warmup_plan_parse(texts[i], &p) != E_SYNTAX) fail_msg("\"%s\" was taken", texts[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_text_is_read_and_written),
      cmocka_unit_test(each_provider_has_its_course),
      cmocka_unit_test(the_largest_plan_has_room),
      cmocka_unit_test(what_is_no_plan_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
