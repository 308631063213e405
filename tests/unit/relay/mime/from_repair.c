/* From fields that say one thing only, and those that do not. */
#include "relay/mime/from_repair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct sample {
  const char *in;
  int rc;
  const char *out;
  bool report;
} samples[] = {
    {" a@x.example", OK, "", false},
    {" \"Doe, John\" <a@x.example>", OK, "", false},
    {" A <a@x.example>, B <b@x.example>", OK, "", false},
    {" [My Blog] <a@x.example>", 1, " \"[My Blog]\" <a@x.example>", false},
    {" Doe, John <a@x.example>", 1, " \"Doe, John\" <a@x.example>", false},
    {" Shop: Orders <a@x.example>", 1, " \"Shop: Orders\" <a@x.example>", false},
    {" Dr. J. @ Home <a@x.example>", 1, " \"Dr. J. @ Home\" <a@x.example>", false},
    {" b@y.example <a@x.example>", 1, " \"b@y.example\" <a@x.example>", false},
    {" The \"Shop\", Ltd <a@x.example>", 1, " \"The \\\"Shop\\\", Ltd\" <a@x.example>", false},
    {" =?utf-8?Q?J=C3=B6rg?=, Inc. <a@x.example>", 1, " \"=?utf-8?Q?J=C3=B6rg?=, Inc.\" <a@x.example>", false},
    {" =?utf-8?Q?J=C3=B6rg?= @ Home <a@x.example>", 1, " =?utf-8?Q?J=C3=B6rg?= \"@ Home\" <a@x.example>", false},
    {" Doe,\r\n John <a@x.example>", 1, " \"Doe, John\" <a@x.example>", false},
    {" Shop (a <a@x.example>", 1, " \"Shop (a\" <a@x.example>", false},
    {" a@x.example <b@y.example>, <c@z.example>", E_SYNTAX, "", false},
    {" <a@x.example> <b@y.example>", E_SYNTAX, "", false},
    {" Doe, John", E_SYNTAX, "", false},
    {" Shop: <not an address>", E_SYNTAX, "", false},
    {" MAILER-DAEMON <>", E_SYNTAX, "", false},
    {" MAILER-DAEMON <>", 2, " \"MAILER-DAEMON\" <MAILER-DAEMON@host.example>", true},
    {" Mail Delivery System <>", 2, " \"Mail Delivery System\" <MAILER-DAEMON@host.example>", true},
    {" <>", 2, " \"MAILER-DAEMON\" <MAILER-DAEMON@host.example>", true},
    {" MAILER-DAEMON", 2, " \"MAILER-DAEMON\" <MAILER-DAEMON@host.example>", true},
    {" [Blog] <a@x.example>", 1, " \"[Blog]\" <a@x.example>", true},
};

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const struct sample *s = &samples[i];
    struct buffer out;
    size_t at;
    buffer_init(&out, 4096);
    int rc = from_repair(bytes_of(s->in), s->report, "host.example", &out, &at);
    if (rc != s->rc || !bytes_equal(buffer_bytes(&out), bytes_of(s->out)))
      fail_msg("%s: %d, %.*s", s->in, rc, (int)out.len, out.at ? out.at : "");
    buffer_free(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
