/* The TXT record of MTA-STS (RFC 8461 3.1): whether there is one, and its id. */
#include "relay/net/sts_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define RECORDS_MAX 4
#define RECORD_OCTETS 6000

/* RDATA of these strings, "" as the last; a "|" in a text begins a new string. */
static void check(const char *const *texts, int expected, const char *id) {
  static char data[RECORDS_MAX][RECORD_OCTETS];
  struct dns_record records[RECORDS_MAX];
  struct dns_answer answer = {.status = DNS_FOUND, .records = records};
  for (; texts[answer.count]; answer.count++) {
    char *out = data[answer.count];
    size_t at = 0;
    for (const char *text = texts[answer.count];; text++) {
      size_t n = strcspn(text, "|");
      assert_true(n < 256 && at + n + 1 <= RECORD_OCTETS);
      out[at++] = (char)n;
      memcpy(out + at, text, n);
      at += n;
      text += n;
      if (!*text) break;
    }
    records[answer.count].data = (struct bytes){out, at};
  }
  char found[STS_ID_MAX + 1];
  struct reason why = {0};
  int rc = sts_record_read(&answer, found, &why);
  if (rc != expected || strcmp(found, id) != 0) fail_msg("\"%s\": %d \"%s\" %s", texts[0], rc, found, why.text);
  assert_true(rc == OK || why.text[0]);
}

#define ONE(text, rc, id) check((const char *const[]){text, NULL}, rc, id)

static void test_good(void **state) {
  (void)state;
  ONE("v=STSv1; id=20160831085700Z;", OK, "20160831085700Z");
  ONE("v=STSv1;id=a", OK, "a");
  ONE("v=STSv1 ;\tid=a ; ", OK, "a");
  ONE("v=STSv1; x-1.y_z=any/thing; id=a;", OK, "a");
  ONE("v=STSv1; id=first; id=second", OK, "first");
  ONE("v=STSv1; id=12345678901234567890123456789012", OK, "12345678901234567890123456789012");
  ONE("v=ST|Sv1; i|d=20|16;|", OK, "2016");
}

static void test_bad(void **state) {
  (void)state;
  ONE("v=STSv1; id=123456789012345678901234567890123", E_SYNTAX, "");
  ONE("v=STSv1;", E_SYNTAX, "");
  ONE("v=STSv1; id=", E_SYNTAX, "");
  ONE("v=STSv1; id=a-b", E_SYNTAX, "");
  ONE("v=STSv1; id=a b", E_SYNTAX, "");
  ONE("v=STSv1; id = a", E_SYNTAX, "");
  ONE("v=STSv1; ID=a", E_SYNTAX, "");
  ONE("v=STSv1; other=a", E_SYNTAX, "");
  ONE("v=STSv1; id=a; =b", E_SYNTAX, "");
  ONE("v=STSv1; id=a; b", E_SYNTAX, "");
  ONE("v=STSv1; id=a; c=\x01", E_SYNTAX, "");
  ONE("v=STSv1; id=a;; b=c", E_SYNTAX, "");
  ONE("v=STSv1; a12345678901234567890123456789012=b; id=a", E_SYNTAX, "");
}

static void test_none(void **state) {
  (void)state;
  ONE("", E_NOT_FOUND, "");
  ONE("v=STSv1", E_NOT_FOUND, "");
  ONE("v=STSv10; id=a", E_NOT_FOUND, "");
  ONE("v=stsv1; id=a", E_NOT_FOUND, "");
  ONE(" v=STSv1; id=a", E_NOT_FOUND, "");
  ONE("v=spf1 -all", E_NOT_FOUND, "");
  char id[STS_ID_MAX + 1];
  struct reason why;
  assert_int_equal(sts_record_read(&(struct dns_answer){.status = DNS_NXDOMAIN}, id, &why), E_NOT_FOUND);
  struct dns_record cut = {BYTES("\xff"
                                 "v=STSv1; id=a")}; /* says that it is longer */
  assert_int_equal(sts_record_read(&(struct dns_answer){.status = DNS_FOUND, .count = 1, .records = &cut}, id, &why),
                   E_NOT_FOUND);
}

static void test_several(void **state) {
  (void)state;
  check((const char *const[]){"v=STSv1; id=a", "v=STSv1; id=a", NULL}, E_SYNTAX, "");
  check((const char *const[]){"v=STSv1; id=a", "v=STSv1; broken", NULL}, E_SYNTAX, "");
  check((const char *const[]){"some text", "v=STSv1; id=a", "v=spf1 -all", NULL}, OK, "a");
}

static void test_where_it_is(void **state) {
  (void)state;
  char name[256], longest[256];
  assert_true(sts_record_name("example.net", name));
  assert_string_equal(name, "_mta-sts.example.net");
  memset(longest, 'a', sizeof longest);
  longest[244] = '\0';
  assert_true(sts_record_name(longest, name));
  longest[244] = 'a', longest[245] = '\0';
  assert_false(sts_record_name(longest, name));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),    cmocka_unit_test(test_bad),         cmocka_unit_test(test_none),
      cmocka_unit_test(test_several), cmocka_unit_test(test_where_it_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
