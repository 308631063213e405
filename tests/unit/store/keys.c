/* Signing keys go from state to state, each step with its event, and only from where they are. */
#include "tests/unit/store_lab.h"

#define NOW (INT64_C(20000) * 86400 * SECOND_US)

static void add(struct lab *l, const char *selector, const char *replaces, enum key_state state) {
  struct admin *a = lab_admin(l);
  const struct signing_key k = {.domain = "example.com",
                                .selector = selector,
                                .replaces = replaces,
                                .algorithm = KEY_ED25519,
                                .state = state,
                                .public_base64 = "cHVibGlj"};
  assert_ok(admin_key_add(a, &k, BYTES("-- private --"), &l->why), l->why);
  admin_close(&a);
}

static void add_domain(struct lab *l) {
  struct admin *a = lab_admin(l);
  assert_ok(admin_domain_add(a, "example.com", false, &l->why), l->why);
  admin_close(&a);
}

static struct signing_key key(struct lab *l, const char *selector) {
  struct signing_key found = {.state = KEY_GONE};
  struct directory *d = lab_directory(l);
  const struct domain *of = directory_domain(d, "example.com", false);
  for (size_t i = 0; i < of->key_count; i++)
    if (strcmp(of->keys[i].selector, selector) == 0) found = of->keys[i];
  directory_release(&d);
  found.domain = found.selector = found.replaces = found.found = found.public_base64 = NULL;
  return found;
}

static bool step(struct lab *l, const char *selector, enum key_state from, enum key_state to) {
  struct store_key_step op = {.key_id = key(l, selector).id, .from = from, .to = to, .text = "a test", .now_us = NOW};
  store_key_step_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
  return op.done;
}

static void a_successor_takes_over(void **state) {
  struct lab *l = *state;
  add_domain(l);
  add(l, "s1", "", KEY_ACTIVE);
  add(l, "other", "", KEY_ACTIVE);
  add(l, "s2", "s1", KEY_WAITING);
  struct admin *a = lab_admin(l);
  assert_ok(admin_domain_set_selector(a, "example.com", STREAM_BULK, "s1", &l->why), l->why);
  admin_close(&a);
  int64_t before = lab_number(l->dir, "SELECT value FROM meta WHERE key = 'config'");
  assert_true(step(l, "s2", KEY_WAITING, KEY_ACTIVE));
  assert_true(lab_number(l->dir, "SELECT value FROM meta WHERE key = 'config'") > before);
  assert_int_equal(key(l, "s2").state, KEY_ACTIVE);
  assert_int_equal(key(l, "s2").state_us, NOW);
  assert_int_equal(key(l, "s1").state, KEY_OLD);
  assert_int_equal(key(l, "other").state, KEY_ACTIVE);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM domain_selectors WHERE selector = 's2'"), 1);
  assert_false(step(l, "s2", KEY_WAITING, KEY_ACTIVE)); /* once */
  assert_true(step(l, "s1", KEY_OLD, KEY_RETIRED));
  assert_true(step(l, "s1", KEY_RETIRED, KEY_GONE));
  assert_int_equal(key(l, "s1").state, KEY_GONE);
  /* s2 waiting (by command), active; s1 old, retired, gone */
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE kind = 12 AND domain = 'example.com'"), 5);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE text = 's1 retired: a test'"), 1);
}

static void what_was_seen_is_kept(void **state) {
  struct lab *l = *state;
  add_domain(l);
  add(l, "s2", "", KEY_WAITING);
  struct store_key_note op = {.key_id = key(l, "s2").id, .state = KEY_WAITING, .checked_us = NOW, .found = "missing"};
  store_key_note_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
  lab_reopen(l);
  assert_int_equal(key(l, "s2").checked_us, NOW);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM keys WHERE found = 'missing'"), 1);
  op.state = KEY_OLD, op.found = "another"; /* it is not old: it stays as it was */
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM keys WHERE found = 'missing'"), 1);
}

static bool make(struct lab *l, const char *selector, const char *replaces) {
  struct store_key_add op = {.key = {.domain = "example.com",
                                     .selector = selector,
                                     .replaces = replaces,
                                     .state = KEY_WAITING,
                                     .public_base64 = "cHVibGlj"},
                             .private_pem = BYTES("-- private --"),
                             .text = "made",
                             .now_us = NOW};
  store_key_add_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
  return op.done;
}

static void one_successor_each(void **state) {
  struct lab *l = *state;
  add_domain(l);
  add(l, "s1", "", KEY_ACTIVE);
  assert_true(make(l, "s2", "s1"));
  assert_false(make(l, "s3", "s1"));     /* it has one */
  assert_false(make(l, "s4", "nobody")); /* there is no such key */
  assert_false(make(l, "s5", "s2"));     /* which does not sign */
  assert_int_equal(key(l, "s2").state, KEY_WAITING);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM keys"), 2);
}

static bool waits(struct lab *l, const char *selector, int64_t before_us) {
  bool out = false;
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_key_mail_waits(r, "example.com", selector, before_us, &out), OK);
  reader_close(&r);
  return out;
}

static void mail_that_it_has_signed(void **state) {
  struct lab *l = *state;
  struct letter m;
  letter_make(&m, "blog", "a@example.com");
  m.accept.message.prefix = BYTES("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;\r\n"
                                  "\ts=s1; t=1; bh=x;\r\n\th=From; b=y\r\n");
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  int64_t then = lab_number(l->dir, "SELECT max(created_us) FROM messages");
  assert_true(waits(l, "s1", then));
  assert_false(waits(l, "s1", then - 1)); /* it was accepted later: another key may have the name by then */
  assert_false(waits(l, "s2", then));
  assert_false(waits(l, "s", then));
}

static void one_fallback(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  assert_ok(admin_domain_add(a, "one.example", false, &l->why), l->why);
  assert_ok(admin_domain_add(a, "two.example", false, &l->why), l->why);
  struct domain d = {
      .name = "one.example", .fallback = true, .subdomains = true, .rotate_us = 7, .delegation = "z.example"};
  assert_ok(admin_domain_set(a, DOMAIN_FALLBACK, &d, &l->why), l->why);
  d.name = "two.example";
  assert_ok(admin_domain_set(a, DOMAIN_FALLBACK | DOMAIN_ROTATE | DOMAIN_DELEGATION, &d, &l->why), l->why);
  d.name = "none.example";
  assert_int_equal(admin_domain_set(a, DOMAIN_FALLBACK, &d, &l->why), E_NOT_FOUND);
  admin_close(&a);
  struct directory *all = lab_directory(l);
  assert_string_equal(all->fallback->name, "two.example"); /* a change that failed has changed nothing */
  assert_int_equal(all->fallback->rotate_us, 7);
  assert_string_equal(all->fallback->delegation, "z.example");
  assert_false(all->fallback->subdomains);
  assert_false(directory_domain(all, "one.example", false)->fallback);
  directory_release(&all);
}

static void subdomains_that_were_asked_for(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  assert_ok(admin_domain_add(a, "with.example", true, &l->why), l->why);
  assert_ok(admin_domain_add(a, "not.with.example", false, &l->why), l->why);
  admin_close(&a);
  struct directory *d = lab_directory(l);
  assert_string_equal(directory_domain(d, "a.b.with.example", true)->name, "with.example");
  assert_string_equal(directory_domain(d, "not.with.example", true)->name, "not.with.example");
  assert_string_equal(directory_domain(d, "a.not.with.example", true)->name, "with.example");
  assert_null(directory_domain(d, "a.with.example", false));
  assert_null(directory_domain(d, "example", true));
  directory_release(&d);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_successor_takes_over, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_was_seen_is_kept, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(one_successor_each, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(mail_that_it_has_signed, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(one_fallback, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(subdomains_that_were_asked_for, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
