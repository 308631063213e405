/* When the pool's other sources may not be used. */
#include "policy/source_use.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_bound(void **state) {
  (void)state;
  static const struct dmarc_outcome by_spf = {.spf_aligned = true, .published = DMARC_REJECT},
                                    by_both = {.spf_aligned = true, .dkim_aligned = true, .published = DMARC_REJECT},
                                    no_policy = {.spf_aligned = true, .published = DMARC_NONE};
  static const struct {
    const char *preferred;
    size_t failing, unasked;
    enum check_mode spf, dmarc;
    const struct dmarc_outcome *now, *old;
    bool bound;
  } cases[] = {
      {"192.0.2.1", 1, 0, CHECK_ENFORCE, CHECK_OFF, NULL, NULL, true},
      {"192.0.2.1", 0, 1, CHECK_ENFORCE, CHECK_OFF, NULL, NULL, true},
      {"192.0.2.1", 0, 0, CHECK_ENFORCE, CHECK_OFF, NULL, NULL, false}, /* the others are no better than softfail */
      {"192.0.2.1", 1, 0, CHECK_OBSERVE, CHECK_OBSERVE, &by_spf, &by_spf, false},
      {"", 1, 0, CHECK_ENFORCE, CHECK_ENFORCE, &by_spf, &by_spf, false}, /* all do as well */
      {"192.0.2.1", 0, 0, CHECK_OBSERVE, CHECK_ENFORCE, &by_spf, &by_both, true},
      {"192.0.2.1", 0, 0, CHECK_OBSERVE, CHECK_ENFORCE, &by_both, &by_spf, true},
      {"192.0.2.1", 1, 0, CHECK_OBSERVE, CHECK_ENFORCE, &by_both, &by_both, false},
      {"192.0.2.1", 1, 0, CHECK_OBSERVE, CHECK_ENFORCE, &no_policy, &no_policy, false},
      {"192.0.2.1", 1, 0, CHECK_OBSERVE, CHECK_ENFORCE, NULL, NULL, false}, /* not known */
  };
  static struct dmarc_prediction p;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct check_setting modes[] = {{"spf", cases[i].spf}, {"dmarc", cases[i].dmarc}};
    const struct domain domain = {.name = "example.com", .settings = {.modes = modes, .mode_count = 2}};
    struct source_rank r = {.failing = cases[i].failing, .unasked = cases[i].unasked};
    struct facts f = {.envelope_domain = &domain, .header_domain = &domain};
    strcpy(r.preferred, cases[i].preferred);
    if (cases[i].now) {
      p = (struct dmarc_prediction){.now = *cases[i].now, .old = *cases[i].old};
      f.dmarc = &p;
    }
    if (source_use_is_bound(&f, &r) != cases[i].bound) fail_msg("case %zu", i);
  }
}

/* Another pool's sources are known to nothing that was decided. */
static void test_rests_on_spf(void **state) {
  (void)state;
  static const struct dmarc_outcome by_spf = {.spf_aligned = true, .published = DMARC_REJECT},
                                    by_both = {.spf_aligned = true, .dkim_aligned = true, .published = DMARC_REJECT},
                                    no_policy = {.spf_aligned = true, .published = DMARC_NONE};
  static const struct {
    enum check_mode spf;
    enum spf_result result;
    const struct dmarc_outcome *now, *old;
    bool rests;
  } cases[] = {
      {CHECK_ENFORCE, SPF_PASS, NULL, NULL, true},
      {CHECK_ENFORCE, SPF_NONE, NULL, NULL, false}, /* there is no record that could fail it */
      {CHECK_OBSERVE, SPF_PASS, NULL, NULL, false},
      {CHECK_OBSERVE, SPF_PASS, &by_spf, &by_spf, true},
      {CHECK_OFF, SPF_PASS, &by_both, &by_spf, true},
      {CHECK_OFF, SPF_PASS, &by_both, &by_both, false},
      {CHECK_OFF, SPF_PASS, &no_policy, &no_policy, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct check_setting modes[] = {{"spf", cases[i].spf}, {"dmarc", CHECK_OBSERVE}};
    const struct domain domain = {.name = "example.com", .settings = {.modes = modes, .mode_count = 2}};
    const struct spf_verdict spf = {.result = cases[i].result};
    struct dmarc_prediction p = {0};
    struct facts f = {.envelope_domain = &domain, .header_domain = &domain, .spf = &spf};
    if (cases[i].now) {
      p.now = *cases[i].now;
      p.old = *cases[i].old;
      f.dmarc = &p;
    }
    if (source_use_rests_on_spf(&f) != cases[i].rests) fail_msg("case %zu", i);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bound), cmocka_unit_test(test_rests_on_spf)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
