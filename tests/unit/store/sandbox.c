/* Mail of a sandbox account is marked at the instant of its commit, whatever its session knew, and stays so. */
#include "tests/unit/store_lab.h"

static struct account find(struct lab *l, const char *name) {
  struct directory *d = lab_directory(l);
  struct account a = *directory_account(d, bytes_of(name));
  directory_release(&d);
  return a;
}

static void set(struct lab *l, bool sandbox) {
  struct admin *admin = lab_admin(l);
  const struct account change = {.sandbox = sandbox};
  assert_ok(admin_account_set(admin, "blog", ACCOUNT_SANDBOX, &change, NULL, &l->why), l->why);
  admin_close(&admin);
}

/* What is kept; as the account was when `a` was read, and with these flags. */
static unsigned kept(struct lab *l, const struct account *a, unsigned flags) {
  struct letter m;
  letter_make(&m, "blog", "r@x.example");
  m.accept.account_id = a->id;
  m.accept.login_version = a->login_version;
  m.accept.message.envelope.flags |= flags;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  return (unsigned)lab_number(l->dir, "SELECT flags FROM messages ORDER BY id DESC LIMIT 1");
}

static int64_t told(struct lab *l) {
  return lab_number(l->dir, "SELECT count(*) FROM events WHERE kind = 0 AND numbers LIKE '%sandbox=1%' AND text LIKE "
                            "'%; sandbox: it is not sent'");
}

static void marked_at_the_commit(void **state) {
  struct lab *l = *state;
  lab_add_account(l, "blog");
  struct account before = find(l, "blog");
  assert_false(before.sandbox);
  assert_int_equal(kept(l, &before, 0) & MESSAGE_SANDBOX, 0);
  assert_int_equal(told(l), 0);
  set(l, true);
  assert_true(find(l, "blog").sandbox);
  assert_int_equal(kept(l, &before, 0) & MESSAGE_SANDBOX, MESSAGE_SANDBOX); /* which knew of none */
  assert_int_equal(told(l), 1);
  set(l, false);
  assert_int_equal(kept(l, &before, MESSAGE_SANDBOX) & MESSAGE_SANDBOX, MESSAGE_SANDBOX); /* begun under it */
  assert_int_equal(kept(l, &before, 0) & MESSAGE_SANDBOX, 0);
  assert_int_equal(told(l), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(marked_at_the_commit, lab_setup, lab_teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
