/* The facts that answers bring. */
#include "relay/submission/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const struct account blog = {.name = "blog"};

/* The reply to a message that the store did not take. What it says of the account counts only where that
 * is why: a store that fails while it looks for the account knows nothing of it, and the client comes back. */
static void test_of_the_commit(void **state) {
  (void)state;
  static const struct limit daily = {.count = 1, .text = "1/day"};
  static const struct {
    int result;
    enum account_standing standing;
    int code;
    const char *rule;
  } cases[] = {
      {E_DENIED, STANDING_GONE, 550, RULE_ACCOUNT_GONE},
      {E_DENIED, STANDING_SUSPENDED, 550, RULE_SUSPENDED},
      {E_DENIED, STANDING_LOGIN_CHANGED, 451, RULE_LOGIN_ENDED},
      {E_LIMIT, STANDING_GOOD, 452, RULE_LIMIT},
      {E_FULL, STANDING_GOOD, 452, RULE_DISK},
      {E_IO, STANDING_GOOD, 451, RULE_STORE},
      {E_IO, STANDING_GONE, 451, RULE_STORE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    static struct store_accept a;
    static struct transaction tx;
    struct verdict v;
    memset(&a, 0, sizeof a);
    memset(&tx, 0, sizeof tx);
    a.op.result = cases[i].result;
    a.standing = cases[i].standing;
    a.limit = (struct limit_verdict){.result = cases[i].result == E_LIMIT ? E_LIMIT : OK, .rule = &daily, .used = 1};
    tx.facts = (struct facts){.account = &blog, .account_name = "blog", .login_holds = true};
    facts_of_commit(&tx, &a);
    policy_decide(&tx.facts, STAGE_STORE, &v);
    assert_int_equal(v.action, ACTION_REFUSE);
    assert_int_equal(v.refusal.code, cases[i].code);
    assert_string_equal(v.refusal.rule, cases[i].rule);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_of_the_commit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
