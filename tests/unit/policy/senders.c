/* Who may send as whom: patterns, envelope senders, and header From fields that try to look like something else. */
#include "policy/senders.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define PATTERNS_MAX 3

static size_t count(const char *const patterns[PATTERNS_MAX]) {
  size_t n = 0;
  while (n < PATTERNS_MAX && patterns[n]) n++;
  return n;
}

static void test_patterns_as_typed(void **state) {
  (void)state;
  static const struct {
    const char *typed, *normal; /* NULL: refused */
  } samples[] = {
      {"*", "*"},
      {"Example.COM", "example.com"},
      {"*.Example.com", "*.example.com"},
      {"A.User@Example.COM", "A.User@example.com"},
      {"\"a b\"@example.com", "\"a b\"@example.com"},
      {"b\303\274cher.example", "xn--bcher-kva.example"},
      {"*.b\303\274cher.example", "*.xn--bcher-kva.example"},
      {"a@B\303\234CHER.example", "a@xn--bcher-kva.example"},
      {"\303\274@example.com", "\303\274@example.com"},
      {"", NULL},
      {"**", NULL},
      {"*.", NULL},
      {"*example.com", NULL},
      {"a.*.example.com", NULL},
      {"@example.com", NULL},
      {"a@", NULL},
      {"a@*.example.com", NULL},
      {"a@b@example.com", NULL},
      {"a@[192.0.2.1]", NULL},
      {"[192.0.2.1]", NULL},
      {"example.com ", NULL},
      {"exa mple.com", NULL},
      {"-.example.com", NULL},
      {"a..example.com", NULL},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char out[ADDRESS_MAX + 3], again[ADDRESS_MAX + 3];
    int rc = sender_pattern_normalize(samples[i].typed, out, sizeof out);
    if (rc != (samples[i].normal ? OK : E_SYNTAX)) fail_msg("\"%s\": %d", samples[i].typed, rc);
    if (!samples[i].normal) continue;
    assert_string_equal(out, samples[i].normal);
    assert_int_equal(sender_pattern_normalize(out, again, sizeof again), OK);
    assert_string_equal(again, out);
  }
}

static void test_pattern_room(void **state) {
  (void)state;
  static const char *const typed[] = {"*", "example.com", "*.example.com", "a@example.com"};
  for (size_t i = 0; i < COUNT_OF(typed); i++)
    for (size_t size = 1; size <= strlen(typed[i]) + 1; size++) {
      char *out = malloc(size);
      assert_int_equal(sender_pattern_normalize(typed[i], out, size), size > strlen(typed[i]) ? OK : E_SYNTAX);
      free(out);
    }
}

static void test_envelope(void **state) {
  (void)state;
  static const struct {
    const char *patterns[PATTERNS_MAX], *path;
    bool allowed;
  } samples[] = {
      {{"*"}, "<a@anything.example>", true},
      {{"*"}, "<a@[192.0.2.1]>", true},
      {{"*"}, "<postmaster>", true},
      {{NULL}, "<a@example.com>", false},
      {{NULL}, "<>", true}, /* DSNs and MDNs (RFC 5321 4.5.5) */
      {{"example.com"}, "<a@example.com>", true},
      {{"example.com"}, "<a@EXAMPLE.Com>", true},
      {{"example.com"}, "<\"a b\"@example.com>", true},
      {{"example.com"}, "<\"x@bank.example\"@example.com>", true},
      {{"example.com"}, "<a@sub.example.com>", false},
      {{"example.com"}, "<a@notexample.com>", false},
      {{"example.com"}, "<a@example.com.evil.example>", false},
      {{"example.com"}, "<\"a@example.com\"@evil.example>", false},
      {{"example.com"}, "<postmaster>", false},
      {{"example.com"}, "<a@[192.0.2.1]>", false},
      {{"*.example.com"}, "<a@sub.example.com>", true},
      {{"*.example.com"}, "<a@b.c.example.com>", true},
      {{"*.example.com"}, "<a@example.com>", false},
      {{"*.example.com"}, "<a@notexample.com>", false},
      {{"*.example.com"}, "<postmaster>", false},
      {{"*.example.com", "example.com"}, "<a@example.com>", true},
      {{"a@example.com"}, "<a@example.com>", true},
      {{"a@example.com"}, "<a@EXAMPLE.COM>", true},
      {{"a@example.com"}, "<A@example.com>", true}, /* who may send is not a matter of case */
      {{"a@example.com"}, "<a+b@example.com>", false},
      {{"a@example.com"}, "<\"a\"@example.com>", true},
      {{"a@example.com"}, "<\"\\a\"@example.com>", true},
      {{"a@example.com"}, "<\"a \"@example.com>", false},
      {{"news@example.com"}, "<\"News\"@example.com>", true},
      {{"\"a b\"@example.com"}, "<\"A B\"@example.com>", true},
      {{"a@example.com"}, "<b@example.com>", false},
      {{"a@example.com"}, "<a@sub.example.com>", false},
      {{"\"a b\"@example.com"}, "<\"a b\"@example.com>", true},
      {{"\"x@y\"@example.com"}, "<\"x@y\"@example.com>", true},
      {{"\"x@y\"@example.com"}, "<x@example.com>", false},
      {{"xn--bcher-kva.example"}, "<a@b\303\274cher.example>", true},
      {{"xn--bcher-kva.example"}, "<a@B\303\234cher.EXAMPLE>", true},
      {{"xn--bcher-kva.example"}, "<a@xn--bcher-kva.example>", true},
      {{"*.xn--bcher-kva.example"}, "<a@sub.b\303\274cher.example>", true},
      {{"bucher.example"}, "<a@b\303\274cher.example>", false},
      {{"xn--bcher-kva.example"}, "<a@bu\314\210cher.example>", false}, /* not in NFC */
      {{"example.com"}, "<a@\357\275\205xample.com>", false},           /* a full-width letter */
      {{"*"}, "<a@\357\275\205xample.com>", false},                     /* not to anybody */
      {{"example.com"}, "<a@ex\320\260mple.com>", false},               /* a Cyrillic letter that looks the same */
      {{"\303\274@example.com"}, "<\303\274@example.com>", true},
      {{"x.example", "y.example", "a@z.example"}, "<a@z.example>", true},
      {{"x.example", "y.example", "a@z.example"}, "<b@z.example>", false},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct address a;
    size_t used;
    char *hold;
    struct bytes path = exact_copy(bytes_of(samples[i].path), &hold);
    assert_int_equal(path_parse(path, &a, &used), OK);
    if (sender_allowed(samples[i].patterns, count(samples[i].patterns), &a) != samples[i].allowed)
      fail_msg("%s, the first pattern is %s", samples[i].path, samples[i].patterns[0]);
    free(hold);
  }
}

static void test_header_from(void **state) {
  (void)state;
  static const struct {
    const char *patterns[PATTERNS_MAX], *value;
    int result;
    const char *offender;
  } samples[] = {
      {{"example.com"}, " a@example.com", OK},
      {{"example.com"}, " A <a@example.com>", OK},
      {{"example.com"}, " \"A, B\" <a@example.com>, <b@example.com>", OK},
      {{"example.com"}, " a@example.com, b@evil.example", E_DENIED, "b@evil.example"},
      {{"example.com"}, " b@evil.example, a@example.com", E_DENIED, "b@evil.example"},
      {{"*"}, " b@evil.example, a@example.com", OK},
      /* groups: every mailbox of them */
      {{"example.com"}, " Team: a@example.com, b@example.com;", OK},
      {{"example.com"}, " Team: a@example.com, b@evil.example;", E_DENIED, "b@evil.example"},
      {{"example.com"}, " Team: a@example.com;, b@evil.example", E_DENIED, "b@evil.example"},
      {{"example.com"}, " undisclosed:;", E_SYNTAX},
      /* folding, comments, obsolete routes */
      {{"example.com"}, " A\r\n <a@example.com>", OK},
      {{"example.com"}, " a(b@evil.example)@example.com", OK},
      {{"example.com"}, " a@(example.com)evil.example", E_DENIED, "a@evil.example"},
      {{"example.com"}, " <@evil.example:a@example.com>", OK},
      {{"example.com"}, " <@example.com:a@evil.example>", E_DENIED, "a@evil.example"},
      {{"example.com"}, " a@b\303\274cher.example", E_DENIED, "a@b\303\274cher.example"},
      {{"xn--bcher-kva.example"}, " a@b\303\274cher.example", OK},
      {{"example.com"}, " a@example\357\274\216com", E_DENIED, "a@example\357\274\216com"},
      {{"*"}, " A <a@exam\342\200\213ple.com>", E_DENIED, "a@exam\342\200\213ple.com"},
      /* what some readers would take for another author is refused, never guessed at */
      {{"example.com"}, " ceo@bank.example <a@example.com>", E_SYNTAX},
      {{"example.com"}, " \"ceo@bank.example\" <a@example.com>", OK}, /* a quoted display name is only that */
      {{"example.com"}, " <a@example.com> <ceo@bank.example>", E_SYNTAX},
      {{"example.com"}, " a@example.com\n ceo@bank.example", E_SYNTAX},
      {{"example.com"}, " <a@example.com", E_SYNTAX},
      {{"example.com"}, " \"a@example.com", E_SYNTAX},
      {{"example.com"}, " (a@example.com", E_SYNTAX},
      {{"example.com"}, " \"ceo@bank.example\"@example.com", E_SYNTAX},
      {{"example.com"}, " =?utf-8?q?ceo=40bank.example?=@example.com", E_SYNTAX},
      {{"example.com"}, " a@example.com@bank.example", E_SYNTAX},
      {{"example.com"}, " a@example.com;b@bank.example", E_DENIED, "b@bank.example"},
      {{"example.com"}, " <>", E_SYNTAX}, /* the null path is for envelopes only */
      {{"*"}, " <>", E_SYNTAX},
      {{"*"}, "", E_SYNTAX},
      {{"*"}, " ,, ,", E_SYNTAX},
      {{"*"}, " nobody", E_SYNTAX},
      {{NULL}, " a@example.com", E_DENIED, "a@example.com"},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char offender[ADDRESS_MAX + 1] = "", *hold;
    size_t mailboxes;
    struct bytes value = exact_copy(bytes_of(samples[i].value), &hold);
    int rc = header_from_allowed(samples[i].patterns, count(samples[i].patterns), value, &mailboxes, offender,
                                 sizeof offender);
    if (rc != samples[i].result) fail_msg("\"%s\": %d instead of %d", samples[i].value, rc, samples[i].result);
    if (samples[i].offender) assert_string_equal(offender, samples[i].offender);
    free(hold);
  }
}

/* A NUL, which would end a C string before the forged half. */
static void test_header_from_nul(void **state) {
  (void)state;
  const char *patterns[] = {"example.com"};
  char offender[64];
  size_t mailboxes;
  assert_int_equal(header_from_allowed(patterns, 1, BYTES(" a@example.com, b@example.com"), &mailboxes, offender, 64),
                   OK);
  assert_int_equal(mailboxes, 2);
  assert_int_equal(
      header_from_allowed(patterns, 1, BYTES(" a@example.com\0, b@evil.example"), &mailboxes, offender, 64), E_SYNTAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_patterns_as_typed), cmocka_unit_test(test_pattern_room),
                                     cmocka_unit_test(test_envelope), cmocka_unit_test(test_header_from),
                                     cmocka_unit_test(test_header_from_nul)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
