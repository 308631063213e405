/* The macros of RFC 7208 7, and each term as libspf2 is given it. */
#include "policy/spf/spf_rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

static const struct spf_values values = {.sender = "ann-b+c=d@m.e.org",
                                         .local_part = "ann-b+c=d",
                                         .sender_domain = "m.e.org",
                                         .domain = "spf.p.net",
                                         .ip = "192.0.2.7",
                                         .version = "in-addr",
                                         .helo = "Two words%"};

static void test_expand(void **state) {
  (void)state;
  static const struct {
    const char *spec, *name;
  } samples[] = {
      {"", "spf.p.net"},
      {"h.net", "h.net"},
      {"h.net.", "h.net"},
      {"%{s}", "ann-b+c=d@m.e.org"},
      {"%{l}.%{o}", "ann-b+c=d.m.e.org"},
      {"%{d}.x", "spf.p.net.x"},
      {"%{i}.%{v}.arpa", "192.0.2.7.in-addr.arpa"},
      {"%{ir}.%{v}.arpa", "7.2.0.192.in-addr.arpa"},
      {"%{d1}", "net"},
      {"%{d2}", "p.net"},
      {"%{d3}", "spf.p.net"},
      {"%{d4}", "spf.p.net"},
      {"%{d127}", "spf.p.net"},
      {"%{d99999999999999999999}", "spf.p.net"},
      {"%{d1r}", "spf"},
      {"%{d3r}", "net.p.spf"},
      {"%{D9R}", "net.p.spf"},
      {"%{l-}", "ann.b+c=d"},
      {"%{l1+}", "c=d"},
      {"%{l-+=}", "ann.b.c.d"},
      {"%{l2r-+=}", "b.ann"},
      {"%{lr,}", "ann-b+c=d"},
      {"%{i2/}", "192.0.2.7"},
      {"%{L}", "ann-b%%2Bc%%3Dd"},
      {"%{h}", "Two%_words%%"},
      {"%{H}", "Two%%20words%%25"},
      {"a%%b%_c%-d.net", "a%%b%_c%%20d.net"},
      {"%{p}.%{d1}", "%{p.}.net"}, /* libspf2's */
      {"%{P3R-}", "%{P3r-}"},
      {"%{p999}", "%{p128.}"},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char out[SPF_EXPANDED_MAX + 1], *hold;
    struct reason why = {""};
    int rc = spf_expand(exact_copy(bytes_of(samples[i].spec), &hold), &values, out, &why);
    free(hold);
    if (rc != OK || strcmp(out, samples[i].name) != 0) fail_msg("%s: %s, %s", samples[i].spec, out, why.text);
  }
}

/* 7.3: labels go from the left until it is short enough; then it is "." when none is left. */
static void test_long_names(void **state) {
  (void)state;
  char label[600], out[SPF_EXPANDED_MAX + 1];
  struct reason why = {""};
  struct spf_values v = values;
  memset(label, 'x', sizeof label);
  memcpy(label + 250, ".12", 4);
  v.helo = label;
  assert_int_equal(spf_expand(BYTES("%{h}"), &v, out, &why), OK);
  assert_string_equal(out, label);
  assert_int_equal(spf_expand(BYTES("b.%{h}"), &v, out, &why), OK);
  assert_string_equal(out, label);
  assert_int_equal(spf_expand(BYTES("b%{h}"), &v, out, &why), OK);
  assert_string_equal(out, "12");
  memset(label, '%', 253); /* each is written as two */
  label[253] = '\0';
  assert_int_equal(spf_expand(BYTES("%{h}"), &v, out, &why), OK);
  assert_int_equal(strlen(out), 506);
  memcpy(label, "%%%%%%%%", 8);
  memset(label + 8, 'x', 500);
  label[508] = '\0';
  assert_int_equal(spf_expand(BYTES("%{h}"), &v, out, &why), OK);
  assert_string_equal(out, ".");
  v.helo = "";
  assert_int_equal(spf_expand(BYTES("%{h}"), &v, out, &why), OK);
  assert_string_equal(out, ".");
  char many[400] = ""; /* a name that grows beyond all bounds, and one whose "%{p}" hides how long it is */
  v.helo = label;
  for (int i = 0; i < 20; i++) strcat(many, "%{h}.");
  strcat(many, "e.org");
  assert_int_equal(spf_expand(bytes_of(many), &v, out, &why), E_TOO_BIG);
  assert_non_null(strstr(why.text, "too long"));
  assert_int_equal(spf_expand(BYTES("%{p}.%{h}.e.org"), &v, out, &why), E_TOO_BIG);
}

static void test_rewrite(void **state) {
  (void)state;
  static const struct {
    const char *term, *source, *text;
  } samples[] = {
      {"all", "192.0.2.7", "v=spf1 +all"},
      {"-all", "2001:db8::7", "v=spf1 -all"},
      {"a", "192.0.2.7", "v=spf1 +a:spf.p.net/32"},
      {"~a/24//64", "192.0.2.7", "v=spf1 ~a:spf.p.net/24"},
      {"a/24//64", "2001:db8::7", "v=spf1 +a:spf.p.net//64"},
      {"mx:%{o}/0", "192.0.2.7", "v=spf1 +mx:\001m.e.org/32"},
      {"mx:%{o}/0", "2001:db8::7", "v=spf1 +mx:m.e.org//128"},
      {"a:%{h}", "192.0.2.7", "v=spf1 +a:Two%_words%%/32"},
      {"a:x/8.net.", "192.0.2.7", "v=spf1 +a:x/8.net/32"},
      {"ip4:198.51.100.0/24", "192.0.2.7", "v=spf1 +ip4:198.51.100.0/24"},
      {"ip4:198.51.100.0/0", "192.0.2.7", "v=spf1 +ip4:192.0.2.7/32"},
      {"ip4:198.51.100.0/0", "2001:db8::7", "v=spf1 +ip4:198.51.100.0/32"},
      {"ip6:2001:db8:1::/0", "2001:db8::7", "v=spf1 +ip6:2001:db8::7/128"},
      {"ptr", "192.0.2.7", "v=spf1 +ptr:spf.p.net"},
      {"?exists:%{ir}.x.net", "192.0.2.7", "v=spf1 ?exists:7.2.0.192.x.net"},
      {"-include:%{d2}", "192.0.2.7", "v=spf1 -include:p.net"},
      {"redirect=_spf.%{d}", "192.0.2.7", "v=spf1 redirect=_spf.spf.p.net"},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char out[SPF_REWRITTEN_MAX + 1];
    struct spf_term t;
    struct reason why = {""};
    assert_int_equal(spf_term_read(bytes_of(samples[i].term), &t, &why), OK);
    assert_int_equal(spf_rewrite(&t, &values, samples[i].source, out, &why), OK);
    assert_string_equal(out, samples[i].text);
  }
}

/* What a HELO name can be must not be read as a prefix length. */
static void test_slash_in_name(void **state) {
  (void)state;
  static const char *const names[] = {"h.org/8", "h.org//64", "8/8", "/"};
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    char out[SPF_REWRITTEN_MAX + 1];
    struct spf_values v = values;
    struct spf_term t;
    v.helo = names[i];
    assert_int_equal(spf_term_read(BYTES("a:%{h}"), &t, NULL), OK);
    assert_int_equal(spf_rewrite(&t, &v, "192.0.2.7", out, NULL), OK);
    assert_string_equal(out, "v=spf1 +a:./32");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_expand), cmocka_unit_test(test_long_names),
                                     cmocka_unit_test(test_rewrite), cmocka_unit_test(test_slash_in_name)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
