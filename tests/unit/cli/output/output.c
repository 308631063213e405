/* What is printed: nothing that a terminal obeys, JSON whatever the octets are. */
#include "cli/output/output.h"
#include "base/text/text.h"

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
    {"a\xe2\x80\xae"
     "exe.txt\xe2\x81\xa9",
     "a???exe.txt???",
     "\"a\xe2\x80\xae"
     "exe.txt\xe2\x81\xa9\""}, /* U+202E, U+2069 */
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

static void test_wrapped(void **state) {
  (void)state;
  char printed[128];
  struct caught output = catch_stream(stdout);
  print_wrapped("greets with \x1b]0;x\x07 c\xc2\x9b"
                "1m\nand \xff",
                0, 2, false);
  release_stream(&output, printed, sizeof printed);
  assert_string_equal(printed, "greets with ?]0;x? c??1m\nand ?\n");
}

static void test_json_line(void **state) {
  (void)state;
  char printed[128];
  struct caught output = catch_stream(stdout);
  print_json(json_pack("{s:o, s:o}", "time", json_time(INT64_C(1763894430123000)), "never", json_time(0)));
  release_stream(&output, printed, sizeof printed);
  assert_string_equal(printed, "{\"time\":\"2025-11-23T10:40:30.123Z\",\"never\":null}\n");
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_texts),
      cmocka_unit_test(test_wrapped),
      cmocka_unit_test(test_json_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
