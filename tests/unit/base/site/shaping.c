/* Which provider a host belongs to, and which rule a reply falls under. */
#include "base/site/shaping.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static void test_a_host_belongs_to_whom_its_name_ends_with(void **state) {
  (void)state;
  char *suffixes[] = {"google.com", "mx.microsoft"};
  const struct shaping_provider p = {.suffixes = suffixes, .suffix_count = 2};
  const struct {
    const char *host;
    bool belongs;
  } cases[] = {
      {"google.com", true},
      {"aspmx.l.google.com", true},
      {"ASPMX.L.GOOGLE.COM", true},
      {"notgoogle.com", false},
      {"google.com.evil.example", false},
      {"a.b-v1.mx.microsoft", true},
      {"com", false},
      {"", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(shaping_has_host(&p, cases[i].host), cases[i].belongs);
}

static void test_a_reply_falls_under_the_first_rule_that_fits(void **state) {
  (void)state;
  struct shaping_rule own[] = {{.code = "421", .reply = "4.7.28*rate", .line = 1},
                               {.code = "4", .reply = "[TSS0", .line = 2},
                               {.code = "421", .reply = "", .line = 3}};
  struct shaping_rule all[] = {{.code = "", .reply = "a*b*c", .line = 4}};
  const struct shaping_provider p = {.name = "p", .rules = own, .rule_count = 3};
  const struct shaping s = {.rest = {.rules = all, .rule_count = 1}};
  const struct {
    int code;
    const char *enhanced, *text;
    int line; /* 0: none */
  } cases[] = {
      {421, "4.7.28", "an unusual RATE of mail", 1},
      {421, "4.7.2", "8 an unusual rate of mail", 3},
      {450, "4.7.28", "an unusual rate of mail", 0},
      {450, "4.7.0", "[tss04] deferred", 2},
      {421, "", "", 3},
      {550, "5.7.1", "xxaabbccxx", 4},
      {550, "5.7.1", "xxacb", 0},
      {250, "2.0.0", "abc", 0}, /* not a refusal */
      {354, "", "abc", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct shaping_rule *r = shaping_rule_for(&s, &p, cases[i].code, cases[i].enhanced, cases[i].text);
    assert_int_equal(r ? r->line : 0, cases[i].line);
  }
}

static void test_a_rule_that_another_hides(void **state) {
  (void)state;
  const struct {
    struct shaping_rule earlier, later;
    bool hides;
  } cases[] = {
      {{.code = "", .reply = ""}, {.code = "421", .reply = "x"}, true},
      {{.code = "421", .reply = "x"}, {.code = "421", .reply = "x"}, true},
      {{.code = "421", .reply = "x"}, {.code = "4", .reply = "x"}, false},
      {{.code = "4", .reply = "rate"}, {.code = "421", .reply = "RATE limit"}, true},
      {{.code = "4", .reply = "rate*limit"}, {.code = "4", .reply = "rate of mail*over the limit"}, true},
      {{.code = "4", .reply = "rate of"}, {.code = "4", .reply = "rate*of"}, false},
      {{.code = "4", .reply = "limit*rate"}, {.code = "4", .reply = "rate*limit"}, false},
      {{.code = "4", .reply = "a*b"}, {.code = "4", .reply = "a*b"}, true},
      {{.code = "5", .reply = ""}, {.code = "4", .reply = "a"}, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(shaping_rule_hides(&cases[i].earlier, &cases[i].later), cases[i].hides);
}

/* A pattern of many stars takes no longer than its length times the text's. */
static void test_a_pattern_cannot_blow_up(void **state) {
  (void)state;
  char text[700];
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = 0;
  struct shaping_rule rule = {.code = "4", .reply = "a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"};
  const struct shaping_provider p = {.rules = &rule, .rule_count = 1};
  const struct shaping s = {0};
  uint64_t begun = clock_monotonic_ms();
  for (int i = 0; i < 100; i++) assert_null(shaping_rule_for(&s, &p, 450, "4.7.0", text));
  assert_true(clock_monotonic_ms() - begun < 20000);
}

static void test_the_time_that_a_reply_asks_for(void **state) {
  (void)state;
  const struct {
    const char *text;
    int64_t seconds;
  } cases[] = {
      {"please try again in 300 seconds", 300},
      {"Greylisted for 5 minutes (see http://projects.puremagic.com/greylisting/)", 300},
      {"Graylisting in action, please come back in 00:04:59", 299},
      {"retry in 1 hour", 3600},
      {"4.7.1 <ann@192.0.2.10>: try again in 60sec", 60},
      {"retry after 2 hrs", 7200},
      {"try again later", 0},
      {"4.7.28 too many messages in 60 seconds", 0}, /* a rule, not a request */
      {"try again in 99 hours", 0},                  /* not believed */
      {"try again in 0 seconds", 0},
      {"try again: error 451 at 192.168.2.30", 0},
      {"please wait 99999999999999999999 seconds", 0},
      {"", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(shaping_wait_asked(cases[i].text), cases[i].seconds * SECOND_US);
}

static void test_actions_have_names(void **state) {
  (void)state;
  enum shaping_action action;
  for (int i = SHAPING_NOTHING; i <= SHAPING_BLOCK; i++) {
    assert_true(shaping_action_parse(shaping_action_name((enum shaping_action)i), &action));
    assert_int_equal(action, i);
  }
  assert_false(shaping_action_parse("stop", &action));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_host_belongs_to_whom_its_name_ends_with),
      cmocka_unit_test(test_a_reply_falls_under_the_first_rule_that_fits),
      cmocka_unit_test(test_a_rule_that_another_hides),
      cmocka_unit_test(test_a_pattern_cannot_blow_up),
      cmocka_unit_test(test_the_time_that_a_reply_asks_for),
      cmocka_unit_test(test_actions_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
