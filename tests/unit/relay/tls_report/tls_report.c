/* The JSON of a report, its mail, and gzip. */
#include "relay/tls_report/tls_report.h"

#include "base/clock.h"
#include "relay/tls_report/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const struct tls_report_sender by = {.hostname = "smtp.example.com",
                                            .organization = "Example \"Inc\"",
                                            .contact = "postmaster@example.com",
                                            .from = "tls-reports@example.com"};
#define DAY 20784 /* 2026-11-27 */

static json_t *json_of(const struct tls_report *r) {
  struct buffer b;
  buffer_init(&b, TLS_REPORT_MAX);
  assert_int_equal(tls_report_json(r, false, &b), OK);
  json_t *root = json_loadb(b.at, b.len, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(root);
  buffer_free(&b);
  return root;
}

static const char *text_at(const json_t *o, const char *name) {
  const char *text = json_string_value(json_object_get(o, name));
  return text ? text : "(none)";
}

/* All three types, with the strings that RFC 8460 4.4 and appendix B show. */
static void test_json(void **state) {
  (void)state;
  struct tls_report *r = tls_report_new(&by, "example.net", DAY);
  struct tls_policy tlsa = {TLS_POLICY_TLSA, "mx.example.net", "3 1 1 AB\n2 0 1 CD\n", ""};
  struct tls_policy sts = {TLS_POLICY_STS, "example.net",
                           "version: STSv1\nmode: testing\nmx: *.example.net\nmax_age: 86400\n", "*.example.net\n"};
  struct tls_policy none = {TLS_POLICY_NONE, "example.net", "", ""};
  struct tls_report_row rows[] = {
      {.policy_id = 1,
       .policy = sts,
       .successes = 5326,
       .failures = 303,
       .result = TLS_RESULT_CERTIFICATE_EXPIRED,
       .sending_ip = "2001:db8::1",
       .receiving_ip = "192.0.2.1",
       .mx = "mx1.example.net",
       .helo = "mx1",
       .sessions = 100},
      {.policy_id = 1,
       .policy = sts,
       .successes = 5326,
       .failures = 303,
       .result = TLS_RESULT_STARTTLS_NOT_SUPPORTED,
       .mx = "mx2.example.net",
       .reason = "gone \xff \x01",
       .sessions = 203},
      {.policy_id = 2, .policy = tlsa, .successes = 1},
      {.policy_id = 3, .policy = none, .successes = 2},
  };
  assert_true(tls_report_is_empty(r));
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_int_equal(tls_report_add(r, &rows[i]), OK);
  assert_false(tls_report_is_empty(r));
  json_t *root = json_of(r);
  assert_string_equal(text_at(root, "organization-name"), by.organization);
  assert_string_equal(text_at(root, "contact-info"), by.contact);
  assert_string_equal(text_at(root, "report-id"), "2026-11-27.example.net@smtp.example.com");
  const json_t *range = json_object_get(root, "date-range");
  assert_string_equal(text_at(range, "start-datetime"), "2026-11-27T00:00:00Z");
  assert_string_equal(text_at(range, "end-datetime"), "2026-11-27T23:59:59Z");
  const json_t *policies = json_object_get(root, "policies");
  assert_int_equal(json_array_size(policies), 3);
  const json_t *first = json_array_get(policies, 0), *policy = json_object_get(first, "policy");
  assert_string_equal(text_at(policy, "policy-type"), "sts");
  assert_string_equal(text_at(policy, "policy-domain"), "example.net");
  assert_int_equal(json_array_size(json_object_get(policy, "policy-string")), 4);
  assert_string_equal(json_string_value(json_array_get(json_object_get(policy, "policy-string"), 1)), "mode: testing");
  assert_string_equal(json_string_value(json_array_get(json_object_get(policy, "mx-host"), 0)), "*.example.net");
  const json_t *summary = json_object_get(first, "summary");
  assert_int_equal(json_integer_value(json_object_get(summary, "total-successful-session-count")), 5326);
  assert_int_equal(json_integer_value(json_object_get(summary, "total-failure-session-count")), 303);
  const json_t *details = json_object_get(first, "failure-details");
  assert_int_equal(json_array_size(details), 2);
  const json_t *d = json_array_get(details, 0);
  assert_string_equal(text_at(d, "result-type"), "certificate-expired");
  assert_string_equal(text_at(d, "sending-mta-ip"), "2001:db8::1");
  assert_string_equal(text_at(d, "receiving-mx-helo"), "mx1");
  assert_int_equal(json_integer_value(json_object_get(d, "failed-session-count")), 100);
  assert_null(json_object_get(d, "failure-reason-code"));
  assert_null(json_object_get(json_array_get(details, 1), "receiving-ip"));
  const json_t *second = json_array_get(policies, 1);
  assert_null(json_object_get(second, "failure-details"));
  assert_int_equal(json_array_size(json_object_get(json_object_get(second, "policy"), "policy-string")), 2);
  assert_null(json_object_get(json_object_get(json_array_get(policies, 2), "policy"), "policy-string"));
  json_decref(root);
  tls_report_free(&r);
}

static void test_it_is_bounded(void **state) {
  (void)state;
  char reason[TLS_REASON_MAX + 1];
  memset(reason, 'x', TLS_REASON_MAX);
  reason[TLS_REASON_MAX] = '\0';
  struct tls_report *r = tls_report_new(&by, "example.net", DAY);
  struct tls_report_row row = {.policy_id = 1,
                               .policy = {TLS_POLICY_NONE, "example.net", "", ""},
                               .sessions = 1,
                               .result = TLS_RESULT_VALIDATION_FAILURE,
                               .reason = reason};
  size_t n = 0;
  int rc;
  while ((rc = tls_report_add(r, &row)) == OK) n++;
  assert_int_equal(rc, E_TOO_BIG);
  assert_true(n > 3000); /* more than the store keeps of a domain's day */
  struct buffer b;
  buffer_init(&b, TLS_REPORT_MAX);
  assert_int_equal(tls_report_json(r, false, &b), OK);
  buffer_free(&b);
  tls_report_free(&r);
}

static void inflate_again(struct bytes packed, struct bytes expected) {
  char *out = malloc(expected.len + 1);
  z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.at,
                .avail_in = (uInt)packed.len,
                .next_out = (Bytef *)out,
                .avail_out = (uInt)expected.len + 1};
  assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  assert_int_equal(z.total_out, expected.len);
  if (expected.len) assert_memory_equal(out, expected.at, expected.len);
  inflateEnd(&z);
  free(out);
}

static void test_gzip(void **state) {
  (void)state;
  static char large[300000];
  memset(large, 'a', sizeof large);
  const struct bytes cases[] = {BYTES(""), BYTES("{}"), {large, sizeof large}};
  for (size_t i = 0; i < 3; i++) {
    struct buffer b;
    buffer_init(&b, TLS_REPORT_MAX);
    assert_int_equal(gzip_add(cases[i], &b), OK);
    inflate_again(buffer_bytes(&b), cases[i]);
    buffer_free(&b);
  }
  struct buffer small;
  buffer_init(&small, 8);
  assert_int_equal(gzip_add(cases[2], &small), E_TOO_BIG);
  assert_int_equal(small.len, 0);
  buffer_free(&small);
}

static void has(const struct buffer *b, const char *text) {
  if (!memmem(b->at, b->len, text, strlen(text))) fail_msg("no %s in %.*s", text, (int)b->len, b->at);
}

static void test_mail(void **state) {
  (void)state;
  struct buffer b;
  char packed[200];
  memset(packed, 0xff, sizeof packed);
  struct tls_report_mail m = {.by = &by,
                              .domain = "example.net",
                              .to = "tls@example.net",
                              .day = DAY,
                              .id = 1,
                              .now_us = tls_day_start_us(DAY + 1),
                              .gzip = {packed, sizeof packed}};
  buffer_init(&b, TLS_REPORT_MAX);
  assert_int_equal(tls_report_mail(&m, &b), OK);
  has(&b, "From: <tls-reports@example.com>\r\nTo: <tls@example.net>\r\n");
  has(&b, "Subject: Report Domain: example.net\r\n Submitter: smtp.example.com\r\n"
          " Report-ID: <2026-11-27.example.net@smtp.example.com>\r\n");
  has(&b, "TLS-Report-Domain: example.net\r\nTLS-Report-Submitter: smtp.example.com\r\nTLS-Required: No\r\n");
  has(&b, "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n");
  has(&b, "Content-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n");
  has(&b, "filename=\"smtp.example.com!example.net!1795737600!1795823999.json.gz\"");
  size_t line = 0;
  for (size_t i = 0; i < b.len; i++) {
    assert_true((unsigned char)b.at[i] < 0x80);
    line = b.at[i] == '\n' ? 0 : line + 1;
    assert_true(line <= 100);
    if (b.at[i] == '\n') assert_int_equal(b.at[i - 1], '\r');
  }
  buffer_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_json), cmocka_unit_test(test_it_is_bounded),
                                     cmocka_unit_test(test_gzip), cmocka_unit_test(test_mail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
