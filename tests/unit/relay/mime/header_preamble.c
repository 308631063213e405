/* What stands ahead of a header, whole and cut anywhere. */
#include "relay/mime/header_preamble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
  const char *in;
  size_t len;
} samples[] = {
    {"From: a@x\r\n", 0},
    {"Subject: x\r\n", 0},
    {"\r\nFrom: a@x\r\n", 2},
    {"\r\n\r\n\r\nTo: a@x\r\n", 6},
    {"\xef\xbb\xbf"
     "From: a@x\r\n",
     3},
    {"\xef\xbb\xbf\r\nFrom: a@x\r\n", 5},
    {"From a@x Mon Nov 23 10:00:00 2026\r\nFrom: a@x\r\n", 35},
    {">From a@x Mon\r\nFrom a@x\r\nSubject: x\r\n", 25},
    {"\xef\xbb"
     "x: y\r\n",
     0},
    {"\rx\r\n", 0},
    {"From : a@x\r\n", 0},
    {"From   : a@x\r\n", 0},
};

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct bytes whole = bytes_of(samples[i].in);
    bool open;
    assert_int_equal(header_preamble(whole, &open), samples[i].len);
    assert_false(open);
    for (size_t n = 0; n < whole.len; n++) {
      size_t found = header_preamble((struct bytes){whole.at, n}, &open);
      if (!open) assert_int_equal(found, samples[i].len); /* what is decided stays decided */
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
