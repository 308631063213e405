#include "relay/delivery/route/token_due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define S SECOND_US
#define FIRST (30 * S)
#define NOW (100000 * S)

static void test_table(void **state) {
  static const struct {
    const char *name;
    struct token_state state;
    int64_t due;
  } cases[] = {
      {"none yet", {0}, NOW},
      {"an hour: ten minutes ahead", {.from_us = NOW, .until_us = NOW + 3600 * S}, NOW + 3000 * S},
      {"a minute: a quarter ahead", {.from_us = NOW, .until_us = NOW + 60 * S}, NOW + 45 * S},
      {"over", {.from_us = NOW - 100 * S, .until_us = NOW - 40 * S}, NOW - 55 * S},
      {"refused by a next hop", {.from_us = NOW - S, .until_us = NOW + 3600 * S, .refused = true}, NOW},
      {"of a clock that was ahead", {.from_us = NOW + 9999 * S, .until_us = NOW + 99999 * S}, NOW},
      {"failed once", {.failures = 1, .tried_us = NOW - S}, NOW + 29 * S},
      {"twice", {.failures = 2, .tried_us = NOW - S}, NOW + 59 * S},
      {"often", {.failures = 1000, .tried_us = NOW - S}, NOW + 899 * S},
      {"failed by a clock that was ahead", {.failures = 9, .tried_us = NOW + S}, NOW},
      {"good for a second only", {.from_us = NOW - S, .until_us = NOW, .tried_us = NOW - S}, NOW + 29 * S},
      {"refused, and just fetched",
       {.from_us = NOW - S, .until_us = NOW + S, .refused = true, .tried_us = NOW},
       NOW + FIRST},
      {"failed, and the token is good for long",
       {.from_us = NOW - 10 * S, .until_us = NOW + 86400 * S, .failures = 1, .tried_us = NOW - S},
       NOW + 85800 * S},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int64_t due = token_due_us(&cases[i].state, FIRST, NOW);
    if (due != cases[i].due) fail_msg("%s: %lld s", cases[i].name, (long long)((due - NOW) / S));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
