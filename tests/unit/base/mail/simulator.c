/* Which addresses are the simulator's, and what each of them is. */
#include "base/mail/simulator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DOMAIN "sim.example.com"

static void addresses(void **state) {
  (void)state;
  static const struct {
    const char *simulator, *domain, *address;
    enum simulated expected;
  } cases[] = {
      {DOMAIN, DOMAIN, "delivered@sim.example.com", SIMULATED_DELIVERED},
      {DOMAIN, DOMAIN, "bounce+order-12@sim.example.com", SIMULATED_BOUNCE},
      {DOMAIN, DOMAIN, "DEFER@Sim.Example.Com", SIMULATED_DEFER},
      {DOMAIN, DOMAIN, "greylist+@sim.example.com", SIMULATED_GREYLIST},
      {DOMAIN, DOMAIN, "slow++@sim.example.com", SIMULATED_SLOW},
      {DOMAIN, DOMAIN, "suppressed@sim.example.com", SIMULATED_SUPPRESSED},
      {DOMAIN, DOMAIN, "bounces@sim.example.com", SIMULATED_UNKNOWN},
      {DOMAIN, DOMAIN, "bounc@sim.example.com", SIMULATED_UNKNOWN},
      {DOMAIN, DOMAIN, "+bounce@sim.example.com", SIMULATED_UNKNOWN},
      {DOMAIN, DOMAIN, "\"bounce\"@sim.example.com", SIMULATED_UNKNOWN},
      {DOMAIN, DOMAIN, "\"a@bounce\"@sim.example.com", SIMULATED_UNKNOWN},
      {DOMAIN, DOMAIN, "@sim.example.com", SIMULATED_UNKNOWN},
      {DOMAIN, DOMAIN, "", SIMULATED_UNKNOWN},
      {DOMAIN, "example.com", "bounce@example.com", SIMULATED_NOT},
      {DOMAIN, "x.sim.example.com", "bounce@x.sim.example.com", SIMULATED_NOT},
      {NULL, DOMAIN, "bounce@sim.example.com", SIMULATED_NOT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (simulated_address(cases[i].simulator, cases[i].domain, cases[i].address) != cases[i].expected)
      fail_msg("%s at %s", cases[i].address, cases[i].domain);
  assert_int_equal(simulated_of(DOMAIN, DOMAIN, (struct bytes){NULL, 0}), SIMULATED_UNKNOWN);
}

static void each_says_what_it_does(void **state) {
  (void)state;
  for (int i = SIMULATED_DELIVERED; i <= SIMULATED_UNKNOWN; i++)
    assert_true(strlen(simulated_phrase((enum simulated)i)) > 5);
  assert_string_equal(simulated_phrase(SIMULATED_NOT), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(each_says_what_it_does)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
