/* The grammar of RFC 7208 section 12: each production, and what is near to it but none. */
#include "policy/spf/spf_syntax.h"
#include "policy/spf/spf_macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

/* Read from memory of exactly its size. */
static int read(const char *text, struct spf_term *out, struct reason *why, char **hold) {
  return spf_term_read(exact_copy(bytes_of(text), hold), out, why);
}

static void test_terms(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum spf_kind kind;
    char qualifier; /* 0: "+" */
    const char *domain, *network;
    unsigned ip4_len, ip6_len; /* 0: not written */
  } samples[] = {
      {"all", SPF_ALL},
      {"-ALL", SPF_ALL, '-'},
      {"?all", SPF_ALL, '?'},
      {"~all", SPF_ALL, '~'},
      {"include:p.example.net", SPF_INCLUDE, .domain = "p.example.net"},
      {"-include:%{d}", SPF_INCLUDE, '-', "%{d}"},
      {"a", SPF_A},
      {"A/24", SPF_A, .ip4_len = 24},
      {"a//48", SPF_A, .ip6_len = 48},
      {"a/24//48", SPF_A, .ip4_len = 24, .ip6_len = 48},
      {"a:h.example.net", SPF_A, .domain = "h.example.net"},
      {"a:h.example.net./20//64", SPF_A, .domain = "h.example.net", .ip4_len = 20, .ip6_len = 64},
      {"a:odd:name/with.example.net", SPF_A, .domain = "odd:name/with.example.net"},
      {"a:x/24.example.net/8", SPF_A, .domain = "x/24.example.net", .ip4_len = 8},
      {"a:empty..label.net", SPF_A, .domain = "empty..label.net"},
      {"a:example.xn--p1ai", SPF_A, .domain = "example.xn--p1ai"},
      {"a:example.4you", SPF_A, .domain = "example.4you"},
      {"a:%{l2/}", SPF_A, .domain = "%{l2/}"},
      {"~mx", SPF_MX, '~'},
      {"mx:%{d2}/28", SPF_MX, .domain = "%{d2}", .ip4_len = 28},
      {"ptr", SPF_PTR},
      {"ptr:example.net", SPF_PTR, .domain = "example.net"},
      {"ip4:192.0.2.0/24", SPF_IP4, .network = "192.0.2.0", .ip4_len = 24},
      {"-ip4:192.0.2.1", SPF_IP4, '-', .network = "192.0.2.1"},
      {"ip6:2001:db8::/32", SPF_IP6, .network = "2001:db8::", .ip6_len = 32},
      {"ip6:::ffff:192.0.2.1", SPF_IP6, .network = "::ffff:192.0.2.1"},
      {"exists:%{ir}.%{l1r+-}._spf.%{d}", SPF_EXISTS, .domain = "%{ir}.%{l1r+-}._spf.%{d}"},
      {"exists:%{s0012R.-+,/_=}.a%%b%_c%-d.example.net", SPF_EXISTS,
       .domain = "%{s0012R.-+,/_=}.a%%b%_c%-d.example.net"},
      {"redirect=_spf.example.net", SPF_REDIRECT, .domain = "_spf.example.net"},
      {"Exp=why.%{d}", SPF_EXP, .domain = "why.%{d}"},
      {"x-y_z.9=", SPF_OTHER_MODIFIER},
      {"note=a:b/c=%{c}", SPF_OTHER_MODIFIER},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct spf_term t;
    struct reason why = {""};
    char *hold;
    if (read(samples[i].text, &t, &why, &hold) != OK) fail_msg("%s: %s", samples[i].text, why.text);
    bool mechanism = t.kind <= SPF_EXISTS;
    if (t.kind != samples[i].kind ||
        (mechanism && t.qualifier != (samples[i].qualifier ? samples[i].qualifier : '+')) ||
        !bytes_equal(t.domain, bytes_of(samples[i].domain)) || !bytes_equal(t.network, bytes_of(samples[i].network)) ||
        t.ip4_len != (samples[i].ip4_len ? samples[i].ip4_len : 32) ||
        t.ip6_len != (samples[i].ip6_len ? samples[i].ip6_len : 128))
      fail_msg("%s: kind %d, %c, %.*s, %.*s, %u, %u", samples[i].text, (int)t.kind, t.qualifier, (int)t.domain.len,
               t.domain.at, (int)t.network.len, t.network.at, t.ip4_len, t.ip6_len);
    free(hold);
  }
}

static void test_zero_lengths(void **state) {
  (void)state;
  static const struct {
    const char *text;
    unsigned ip4_len, ip6_len;
  } samples[] = {{"a/0", 0, 128},
                 {"mx//0", 32, 0},
                 {"a:h.example.net/0//0", 0, 0},
                 {"ip4:0.0.0.0/0", 0, 128},
                 {"ip6:2001:db8::/0", 32, 0}};
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct spf_term t;
    char *hold;
    assert_int_equal(read(samples[i].text, &t, NULL, &hold), OK);
    free(hold);
    assert_int_equal(t.ip4_len, samples[i].ip4_len);
    assert_int_equal(t.ip6_len, samples[i].ip6_len);
  }
}

static void test_malformed(void **state) {
  (void)state;
  static const struct {
    const char *text, *why; /* a part of it; NULL: any */
  } samples[] = {
      {"", "no such mechanism"},
      {"-", "no such mechanism"},
      {"--all", "no such mechanism"},
      {"al", "no such mechanism"},
      {"ipv4:192.0.2.1", "no such mechanism"},
      {"redirect:example.net", "no such mechanism"},
      {"all.", "no such mechanism"},
      {"all:example.net", "nothing of this kind follows all"},
      {"all/24", NULL},
      {"include", "names no domain"},
      {"include:", "names no domain"},
      {"include:example.net/24", "the last label"},
      {"include/24", NULL},
      {"exists", "names no domain"},
      {"exists:example.net/24", "the last label"},
      {"ptr:", "names no domain"},
      {"ptr/24", NULL},
      {"ptr:example.net//64", NULL},
      {"a:", "names no domain"},
      {"a:/24", "names no domain"},
      {"mx:", "names no domain"},
      {"a:localhost", "two labels"},
      {"a:localhost.", "two labels"},
      {"a:.", NULL},
      {"a:%{d}net", "two labels"},
      {"a:%{d}.", NULL},
      {"a:192.0.2.1", "ip4:"},
      {"a:example.net:25", "the last label"},
      {"a:example.-net", "the last label"},
      {"a:example.net-", "the last label"},
      {"a:example.n_t", "the last label"},
      {"a:example..", "the last label"},
      {"a/33", "prefix length"},
      {"a/", "prefix length"},
      {"a//", "prefix length"},
      {"a//129", "prefix length"},
      {"a/024", "prefix length"},
      {"a/00", "prefix length"},
      {"a/24/64", NULL},
      {"a//64/24", NULL},
      {"a/24//", "prefix length"},
      {"a/99999999999999999999999", "prefix length"},
      {"mx/-1", NULL},
      {"ip4", "no network"},
      {"ip4:", "IPv4"},
      {"ip4/24", "no network"},
      {"ip4:192.0.2", "IPv4"},
      {"ip4:192.0.2.01", "IPv4"},
      {"ip4:192.0.2.256", "IPv4"},
      {"ip4:192.0.2.1:25", "IPv4"},
      {"ip4:192.0.2.1/33", "prefix length"},
      {"ip4:192.0.2.1//32", "IPv4"},
      {"ip4:2001:db8::1", "IPv4"},
      {"ip4:192.0.2.1/032", "prefix length"},
      {"ip6", "no network"},
      {"ip6:192.0.2.1", "IPv6"},
      {"ip6:2001:db8::1::2", "IPv6"},
      {"ip6:2001:db8::/129", "prefix length"},
      {"ip6:2001:db8::%25eth0", "IPv6"},
      {"ip6:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", "IPv6"},
      {"exists:%", "% begins no macro"},
      {"exists:%x.example.net", "% begins no macro"},
      {"exists:%(ir).example.net", "% begins no macro"},
      {"exists:%{", "% begins no macro"},
      {"exists:%{}", "% begins no macro"},
      {"exists:%{i", "% begins no macro"},
      {"exists:%{x}", "% begins no macro"},
      {"exists:%{r}.example.net", "% begins no macro"}, /* 7.2: in explanations only */
      {"exists:%{T}", "% begins no macro"},
      {"exists:%{d0}", "% begins no macro"}, /* 7.3: no parts */
      {"exists:%{dr2}", "% begins no macro"},
      {"exists:%{d|}", "% begins no macro"},
      {"exists:%{d-2}", "% begins no macro"},
      {"redirect=", "names no domain"},
      {"redirect=-all", "two labels"},
      {"exp=", "names no domain"},
      {"exp=%{c}.example.net", "% begins no macro"},
      {"=x", "modifier"},
      {"1st=x", "modifier"},
      {"-redirect=example.net", "modifier"},
      {"no+te=x", "modifier"},
      {"note=%x", "% begins no macro"},
      {"no/te=x", "no such mechanism"},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct spf_term t;
    struct reason why = {""};
    char *hold;
    int rc = read(samples[i].text, &t, &why, &hold);
    free(hold);
    if (rc != E_SYNTAX) fail_msg("\"%s\": %d", samples[i].text, rc);
    if (!why.text[0] || (samples[i].why && !strstr(why.text, samples[i].why)))
      fail_msg("\"%s\": %s", samples[i].text, why.text);
  }
}

static void test_local_part(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool uses;
  } samples[] = {{"%{l}", true},
                 {"%{S2r}.example.net", true},
                 {"%{d}.%{l1-}.x.net", true},
                 {"%{o}", false},
                 {"%%{l}", true /* as a text: asked once more at worst */},
                 {"l.s.net", false},
                 {"", false}};
  for (size_t i = 0; i < COUNT_OF(samples); i++)
    assert_int_equal(spf_macro_uses_local_part(bytes_of(samples[i].text)), samples[i].uses);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_terms), cmocka_unit_test(test_zero_lengths),
                                     cmocka_unit_test(test_malformed), cmocka_unit_test(test_local_part)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
