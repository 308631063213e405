/* The recipients of a transaction: each mailbox once, however many there are. */
#include "relay/submission/transaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct transaction *make(void) {
  struct transaction *t = calloc(1, sizeof *t);
  assert_non_null(t);
  return t;
}

/* Without a directory, which transaction_free would release. */
static void discard(struct transaction *t) {
  for (size_t i = 0; i < t->recipient_count; i++) recipient_clear(&t->recipients[i]);
  free(t->recipients);
  free(t->slots);
  free(t);
}

static bool has(const struct transaction *t, const char *address, const char *domain) {
  return transaction_has(t, &(struct recipient){.address = address, .domain = domain, .orcpt = ""});
}

static void add(struct transaction *t, const char *address, const char *domain) {
  assert_int_equal(transaction_add(t, &(struct recipient){.address = address, .domain = domain, .orcpt = ""}), OK);
}

static void test_what_is_the_same(void **state) {
  (void)state;
  struct transaction *t = make();
  assert_false(has(t, "r@dest.example", "dest.example"));
  add(t, "r@DEST.example", "dest.example");
  assert_true(has(t, "r@dest.example", "dest.example"));
  assert_true(has(t, "r@dest.example.", "dest.example"));
  assert_false(has(t, "R@dest.example", "dest.example"));
  assert_false(has(t, "r@other.example", "other.example"));
  assert_false(has(t, "rr@dest.example", "dest.example"));
  add(t, "\"a@b\"@dest.example", "dest.example");
  assert_true(has(t, "\"a@b\"@DEST.example", "dest.example"));
  assert_false(has(t, "\"a@c\"@dest.example", "dest.example"));
  discard(t);
}

/* None is lost, and none taken for another, while the table grows. */
static void test_many(void **state) {
  (void)state;
  struct transaction *t = make();
  for (unsigned i = 0; i < 5000; i++) {
    char address[64], domain[32];
    snprintf(domain, sizeof domain, "d%u.example", i % 7);
    snprintf(address, sizeof address, "r%u@%s", i, domain);
    assert_false(has(t, address, domain));
    add(t, address, domain);
    assert_true(has(t, address, domain));
    snprintf(address, sizeof address, "r%u@d%u.example", i / 2, i / 2 % 7);
    snprintf(domain, sizeof domain, "d%u.example", i / 2 % 7);
    assert_true(has(t, address, domain));
    snprintf(domain, sizeof domain, "d%u.example", (i / 2 + 1) % 7);
    assert_false(has(t, address, domain));
  }
  assert_int_equal(t->recipient_count, 5000);
  assert_true(t->slot_count >= 10000 && t->slot_count <= 20000);
  discard(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_the_same), cmocka_unit_test(test_many)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
