/* What a header has of that which receivers ask bulk mail for. */
#include "relay/mime/bulk_fields.h"

#include "tests/unit/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define POST "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

static const struct sample {
  const char *header;
  bool unsubscribe, one_click, feedback_id;
} samples[] = {
    {"From: a@example.com\r\n"},
    {"List-Unsubscribe: <https://example.com/u?x=1>\r\n" POST, .unsubscribe = true, .one_click = true},
    {"list-unsubscribe: <mailto:u@example.com>,\r\n <HTTPS://example.com/u>\r\n", .unsubscribe = true},
    {"List-Unsubscribe:\r\n <\r\n https://example.com/u\r\n >\r\n", .unsubscribe = true},
    {"List-Unsubscribe: (no (nested \\) one <https://a.example/>)) <https://example.com/u>\r\n", .unsubscribe = true},
    {"List-Unsubscribe: (<https://a.example/u>)\r\n"},
    {"List-Unsubscribe: (<https://a.example/u>\r\n"},
    {"List-Unsubscribe: (\\\r\n"},
    {"List-Unsubscribe: <mailto:u@example.com>\r\n"},
    {"List-Unsubscribe: <http://example.com/u>\r\n"},
    {"List-Unsubscribe: <https://>\r\n"},
    {"List-Unsubscribe: <https://example.com/u\r\n"},
    {"List-Unsubscribe: https://example.com/u\r\n"},
    {"List-Unsubscribe: <\r\n"},
    {"List-Unsubscribe: <>\r\n"},
    {"List-Unsubscribe: <https://example.com/u>, <https://example.com/v>\r\n"},
    {"List-Unsubscribe: <https://example.com/u>\r\nList-Unsubscribe: <https://example.com/v>\r\n"},
    {"List-Unsubscribe-Post: \r\n List-Unsubscribe=One-Click \r\n", .one_click = true},
    {"List-Unsubscribe-Post: List-Unsubscribe=One-Click, and=more\r\n"},
    {POST POST},
    {"Feedback-ID: campaign:customer:newsletter:sender\r\n", .feedback_id = true},
    {"Feedback-ID: \r\n"},
    {"Feedback-ID: a\r\nFeedback-ID: b\r\n"},
};

static void test_fields(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const struct sample *s = &samples[i];
    struct bulk_fields found;
    char *hold;
    print_message("%zu %s", i, s->header);
    bulk_fields_find(exact_copy(bytes_of(s->header), &hold), &found);
    assert_int_equal(found.unsubscribe, s->unsubscribe);
    assert_int_equal(found.one_click, s->one_click);
    assert_int_equal(found.feedback_id, s->feedback_id);
    free(hold);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
