/* Slices, bounded buffers and secrets. */
#include "base/bytes.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

static void test_slices(void **state) {
  (void)state;
  struct bytes text = BYTES(" \t\r\na b\r\n");
  assert_true(bytes_equal(bytes_trim(text), BYTES("a b")));
  assert_int_equal(bytes_trim(BYTES(" \r\n\t ")).len, 0);
  assert_int_equal(bytes_of(NULL).len, 0);
  assert_true(bytes_equal(bytes_from(BYTES("abc"), 1), BYTES("bc")));
  assert_int_equal(bytes_from(BYTES("abc"), 3).len, 0);
  assert_int_equal(bytes_from(BYTES("abc"), SIZE_MAX).len, 0);
  assert_int_equal(bytes_from((struct bytes){0}, 5).len, 0);
  assert_int_equal(bytes_find(BYTES("abca"), 'a', 1), 3);
  assert_int_equal(bytes_find(BYTES("abca"), 'a', 4), 4);
  assert_int_equal(bytes_find(BYTES("abca"), 'z', 0), 4);
  assert_int_equal(bytes_find((struct bytes){0}, 'z', 0), 0);
}

static void test_comparing(void **state) {
  (void)state;
  assert_true(bytes_equal_nocase(BYTES("MaIl[`{@"), BYTES("mAiL[`{@")));
  assert_false(bytes_equal_nocase(BYTES("["), BYTES("{"))); /* 32 apart like A and a, but no letters */
  assert_false(bytes_equal_nocase(BYTES("@"), BYTES("`")));
  assert_false(bytes_equal_nocase(BYTES("\xc3\x84"), BYTES("\xc3\xa4")));
  assert_false(bytes_equal(BYTES("a\0b"), BYTES("a\0c")));
  assert_false(bytes_equal(BYTES("a"), BYTES("ab")));
  assert_true(bytes_equal((struct bytes){0}, BYTES("")));
  assert_true(bytes_starts_nocase(BYTES("Mail from"), BYTES("MAIL")));
  assert_false(bytes_starts_nocase(BYTES("MAI"), BYTES("MAIL")));
}

static void test_copies(void **state) {
  (void)state;
  char out[4];
  assert_true(bytes_copy(BYTES("abc"), out, sizeof out));
  assert_string_equal(out, "abc");
  assert_false(bytes_copy(BYTES("abcd"), out, sizeof out));
  assert_string_equal(out, "abc");
  assert_false(bytes_copy(BYTES("a"), out, 0));
  assert_true(bytes_copy((struct bytes){0}, out, 1));
  assert_string_equal(out, "");
  assert_null(bytes_dup(BYTES("a\0b")));
  char *copy = bytes_dup((struct bytes){"abcdef", 3});
  assert_string_equal(copy, "abc");
  free(copy);
  copy = bytes_dup((struct bytes){0});
  assert_string_equal(copy, "");
  free(copy);
}

static void test_numbers(void **state) {
  (void)state;
  static const struct {
    const char *in;
    bool good;
    uint64_t value;
  } samples[] = {
      {"0", true, 0},
      {"007", true, 7},
      {"18446744073709551615", true, UINT64_MAX},
      {"18446744073709551616", false, 0},
      {"99999999999999999999", false, 0},
      {"", false, 0},
      {"-1", false, 0},
      {"+1", false, 0},
      {" 1", false, 0},
      {"1 ", false, 0},
      {"0x1", false, 0},
      {"1a", false, 0},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    uint64_t value = 0;
    if (bytes_to_u64(bytes_of(samples[i].in), &value) != samples[i].good || value != samples[i].value)
      fail_msg("\"%s\"", samples[i].in);
  }
}

static void test_utf8(void **state) {
  (void)state;
  static const struct {
    const char *in;
    size_t length;
  } samples[] = {
      {"\xc2\x80", 2},
      {"\xdf\xbf", 2},
      {"\xe0\xa0\x80", 3},
      {"\xed\x9f\xbf", 3},
      {"\xee\x80\x80", 3},
      {"\xef\xbf\xbf", 3},
      {"\xf0\x90\x80\x80", 4},
      {"\xf4\x8f\xbf\xbf", 4},
      {"\x80", 0},
      {"\xbf\x80", 0},
      {"\xc0\x80", 0},
      {"\xc1\xbf", 0},
      {"\xc2", 0},
      {"\xc2\x20", 0},
      {"\xc2\xc2", 0},
      {"\xe0\x9f\xbf", 0},
      {"\xe2\x82", 0},
      {"\xed\xa0\x80", 0},
      {"\xed\xbf\xbf", 0},
      {"\xf0\x8f\xbf\xbf", 0},
      {"\xf4\x90\x80\x80", 0},
      {"\xf5\x80\x80\x80", 0},
      {"\xf0\x90\x80", 0},
      {"\xfe\x80\x80\x80", 0},
      {"\xff\x80\x80\x80", 0},
      {"a", 0},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold;
    size_t n = bytes_utf8_length(exact_copy(bytes_of(samples[i].in), &hold), 0);
    free(hold);
    if (n != samples[i].length) fail_msg("sample %zu: %zu", i, n);
  }
}

static void test_buffer_bound(void **state) {
  (void)state;
  struct buffer b;
  buffer_init(&b, 10);
  assert_int_equal(buffer_add(&b, "12345", 5), OK);
  assert_int_equal(buffer_add(&b, "678901", 6), E_TOO_BIG);
  assert_int_equal(buffer_addf(&b, "%d", 678901), E_TOO_BIG);
  assert_true(bytes_equal(buffer_bytes(&b), BYTES("12345")));
  assert_int_equal(buffer_addf(&b, "%s%d", "67", 890), OK);
  assert_true(bytes_equal(buffer_bytes(&b), BYTES("1234567890")));
  assert_true(b.cap <= 10);
  assert_int_equal(buffer_add(&b, NULL, 0), OK);
  assert_int_equal(buffer_reserve(&b, 1), E_TOO_BIG);
  assert_int_equal(buffer_reserve(&b, SIZE_MAX), E_TOO_BIG);
  buffer_free(&b);
  assert_int_equal(b.len, 0);
  assert_int_equal(buffer_add(&b, "1234567890", 10), OK); /* the same bound after buffer_free */
  assert_int_equal(buffer_add(&b, "1", 1), E_TOO_BIG);
  buffer_free(&b);
  buffer_init(&b, 0);
  assert_int_equal(buffer_add(&b, "", 0), OK);
  assert_int_equal(buffer_add(&b, "1", 1), E_TOO_BIG);
  buffer_free(&b);
}

static void test_buffer_growth(void **state) {
  (void)state;
  struct buffer b;
  buffer_init(&b, 100001);
  for (int i = 0; i < 100001; i++) assert_int_equal(buffer_add(&b, &"0123456789"[i % 10], 1), OK);
  assert_int_equal(buffer_add(&b, "x", 1), E_TOO_BIG);
  for (size_t i = 0; i < b.len; i++) assert_int_equal(b.at[i], '0' + (int)(i % 10));
  buffer_consume(&b, 0);
  assert_int_equal(b.len, 100001);
  buffer_consume(&b, 99998);
  assert_true(bytes_equal(buffer_bytes(&b), BYTES("890")));
  buffer_consume(&b, 5);
  assert_int_equal(b.len, 0);
  char longer[600];
  memset(longer, 'y', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  assert_int_equal(buffer_addf(&b, "<%s>", longer), OK); /* longer than what is formatted on the stack */
  assert_int_equal(b.len, sizeof longer + 1);
  assert_int_equal(b.at[b.len - 1], '>');
  buffer_free(&b);
}

static void test_secrets(void **state) {
  (void)state;
  struct buffer b;
  buffer_init_secret(&b, 5000);
  for (int i = 0; i < 500; i++) assert_int_equal(buffer_addf(&b, "%s", "secret-wor"), OK);
  assert_int_equal(b.len, 5000);
  assert_memory_equal(b.at + 4990, "secret-wor", 10);
  assert_int_equal(buffer_addf(&b, "x"), E_TOO_BIG);
  buffer_wipe_free(&b);
  assert_true(b.secret);
  assert_int_equal(b.max, 5000);
  char word[] = "password";
  wipe(word, sizeof word);
  for (size_t i = 0; i < sizeof word; i++) assert_int_equal(word[i], 0);
  assert_true(equal_constant_time("abc", "abc", 3));
  assert_false(equal_constant_time("abc", "abd", 3));
  assert_false(equal_constant_time("xbc", "abc", 3));
  assert_true(equal_constant_time("a", "b", 0));
}

static void test_random(void **state) {
  (void)state;
  unsigned char a[64] = {0}, b[64] = {0};
  random_bytes(a, sizeof a);
  random_bytes(b, sizeof b);
  assert_memory_not_equal(a, b, sizeof a);
  unsigned char guard[3] = {7, 7, 7};
  random_bytes(guard + 1, 0);
  assert_memory_equal(guard, "\7\7\7", 3);
}

/* (fail) is the function; cmocka has a macro of that name. */
static void test_reasons(void **state) {
  (void)state;
  struct reason why;
  assert_int_equal((fail)(&why, E_IO, "%s: %d", "disk", 5), E_IO);
  assert_string_equal(why.text, "disk: 5");
  assert_int_equal((fail)(NULL, E_BUSY, "nobody asks"), E_BUSY);
  char large[2000];
  memset(large, 'x', sizeof large - 1);
  large[sizeof large - 1] = '\0';
  assert_int_equal((fail)(&why, E_IO, "%s", large), E_IO);
  assert_int_equal(strlen(why.text), sizeof why.text - 1);
  for (int code = OK; code >= E_FULL; code--) assert_string_not_equal(result_text(code), "unknown result");
  assert_string_equal(result_text(E_FULL - 1), "unknown result");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_slices),        cmocka_unit_test(test_comparing), cmocka_unit_test(test_copies),
      cmocka_unit_test(test_numbers),       cmocka_unit_test(test_utf8),      cmocka_unit_test(test_buffer_bound),
      cmocka_unit_test(test_buffer_growth), cmocka_unit_test(test_secrets),   cmocka_unit_test(test_random),
      cmocka_unit_test(test_reasons),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
