/* Envelope paths, addresses and domains (RFC 5321 4.1.2 and 4.1.3, RFC 6531 3.3). */
#include "base/address/address.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define L10 "abcdefghij"
#define L60 L10 L10 L10 L10 L10 L10
#define L63 L60 "abc"
#define L64 L60 "abcd"
#define U_TEN "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"

/* Every address without brackets, and the same within them. */
static void test_addresses(void **state) {
  (void)state;
  static const struct {
    struct bytes in;
    int result;
    size_t local; /* length of the local part */
    bool utf8, literal;
  } samples[] = {
      {BYTES("a@b"), OK, 1, false, false},
      {BYTES("user@example.com"), OK, 4, false, false},
      {BYTES("first.last@example.com"), OK, 10, false, false},
      {BYTES("a.b.c.d@example.com"), OK, 7, false, false},
      {BYTES("user+tag=x@example.com"), OK, 10, false, false},
      {BYTES("!#$%&'*+-/=?^_`{|}~@example.com"), OK, 19, false, false},
      {BYTES("-@example.com"), OK, 1, false, false},
      {BYTES("A@EXAMPLE.COM"), OK, 1, false, false},
      {BYTES("a@1.example"), OK, 1, false, false},
      {BYTES("a@x--y.example"), OK, 1, false, false},
      {BYTES("a@xn--bcher-kva.example"), OK, 1, false, false},
      {BYTES("a@_mail.example"), OK, 1, false, false},
      {BYTES("a@1.2.3.4"), OK, 1, false, false}, /* four labels of digits; no literal without brackets */
      {BYTES("\"\"@example.com"), OK, 2, false, false},
      {BYTES("\"a b\"@example.com"), OK, 5, false, false},
      {BYTES("\"a@b\"@example.com"), OK, 5, false, false},
      {BYTES("\"a\\\"b\"@example.com"), OK, 6, false, false},
      {BYTES("\"a\\\\\"@example.com"), OK, 5, false, false},
      {BYTES("\"a>b\"@example.com"), OK, 5, false, false},
      {BYTES("\"a..b\"@example.com"), OK, 6, false, false},
      {BYTES("\"\\a\\ \"@example.com"), OK, 6, false, false},
      {BYTES("\"J\xc3\xbcrgen\"@example.com"), OK, 9, true, false},
      {BYTES("j\xc3\xbcrgen@example.com"), OK, 7, true, false},
      {BYTES("a@b\xc3\xbc"
             "cher.example"),
       OK, 1, true, false},
      {BYTES("\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.\xe5\xb9\xbf\xe5\x91\x8a"), OK, 6, true, false},
      {BYTES("\xf0\x9f\x93\xa7@example.com"), OK, 4, true, false},
      {BYTES("a@[127.0.0.1]"), OK, 1, false, true},
      {BYTES("a@[IPv6:::1]"), OK, 1, false, true},
      {BYTES("a@[ipv6:2001:db8::25]"), OK, 1, false, true},
      {BYTES("a@[IPv6:2001:db8:1:2:3:4:5:6]"), OK, 1, false, true},
      {BYTES("a@[IPv6:::ffff:192.0.2.7]"), OK, 1, false, true},
      {BYTES("\"a b\"@[IPv6:::1]"), OK, 5, false, true},
      {BYTES(L64 "@example.com"), OK, 64, false, false},
      {BYTES("a@" L63 ".example"), OK, 1, false, false},
      {BYTES("a@" L63 "." L63 "." L63 "." L60), OK, 1, false, false},       /* 254 octets */
      {BYTES("a@" U_TEN U_TEN U_TEN U_TEN ".example"), OK, 1, true, false}, /* 80 octets, 40 characters */

      {BYTES(""), E_SYNTAX, 0, false, false},
      {BYTES("a"), E_SYNTAX, 0, false, false},
      {BYTES("postmaster"), E_SYNTAX, 0, false, false},
      {BYTES("@"), E_SYNTAX, 0, false, false},
      {BYTES("@b"), E_SYNTAX, 0, false, false},
      {BYTES("a@"), E_SYNTAX, 0, false, false},
      {BYTES("a@@b"), E_SYNTAX, 0, false, false},
      {BYTES("a@b@c"), E_SYNTAX, 0, false, false},
      {BYTES(".a@b"), OK, 2, false, false},
      {BYTES("a.@b"), OK, 2, false, false},
      {BYTES("a..b@c"), OK, 4, false, false},
      {BYTES("a b@c"), E_SYNTAX, 0, false, false},
      {BYTES("a@b c"), E_SYNTAX, 0, false, false},
      {BYTES(" a@b"), E_SYNTAX, 0, false, false},
      {BYTES("a@b "), E_SYNTAX, 0, false, false},
      {BYTES("a@b\r\n"), E_SYNTAX, 0, false, false},
      {BYTES("a\t@b"), E_SYNTAX, 0, false, false},
      {BYTES("a\0@b"), E_SYNTAX, 0, false, false},
      {BYTES("a@b\0"), E_SYNTAX, 0, false, false},
      {BYTES("a\x7f@b"), E_SYNTAX, 0, false, false},
      {BYTES("a(c)@b"), E_SYNTAX, 0, false, false}, /* comments belong to headers */
      {BYTES("a,b@c"), E_SYNTAX, 0, false, false},
      {BYTES("a:b@c"), E_SYNTAX, 0, false, false},
      {BYTES("a\\@b@c"), E_SYNTAX, 0, false, false},
      {BYTES("a\"b\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\"b@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\".b@c"), E_SYNTAX, 0, false, false}, /* RFC 5322's obsolete form; RFC 5321 has none */
      {BYTES("\"a@b"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\"b\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\\\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\\"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\nb\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\tb\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\0b\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\\\r\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\\\xc3\xbc\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("\"a\xff\"@c"), E_SYNTAX, 0, false, false},
      {BYTES("a@b."), OK, 1, false, false}, /* lenient, like the next ones: mailboxes in use */
      {BYTES("a..b@c.example"), OK, 4, false, false},
      {BYTES("ab.@c.example"), OK, 3, false, false},
      {BYTES("a@b.."), E_SYNTAX, 0, false, false},
      {BYTES("...@c"), E_SYNTAX, 0, false, false},
      {BYTES("a@.b"), E_SYNTAX, 0, false, false},
      {BYTES("a@b..c"), E_SYNTAX, 0, false, false},
      {BYTES("a@-b.c"), E_SYNTAX, 0, false, false},
      {BYTES("a@b-.c"), E_SYNTAX, 0, false, false},
      {BYTES("a@b.c-"), E_SYNTAX, 0, false, false},
      {BYTES("a@b.-c"), E_SYNTAX, 0, false, false},
      {BYTES("a@b!c"), E_SYNTAX, 0, false, false},
      {BYTES("a@" L64 ".example"), E_SYNTAX, 0, false, false},
      {BYTES("a@example." L64), E_SYNTAX, 0, false, false},
      {BYTES("\xc3@b"), E_SYNTAX, 0, false, false},
      {BYTES("\xc0\xaf@b"), E_SYNTAX, 0, false, false},
      {BYTES("\xed\xa0\x80@b"), E_SYNTAX, 0, false, false},
      {BYTES("a\xff@b"), E_SYNTAX, 0, false, false},
      {BYTES("a@b\xfc"
             "cher.example"),
       E_SYNTAX, 0, false, false}, /* ISO 8859-1 */
      {BYTES("a@b\xc3"), E_SYNTAX, 0, false, false},
      {BYTES("a@[]"), E_SYNTAX, 0, false, false},
      {BYTES("a@["), E_SYNTAX, 0, false, false},
      {BYTES("a@[127.0.0.1"), E_SYNTAX, 0, false, false},
      {BYTES("a@[127.0.0.1]x"), E_SYNTAX, 0, false, false},
      {BYTES("a@[127.0.0.1].b"), E_SYNTAX, 0, false, false},
      {BYTES("a@[127.0.0]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[127.0.0.256]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[127.0.0.01]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[ 127.0.0.1]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[127.0.0.1\0]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[::1]"), E_SYNTAX, 0, false, false}, /* the tag is missing */
      {BYTES("a@[IPv6:]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[IPv6:127.0.0.1]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[IPv6:1::2::3]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[IPv6:12345::]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[IPv6:1:2:3:4:5:6:7:8:9]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[IPv6:fe80::1%lo]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[IPv5:1.2.3.4]"), E_SYNTAX, 0, false, false},
      {BYTES("a@[example.com]"), E_SYNTAX, 0, false, false},
      {BYTES("a@b[127.0.0.1]"), E_SYNTAX, 0, false, false},

      {BYTES(L64 "a@example.com"), OK, 65, false, false},
      {BYTES("\"" L63 "\"@example.com"), OK, 65, false, false},
      {BYTES(L64 L64 L64 L64 "@example.com"), E_TOO_BIG, 0, false, false},
      {BYTES("a@" L63 "." L63 "." L63 "." L63), E_TOO_BIG, 0, false, false},
      {BYTES(L63 "@" L63 "." L63 "." L63), E_TOO_BIG, 0, false,
       false}, /* each part is short enough, the whole is not */
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold, path[700];
    struct address a;
    struct bytes in = exact_copy(samples[i].in, &hold);
    int rc = address_parse(in, &a);
    if (rc != samples[i].result) fail_msg("%zu \"%.*s\": %d", i, (int)in.len, in.at, rc);
    if (rc == OK) {
      assert_true(bytes_equal(a.whole, in));
      assert_true(bytes_equal(a.local, (struct bytes){in.at, samples[i].local}));
      assert_true(bytes_equal(a.domain, bytes_from(in, samples[i].local + 1)));
      if (a.utf8 != samples[i].utf8 || a.literal != samples[i].literal || a.is_null) fail_msg("%zu: flags", i);
    }
    free(hold);
    path[0] = '<';
    memcpy(path + 1, samples[i].in.at, samples[i].in.len);
    path[1 + samples[i].in.len] = '>';
    if (!samples[i].in.len || bytes_equal(samples[i].in, BYTES("postmaster"))) continue; /* paths of their own */
    in = exact_copy((struct bytes){path, samples[i].in.len + 2}, &hold);
    size_t used = 0;
    rc = path_parse(in, &a, &used);
    if (rc != samples[i].result || (rc == OK && used != in.len))
      fail_msg("%zu \"%.*s\": %d", i, (int)in.len, in.at, rc);
    free(hold);
  }
}

static void test_paths(void **state) {
  (void)state;
  static const struct {
    const char *in;
    int result;
    const char *whole, *domain;
    size_t used;
    bool is_null;
  } samples[] = {
      {"<>", OK, "", "", 2, true},
      {"<> SIZE=1", OK, "", "", 2, true},
      {"<a@b> SIZE=1", OK, "a@b", "b", 5, false},
      {"<a@b>>", OK, "a@b", "b", 5, false},
      {"<postmaster>", OK, "postmaster", "", 12, false},
      {"<PostMaster> X", OK, "PostMaster", "", 12, false},
      {"<postmaster@b>", OK, "postmaster@b", "b", 14, false},
      {"<@r:a@b>", OK, "a@b", "b", 8, false},
      {"<@r.example,@s.example:a@b>", OK, "a@b", "b", 27, false},
      {"<@r:\"a:b\"@c>", OK, "\"a:b\"@c", "c", 12, false},
      {"<\"a>b\"@c>", OK, "\"a>b\"@c", "c", 9, false},
      {"<a@[IPv6:::1]> X", OK, "a@[IPv6:::1]", "[IPv6:::1]", 14, false},
      {"", E_SYNTAX, NULL, NULL, 0, false},
      {"<", E_SYNTAX, NULL, NULL, 0, false},
      {"a@b", E_SYNTAX, NULL, NULL, 0, false},
      {"a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"<a@b", E_SYNTAX, NULL, NULL, 0, false},
      {" <a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"< >", E_SYNTAX, NULL, NULL, 0, false},
      {"<<a@b>>", E_SYNTAX, NULL, NULL, 0, false},
      {"< a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"<a@b >", E_SYNTAX, NULL, NULL, 0, false},
      {"<abuse>", E_SYNTAX, NULL, NULL, 0, false},
      {"<postmaste>", E_SYNTAX, NULL, NULL, 0, false},
      {"<postmaster", E_SYNTAX, NULL, NULL, 0, false},
      {"<@>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r:>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r:postmaster>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r,a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r,:a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r,s:a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@:a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@-r:a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r;a@b>", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r,", E_SYNTAX, NULL, NULL, 0, false},
      {"<@r:", E_SYNTAX, NULL, NULL, 0, false},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold;
    struct address a;
    size_t used = 0;
    int rc = path_parse(exact_copy(bytes_of(samples[i].in), &hold), &a, &used);
    if (rc != samples[i].result) fail_msg("\"%s\": %d", samples[i].in, rc);
    if (rc == OK) {
      assert_true(bytes_equal(a.whole, bytes_of(samples[i].whole)));
      assert_true(bytes_equal(a.domain, bytes_of(samples[i].domain)));
      assert_int_equal(used, samples[i].used);
      assert_int_equal(a.is_null, samples[i].is_null);
    }
    free(hold);
  }
}

static void test_domains(void **state) {
  (void)state;
  static const struct {
    struct bytes in;
    int result;
    const char *out;
  } samples[] = {
      {BYTES("example.com"), OK, "example.com"},
      {BYTES("EXAMPLE.Com"), OK, "example.com"},
      {BYTES("_spf.Example.com"), OK, "_spf.example.com"},
      {BYTES("b\xc3\xbc"
             "cher.example"),
       OK, "xn--bcher-kva.example"},
      {BYTES("B\xc3\x9c"
             "CHER.Example"),
       OK, "xn--bcher-kva.example"},
      {BYTES("bu\xcc\x88"
             "cher.example"),
       OK, "xn--bcher-kva.example"}, /* not in NFC as typed */
      {BYTES("XN--BCHER-KVA.example"), OK, "xn--bcher-kva.example"},
      {BYTES("fa\xc3\x9f.example"), OK, "xn--fa-hia.example"}, /* nontransitional: not fass.example */
      {BYTES("\xe4\xbe\x8b\xe5\xad\x90.\xe5\xb9\xbf\xe5\x91\x8a"), OK, "xn--fsqu00a.xn--4rr70v"},
      {BYTES(""), E_SYNTAX, NULL},
      {BYTES("."), E_SYNTAX, NULL},
      {BYTES("example.com."), OK, "example.com"},
      {BYTES("example.com.."), E_SYNTAX, NULL},
      {BYTES("[127.0.0.1]"), E_SYNTAX, NULL},
      {BYTES("a b.example"), E_SYNTAX, NULL},
      {BYTES("a\0.example"), E_SYNTAX, NULL},
      {BYTES("*.example"), E_SYNTAX, NULL},
      {BYTES("\xff.example"), E_SYNTAX, NULL},
      /* Compatibility mapping turns these into "@", "/" and a blank: never a domain of ours. */
      {BYTES("a\xef\xbc\xa0"
             "b.example"),
       E_SYNTAX, NULL},
      {BYTES("a\xef\xbc\x8f"
             "b.example"),
       E_SYNTAX, NULL},
      {BYTES("a\xe3\x80\x80"
             "b.example"),
       E_SYNTAX, NULL},
      {BYTES(L63 "." L63 "." L63 "." L63 "." L10), E_TOO_BIG, NULL},
      {BYTES(U_TEN U_TEN U_TEN U_TEN U_TEN U_TEN U_TEN U_TEN U_TEN U_TEN ".example"), E_TOO_BIG, NULL},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold, out[DOMAIN_MAX + 1];
    int rc = domain_normalize(exact_copy(samples[i].in, &hold), out);
    free(hold);
    if (rc != samples[i].result) fail_msg("%zu \"%s\": %d", i, samples[i].in.at, rc);
    if (rc == OK) assert_string_equal(out, samples[i].out);
  }
}

static void test_domains_valid(void **state) {
  (void)state;
  assert_true(domain_valid(BYTES("localhost")));
  assert_true(domain_valid(BYTES(L63 "." L63 "." L63 "." L63)));
  assert_false(domain_valid(BYTES(L64)));
  assert_false(domain_valid(BYTES("a." L64 ".b")));
  assert_true(domain_valid(BYTES(L60 "a." L63 "." L63 "." L63 ".a")));   /* 255 octets */
  assert_false(domain_valid(BYTES(L60 "ab." L63 "." L63 "." L63 ".a"))); /* 256 */
  assert_false(domain_valid(BYTES("a@b")));
  assert_true(domain_ends_in_number(BYTES("192.0.2.1")) && domain_ends_in_number(BYTES("10025")));
  assert_false(domain_ends_in_number(BYTES("192.example")) || domain_ends_in_number(BYTES("a.b2")));
  assert_false(domain_ends_in_number(BYTES("")));
  assert_true(address_literal_valid(BYTES("[127.0.0.1]")));
  assert_true(address_literal_valid(BYTES("[IPv6:::1]")));
  assert_false(address_literal_valid(BYTES("127.0.0.1")));
  assert_false(address_literal_valid(BYTES("[]")));
  assert_false(address_literal_valid(BYTES("[")));
  assert_false(address_literal_valid(BYTES("")));
}

/* Whatever the octets: no read past the end, and what passes is within the limits and made of its parts. */
static void test_any_octets(void **state) {
  (void)state;
  static const char pool[] = "aA1.-_@@<>\"\\[]:, IPv6\xc3\xbc\0\x7f(";
  uint64_t seed = 5321;
  size_t good = 0;
  for (int round = 0; round < 200000; round++) {
    char text[24], *hold;
    size_t len = next_number(&seed) % sizeof text, used = 0;
    for (size_t i = 0; i < len; i++) text[i] = pool[next_number(&seed) % (sizeof pool - 1)];
    if (len) text[0] = '<';
    struct bytes in = exact_copy((struct bytes){text, len}, &hold);
    struct address a;
    if (path_parse(in, &a, &used) == OK && !a.is_null) {
      good++;
      assert_true(used <= len && in.at[used - 1] == '>');
      assert_int_equal(a.local.len + 1 + a.domain.len, a.whole.len);
      assert_int_equal(address_parse(a.whole, &a), OK);
    }
    free(hold);
  }
  assert_true(good > 50); /* or this tested nothing */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_addresses),     cmocka_unit_test(test_paths),      cmocka_unit_test(test_domains),
      cmocka_unit_test(test_domains_valid), cmocka_unit_test(test_any_octets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
