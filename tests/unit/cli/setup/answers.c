/* What may be answered to `sendoff setup`. */
#include "cli/setup/answers.h"

#include "tests/unit/caught.h"

typedef const char *check(const char *answer);

static void test_answers(void **state) {
  (void)state;
  static const struct {
    check *check;
    const char *answer;
    bool right;
  } table[] = {
      {answer_hostname, "smtp.example.com", true},
      {answer_hostname, "SMTP.Example.com", true},
      {answer_hostname, "smtp", false},
      {answer_hostname, "", false},
      {answer_hostname, "none", false},
      {answer_hostname, "x'; id; '.example.com", false},
      {answer_hostname, "../../etc.d", false},
      {answer_source, "192.0.2.1", true},
      {answer_source, "2001:db8::1", true},
      {answer_source, "none", true},
      {answer_source, "192.0.2", false},
      {answer_source, "192.0.2.1:25", false},
      {answer_source, "0.0.0.0", false},
      {answer_public, "203.0.114.9", true},
      {answer_public, "none", true},
      {answer_public, "10.0.0.9", false},
      {answer_hostname, "192.0.2.1", false},
      {answer_domain, "192.0.2.1", false},
      {answer_domain, "example.com", true},
      {answer_domain, "none", true},
      {answer_domain, "a@example.com", false},
      {answer_domain, "example com", false},
      {answer_account, "shop", true},
      {answer_account, "a b", false},
      {answer_kind, "server", true},
      {answer_kind, "Server", false},
      {answer_kind, "", false},
      {answer_sender, "example.com", true},
      {answer_sender, "*.example.com", true},
      {answer_sender, "*", true},
      {answer_sender, "a@example.com", true},
      {answer_sender, "", false},
      {answer_sender, "shop", false},
      {answer_device_sender, "a@example.com", true},
      {answer_device_sender, "example.com", false},
      {answer_recipient, "a@example.com", true},
      {answer_recipient, "none", true},
      {answer_recipient, "me", false},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if ((table[i].check(table[i].answer) == NULL) != table[i].right)
      fail_msg("%zu: %s is %s", i, table[i].answer, table[i].right ? "right" : "wrong");
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
