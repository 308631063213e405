#include "relay/smtp/dot_stuffing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static const struct {
  const char *in, *out; /* with the end of data */
} cases[] = {
    {"", ".\r\n"},
    {"a\r\n", "a\r\n.\r\n"},
    {".\r\n", "..\r\n.\r\n"},
    {".a\r\n..b\r\n", "..a\r\n...b\r\n.\r\n"},
    {"a.b\r\n.c\r\n", "a.b\r\n..c\r\n.\r\n"},
    {"\r\n.\r\n\r\n.\r\n", "\r\n..\r\n\r\n..\r\n.\r\n"},
    {"no end", "no end\r\n.\r\n"},
    {"x\r\r\n.\r\n", "x\r\r\n..\r\n.\r\n"},
    {"x\r.\r\n", "x\r.\r\n.\r\n"},
    {"x\n.\r\n", "x\n.\r\n.\r\n"},
    {"Subject: x\r\n\r\n.\r\nRCPT TO:<a@b>\r\n", "Subject: x\r\n\r\n..\r\nRCPT TO:<a@b>\r\n.\r\n"},
};

/* A copy of its own, so that a read past its end is found. */
static void add(struct dot_stuffing *d, struct bytes part, struct buffer *out) {
  char *copy = malloc(part.len ? part.len : 1);
  memcpy(copy, part.at, part.len);
  assert_int_equal(dot_stuffing_add(d, (struct bytes){copy, part.len}, out), OK);
  free(copy);
}

static void expect(struct buffer *out, struct dot_stuffing *d, const char *text) {
  assert_int_equal(dot_stuffing_end(d, out), OK);
  assert_int_equal(out->len, strlen(text));
  assert_memory_equal(out->at, text, out->len);
  buffer_free(out);
}

static void test_cut_in_two(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bytes in = bytes_of(cases[i].in);
    for (size_t cut = 0; cut <= in.len; cut++) {
      struct buffer out;
      struct dot_stuffing d;
      buffer_init(&out, 1000);
      dot_stuffing_init(&d);
      add(&d, (struct bytes){in.at, cut}, &out);
      add(&d, bytes_from(in, cut), &out);
      expect(&out, &d, cases[i].out);
    }
  }
}

static void test_octet_by_octet(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bytes in = bytes_of(cases[i].in);
    struct buffer out;
    struct dot_stuffing d;
    buffer_init(&out, 1000);
    dot_stuffing_init(&d);
    for (size_t at = 0; at < in.len; at++) add(&d, (struct bytes){in.at + at, 1}, &out);
    expect(&out, &d, cases[i].out);
  }
}

static void test_bound(void **state) {
  (void)state;
  struct buffer out;
  struct dot_stuffing d;
  buffer_init(&out, 4);
  dot_stuffing_init(&d);
  assert_int_equal(dot_stuffing_add(&d, BYTES("......"), &out), E_TOO_BIG);
  buffer_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cut_in_two),
      cmocka_unit_test(test_octet_by_octet),
      cmocka_unit_test(test_bound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
