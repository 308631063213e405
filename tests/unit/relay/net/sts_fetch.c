/* What a web server's answer must be like; whole fetches are in tests/e2e/test_mta_sts.py. */
#include "relay/net/sts_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_media_types(void **state) {
  (void)state;
  assert_true(sts_is_plain_text("text/plain"));
  assert_true(sts_is_plain_text("Text/PLAIN; charset=utf-8"));
  assert_true(sts_is_plain_text("text/plain ;charset=us-ascii"));
  assert_false(sts_is_plain_text(""));
  assert_false(sts_is_plain_text("text/html"));
  assert_false(sts_is_plain_text("text/plainer"));
  assert_false(sts_is_plain_text("application/octet-stream; name=text/plain"));
}

static void lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  (void)type;
  assert_string_equal(name, "mta-sts.example.net");
  *out = (struct dns_answer){.status = *(enum dns_status *)arg};
}
static void release(void *arg, struct dns_answer *answer) {
  (void)arg, (void)answer;
}

static void test_a_web_server_that_is_not_there(void **state) {
  (void)state;
  enum dns_status status = DNS_NXDOMAIN;
  const struct dns_source dns = {&status, lookup, release};
  const struct https h = {.dns = &dns};
  struct sts_policy *p;
  enum sts_failure failure;
  struct reason why;
  assert_int_equal(sts_fetch(&h, "example.net", &p, &failure, &why), E_TEMPORARY);
  assert_int_equal(failure, STS_FETCH_ERROR);
  assert_string_equal(sts_failure_name(failure), "sts-policy-fetch-error");
  assert_null(p);
  assert_non_null(strstr(why.text, "no address"));
  status = DNS_FAILED;
  assert_int_equal(sts_fetch(&h, "example.net", &p, &failure, &why), E_TEMPORARY);
  assert_int_equal(failure, STS_FETCH_ERROR);
}

/* DNS has an address for it, and none that may be asked. */
static void lookup_loopback(void *arg, const char *name, int type, struct dns_answer *out) {
  (void)name;
  *out = (struct dns_answer){.status = DNS_NODATA};
  if (type == 1) *out = (struct dns_answer){.status = DNS_FOUND, .count = 1, .records = arg};
}
static bool never(void *arg, const struct sockaddr *address) {
  assert_int_equal(address->sa_family, AF_INET);
  ++*(int *)arg;
  return false;
}

static void test_addresses_that_are_not_asked(void **state) {
  (void)state;
  struct dns_record record = {BYTES("\x7f\0\0\1")};
  int asked = 0;
  const struct dns_source dns = {&record, lookup_loopback, release};
  const struct https h = {.dns = &dns, .may_connect = never, .arg = &asked};
  struct sts_policy *p;
  enum sts_failure failure;
  struct reason why;
  assert_int_equal(sts_fetch(&h, "example.net", &p, &failure, &why), E_TEMPORARY);
  assert_int_equal(failure, STS_FETCH_ERROR);
  assert_int_equal(asked, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_media_types),
      cmocka_unit_test(test_a_web_server_that_is_not_there),
      cmocka_unit_test(test_addresses_that_are_not_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
