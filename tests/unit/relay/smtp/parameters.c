/* The parameters of MAIL and RCPT: each well-formed and malformed. */
#include "relay/smtp/parameters.h"
#include "base/clock.h"
#include "base/mail/envelope.h"
#include "base/result.h"
#include "relay/smtp/extensions.h"
#include "relay/smtp/xtext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW (INT64_C(1790000000) * SECOND_US) /* 2026-09-21T14:13:20Z */
#define O10 "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6"
#define O82 O10 O10 O10 O10 O10 O10 O10 O10 "\xc3\xb6\xc3\xb6"
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct parameter_rules all = {
    .offered = ~0u, .max_message_size = 1000, .now_us = NOW, .max_hold_us = 3600 * SECOND_US};

static int read_mail(const char *text, struct mail_parameters *out, struct refusal *why) {
  memset(why, 0, sizeof *why);
  return mail_parameters_read(bytes_of(text), 0, &all, out, why);
}

static void check_refused(const char *text, int code) {
  struct mail_parameters p;
  struct refusal why = {0};
  if (read_mail(text, &p, &why) != E_DENIED || why.code != code || !why.enhanced || !why.text[0])
    fail_msg("%s: %d %s", text, why.code, why.text);
}

static struct mail_parameters read_ok(const char *text) {
  struct mail_parameters p;
  struct refusal why = {0};
  if (read_mail(text, &p, &why) != OK) fail_msg("%s: %d %s", text, why.code, why.text);
  return p;
}

static void test_none(void **state) {
  (void)state;
  struct mail_parameters p = read_ok("");
  assert_true(p.size == 0 && p.body == BODY_7BIT && !p.utf8 && !p.flags && !p.envid.len && !p.deliver_by_us &&
              !p.hold_until_us && !p.priority);
}

static void test_mail(void **state) {
  (void)state;
  assert_int_equal(read_ok(" SIZE=1000").size, 1000);
  assert_int_equal(read_ok(" body=8bitMIME").body, BODY_8BITMIME);
  assert_int_equal(read_ok(" BODY=7BIT").body, BODY_7BIT);
  assert_int_equal(read_ok(" BODY=BINARYMIME").body, BODY_BINARYMIME);
  assert_true(read_ok(" SMTPUTF8 SIZE=3").utf8);
  read_ok(" AUTH=<>");
  read_ok(" AUTH=e+3Dmc2@example.com");
  assert_int_equal(read_ok(" RET=FULL").flags, MESSAGE_RET_FULL);
  assert_int_equal(read_ok(" RET=hdrs").flags, MESSAGE_RET_HDRS);
  assert_true(bytes_equal(read_ok(" ENVID=QQ+2B314159").envid, BYTES("QQ+2B314159")));
  assert_true(bytes_equal(read_ok(" ENVID=" A50 A50).envid, BYTES(A50 A50)));
  assert_int_equal(read_ok(" REQUIRETLS").flags, MESSAGE_REQUIRE_TLS);
  assert_int_equal(read_ok(" MT-PRIORITY=-9").priority, -9);
  assert_int_equal(read_ok(" MT-PRIORITY=0").priority, 0);
  assert_int_equal(read_ok(" MT-PRIORITY=7").priority, 7);
  assert_true(read_ok(" HOLDFOR=60").hold_until_us == NOW + 60 * SECOND_US);
  assert_true(read_ok(" HOLDUNTIL=2026-09-21T14:30:00Z").hold_until_us == NOW + 1000 * SECOND_US);
}

static void test_deliver_by(void **state) {
  (void)state;
  struct mail_parameters p = read_ok(" BY=120;R");
  assert_true(p.deliver_by_us == NOW + 120 * SECOND_US && p.flags == MESSAGE_BY_RETURN);
  p = read_ok(" BY=+120;nt");
  assert_true(p.deliver_by_us == NOW + 120 * SECOND_US && p.flags == (MESSAGE_BY_NOTIFY | MESSAGE_BY_TRACE));
  p = read_ok(" BY=-999999999;N");
  assert_true(p.deliver_by_us == NOW - 999999999 * SECOND_US && p.flags == MESSAGE_BY_NOTIFY);
  read_ok(" BY=0;N");
  read_ok(" BY=100;R HOLDFOR=99");
}

static void test_mail_refused(void **state) {
  (void)state;
  static const char *const malformed[] = {
      "SIZE=1",
      " SIZE",
      " SIZE=",
      " SIZE=x",
      " SIZE=-1",
      " SIZE=1 SIZE=1",
      " SIZE=99999999999999999999999",
      " BODY",
      " BODY=9BIT",
      " BODY=7BIT BODY=8BITMIME",
      " SMTPUTF8=1",
      " SMTPUTF8 SMTPUTF8",
      " AUTH",
      " AUTH=a+zz",
      " RET",
      " RET=ALL",
      " RET=FULL RET=HDRS",
      " ENVID",
      " ENVID=a+b",
      " ENVID=a=b",
      " ENVID=" A50 A50 "a",
      " REQUIRETLS=yes",
      " HOLDFOR",
      " HOLDFOR=0",
      " HOLDFOR=-1",
      " HOLDFOR=3601",
      " HOLDFOR=9999999999",
      " HOLDUNTIL=2026-09-21",
      " HOLDUNTIL=2026-09-21T14:30:00",
      " HOLDUNTIL=2026-09-21T14:30:00+01:00",
      " HOLDUNTIL=2026-09-21T14:13:20Z",
      " HOLDUNTIL=2026-09-21T16:00:00Z",
      " HOLDUNTIL=2026-02-31T16:00:00Z",
      " HOLDFOR=5 HOLDUNTIL=2026-09-21T14:30:00Z",
      " BY",
      " BY=;R",
      " BY=5",
      " BY=5;",
      " BY=5;X",
      " BY=5;RR",
      " BY=5;RTT",
      " BY=0;R",
      " BY=-1;R",
      " BY=+;R",
      " BY=1234567890;R",
      " BY=10;R HOLDFOR=10",
      " MT-PRIORITY",
      " MT-PRIORITY=10",
      " MT-PRIORITY=-10",
      " MT-PRIORITY=-0",
      " MT-PRIORITY=+1",
      " MT-PRIORITY=a",
      " =x",
      " -A=1",
  };
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) check_refused(malformed[i], 501);
  check_refused(" SIZE=1001", 552);
  check_refused(" XYZZY", 555);
  check_refused(" NOTIFY=NEVER", 555);
}

/* A parameter of an extension that is not offered is unknown, however well-formed. */
static void test_not_offered(void **state) {
  (void)state;
  static const char *const parameters[] = {" SIZE=1",  " BODY=7BIT",  " SMTPUTF8",  " AUTH=<>", " RET=FULL",
                                           " ENVID=a", " REQUIRETLS", " HOLDFOR=1", " BY=1;R",  " MT-PRIORITY=1"};
  for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
    struct parameter_rules none = {.now_us = NOW};
    struct mail_parameters p;
    struct refusal why = {0};
    assert_int_equal(mail_parameters_read(bytes_of(parameters[i]), 0, &none, &p, &why), E_DENIED);
    assert_int_equal(why.code, 555);
  }
}

static int read_rcpt(const char *text, bool utf8, struct rcpt_parameters *out) {
  struct refusal why = {0};
  return rcpt_parameters_read(bytes_of(text), 0, &all, utf8, out, &why);
}

static void test_rcpt(void **state) {
  (void)state;
  static const struct {
    const char *text;
    unsigned notify;
  } good[] = {
      {"", 0},
      {" NOTIFY=NEVER", NOTIFY_NEVER},
      {" notify=success,Delay", NOTIFY_SUCCESS | NOTIFY_DELAY},
      {" NOTIFY=FAILURE", NOTIFY_FAILURE},
      {" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a", NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY},
  };
  static const char *const bad[] = {" NOTIFY",
                                    " NOTIFY=",
                                    " NOTIFY=NEVER,DELAY",
                                    " NOTIFY=SUCCESS,SUCCESS",
                                    " NOTIFY=,",
                                    " NOTIFY=SUCCESS,",
                                    " NOTIFY=MAYBE",
                                    " ORCPT",
                                    " ORCPT=a",
                                    " ORCPT=;a",
                                    " ORCPT=rfc822;",
                                    " ORCPT=rfc822;a+zz",
                                    " ORCPT=rf c822;a",
                                    " ORCPT=r_c;a",
                                    " ORCPT=rfc822;\xc3\xa4",
                                    " ORCPT=utf-8;\\x{110000}",
                                    " ORCPT=utf-8;\\x{d800}",
                                    " ORCPT=utf-8;\\x{41",
                                    " ORCPT=utf-8;\\y",
                                    " SIZE=1"};
  struct rcpt_parameters p;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    assert_int_equal(read_rcpt(good[i].text, false, &p), OK);
    assert_int_equal(p.notify, good[i].notify);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (read_rcpt(bad[i], false, &p) != E_DENIED) fail_msg("%s", bad[i]);
  assert_int_equal(read_rcpt(" ORCPT=rfc822;Bob+2B@Example.com", false, &p), OK);
  assert_true(bytes_equal(p.orcpt, BYTES("rfc822;Bob+2B@Example.com")));
  assert_int_equal(read_rcpt(" ORCPT=utf-8;j\\x{F6}rg@example.com", false, &p), OK);
  assert_int_equal(read_rcpt(" ORCPT=utf-8;j\xc3\xb6rg@example.com", false, &p), E_DENIED);
  assert_int_equal(read_rcpt(" ORCPT=utf-8;j\xc3\xb6rg@example.com", true, &p), OK);
  assert_int_equal(read_rcpt(" ORCPT=utf-8;aa" O82, true, &p), OK); /* 500 octets, written in ASCII */
  assert_int_equal(read_rcpt(" ORCPT=utf-8;aaa" O82, true, &p), E_DENIED);
}

static void test_xtext(void **state) {
  (void)state;
  struct buffer out;
  buffer_init(&out, 100);
  assert_true(xtext_valid(BYTES("a+2Bb+3D")));
  assert_int_equal(xtext_decode(BYTES("a+2Bb+3D+0D+0Ac+80"), &out), OK);
  assert_true(bytes_equal(buffer_bytes(&out), BYTES("a+b=??c?")));
  assert_false(xtext_valid(BYTES("a+2b")));
  assert_false(xtext_valid(BYTES("a+2")));
  assert_false(xtext_valid(BYTES("a b")));
  buffer_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_none),         cmocka_unit_test(test_mail),        cmocka_unit_test(test_deliver_by),
      cmocka_unit_test(test_mail_refused), cmocka_unit_test(test_not_offered), cmocka_unit_test(test_rcpt),
      cmocka_unit_test(test_xtext),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
