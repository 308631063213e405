/* Every key of the configuration has its text, and no text is of a key that there is not. */
#include "cli/help/config_help.h"
#include "relay/daemon/config_keys.h"

#include "tests/unit/caught.h"

#include <string.h>

static size_t texts_of(const struct config_key *k) {
  size_t n = 0;
  for (size_t i = 0; i < config_help_count; i++)
    n += strcmp(config_helps[i].block, k->block) == 0 && strcmp(config_helps[i].name, k->name) == 0;
  return n;
}

static void test_keys(void **state) {
  (void)state;
  for (size_t i = 0; i < config_key_count; i++)
    if (texts_of(&config_keys[i]) != 1) fail_msg("%s %s", config_keys[i].block, config_keys[i].name);
  for (size_t i = 0; i < config_help_count; i++)
    if (!config_key_find(config_helps[i].block, config_helps[i].name))
      fail_msg("%s %s is no key", config_helps[i].block, config_helps[i].name);
}

static void test_blocks_are_together(void **state) {
  (void)state;
  for (size_t i = 1; i < config_help_count; i++)
    if (strcmp(config_helps[i].block, config_helps[i - 1].block) != 0)
      for (size_t n = i; n < config_help_count; n++)
        assert_string_not_equal(config_helps[n].block, config_helps[i - 1].block);
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_blocks_are_together)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
