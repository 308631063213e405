/* What is near enough to be meant. */
#include "cli/output/suggest.h"

#include "tests/unit/caught.h"

#include <string.h>

static void test_suggest(void **state) {
  (void)state;
  static const char *const names[] = {"account", "domain", "source", "list", "remove", "suppression", "set", "log"};
  static const struct {
    const char *typed, *meant;
  } table[] = {
      {"acount", "account"},
      {"accounts", "account"},
      {"acconut", "account"},
      {"domian", "domain"},
      {"lst", "list"},
      {"remvoe", "remove"},
      {"supp", "suppression"},
      {"dom", "domain"},
      {"delete", "remove"},
      {"ls", "list"},
      {"edit", "set"},
      {"xyzzy", ""},
      {"q", ""},
      {"", ""},
      {"lgo", "log"},
      {"a-name-that-is-far-longer-than-any-name-that-is-ever-offered-by-a-program", ""},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct suggestion s = suggestion_for(bytes_of(table[i].typed));
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
      suggestion_try(&s, bytes_of(names[n]));
      suggestion_try_synonym(&s, bytes_of(names[n]));
    }
    if (strcmp(s.best, table[i].meant) != 0) fail_msg("%s: %s, not %s", table[i].typed, s.best, table[i].meant);
  }
}

static void test_text(void **state) {
  (void)state;
  char text[64];
  struct suggestion s = suggestion_for(bytes_of("sinc"));
  assert_string_equal(suggestion_text(&s, "--", text, sizeof text), ";");
  suggestion_try(&s, bytes_of("since"));
  assert_string_equal(suggestion_text(&s, "--", text, sizeof text), "; did you mean --since?");
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_suggest), cmocka_unit_test(test_text)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
