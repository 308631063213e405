/* What a usage row says of windows that roll is read back as it was, or refused. */
#include "store/sqlite/table/rolling_text.h"

#include "tests/unit/store_lab.h"

#include "tests/unit/exact.h"

static void check_same(const struct rolling *a, const struct rolling *b) {
  for (int w = 0; w < USAGE_ROLLING; w++) {
    assert_int_equal(a[w].count, b[w].count);
    assert_memory_equal(&a[w].total, &b[w].total, sizeof a[w].total);
    assert_memory_equal(a[w].slot, b[w].slot, a[w].count * sizeof a[w].slot[0]);
  }
}

static void read_back(void **state) {
  (void)state;
  uint64_t seed = 3;
  struct usage u = {0};
  struct rolling out[USAGE_ROLLING];
  char text[ROLLING_TEXT_MAX];
  int64_t now = INT64_C(1795953600) * SECOND_US;
  for (int i = 0; i < 3000; i++) {
    now += next_number(&seed) % (i % 7 ? SECOND_US / 5 : 400 * SECOND_US);
    usage_add(&u, now, NULL, next_number(&seed) % 100, next_number(&seed));
    rolling_text_write(u.rolling, text);
    if (rolling_text_read(text, out) != OK) fail_msg("cannot be read: %s", text);
    check_same(out, u.rolling);
  }
}

/* The longest that it can be, with numbers as large as they come. */
static void the_longest_fits(void **state) {
  (void)state;
  struct rolling r[USAGE_ROLLING] = {0};
  char text[ROLLING_TEXT_MAX];
  for (int w = 0; w < USAGE_ROLLING; w++)
    for (int i = 0; i <= ROLLING_SLOTS; i++) {
      struct rolling_slot s = {.number = INT64_MAX / 4 + i * (INT64_MAX / 100),
                               .used = {.messages = UINT64_MAX, .recipients = UINT64_MAX, .octets = UINT64_MAX}};
      assert_int_equal(rolling_put(&r[w], &s), OK);
    }
  rolling_text_write(r, text);
  assert_true(strlen(text) < sizeof text);
}

static void damaged(void **state) {
  (void)state;
  static const char *const texts[] = {"x",
                                      "0",
                                      "0 1 ",
                                      "0 1 5 1 1 ",
                                      "0 1 5 1 1 1",
                                      "3 1 5 1 1 1 ",
                                      "0 -1 ",
                                      " 0 ",
                                      "0  1 ",
                                      "0 2 5 1 1 1 ",
                                      "0 2 5 1 1 1 0 1 1 1 ",
                                      "0 1 5 1 1 1 0 1 6 1 1 1 ",
                                      "0 1 99999999999999999999999 1 1 1 ",
                                      "0 1 9223372036854775807 1 1 1 "};
  struct rolling out[USAGE_ROLLING];
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    if (rolling_text_read(texts[i], out) != E_SYNTAX) fail_msg("read: %s", texts[i]);
  char many[1000] = "0 22 ";
  for (int i = 0; i < 22; i++) strcat(many, "1 1 1 1 ");
  assert_int_equal(rolling_text_read(many, out), E_SYNTAX); /* more slots than a window has */
  assert_int_equal(rolling_text_read("", out), OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(read_back),
      cmocka_unit_test(the_longest_fits),
      cmocka_unit_test(damaged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
