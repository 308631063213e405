/* Command lines, paths and parameters. */
#include "relay/smtp/command.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_commands(void **state) {
  (void)state;
  static const struct {
    struct bytes in;
    int result;
    const char *verb, *rest;
  } samples[] = {
      {BYTES("NOOP"), OK, "NOOP", ""},
      {BYTES("ehlo  a.example \t"), OK, "ehlo", "a.example"},
      {BYTES("MAIL FROM:<a@b> SIZE=1"), OK, "MAIL", "FROM:<a@b> SIZE=1"},
      {BYTES(""), E_SYNTAX, NULL, NULL},
      {BYTES(" NOOP"), E_SYNTAX, NULL, NULL},
      {BYTES("NO\0OP"), E_SYNTAX, NULL, NULL},
      {BYTES("NOOP\r"), E_SYNTAX, NULL, NULL},
      {BYTES("NOOP \x7f"), E_SYNTAX, NULL, NULL},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct command c;
    assert_int_equal(command_parse(samples[i].in, &c), samples[i].result);
    if (samples[i].result != OK) continue;
    assert_true(bytes_equal(c.verb, bytes_of(samples[i].verb)));
    assert_true(bytes_equal(c.rest, bytes_of(samples[i].rest)));
  }
}

static void test_paths(void **state) {
  (void)state;
  static const struct {
    const char *in;
    int result;
    const char *whole;
    size_t at;
  } samples[] = {
      {"FROM:<a@b.example>", OK, "a@b.example", 18},
      {"from:<> SIZE=3", OK, "", 7},
      {"FROM: <a@b.example>", OK, "a@b.example", 19},
      {"FROM:a@b.example", OK, "a@b.example", 16},
      {"FROM: a@b.example SIZE=3", OK, "a@b.example", 17},
      {"FROM:a@b.example>", E_SYNTAX, NULL, 0},
      {"FROM:a@b.example,c@d.example", E_SYNTAX, NULL, 0},
      {"FROM:", E_SYNTAX, NULL, 0},
      {"FROM:a", E_SYNTAX, NULL, 0},
      {"FROM <a@b.example>", E_SYNTAX, NULL, 0},
      {"FROM:<a@b.example", E_SYNTAX, NULL, 0},
      {"", E_SYNTAX, NULL, 0},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct address a;
    size_t at = 0;
    assert_int_equal(path_argument_parse(bytes_of(samples[i].in), "FROM:", &a, &at), samples[i].result);
    if (samples[i].result != OK) continue;
    assert_true(bytes_equal(a.whole, bytes_of(samples[i].whole)));
    assert_int_equal(at, samples[i].at);
  }
}

static void test_parameters(void **state) {
  (void)state;
  static const struct {
    const char *in;
    int result; /* of the call after `count` good ones */
    size_t count;
  } samples[] = {
      {"", 0, 0},
      {" ", 0, 0},
      {" SIZE=10 BODY=8BITMIME", 0, 2},
      {" SMTPUTF8", 0, 1},
      {"SIZE=10", E_SYNTAX, 0},
      {" SIZE=", E_SYNTAX, 0},
      {" =x", E_SYNTAX, 0},
      {" -A=1", E_SYNTAX, 0},
      {" A=b=c", E_SYNTAX, 0},
      {" A B=1  C", 0, 3},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct parameter p;
    size_t at = 0, count = 0;
    int rc;
    while ((rc = parameter_next(bytes_of(samples[i].in), &at, &p)) == 1) count++;
    if (rc != samples[i].result || count != samples[i].count)
      fail_msg("\"%s\": %d after %zu", samples[i].in, rc, count);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_commands), cmocka_unit_test(test_paths),
                                     cmocka_unit_test(test_parameters)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
