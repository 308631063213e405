/* Whose message it is, asked at the instant of the commit: the account is there, not suspended, and its logins are what
 * they were when the session was asked last. */
#include "tests/unit/store_lab.h"

static struct account find(struct lab *l, const char *name) {
  struct directory *d = lab_directory(l);
  struct account a = *directory_account(d, bytes_of(name));
  directory_release(&d);
  return a;
}

/* Accepts as the account was when `a` was read. */
static int kept(struct lab *l, const struct account *a, struct letter *m) {
  letter_make(m, "blog", "r@x.example");
  m->accept.account_id = a->id;
  m->accept.login_version = a->login_version;
  return lab_run(&l->poster, &m->accept.op);
}

static void refused(struct lab *l, const struct account *a, enum account_standing standing) {
  struct letter m;
  int64_t before = lab_number(l->dir, "SELECT count(*) FROM messages");
  assert_int_equal(kept(l, a, &m), E_DENIED);
  assert_int_equal(m.accept.standing, standing);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), before);
  if (standing == STANDING_SUSPENDED) assert_string_equal(m.accept.suspend_reason, "unpaid");
}

static void suspended_and_resumed(void **state) {
  struct lab *l = *state;
  struct letter m;
  lab_add_account(l, "blog");
  struct account a = find(l, "blog");
  struct admin *admin = lab_admin(l);
  assert_int_equal(kept(l, &a, &m), OK);
  assert_ok(admin_account_suspend(admin, "blog", "unpaid", &l->why), l->why);
  refused(l, &a, STANDING_SUSPENDED);
  assert_ok(admin_account_suspend(admin, "blog", NULL, &l->why), l->why);
  assert_int_equal(kept(l, &a, &m), OK);
  admin_close(&admin);
}

static void removed_and_made_anew(void **state) {
  struct lab *l = *state;
  struct letter m;
  lab_add_account(l, "blog");
  struct account a = find(l, "blog");
  struct admin *admin = lab_admin(l);
  assert_ok(admin_account_remove(admin, "blog", &l->why), l->why);
  refused(l, &a, STANDING_GONE);
  lab_add_account(l, "blog"); /* another one of that name */
  refused(l, &a, STANDING_GONE);
  a = find(l, "blog");
  assert_int_equal(kept(l, &a, &m), OK);
  admin_close(&admin);
}

static void logins_changed(void **state) {
  static const struct {
    unsigned part;
    bool ends;
  } parts[] = {{ACCOUNT_VERIFIER, true},    {ACCOUNT_CLIENT_CERTS, true}, {ACCOUNT_CLIENT_IPS, true},
               {ACCOUNT_SENDERS, false},    {ACCOUNT_LIMITS, false},      {ACCOUNT_POOL, false},
               {ACCOUNT_IDEMPOTENT, false}, {ACCOUNT_8BIT, false},        {ACCOUNT_LONG_LINES, false}};
  struct lab *l = *state;
  struct letter m;
  lab_add_account(l, "blog");
  struct admin *admin = lab_admin(l);
  for (size_t i = 0; i < COUNT_OF(parts); i++) {
    struct account a = find(l, "blog"), change = {.pool = "default"};
    assert_ok(admin_account_set(admin, "blog", parts[i].part, &change, NULL, &l->why), l->why);
    if (parts[i].ends)
      refused(l, &a, STANDING_LOGIN_CHANGED);
    else
      assert_int_equal(kept(l, &a, &m), OK);
  }
  admin_close(&admin);
}

static void mail_made_here_is_nobodys(void **state) {
  struct lab *l = *state;
  struct letter m;
  assert_int_equal(kept(l, &(struct account){.id = 0}, &m), OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(suspended_and_resumed, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(removed_and_made_anew, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(logins_changed, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(mail_made_here_is_nobodys, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
