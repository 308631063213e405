/* What long commands, and those that concern many, say. */
#include "cli/output/progress.h"
#include "cli/machine/operator_name.h"
#include "cli/output/name_list.h"

#include "tests/unit/caught.h"

#include <stdlib.h>
#include <string.h>

static void test_progress(void **state) {
  (void)state;
  char text[PROGRESS_TEXT];
  assert_string_equal(progress_text(&(struct progress){.total = 1000}, 0, text),
                      "[..............................] 0 %  0 of 1000");
  assert_string_equal(progress_text(&(struct progress){.total = 1000}, 500, text),
                      "[###############...............] 50 %  500 of 1000");
  assert_string_equal(progress_text(&(struct progress){.total = 1000}, 2000, text),
                      "[##############################] 100 %  1000 of 1000");
  assert_string_equal(progress_text(&(struct progress){.total = 0}, 7, text), "7");
  assert_string_equal(progress_text(&(struct progress){.octets = true}, 2048, text), "2K");
}

static void test_names(void **state) {
  (void)state;
  struct name_list l = {0};
  char text[NAME_LIST_TEXT];
  assert_string_equal(name_list_text(&l, text), "");
  name_list_add(&l, "blog");
  name_list_add(&l, "shop");
  assert_string_equal(name_list_text(&l, text), "blog, shop");
  while (l.count < NAME_LIST_MAX + 3)
    name_list_add(&l, "a-name-of-sixty-four-octets-which-is-the-most-that-there-can-be.");
  assert_non_null(strstr(name_list_text(&l, text), "there-can-be. and 3 more"));
  assert_true(strlen(text) < sizeof text);
}

/* It goes into the log, so nothing in it may be more than a name. */
static void test_operator(void **state) {
  (void)state;
  char name[OPERATOR_NAME];
  if (geteuid() != 0) return; /* of others it is not believed */
  setenv("SUDO_USER", "amy", 1);
  assert_string_equal(operator_name(name), "amy");
  setenv("SUDO_USER", "a b\n(c) with more octets than there is room for", 1);
  assert_string_equal(operator_name(name), "a_b__c__with_more_octets_than_th");
  unsetenv("SUDO_USER");
  assert_true(*operator_name(name) != '\0');
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_progress),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_operator),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
