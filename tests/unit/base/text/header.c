/* Iteration over header fields. */
#include "base/text/header.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

struct expected {
  int result;
  const char *name, *value, *whole; /* NULL: not looked at */
};

static void test_iteration(void **state) {
  (void)state;
  static const struct {
    struct bytes block;
    struct expected fields[5]; /* ends with the first result of 0 */
  } samples[] = {
      {BYTES(""), {{0}}},
      {BYTES("\r\n"), {{0}}},
      {BYTES("\r\nTo: b\r\n"), {{0}}},
      {BYTES("From: a\r\nTo: b\r\n\r\nbody: x\r\n"), {{1, "From", " a", "From: a\r\n"}, {1, "To", " b", "To: b\r\n"}}},
      {BYTES("Subject: a\r\n b\r\n\tc\r\nTo: d\r\n"), {{1, "Subject", " a\r\n b\r\n\tc", NULL}, {1, "To", " d", NULL}}},
      {BYTES("A:\r\nB:\r\n"), {{1, "A", "", NULL}, {1, "B", "", NULL}}},
      {BYTES("A : x\r\n"), {{1, "A", " x", NULL}}}, /* obsolete, RFC 5322 4.5 */
      {BYTES("A \t: x\r\n"), {{1, "A", " x", NULL}}},
      {BYTES("A: x"), {{1, "A", " x", "A: x"}}}, /* no line end */
      {BYTES("A: x:y\r\n"), {{1, "A", " x:y", NULL}}},
      {BYTES("A: x\r\n \r\nB: y\r\n"), {{1, "A", " x\r\n ", NULL}, {1, "B", " y", NULL}}},
      {BYTES("A: x\nB: y\r\n"), {{1, "A", " x\nB: y", NULL}}}, /* a bare LF ends no line */
      {BYTES("A: x\rB: y\r\n"), {{1, "A", " x\rB: y", NULL}}},
      {BYTES("A: x\0y\r\n"), {{1, "A", NULL, NULL}}},
      {BYTES("no colon\r\nB: y\r\n"), {{E_SYNTAX, NULL, NULL, "no colon\r\n"}, {1, "B", " y", NULL}}},
      {BYTES(" fold: first\r\nB: y\r\n"), {{E_SYNTAX, NULL, NULL, " fold: first\r\n"}, {1, "B", " y", NULL}}},
      {BYTES(": empty\r\nB: y\r\n"), {{E_SYNTAX, NULL, NULL, ": empty\r\n"}, {1, "B", " y", NULL}}},
      {BYTES("two words: x\r\nB: y\r\n"), {{E_SYNTAX, NULL, NULL, NULL}, {1, "B", " y", NULL}}},
      {BYTES("N\xc3\xa9: x\r\n"), {{E_SYNTAX, NULL, NULL, NULL}}},
      {BYTES("N\0: x\r\n"), {{E_SYNTAX, NULL, NULL, NULL}}},
      {BYTES("\rA: x\r\n"), {{E_SYNTAX, NULL, NULL, NULL}}},
      {BYTES("A: x\r\n\rB"), {{1, "A", " x", NULL}, {E_SYNTAX, NULL, NULL, "\rB"}}}, /* two octets, but no empty line */
      {BYTES(">From a\r\n"), {{E_SYNTAX, NULL, NULL, NULL}}},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold;
    struct bytes block = exact_copy(samples[i].block, &hold);
    size_t at = 0;
    for (const struct expected *e = samples[i].fields;; e++) {
      struct field f;
      int rc = header_next(block, &at, &f);
      if (rc != e->result) fail_msg("sample %zu, field %zu: %d", i, (size_t)(e - samples[i].fields), rc);
      if (!rc) break;
      if (e->name) assert_true(bytes_equal(f.name, bytes_of(e->name)));
      if (e->value) assert_true(bytes_equal(f.value, bytes_of(e->value)));
      if (e->whole) assert_true(bytes_equal(f.whole, bytes_of(e->whole)));
    }
    free(hold);
  }
}

static void test_find(void **state) {
  (void)state;
  struct bytes block = BYTES("From: a\r\nbroken\r\nFROM: b\r\nFromage: c\r\nfrom : d\r\n\r\nFrom: body\r\n");
  struct field f;
  assert_int_equal(header_find(block, "from", &f), 3);
  assert_true(bytes_equal(f.value, BYTES(" a")));
  assert_int_equal(header_find(block, "To", &f), 0);
  assert_int_equal(header_find(block, "Fromage", NULL), 1);
  assert_int_equal(header_find(block, "", NULL), 0);
}

static void test_unfold(void **state) {
  (void)state;
  static const struct {
    struct bytes in;
    const char *out;
  } samples[] = {
      {BYTES(" a\r\n b "), "a b"},
      {BYTES(" a\r\n\tb\tc"), "a b c"},
      {BYTES("a\rb\nc"), "a?b?c"},
      {BYTES("a\0b\x1b[2J\x7f"), "a?b?[2J?"},
      {BYTES("Z\xc3\xbcrich"), "Z\xc3\xbcrich"},
      {BYTES("a\xc2\x9b"
             "b"),
       "a?b"},
      {BYTES("a\xff\xc3"), "a??"},
      {BYTES(" \r\n "), ""},
      {BYTES(""), ""},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char out[64], *hold;
    header_unfold(exact_copy(samples[i].in, &hold), out, sizeof out);
    free(hold);
    assert_string_equal(out, samples[i].out);
  }
  char small[4];
  header_unfold(BYTES("abcdef"), small, sizeof small);
  assert_string_equal(small, "abc");
  header_unfold(BYTES("ab\xc3\xbc"), small, sizeof small); /* never half a character */
  assert_string_equal(small, "ab");
  header_unfold(BYTES("a\xc3\xbc"), small, sizeof small);
  assert_string_equal(small, "a\xc3\xbc");
  header_unfold(BYTES("a"), small, 1);
  assert_string_equal(small, "");
  header_unfold(BYTES("a"), small, 0);
}

/* Whatever the octets, the walk ends and its pieces are the block, in order. */
static void test_any_octets(void **state) {
  (void)state;
  static const char pool[] = "ab:: \t\r\n\r\n\r\n\0\xc3\xbc";
  uint64_t seed = 5322;
  for (int round = 0; round < 50000; round++) {
    char text[40];
    size_t len = next_number(&seed) % sizeof text;
    for (size_t i = 0; i < len; i++) text[i] = pool[next_number(&seed) % sizeof pool];
    char *hold;
    struct bytes block = exact_copy((struct bytes){text, len}, &hold);
    struct field f;
    size_t at = 0, before = 0;
    while (header_next(block, &at, &f) != 0) {
      assert_true(at > before && at <= len);
      assert_ptr_equal(f.whole.at, block.at + before);
      assert_int_equal(f.whole.len, at - before);
      before = at;
    }
    assert_true(at == len || memcmp(block.at + at, "\r\n", 2) == 0);
    free(hold);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_iteration), cmocka_unit_test(test_find),
                                     cmocka_unit_test(test_unfold), cmocka_unit_test(test_any_octets)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
