/* What is printed: nothing that a terminal obeys, aligned columns, JSON whatever the octets are. */
#include "cli/output.h"
#include "base/text.h"

#include "tests/unit/caught.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *from, *clean, *json;
} texts[] = {
    {"", "", "\"\""},
    {"plain", "plain", "\"plain\""},
    {"a\tb\r\nc\x1b[31m\x7f", "a?b??c?[31m?", "\"a\\tb\\r\\nc\\u001B[31m\x7f\""},
    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
    {"\xf0\x9f\x93\xac!", "\xf0\x9f\x93\xac!", "\"\xf0\x9f\x93\xac!\""},
    {"c1\xc2\x9b"
     "31m",
     "c1??31m",
     "\"c1\xc2\x9b"
     "31m\""},                                      /* CSI as one character */
    {"\xc2\xa0", "\xc2\xa0", "\"\xc2\xa0\""},       /* the first after C1 */
    {"lone\xff\xc3 x", "lone?? x", "\"lone?? x\""}, /* no UTF-8 */
    {"\xc0\xaf\xed\xa0\x80", "?????", "\"?????\""}, /* over-long; a surrogate */
    {"cut\xe2\x82", "cut??", "\"cut??\""},
};

static void test_texts(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    char copy[64], printed[64];
    snprintf(copy, sizeof copy, "%s", texts[i].from);
    text_clean(copy, true);
    assert_string_equal(copy, texts[i].clean);
    struct caught output = catch_stream(stdout);
    print_safe(texts[i].from);
    release_stream(&output, printed, sizeof printed);
    assert_string_equal(printed, texts[i].clean);
    json_t *j = json_text(texts[i].from);
    char *dumped = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
    assert_non_null(dumped);
    assert_string_equal(dumped, texts[i].json);
    free(dumped);
    json_decref(j);
  }
}

static void test_json_line(void **state) {
  (void)state;
  char printed[128];
  struct caught output = catch_stream(stdout);
  print_json(json_pack("{s:o, s:o}", "time", json_time(INT64_C(1763894430123000)), "never", json_time(0)));
  release_stream(&output, printed, sizeof printed);
  assert_string_equal(printed, "{\"time\":\"2025-11-23T10:40:30.123Z\",\"never\":null}\n");
}

static void test_table(void **state) {
  (void)state;
  char printed[512];
  struct table *t = table_new((const char *const[]){"NAME", "N", "LAST"}, 3);
  table_add(t, (const char *const[]){"gr\xc3\xbc\xc3\x9f", "12", "x\ny"});
  table_add(t, (const char *const[]){"a longer one", "", ""});
  table_add(t, (const char *const[]){"b", NULL, "z"});
  struct caught output = catch_stream(stdout);
  table_print(&t);
  release_stream(&output, printed, sizeof printed);
  assert_null(t);
  assert_string_equal(printed, "NAME          N   LAST\n"
                               "gr\xc3\xbc\xc3\x9f          12  x?y\n"
                               "a longer one\n"
                               "b                 z\n");
}

static void test_empty_table(void **state) {
  (void)state;
  char printed[64];
  struct table *t = table_new((const char *const[]){"NAME"}, 1);
  struct caught output = catch_stream(stdout);
  table_print(&t);
  release_stream(&output, printed, sizeof printed);
  assert_string_equal(printed, "");
}

/* More rows than the table begins with. */
static void test_long_table(void **state) {
  (void)state;
  static char printed[65536];
  size_t lines = 0;
  struct table *t = table_new((const char *const[]){"N"}, 1);
  for (int i = 0; i < 1000; i++) {
    char n[16];
    snprintf(n, sizeof n, "%d", i);
    table_add(t, (const char *const[]){n});
  }
  struct caught output = catch_stream(stdout);
  table_print(&t);
  release_stream(&output, printed, sizeof printed);
  for (const char *at = printed; *at; at++) lines += *at == '\n';
  assert_int_equal(lines, 1001);
  assert_non_null(strstr(printed, "\n999\n"));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_texts),       cmocka_unit_test(test_json_line),  cmocka_unit_test(test_table),
      cmocka_unit_test(test_empty_table), cmocka_unit_test(test_long_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
