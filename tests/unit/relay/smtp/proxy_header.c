/* The PROXY protocol's header: every form is fed whole, octet by octet, and with the connection's own octets behind it;
 * the answer may not depend on it. */
#include "relay/smtp/proxy_header.h"
#include "base/address/cidr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/exact.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define A4 "\xc0\0\2\1\xc6\x33\x64\2\xd8\4\2\x4b" /* 192.0.2.1:55300 to 198.51.100.2:587 */
#define A6 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\xd8\4\2\x4b"
#define TEXT(literal) (literal), sizeof(literal) - 1

struct good {
  const char *text;
  size_t len;
  const char *client; /* NULL: not known */
  unsigned port;
};

static const struct good goods[] = {
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 55300 587\r\n"), "192.0.2.1", 55300},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 0 65535\r\n"), "192.0.2.1", 0},
    {TEXT("PROXY TCP6 2001:db8::1 2001:db8::2 55300 587\r\n"), "2001:db8::1", 55300},
    {TEXT("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "192.0.2.1", 1},
    /* the longest that the specification shows: 107 octets */
    {TEXT("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
          "65535\r\n"),
     NULL, 0},
    {TEXT("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535},
    {TEXT("PROXY UNKNOWN\r\n"), NULL, 0},
    {TEXT("PROXY UNKNOWN \1\n\r what ever \r\n"), NULL, 0},
    {TEXT(SIG "\x21\x11\0\x0c" A4), "192.0.2.1", 55300},
    {TEXT(SIG "\x21\x21\0\x24" A6), "2001:db8::1", 55300},
    {TEXT(SIG "\x20\x00\0\0"), NULL, 0},      /* LOCAL */
    {TEXT(SIG "\x20\x11\0\x0c" A4), NULL, 0}, /* LOCAL, whatever else it says */
    {TEXT(SIG "\x20\xff\0\x03"
              "abc"),
     NULL, 0},
    {TEXT(SIG "\x21\x00\0\0"), NULL, 0}, /* UNSPEC */
    {TEXT(SIG "\x21\x00\0\5"
              "abcde"),
     NULL, 0},
    {TEXT(SIG "\x21\x10\0\x0c" A4), NULL, 0},                     /* INET of an unknown transport */
    {TEXT(SIG "\x21\x11\0\x0f" A4 "\4\0\0"), "192.0.2.1", 55300}, /* NOOP */
    {TEXT(SIG "\x21\x11\0\x18" A4 "\2\0\1a"
              "\xe0\0\5hello"),
     "192.0.2.1", 55300},
};

/* Any start of it needs more, all of it is enough, and what stands behind does not matter. */
static void check_good(const struct good *g) {
  struct proxy_header h;
  const char *why;
  for (size_t n = 0; n < g->len; n++) {
    char *hold;
    struct bytes start = exact_copy((struct bytes){g->text, n}, &hold);
    if (proxy_header_parse(start, &h, &why) != 0) fail_msg("%s at %zu: %s", g->text, n, why);
    free(hold);
  }
  for (int behind = 0; behind < 2; behind++) {
    size_t len = g->len + (behind ? 200 : 0);
    char *all = malloc(len);
    assert_non_null(all);
    memset(all, 'x', len);
    memcpy(all, g->text, g->len);
    if (proxy_header_parse((struct bytes){all, len}, &h, &why) != 1) fail_msg("%s: %s", g->text, why);
    assert_int_equal(h.length, g->len);
    assert_int_equal(h.known, g->client != NULL);
    free(all);
  }
  if (!g->client) return;
  char client[IP_TEXT];
  ip_format((struct sockaddr *)&h.client, client);
  assert_string_equal(client, g->client);
  assert_int_equal(ip_port((struct sockaddr *)&h.client), g->port);
}

static void test_good(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(goods); i++) check_good(&goods[i]);
}

static void test_unix_socket(void **state) {
  (void)state;
  char text[16 + 216] = SIG "\x21\x31\0\xd8/a/client";
  check_good(&(struct good){text, sizeof text, NULL, 0});
}

struct wrong {
  const char *text;
  size_t len;
  const char *why;
  size_t at; /* refused with so many octets, and not before; 0: with all of them */
};

static const struct wrong wrongs[] = {
    {TEXT("E"), "there is none"},
    {TEXT("\x16\3\1"), "there is none", 1}, /* a TLS handshake */
    {TEXT("PROXX"), "there is none"},
    {TEXT("PROXY\t"), "there is none"},
    {TEXT("proxy TCP4"), "there is none", 1},
    {TEXT("\r\n\r\n\0\r\nQUIT\r"), "there is none"},
    {TEXT("\r\r"), "there is none"},
    {TEXT("PROXY \r\n"), "neither"},
    {TEXT("PROXY TCP4\r\n"), "addresses"},
    {TEXT("PROXY TCP\r\n"), "neither"},
    {TEXT("PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n"), "neither"},
    {TEXT("PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n"), "neither"},
    {TEXT("PROXY UNKNOWNX\r\n"), "neither"},
    {TEXT("PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n"), "neither"},
    {TEXT("PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n"), "addresses"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1 \r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n\r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100.2 000001 2\r\n"), "ports"},
    {TEXT("PROXY TCP4 192.0.2.1 198.51.100 1 2\r\n"), "addresses"},
    {TEXT("PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n"), "addresses"},
    {TEXT("PROXY TCP4 192.0.02.1 198.51.100.2 1 2\r\n"), "addresses"},
    {TEXT("PROXY TCP4 192.0.2.1\0 198.51.100.2 1 2\r\n"), "addresses"},
    {TEXT("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), "addresses"},
    {TEXT("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n"), "addresses"},
    {TEXT("PROXY TCP6 fe80::1%lo fe80::2 1 2\r\n"), "addresses"},
    {TEXT("PROXY TCP6 1111:2222:3333:4444:5555:6666:7777:8888:9999 ::1 1 2\r\n"), "addresses"},
    {TEXT(
         "PROXY UNKNOWN 34567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
         "890\r\n"),
     "107", 107},
    {TEXT(SIG "\x11"), "version"},
    {TEXT(SIG "\x31\x11\0\0"), "version", 13},
    {TEXT(SIG "\x22"), "command"},
    {TEXT(SIG "\x2f\x11\0\0"), "command", 13},
    {TEXT(SIG "\x21\x41\0\0"), "family"},
    {TEXT(SIG "\x21\x13\0\x0c" A4), "family"},
    {TEXT(SIG "\x21\x12\0\x0c" A4), "not a stream"},
    {TEXT(SIG "\x21\x22\0\x24" A6), "not a stream"},
    {TEXT(SIG "\x21\x11\0\0"), "cut off"},
    {TEXT(SIG "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\2\xd8\4\2"), "cut off"},
    {TEXT(SIG "\x21\x21\0\x0c" A4), "cut off"},
    {TEXT(SIG "\x21\x31\0\x0c" A4), "cut off"},
    {TEXT(SIG "\x21\x11\0\x0d" A4 "\4"), "a TLV is cut off"},
    {TEXT(SIG "\x21\x11\0\x0e" A4 "\4\0"), "a TLV is cut off"},
    {TEXT(SIG "\x21\x11\0\x0f" A4 "\4\0\1"), "longer"},
    {TEXT(SIG "\x21\x11\0\x11" A4 "\4\xff\xff"
              "ab"),
     "longer"},
    {TEXT(SIG "\x21\x11\0\x12" A4 "\3\0\3abc"), "checksum"},
    {TEXT(SIG "\x21\x11\0\x13" A4 "\3\0\4abcd"), "checksum is wrong"},
    {TEXT(SIG "\x21\x11\x0f\xf1"), "over 4096", 16},
    {TEXT(SIG "\x20\x00\xff\xff"), "over 4096", 16},
};

static void test_wrong(void **state) {
  (void)state;
  struct proxy_header h;
  const char *why;
  for (size_t i = 0; i < COUNT_OF(wrongs); i++) {
    const struct wrong *w = &wrongs[i];
    size_t at = w->at ? w->at : w->len;
    for (size_t n = 0; n <= w->len; n++) {
      char *hold;
      int rc = proxy_header_parse(exact_copy((struct bytes){w->text, n}, &hold), &h, &why);
      if (rc != (n < at ? 0 : -1)) fail_msg("%zu (%s) with %zu octets: %d, %s", i, w->text, n, rc, why);
      free(hold);
    }
    if (!strstr(why, w->why)) fail_msg("%zu (%s): %s", i, w->text, why);
  }
}

/* The largest header that is read: all of it is looked at, none of it is needed. */
static void test_largest(void **state) {
  (void)state;
  struct proxy_header h;
  const char *why;
  char *text = calloc(1, PROXY_HEADER_MAX);
  assert_non_null(text);
  memcpy(text, SIG "\x21\x11\x0f\xf0" A4 "\4\x0f\xe1", 31);
  assert_int_equal(proxy_header_parse((struct bytes){text, PROXY_HEADER_MAX - 1}, &h, &why), 0);
  assert_int_equal(proxy_header_parse((struct bytes){text, PROXY_HEADER_MAX}, &h, &why), 1);
  assert_int_equal(h.length, PROXY_HEADER_MAX);
  free(text);
}

/* The sums were made by another program (Python, from the polynomial of RFC 3720 12.1). */
static void test_checksum(void **state) {
  (void)state;
  struct proxy_header h;
  const char *why;
  char text[] = SIG "\x21\x11\0\x17" A4 "\3\0\4\275\262\122\261"
                    "\4\0\1x";
  check_good(&(struct good){text, sizeof text - 1, "192.0.2.1", 55300});
  for (size_t i = 16; i < sizeof text - 1; i++) { /* any octet that is not what was summed */
    if (i == 28) continue;                        /* the TLV's type: then it is no sum */
    text[i] = (char)(text[i] ^ 0x10);
    assert_int_equal(proxy_header_parse((struct bytes){text, sizeof text - 1}, &h, &why), -1);
    text[i] = (char)(text[i] ^ 0x10);
  }
  char twice[] = SIG "\x21\x11\0\x1a" A4 "\3\0\4\024\113\353\040"
                     "\3\0\4\024\113\353\040";
  assert_int_equal(proxy_header_parse((struct bytes){twice, sizeof twice - 1}, &h, &why), -1);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),    cmocka_unit_test(test_unix_socket), cmocka_unit_test(test_wrong),
      cmocka_unit_test(test_largest), cmocka_unit_test(test_checksum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
