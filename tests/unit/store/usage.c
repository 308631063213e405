/* What an account has used: decided and counted exactly, in the transaction that keeps the message. */
#include "tests/unit/store_lab.h"

#include <stdatomic.h>

/* --- limits under concurrency --- */

#define POSTERS 4
#define EACH 250
#define ALLOWED 400

static const struct limit allowed = {.count = ALLOWED, .unit = LIMIT_MESSAGES, .window = WINDOW_MONTH};

struct crowd {
  struct store *store;
  enum scope limited;
  atomic_int accepted, refused, other;
};

static void *post_many(void *arg) {
  struct crowd *c = arg;
  struct poster p;
  struct letter *all = calloc(EACH, sizeof *all);
  poster_init(&p, c->store);
  for (size_t i = 0; i < EACH; i++) {
    letter_make(&all[i], "blog", "a@x.example");
    letter_scopes(&all[i], c->limited, &allowed, 1);
    lab_post(&p, &all[i].accept.op);
    if (i % 7 == 0) lab_wait(&p);
  }
  lab_wait(&p);
  for (size_t i = 0; i < EACH; i++) {
    int rc = all[i].accept.op.result;
    atomic_fetch_add(rc == OK ? &c->accepted : rc == E_LIMIT ? &c->refused : &c->other, 1);
  }
  poster_free(&p);
  free(all);
  return NULL;
}

static void check_usage(struct lab *l, const char *account, uint64_t messages, uint64_t recipients, uint64_t octets) {
  struct reader *r = lab_reader(l);
  struct usage u;
  assert_int_equal(account_used(r, account, &u), OK);
  assert_int_equal(u.total.messages, messages);
  assert_int_equal(u.total.recipients, recipients);
  assert_int_equal(u.total.octets, octets);
  reader_close(&r);
}

static void post_by_all(struct lab *l, enum scope limited) {
  struct crowd c = {.store = l->store, .limited = limited};
  pthread_t threads[POSTERS];
  for (size_t i = 0; i < POSTERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, post_many, &c), 0);
  for (size_t i = 0; i < POSTERS; i++) pthread_join(threads[i], NULL);
  assert_int_equal(c.accepted, ALLOWED);
  assert_int_equal(c.refused, POSTERS * EACH - ALLOWED);
  assert_int_equal(c.other, 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), ALLOWED);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE kind = 0"), ALLOWED);
  check_usage(l, "blog", ALLOWED, ALLOWED, 10 * ALLOWED);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM usage_counts WHERE total_messages = 400"), SCOPE_COUNT);
}

/* Whoever's limit it is, no more is let in, and everybody's count is what was kept. */
static void a_limit_is_exact_under_concurrency(void **state) {
  struct lab *l = *state;
  lab_add_account(l, "blog");
  for (enum scope limited = 0; limited < SCOPE_COUNT; limited++) {
    post_by_all(l, limited);
    lab_exec(l->dir, "DELETE FROM usage_counts; DELETE FROM messages; DELETE FROM events");
  }
}

/* --- warnings --- */

static const struct limit ten = {.count = 10, .window = WINDOW_MONTH, .text = "10/month"};

/* Once each, in the log with the message that reached it, and for who posted it; not again after a restart. */
static void warned_once(void **state) {
  struct lab *l = *state;
  for (enum scope limited = 0; limited < SCOPE_COUNT; limited++) {
    for (unsigned i = 1; i <= 11; i++) {
      struct letter m;
      letter_make(&m, "blog", "a@x.example");
      letter_scopes(&m, limited, &ten, 1);
      assert_int_equal(lab_run(&l->poster, &m.accept.op), i <= 10 ? OK : E_LIMIT);
      assert_int_equal(m.accept.warning_count, i == 8 || i == 10);
      if (i == 11) assert_ptr_equal(m.accept.limit.scope, &m.accept.scopes[limited]);
      if (m.accept.warning_count) {
        assert_int_equal(m.accept.warnings[0].warning.percent, i == 8 ? 80 : 95);
        assert_ptr_equal(m.accept.warnings[0].scope, &m.accept.scopes[limited]);
      }
      lab_reopen(l);
    }
    lab_exec(l->dir, "DELETE FROM usage_counts");
  }
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE kind = 9"), 2 * SCOPE_COUNT);
  for (unsigned i = 0; i < 4; i++) {
    static const char *const sql[] = {
        "SELECT count(*) FROM events WHERE text LIKE 'gateway: 80 % of 10/month used (8); resets %' AND "
        "account = ''"
        " AND rule = 'limit' AND numbers LIKE 'used=8 count=10 percent=80 resets_us=%'",
        "SELECT count(*) FROM events WHERE text LIKE 'example.com: 95 % of 10/month used (10)%' AND "
        "account = ''",
        "SELECT count(*) FROM events WHERE text LIKE 'blog: 95 %' AND account = 'blog'",
        "SELECT count(*) FROM events WHERE text LIKE 'blog/bulk: 80 %' AND account = 'blog'"};
    assert_int_equal(lab_number(l->dir, sql[i]), 1);
  }
}

/* What one owner refuses counts for nobody, and takes nobody's slot. */
static void refused_counts_for_nobody(void **state) {
  struct lab *l = *state;
  static const struct limit once = {.count = 1, .unit = LIMIT_OCTETS, .per_message = true},
                            slow = {.count = 1, .window = WINDOW_HOUR, .action = LIMIT_SMOOTH};
  struct letter m;
  letter_make(&m, "blog", "a@x.example");
  letter_scopes(&m, SCOPE_STREAM, &once, 1);
  m.accept.scopes[SCOPE_GATEWAY].limits = &slow;
  m.accept.scopes[SCOPE_GATEWAY].limit_count = 1;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_LIMIT);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM usage_counts"), 0);
  m.accept.scopes[SCOPE_STREAM].limit_count = 0;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  assert_int_equal(m.accept.limit.not_before_us, 0); /* the first slot is there still */
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM usage_counts WHERE smooth_next_us > 0"), 1);
}

/* A row that cannot be read lets nothing in. */
static void damaged_usage_refuses(void **state) {
  struct lab *l = *state;
  struct letter m;
  lab_accept(l, "blog", "a@x.example");
  lab_exec(l->dir, "UPDATE usage_counts SET rolling = 'x'");
  letter_make(&m, "blog", "a@x.example");
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_IO);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 1);
}

/* --- exactness --- */

static void exact_after_reopening(void **state) {
  struct lab *l = *state;
  lab_add_account(l, "blog");
  lab_add_account(l, "shop");
  for (int round = 0; round < 3; round++) {
    struct letter m;
    letter_to(&m, "blog", (const char *const[]){"a@x.example", "b@x.example", "c@x.example", NULL});
    assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
    lab_accept(l, "shop", "a@x.example");
    lab_reopen(l);
  }
  check_usage(l, "blog", 3, 9, 30);
  check_usage(l, "shop", 3, 3, 30);
  struct reader *r = lab_reader(l);
  struct usage u;
  assert_int_equal(account_used(r, "nobody", &u), E_NOT_FOUND);
  reader_close(&r);
}

/* A set of operations of which some are bad, all posted while the writer is held up, so that they share a batch. */
static void block_writer(struct lab *l, sqlite3 **db) {
  *db = lab_database(l->dir);
  assert_int_equal(sqlite3_exec(*db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void one_bad_operation_fails_alone_and_nothing_counts_twice(void **state) {
  struct lab *l = *state;
  sqlite3 *db;
  struct letter first = lab_accept(l, "blog", "a@x.example"), all[9];
  struct store_counters before, after;
  lab_add_account(l, "blog");
  lab_add_account(l, "shop");
  check_usage(l, "blog", 0, 0, 0); /* what a name's earlier owner left is not the new account's */
  store_counters(l->store, &before);
  block_writer(l, &db);
  for (size_t i = 0; i < COUNT_OF(all); i++) {
    letter_make(&all[i], i % 2 ? "shop" : "blog", "a@x.example");
    if (i == 4) all[i].accept.message.envelope.id = letter_id(&first);
    if (i == 6) all[i].accept.message.recipient_count = 0;
    lab_post(&l->poster, &all[i].accept.op);
  }
  sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  sqlite3_close(db);
  lab_wait(&l->poster);
  for (size_t i = 0; i < COUNT_OF(all); i++)
    assert_int_equal(all[i].accept.op.result, i == 4 ? E_EXISTS : i == 6 ? E_SYNTAX : OK);
  check_usage(l, "blog", 3, 3, 30); /* 0, 2 and 8 */
  check_usage(l, "shop", 4, 4, 40);
  do {
    store_counters(l->store, &after);
    usleep(1000);
  } while (after.operations < before.operations + 7);
  assert_true(after.failed_commits > before.failed_commits + 2); /* the batch, and each bad one by itself */
  lab_accept(l, "blog", "a@x.example");
  check_usage(l, "blog", 4, 4, 40);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 9);
}

/* A smoothed limit that lets it in, and one that does not. */
static const struct limit no_and_smooth[] = {
    {.count = 1, .unit = LIMIT_MESSAGES, .window = WINDOW_HOUR, .action = LIMIT_SMOOTH},
    {.count = 1, .unit = LIMIT_OCTETS, .per_message = true}};

static const struct limit hourly = {.count = 1, .unit = LIMIT_MESSAGES, .window = WINDOW_HOUR, .action = LIMIT_SMOOTH};

static void a_refusal_leaves_no_trace(void **state) {
  struct lab *l = *state;
  struct letter m;
  lab_add_account(l, "blog");
  letter_make(&m, "blog", "a@x.example");
  letter_limit(&m, no_and_smooth, 2);
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_LIMIT);
  assert_ptr_equal(m.accept.limit.rule, &no_and_smooth[1]);
  assert_int_equal(m.accept.limit.asked, 10);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events"), 0);
  lab_accept(l, "blog", "a@x.example");
  check_usage(l, "blog", 1, 1, 10);
  assert_int_equal(lab_number(l->dir, "SELECT smooth_next_us FROM usage_counts"), 0);
}

static void smoothing_is_kept(void **state) {
  struct lab *l = *state;
  struct letter m;
  struct seen_queue q;
  int64_t now = INT64_C(1795953600) * SECOND_US, hour = 3600 * SECOND_US;
  clock_set_for_tests(now);
  for (int64_t i = 0; i <= 3; i++) {
    letter_make(&m, "blog", "a@x.example");
    letter_limit(&m, &hourly, 1);
    if (i == 2) m.accept.message.envelope.flags = MESSAGE_BY_RETURN; /* its deadline comes first */
    m.accept.message.envelope.deliver_by_us = now + 90 * 60 * SECOND_US;
    if (i == 3) m.accept.message.not_before_us = now + 9 * hour; /* it is held for longer than that */
    int64_t first = m.accept.message.first_attempt_us = i == 3 ? now + 9 * hour : now + 5;
    int64_t lives = m.accept.message.envelope.expires_us - m.accept.message.envelope.created_us;
    int64_t wanted = i == 0 || i == 3 ? first : i == 2 ? now + 90 * 60 * SECOND_US : now + i * hour;
    assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
    assert_int_equal(m.accept.limit.not_before_us, i ? now + i * hour : 0);
    lab_queue(l, &q);
    assert_int_equal(q.all[i].next_us, wanted);
    if (i == 1) { /* as long as other mail, once it may leave */
      assert_true(lab_number(l->dir, "SELECT max(expires_us) FROM messages") == now + hour + lives);
      assert_int_equal(m.accept.message.envelope.expires_us, now + hour + lives);
    }
    lab_reopen(l);
  }
  assert_true(lab_number(l->dir, "SELECT smooth_next_us FROM usage_counts") == now + 4 * hour);
  clock_set_for_tests(0);
}

/* The loops see what is committed, and nothing else: not what was refused, nor an earlier account of that name; and
 * they see it after a restart. */
static void usage_is_seen_from_memory(void **state) {
  struct lab *l = *state;
  struct letter m;
  struct usage u;
  const struct usage_scope blog = {.scope = SCOPE_ACCOUNT, .owner = "blog"},
                           shop = {.scope = SCOPE_ACCOUNT, .owner = "shop"},
                           later = {
                               .scope = SCOPE_ACCOUNT, .owner = "blog", .since_us = clock_now_us() + 60 * SECOND_US};
  store_usage(l->store, &blog, &u);
  assert_int_equal(u.total.messages, 0);
  lab_accept(l, "blog", "a@x.example");
  lab_accept(l, "shop", "a@x.example");
  lab_accept(l, "blog", "a@x.example");
  letter_make(&m, "blog", "a@x.example");
  letter_limit(&m, no_and_smooth, 2);
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_LIMIT);
  for (int again = 0; again < 2; again++) {
    store_usage(l->store, &blog, &u);
    assert_int_equal(u.total.messages, 2);
    assert_int_equal(usage_used(&u, WINDOW_MONTH)->messages, 2);
    assert_int_equal(u.smooth_next_us, 0);
    store_usage(l->store, &shop, &u);
    assert_int_equal(u.total.messages, 1);
    store_usage(l->store, &later, &u);
    assert_int_equal(u.total.messages, 0);
    lab_reopen(l);
  }
}

/* The writer keeps usage in memory; what the command line changed meanwhile must not come back. */
static void another_connection_is_noticed(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  lab_add_account(l, "blog");
  lab_accept(l, "blog", "a@x.example");
  assert_ok(admin_account_remove(a, "blog", &l->why), l->why);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM usage_counts"), 0);
  assert_ok(admin_account_add(a, &(struct account){.name = "blog"}, &l->why), l->why);
  lab_accept(l, "blog", "a@x.example");
  check_usage(l, "blog", 1, 1, 10);
  lab_exec(l->dir, "UPDATE usage_counts SET total_messages = 500");
  lab_accept(l, "blog", "a@x.example");
  check_usage(l, "blog", 501, 2, 20);
  admin_close(&a);
}

static void windows_roll(void **state) {
  struct lab *l = *state;
  struct usage u;
  int64_t noon = INT64_C(1795953600) * SECOND_US; /* 2026-11-29 12:00 UTC, a Sunday of no importance */
  lab_add_account(l, "blog");
  clock_set_for_tests(noon);
  lab_accept(l, "blog", "a@x.example");
  lab_accept(l, "blog", "a@x.example");
  clock_set_for_tests(noon + 3781 * SECOND_US); /* an hour, and a slot */
  lab_accept(l, "blog", "a@x.example");
  struct reader *r = lab_reader(l);
  assert_int_equal(account_used(r, "blog", &u), OK);
  assert_int_equal(usage_used(&u, WINDOW_HOUR)->messages, 1);
  assert_int_equal(usage_used(&u, WINDOW_DAY)->messages, 3);
  clock_set_for_tests(noon + 86400 * SECOND_US);
  assert_int_equal(account_used(r, "blog", &u), OK);
  assert_int_equal(usage_used(&u, WINDOW_DAY)->messages, 0);
  assert_int_equal(usage_used(&u, WINDOW_MONTH)->messages, 3);
  assert_int_equal(u.total.messages, 3);
  reader_close(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_limit_is_exact_under_concurrency, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(warned_once, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(refused_counts_for_nobody, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(damaged_usage_refuses, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(exact_after_reopening, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(one_bad_operation_fails_alone_and_nothing_counts_twice, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_refusal_leaves_no_trace, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(smoothing_is_kept, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(usage_is_seen_from_memory, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(another_connection_is_noticed, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(windows_roll, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
