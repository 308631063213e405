/* The record at _smtp._tls.DOMAIN. */
#include "policy/tls_report_record.h"

#include "base/result.h"
#include "tests/unit/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* One TXT record of one string, or of two where "|" is. */
static struct bytes txt(const char *text, char room[600]) {
  size_t at = 0;
  for (const char *from = text;;) {
    size_t len = strcspn(from, "|");
    room[at++] = (char)len;
    memcpy(room + at, from, len);
    at += len;
    if (!from[len]) break;
    from += len + 1;
  }
  return (struct bytes){room, at};
}

static int read_texts(const char *a, const char *b, struct tls_report_record *out) {
  char room[2][600], *hold[2];
  struct dns_record records[2] = {{exact_copy(txt(a, room[0]), &hold[0])},
                                  {exact_copy(txt(b ? b : "", room[1]), &hold[1])}};
  struct dns_answer answer = {.status = DNS_FOUND, .count = b ? 2 : 1, .records = records};
  int rc = tls_report_record_read(&answer, out);
  free(hold[0]);
  free(hold[1]);
  return rc;
}

static void test_who_asks(void **state) {
  (void)state;
  static const struct {
    const char *text, *first;
    size_t count;
    bool mail;
  } cases[] = {
      {"v=TLSRPTv1; rua=mailto:reports@example.com", "reports@example.com", 1, true},
      {"v=TLSRPTv1;rua=mailto:reports@example.com;", "reports@example.com", 1, true},
      {"v=TLSRPTv1 ;  rua=https://reporting.example.com/v1/tlsrpt", "https://reporting.example.com/v1/tlsrpt", 1,
       false},
      {"v=TLSRPTv1;rua=mailto:a@example.com , https://b.example/x", "a@example.com", 2, true},
      {"v=TLSRPTv1; ext=1; rua=mailto:a@example.com", "a@example.com", 1, true},
      {"v=TLSRPTv1; rua=mailto:a@exa|mple.com", "a@example.com", 1, true},
      {"v=TLSRPTv1; rua=mailto:a%2Bb@example.com?subject=x", "a+b@example.com", 1, true},
      {"v=TLSRPTv1; rua=MAILTO:a@example.com", "a@example.com", 1, true},
      {"v=TLSRPTv1; rua=HTTPS://b.example/x", "https://b.example/x", 1, false},
      {"v=TLSRPTv1; rua=ftp://x.example/,mailto:a@example.com", "a@example.com", 1, true},
      {"v=TLSRPTv1; rua=mailto:a@example.com,mailto:a@example.com", "a@example.com", 1, true},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct tls_report_record r;
    if (read_texts(cases[i].text, "v=spf1 -all", &r) != OK) fail_msg("%s", cases[i].text);
    assert_int_equal(r.count, cases[i].count);
    assert_string_equal(r.rua[0].target, cases[i].first);
    assert_int_equal(r.rua[0].mail, cases[i].mail);
  }
}

static void test_who_does_not(void **state) {
  (void)state;
  static const char *const none[] = {
      "",
      "v=spf1 -all",
      "v=TLSRPTv1",
      "v=TLSRPTv1;",
      "v=TLSRPTv1; rua=",
      "v=TLSRPTv2; rua=mailto:a@example.com",
      "v=TLSRPTv10; rua=mailto:a@example.com",
      "V=TLSRPTv1; rua=mailto:a@example.com",
      "rua=mailto:a@example.com; v=TLSRPTv1",
      "v=TLSRPTv1; rua=mailto:",
      "v=TLSRPTv1; rua=mailto:a",
      "v=TLSRPTv1; rua=mailto:a%0D%0AX:%20y@example.com",
      "v=TLSRPTv1; rua=mailto:a%2@example.com",
      "v=TLSRPTv1; rua=mailto:a@[192.0.2.1]",
      "v=TLSRPTv1; rua=http://example.com/",
      "v=TLSRPTv1; rua=mailto:a@example.com%2Cmailto:b@example.com",
  };
  struct tls_report_record r;
  for (size_t i = 0; i < COUNT_OF(none); i++)
    if (read_texts(none[i], NULL, &r) != E_NOT_FOUND) fail_msg("%s", none[i]);
  const char *one = "v=TLSRPTv1; rua=mailto:a@example.com";
  assert_int_equal(read_texts(one, one, &r), E_NOT_FOUND); /* RFC 8460 3: of several none counts */
}

static void test_bounds(void **state) {
  (void)state;
  char text[590] = "v=TLSRPTv1; rua=";
  struct tls_report_record r;
  size_t at = strlen(text);
  for (int i = 0; i < 20; i++)
    at += (size_t)snprintf(text + at, sizeof text - at, "mailto:%c@b.ex,%s", 'a' + i, i == 9 ? "|" : "");
  assert_int_equal(read_texts(text, NULL, &r), OK);
  assert_int_equal(r.count, TLS_RUA_MAX);
  char name[256], domain[256];
  assert_true(tls_report_record_name("example.com", name));
  assert_string_equal(name, "_smtp._tls.example.com");
  memset(domain, 'a', 250);
  domain[250] = '\0';
  assert_false(tls_report_record_name(domain, name));
}

static void test_noise(void **state) {
  (void)state;
  static const char alphabet[] = "v=TLSRPTv1; rua=mailto:a@b.c,%https://?|";
  uint64_t seed = 8460;
  struct tls_report_record r;
  for (int i = 0; i < 20000; i++) {
    char text[100] = "v=TLSRPTv1;rua=";
    size_t len = 11 + next_number(&seed) % 80;
    for (size_t k = next_number(&seed) % 16; k < len; k++)
      text[k] = alphabet[next_number(&seed) % (sizeof alphabet - 1)];
    if (read_texts(text, NULL, &r) == OK) assert_in_range(r.count, 1, TLS_RUA_MAX);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_asks), cmocka_unit_test(test_who_does_not),
                                     cmocka_unit_test(test_bounds), cmocka_unit_test(test_noise)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
