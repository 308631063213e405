/* What DNS must say of a source's name, and what is said where it does not. */
#include "policy/source_name.h"

#include "base/address/cidr.h"
#include "base/clock.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/policy_zone.h"

#define FOUR "193.0.2.25"
#define SIX "2a00:5f:1::25"
#define FOUR_PTR "25.2.0.193.in-addr.arpa"
#define SIX_PTR "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.f.5.0.0.0.0.a.2.ip6.arpa"
#define HELO "smtp.example.com"
#define A ns_t_a
#define AAAA ns_t_aaaa
#define PTR ns_t_ptr
#define TXT ns_t_txt

static const struct sample {
  struct row rows[8];
  const char *address;
  bool unknown, confirmed;
  const char *ptr, *text; /* text: a part of it */
} samples[] = {
    {{{FOUR_PTR, PTR, HELO}, {HELO, A, FOUR}}, FOUR, .confirmed = true, .ptr = HELO},
    {{{SIX_PTR, PTR, HELO}, {HELO, AAAA, SIX}}, SIX, .confirmed = true, .ptr = HELO},
    {{{FOUR_PTR, PTR, "SMTP.Example.COM"}, {HELO, A, FOUR}}, FOUR, .confirmed = true, .ptr = HELO},
    /* Another name of the same organization will do, and one of several records. */
    {{{FOUR_PTR, PTR, "mail.example.com"}, {"mail.example.com", A, FOUR}},
     FOUR,
     .confirmed = true,
     .ptr = "mail.example.com"},
    {{{FOUR_PTR, PTR, "host.provider.net"},
      {FOUR_PTR, PTR, HELO},
      {"host.provider.net", A, FOUR},
      {HELO, A, "193.0.2.24"},
      {HELO, A, FOUR}},
     FOUR,
     .confirmed = true,
     .ptr = HELO},
    /* What is wrong. */
    {{{HELO, A, FOUR}},
     FOUR,
     .ptr = "",
     .text = "it has no PTR record: have one made that says smtp.example.com (whoever gave you the address can), and "
             "publish smtp.example.com A " FOUR},
    {{{SIX_PTR, TXT, "x"}}, SIX, .ptr = "", .text = "publish smtp.example.com AAAA " SIX},
    {{{FOUR_PTR, PTR, HELO}}, FOUR, .ptr = HELO, .text = "its name smtp.example.com (PTR) has no A record " FOUR},
    {{{FOUR_PTR, PTR, HELO}, {HELO, A, "193.0.2.24"}}, FOUR, .ptr = HELO, .text = "has no A record " FOUR},
    {{{SIX_PTR, PTR, HELO}, {HELO, A, FOUR}}, SIX, .ptr = HELO, .text = "has no AAAA record " SIX},
    {{{FOUR_PTR, PTR, "host.provider.net"}, {"host.provider.net", A, FOUR}},
     FOUR,
     .ptr = "host.provider.net",
     .text = "is of another domain than smtp.example.com"},
    {{{FOUR_PTR, PTR, "example.com.evil.net"}, {"example.com.evil.net", A, FOUR}},
     FOUR,
     .ptr = "example.com.evil.net",
     .text = "is of another domain"},
    {{{FOUR_PTR, PTR, "a b.example.com"}}, FOUR, .ptr = "", .text = "it has no PTR record"},
    {{{FOUR_PTR, PTR, .raw = {"\4smtp", 5}}}, FOUR, .ptr = "", .text = "it has no PTR record"},
    {{{FOUR_PTR, PTR, .raw = {"", 1}}}, FOUR, .ptr = "", .text = "it has no PTR record"},
    {{{FOUR_PTR, PTR, HELO}, {HELO, A, .raw = {"\301", 1}}}, FOUR, .ptr = HELO, .text = "has no A record"},
    /* DNS does not answer for what decides. */
    {{{FOUR_PTR, 0, .trouble = DNS_FAILED}}, FOUR, .unknown = true, .text = "DNS did not answer for " FOUR_PTR},
    {{{FOUR_PTR, 0, .trouble = DNS_FAILED, .bogus = true}},
     FOUR,
     .unknown = true,
     .text = "DNSSEC does not confirm the answer for " FOUR_PTR},
    {{{FOUR_PTR, PTR, HELO}, {HELO, 0, .trouble = DNS_FAILED, .bogus = true}},
     FOUR,
     .unknown = true,
     .text = "does not confirm the answer for " HELO},
    {{{FOUR_PTR, PTR, HELO}, {HELO, 0, .trouble = DNS_FAILED}}, FOUR, .unknown = true, .text = "answer for " HELO},
    {{{FOUR_PTR, PTR, "host.provider.net"}, {FOUR_PTR, PTR, HELO}, {HELO, 0, .trouble = DNS_FAILED}},
     FOUR,
     .unknown = true,
     .text = "answer for " HELO},
    {{{FOUR_PTR, PTR, "x.example.com"},
      {FOUR_PTR, PTR, HELO},
      {"x.example.com", 0, .trouble = DNS_FAILED},
      {HELO, A, FOUR}},
     FOUR,
     .confirmed = true,
     .ptr = HELO},
    /* SPF of the HELO name, over IPv6 alone. */
    {{{SIX_PTR, PTR, HELO}, {HELO, AAAA, SIX}, {HELO, TXT, "v=spf1 ip6:" SIX " -all"}},
     SIX,
     .confirmed = true,
     .ptr = HELO},
    {{{SIX_PTR, PTR, HELO}, {HELO, AAAA, SIX}, {HELO, TXT, "v=spf1 ?all"}}, SIX, .confirmed = true, .ptr = HELO},
    {{{SIX_PTR, PTR, HELO}, {HELO, AAAA, SIX}, {HELO, TXT, "v=spf1 ip4:" FOUR " -all"}},
     SIX,
     .ptr = HELO,
     .text = "SPF says fail for its name smtp.example.com: publish for that TXT \"v=spf1 ip6:" SIX " -all\""},
    {{{SIX_PTR, PTR, HELO}, {HELO, AAAA, SIX}, {HELO, TXT, "v=spf1 ~all"}}, SIX, .ptr = HELO, .text = "says softfail"},
    {{{FOUR_PTR, PTR, HELO}, {HELO, A, FOUR}, {HELO, TXT, "v=spf1 -all"}}, FOUR, .confirmed = true, .ptr = HELO},
};

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    const struct sample *s = &samples[i];
    struct zone z = {.rows = s->rows};
    const struct dns_source dns = zone_source(&z);
    struct source_name_finding found;
    print_message("%zu %s %s\n", i, s->address, s->text ? s->text : "confirmed");
    source_name_check(&dns, s->address, HELO, clock_monotonic_ms() + SOURCE_NAME_MS, &found);
    assert_int_equal(found.known, !s->unknown);
    assert_int_equal(z.asked, z.released);
    if (s->text && !strstr(found.text, s->text)) fail_msg("\"%s\" is not in \"%s\"", s->text, found.text);
    if (s->unknown) continue;
    assert_int_equal(found.confirmed, s->confirmed);
    assert_string_equal(found.ptr, s->ptr);
    if (s->confirmed) assert_string_equal(found.text, "");
  }
}

/* However many PTR records somebody publishes. */
static void test_questions_are_bounded(void **state) {
  (void)state;
  static struct row rows[200];
  static char names[199][40];
  for (size_t i = 0; i < 199; i++) {
    snprintf(names[i], sizeof names[i], "n%zu.example.com", i);
    rows[i] = (struct row){FOUR_PTR, PTR, names[i]};
  }
  struct zone z = {.rows = rows};
  const struct dns_source dns = zone_source(&z);
  struct source_name_finding found;
  source_name_check(&dns, FOUR, HELO, clock_monotonic_ms() + SOURCE_NAME_MS, &found);
  assert_true(found.known && !found.confirmed);
  assert_string_equal(found.ptr, "n0.example.com");
  assert_int_equal(z.asked, 1 + SOURCE_NAME_RECORDS);
  z.asked = 0;
  source_name_check(&dns, FOUR, HELO, clock_monotonic_ms(), &found); /* its time is over */
  assert_false(found.known);
  assert_int_equal(z.asked, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_questions_are_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
