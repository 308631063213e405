/* What the simulator answers, and what is made of it: as of a next hop, but that it says nothing of anybody. */
#include "relay/delivery/outcome/simulation.h"
#include "base/mail/rule.h"
#include "relay/delivery/outcome/bounce.h"
#include "relay/delivery/outcome/regard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct ruling rule(const struct incident *i, unsigned attempts) {
  static const struct config config = {.retry_us = {60 * SECOND_US}, .retry_count = 1};
  const struct verdict_case c = {
      .config = &config, .attempts = attempts, .now_us = 1000 * SECOND_US, .expires_us = 2000 * SECOND_US};
  struct ruling r;
  verdict_rule(&c, i, &r);
  return r;
}

static void answers(void **state) {
  (void)state;
  static const struct {
    enum simulated what;
    unsigned attempts;
    enum event_kind kind;
    int code;
    const char *enhanced;
  } cases[] = {
      {SIMULATED_DELIVERED, 0, EVENT_DELIVERED, 250, "2.0.0"}, {SIMULATED_SLOW, 3, EVENT_DELIVERED, 250, "2.0.0"},
      {SIMULATED_GREYLIST, 0, EVENT_DEFERRED, 451, "4.7.1"},   {SIMULATED_GREYLIST, 1, EVENT_DELIVERED, 250, "2.0.0"},
      {SIMULATED_DEFER, 0, EVENT_DEFERRED, 451, "4.3.0"},      {SIMULATED_DEFER, 9, EVENT_DEFERRED, 451, "4.3.0"},
      {SIMULATED_BOUNCE, 0, EVENT_BOUNCED, 550, "5.1.1"},      {SIMULATED_SUPPRESSED, 0, EVENT_BOUNCED, 550, "5.1.1"},
      {SIMULATED_UNKNOWN, 0, EVENT_BOUNCED, 550, "5.1.1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct incident incident;
    simulate(cases[i].what, cases[i].attempts, &incident);
    struct ruling r = rule(&incident, cases[i].attempts);
    assert_int_equal(r.kind, cases[i].kind);
    assert_int_equal(r.code, cases[i].code);
    assert_string_equal(r.enhanced, cases[i].enhanced);
    assert_true(r.played);
    assert_true(r.kind != EVENT_DEFERRED || r.counts);
    assert_int_equal(regard_of(&incident, &r), REGARD_NONE);
  }
}

static void a_sandbox_delivers(void **state) {
  (void)state;
  struct incident incident;
  simulate_sandbox("would have been sent to mx.example.net", &incident);
  struct ruling r = rule(&incident, 0);
  assert_int_equal(r.kind, EVENT_DELIVERED);
  assert_string_equal(r.rule, RULE_SANDBOX);
  assert_string_equal(r.text, "sandbox: would have been sent to mx.example.net");
  assert_true(r.played);
  assert_int_equal(regard_of(&incident, &r), REGARD_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(answers), cmocka_unit_test(a_sandbox_delivers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
