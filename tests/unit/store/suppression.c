/* The suppression lists: when a bounce puts a recipient there, until when it holds, and what is noticed of others. */
#include "store/sqlite/housekeeping.h"
#include "store/suppression_view.h"
#include "tests/unit/store_lab.h"

#define DAY (86400 * SECOND_US)
#define START (INT64_C(1790000000) * SECOND_US)

static bool bounce(struct lab *l, const char *account, const char *to, enum bounce kind, unsigned after) {
  struct letter m = lab_accept(l, account, to);
  struct recipient_outcome one = {
      .recipient_id = m.recipients[0].id,
      .event =
          {.kind = EVENT_BOUNCED, .account = account, .to = to, .code = 550, .enhanced = "5.1.1", .text = "unknown"},
      .bounce = kind};
  struct store_outcome o = {.message_id = letter_id(&m),
                            .outcomes = &one,
                            .outcome_count = 1,
                            .suppress_after = after,
                            .suppress_for_us = 30 * DAY};
  store_outcome_init(&o);
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  return one.suppressed;
}

/* Whoever asks may have gone, with all that it asked with, when the store answers. */
static bool find(struct lab *l, const char *account, const char *address, struct store_suppression_find *out) {
  struct store_suppression_find f;
  char asked[65];
  snprintf(asked, sizeof asked, "%s", account);
  assert_int_equal(store_suppression_find_init(&f, asked, address), OK);
  memset(asked, 'x', sizeof asked);
  assert_int_equal(lab_run(&l->poster, &f.op), OK);
  bool found = f.found;
  if (found) assert_true(store_maybe_suppressed(l->store, account, address)); /* never missed */
  if (out)
    *out = f;
  else
    free(f.text);
  return found;
}

static void three_hard_bounces_within_a_week(void **state) {
  struct lab *l = *state;
  lab_add_account(l, "a");
  clock_set_for_tests(START);
  assert_false(bounce(l, "a", "R@example.net", BOUNCE_HARD, 3));
  clock_set_for_tests(START + 6 * DAY);
  assert_false(bounce(l, "a", "r@EXAMPLE.net", BOUNCE_HARD, 3));
  assert_false(bounce(l, "a", "r@example.net", BOUNCE_SOFT, 3));
  assert_false(bounce(l, "a", "r@example.net", BOUNCE_NONE, 3));
  clock_set_for_tests(START + 7 * DAY + 1); /* the first is of more than a week ago */
  assert_false(bounce(l, "a", "r@example.net", BOUNCE_HARD, 3));
  assert_false(store_maybe_suppressed(l->store, "a", "r@example.net"));
  clock_set_for_tests(START + 8 * DAY);
  assert_true(bounce(l, "a", "\"r\"@example.net", BOUNCE_HARD, 3));
  struct store_suppression_find f;
  assert_true(find(l, "a", "R@example.NET", &f));
  assert_int_equal(f.bounces.hard, 3);
  assert_int_equal(f.bounces.soft, 1);
  assert_int_equal(f.entry.code, 550);
  assert_string_equal(f.entry.text, "unknown");
  assert_int_equal(f.entry.expires_us, START + 38 * DAY);
  free(f.text);
  assert_false(find(l, "b", "r@example.net", NULL));
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE kind = 10 AND rule = 'suppression'"), 1);
  /* Mail that was under way prolongs, and is no news. */
  clock_set_for_tests(START + 9 * DAY);
  assert_false(bounce(l, "a", "r@example.net", BOUNCE_HARD, 3));
  assert_int_equal(lab_number(l->dir, "SELECT expires_us FROM suppressions"), START + 39 * DAY);
  lab_reopen(l);
  assert_true(find(l, "a", "r@example.net", NULL));
  clock_set_for_tests(START + 39 * DAY - 1);
  assert_true(find(l, "a", "r@example.net", NULL));
  clock_set_for_tests(START + 39 * DAY); /* to the microsecond, though the row is there */
  assert_false(find(l, "a", "r@example.net", NULL));
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppressions"), 1);
}

static void who_counts(void **state) {
  struct lab *l = *state;
  lab_add_account(l, "a");
  assert_false(bounce(l, "", "r@example.net", BOUNCE_HARD, 1));     /* nobody's mail */
  assert_false(bounce(l, "gone", "r@example.net", BOUNCE_HARD, 1)); /* of an account that was removed */
  assert_false(bounce(l, "a", "r@example.net", BOUNCE_HARD, 0));
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppression_hits"), 1);
  assert_true(bounce(l, "a", "q@example.net", BOUNCE_HARD, 1));
  struct admin *admin = lab_admin(l);
  assert_ok(admin_suppression_remove(admin, "a", "q@example.net", &l->why), l->why);
  assert_int_equal(admin_suppression_remove(admin, "a", "q@example.net", &l->why), E_NOT_FOUND);
  assert_false(find(l, "a", "q@example.net", NULL)); /* at once, whatever the view says */
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppression_hits WHERE address = 'q@example.net'"), 0);
  assert_true(bounce(l, "a", "q@example.net", BOUNCE_HARD, 1));
  assert_ok(admin_account_remove(admin, "a", &l->why), l->why);
  admin_close(&admin);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppressions"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT value FROM meta WHERE key = 'suppressions'"), 0);
}

static void what_commands_add_is_noticed(void **state) {
  struct lab *l = *state;
  static char addresses[SUPPRESSION_PART][32];
  static struct suppression all[SUPPRESSION_PART];
  struct admin *admin = lab_admin(l);
  struct suppression_added done = {0};
  int64_t now = clock_now_us();
  for (int part = 0; part < 6; part++) {
    for (size_t i = 0; i < SUPPRESSION_PART; i++) {
      snprintf(addresses[i], sizeof addresses[i], "u%d-%zu@example.net", part, i);
      all[i] = (struct suppression){.account = "",
                                    .address = addresses[i],
                                    .origin = SUPPRESSION_IMPORT,
                                    .added_us = now,
                                    .expires_us = now + DAY};
    }
    assert_ok(admin_suppression_add(admin, all, SUPPRESSION_PART, true, &done, &l->why), l->why);
  }
  assert_int_equal(done.added, 6 * SUPPRESSION_PART);
  assert_ok(admin_suppression_add(admin, all, 1, true, &done, &l->why), l->why);
  assert_int_equal(done.kept, 1);
  assert_int_equal(
      admin_suppression_add(admin, &(struct suppression){.account = "no", .address = "x@y"}, 1, true, &done, &l->why),
      E_NOT_FOUND);
  admin_close(&admin);
  assert_false(store_maybe_suppressed(l->store, "a", "u5-999@example.net"));
  struct store_suppression_notice n;
  int pieces = 0;
  do {
    store_suppression_notice_init(&n);
    assert_int_equal(lab_run(&l->poster, &n.op), OK);
    pieces++;
  } while (n.more);
  assert_int_equal(pieces, 2);
  assert_true(store_maybe_suppressed(l->store, "a", "U5-999@example.net"));
  assert_false(store_maybe_suppressed(l->store, "a", "u6-0@example.net"));
  assert_true(find(l, "a", "u5-999@example.net", NULL));
}

static void the_longer_of_two_holds(void **state) {
  struct lab *l = *state;
  lab_add_account(l, "a");
  struct admin *admin = lab_admin(l);
  struct suppression_added done = {0};
  int64_t now = clock_now_us();
  struct suppression own = {.account = "a",
                            .address = "r@example.net",
                            .origin = SUPPRESSION_MANUAL,
                            .added_us = now,
                            .expires_us = now + DAY};
  struct suppression every = {
      .account = "", .address = "r@example.net", .origin = SUPPRESSION_MANUAL, .reason = "asked", .added_us = now};
  struct store_suppression_find f;
  struct store_suppression_notice n;
  assert_ok(admin_suppression_add(admin, &own, 1, false, &done, &l->why), l->why);
  assert_ok(admin_suppression_add(admin, &every, 1, false, &done, &l->why), l->why);
  store_suppression_notice_init(&n);
  assert_int_equal(lab_run(&l->poster, &n.op), OK);
  assert_true(find(l, "a", "r@example.net", &f));
  assert_string_equal(f.entry.reason, "asked");
  free(f.text);
  assert_int_equal(admin_account_remove(admin, "", &l->why), E_NOT_FOUND); /* everybody's list is no account's */
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppressions WHERE account = ''"), 1);
  own.expires_us = now + 1; /* a person's word replaces, also by what is shorter */
  assert_ok(admin_suppression_add(admin, &own, 1, false, &done, &l->why), l->why);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppressions WHERE account = 'a'"), 1);
  assert_true(lab_number(l->dir, "SELECT expires_us FROM suppressions WHERE account = 'a'") == now + 1);
  assert_int_equal(lab_number(l->dir, "SELECT value FROM meta WHERE key = 'suppressions'"), 2);
  /* Full: a person is told; a bounce takes the place of an older one. */
  lab_exec(l->dir, "UPDATE suppression_lists SET entries = 1000000 WHERE account = 'a'");
  own.address = "s@example.net";
  assert_int_equal(admin_suppression_add(admin, &own, 1, false, &done, &l->why), E_LIMIT);
  admin_close(&admin);
  assert_false(bounce(l, "a", "t@example.net", BOUNCE_HARD, 1));
  lab_exec(l->dir, "UPDATE suppressions SET origin = 0 WHERE account = 'a'");
  assert_true(bounce(l, "a", "t@example.net", BOUNCE_HARD, 1));
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppressions WHERE account = 'a'"), 1);
}

static void expired_ones_are_purged_and_the_view_is_built_anew(void **state) {
  struct lab *l = *state;
  struct sql q;
  struct housekeeping h;
  struct suppression_view *v = suppression_view_new();
  char address[32];
  lab_close(l);
  clock_set_for_tests(START);
  lab_exec(
      l->dir,
      "INSERT INTO suppressions(account, address, origin, reason, code, enhanced, text, message_id, added_us, "
      "expires_us)"
      " VALUES ('', 'old@example.net', 0, '', 0, '', '', 0, 1, 1), ('', 'new@example.net', 0, '', 0, '', '', 0, 1, 0);"
      "INSERT INTO suppression_hits(account, address, hard, at_us) VALUES ('', 'x@y', 1, 5)");
  for (int i = 0; i < 10010; i++) {
    snprintf(address, sizeof address, "gone%d@example.net", i);
    suppression_view_put(v, "", address);
  }
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  assert_int_equal(housekeeping_init(&h, &q, v, &(struct store_options){0}, 1000), OK);
  housekeeping_run(&h, 1000);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppressions"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM suppression_hits"), 0);
  assert_int_equal(suppression_view_count(v), 1);
  assert_true(suppression_view_has(v, "", "new@example.net"));
  assert_false(suppression_view_has(v, "", "gone7@example.net"));
  suppression_view_free(&v);
  housekeeping_free(&h);
  sql_close(&q);
}

static void the_view_is_full(void **state) {
  struct suppression_view *v = suppression_view_new();
  char address[32];
  (void)state;
  assert_true(suppression_view_is_empty(v));
  for (size_t i = 0; i < SUPPRESSION_VIEW_MAX; i++) {
    snprintf(address, sizeof address, "%zu@x", i);
    suppression_view_put(v, "a", address);
  }
  assert_false(suppression_view_has(v, "a", "other@x"));
  assert_false(suppression_view_has(v, "b", "7@x"));
  assert_true(suppression_view_has(v, "a", "7@x"));
  suppression_view_put(v, "a", "one more@x");
  assert_true(suppression_view_has(v, "a", "other@x")); /* no wrong "no" */
  suppression_view_rebuild_begin(v);
  suppression_view_put(v, "a", "left@x");
  suppression_view_rebuild_end(v);
  assert_false(suppression_view_has(v, "a", "other@x"));
  assert_true(suppression_view_has(v, "a", "left@x"));
  suppression_view_free(&v);
}

#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

int main(void) {
  static const struct CMUnitTest tests[] = {IN_A_STORE(three_hard_bounces_within_a_week),
                                            IN_A_STORE(who_counts),
                                            IN_A_STORE(what_commands_add_is_noticed),
                                            IN_A_STORE(the_longer_of_two_holds),
                                            IN_A_STORE(expired_ones_are_purged_and_the_view_is_built_anew),
                                            cmocka_unit_test(the_view_is_full)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
