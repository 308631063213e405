/* JSON for terminals: what they could obey is escaped, and reads back as it was. */
#include "relay/json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *text, *line;
} cases[] = {
    {"", "{\"k\":\"\"}"},
    {"gr\xc3\xbc\xc3\x9f", "{\"k\":\"gr\xc3\xbc\xc3\x9f\"}"},
    {"a\x1b[2J\x7f", "{\"k\":\"a\\u001B[2J\\u007F\"}"},
    {"\xc2\x80\xc2\x9b"
     "2J\xc2\x9f\xc2\xa0",
     "{\"k\":\"\\u0080\\u009B2J\\u009F\xc2\xa0\"}"},
    {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf", "{\"k\":\"\xe2\x80\xa7\\u2028\\u202E\xe2\x80\xaf\"}"},
    {"\xe2\x81\xa8\xf0\x9f\x98\x80\xd2\x80", "{\"k\":\"\xe2\x81\xa8\xf0\x9f\x98\x80\xd2\x80\"}"},
};

static void test_cases(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    json_t *object = json_pack("{s:o}", "k", json_text(cases[i].text));
    char *line = json_line(object);
    assert_string_equal(line, cases[i].line);
    json_t *back = json_loads(line, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(back, "k")), cases[i].text);
    json_decref(back);
    json_decref(object);
    free(line);
  }
}

/* In names of fields, too. */
static void test_keys(void **state) {
  (void)state;
  json_t *object = json_object();
  json_object_set_new(object, "\xc2\x9b", json_integer(1));
  char *line = json_line(object);
  assert_string_equal(line, "{\"\\u009B\":1}");
  free(line);
  json_decref(object);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_keys)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
