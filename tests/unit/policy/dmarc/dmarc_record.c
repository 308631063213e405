/* DMARC records as RFC 9989 and RFC 7489 receivers read them. */
#include "policy/dmarc/dmarc_record.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

static void test_version(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool is;
  } samples[] = {
      {"v=DMARC1", true},
      {"v=DMARC1;p=none", true},
      {"v = DMARC1 ; p=none", true},
      {"V=DMARC1; p=none", true}, /* the tag's name has no case, its value has */
      {"v=dmarc1; p=none", false},
      {"v=DMARC10; p=none", false},
      {"v=DMARC1 p=none", false},
      {"p=none; v=DMARC1", false},
      {";v=DMARC1; p=none", false},
      {"v=spf1 -all", false},
      {"", false},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold;
    assert_int_equal(dmarc_is_record(exact_copy(bytes_of(samples[i].text), &hold)), samples[i].is);
    free(hold);
  }
}

static void test_records(void **state) {
  (void)state;
  static const struct {
    const char *text;
    struct dmarc_record want; /* fo, pct: 0 stands for the defaults */
  } samples[] = {
      {"v=DMARC1", {.old_unusable = true}}, /* RFC 9989 4.7: p=none; RFC 7489 wants p or rua */
      {"v=DMARC1; rua=mailto:a@e.org", {.rua = true}},
      {"v=DMARC1; p=reject", {DMARC_REJECT, DMARC_REJECT, DMARC_REJECT, .old_p = DMARC_REJECT, .old_sp = DMARC_REJECT}},
      {"v=DMARC1; P=Reject", {DMARC_REJECT, DMARC_REJECT, DMARC_REJECT, .old_p = DMARC_REJECT, .old_sp = DMARC_REJECT}},
      {"v=DMARC1; p=reject; sp=quarantine; np=none",
       {DMARC_REJECT, DMARC_QUARANTINE, DMARC_NONE, .old_p = DMARC_REJECT, .old_sp = DMARC_QUARANTINE}},
      {"v=DMARC1; p=none; sp=reject",
       {DMARC_NONE, DMARC_REJECT, DMARC_REJECT, .old_p = DMARC_NONE, .old_sp = DMARC_REJECT}},
      {"v=DMARC1; psd=y; p=none", {.psd = DMARC_PSD_YES}},
      {"v=DMARC1; psd=n; p=none", {.psd = DMARC_PSD_NO}},
      {"v=DMARC1; psd=u; p=none", {0}},
      {"v=DMARC1; psd=maybe; p=none", {0}},
      {"v=DMARC1; p=none; t=y; adkim=s; aspf=s", {.testing = true, .strict_dkim = true, .strict_spf = true}},
      {"v=DMARC1; p=none; t=1; adkim=x; aspf=r", {0}},
      {"v=DMARC1; p=none; fo=1:d:s; ruf=mailto:r@e.org",
       {.ruf = true, .fo = DMARC_FO_ANY | DMARC_FO_DKIM | DMARC_FO_SPF}},
      {"v=DMARC1; p=none; fo=z", {0}},
      {"v=DMARC1; p=none; pct=25; rf=afrf; ri=3600; foo=bar; baz", {.pct = 25}},
      {"v=DMARC1; p=none; pct=101", {0}},
      {"v=DMARC1; p=none; p=reject", {0}}, /* the first counts */
      /* RFC 9989 4.10.1: what is no policy makes it p=none when there is somebody to report to, and no record else */
      {"v=DMARC1; p=rejct", {.unusable = true, .old_unusable = true}},
      {"v=DMARC1; p=", {.unusable = true, .old_unusable = true}},
      {"v=DMARC1; p=rejct; rua=mailto:a@e.org", {.rua = true}},
      {"v=DMARC1; p=rejct; rua=nobody", {.unusable = true, .old_unusable = true}},
      {"v=DMARC1; p=reject; sp=some", {.unusable = true, .old_unusable = true}},
      {"v=DMARC1; p=reject; sp=some; rua=x, mailto:a@e.org", {.rua = true}},
      {"v=DMARC1; p=reject; np=some", {.unusable = true, .old_p = DMARC_REJECT, .old_sp = DMARC_REJECT}},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold;
    struct dmarc_record got, want = samples[i].want;
    dmarc_record_read(exact_copy(bytes_of(samples[i].text), &hold), &got);
    if (!want.fo) want.fo = DMARC_FO_ALL;
    if (!want.pct) want.pct = 100;
    if (got.p != want.p || got.sp != want.sp || got.np != want.np || got.psd != want.psd ||
        got.testing != want.testing || got.strict_dkim != want.strict_dkim || got.strict_spf != want.strict_spf ||
        got.rua != want.rua || got.ruf != want.ruf || got.fo != want.fo || got.unusable != want.unusable ||
        got.old_unusable != want.old_unusable || got.old_p != want.old_p || got.old_sp != want.old_sp ||
        got.pct != want.pct)
      fail_msg("%s", samples[i].text);
    free(hold);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_version), cmocka_unit_test(test_records)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
