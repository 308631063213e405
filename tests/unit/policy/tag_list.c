/* The grammar of tag lists (RFC 6376 3.2). */
#include "policy/tag_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

static void test_lists(void **state) {
  (void)state;
  static const struct {
    const char *text, *read; /* "name=value|", "!|" for what is no tag */
  } samples[] = {
      {"", ""},
      {";; ;", ""},
      {"v=DMARC1", "v=DMARC1|"},
      {"v=DMARC1; p=none;", "v=DMARC1|p=none|"},
      {" v = DMARC1 ;\tp\t=\tnone ", "v=DMARC1|p=none|"},
      {"p=a b\r\n c", "p=a b\r\n c|"},
      {"p=", "p=|"},
      {"p=a=b==", "p=a=b==|"},
      {"p", "!|"},
      {"=x;p=1", "!|p=1|"},
      {"a-b=1;1a=2;a1_=3", "!|!|a1_=3|"},
      {"a=\x01;b=\xc3\xa4;c=d", "!|!|c=d|"},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold, read[200] = "";
    struct bytes text = exact_copy(bytes_of(samples[i].text), &hold);
    struct tag tag;
    size_t at = 0, used = 0;
    for (int rc; (rc = tag_next(text, &at, &tag)) != 0;)
      used += (size_t)(rc == 1 ? snprintf(read + used, sizeof read - used, "%.*s=%.*s|", (int)tag.name.len, tag.name.at,
                                          (int)tag.value.len, tag.value.at)
                               : snprintf(read + used, sizeof read - used, "!|"));
    assert_string_equal(read, samples[i].read);
    assert_int_equal(tag_next(text, &at, &tag), 0);
    free(hold);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
