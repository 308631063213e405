#include "store/sqlite/schema.h"
#include "tests/unit/store_lab.h"

static int setup(void **state) {
  struct lab *l = *state = calloc(1, sizeof *l);
  if (!l) return -1;
  folder_make(l->dir, sizeof l->dir);
  return 0;
}

static unsigned mode_of(const char *dir, const char *name) {
  char path[300];
  struct stat st;
  snprintf(path, sizeof path, "%s/%s", dir, name);
  assert_int_equal(stat(path, &st), 0);
  return st.st_mode & 0777;
}

static void created_for_its_user_alone(void **state) {
  struct lab *l = *state;
  mode_t before = umask(0);
  lab_open(l);
  lab_accept(l, "a", "x@example.net");
  int fd;
  assert_ok(spool_begin(l->dir, id_new(), &fd, &l->why), l->why);
  close(fd);
  umask(before);
  assert_int_equal(mode_of(l->dir, STORE_FILE), 0600);
  assert_int_equal(mode_of(l->dir, STORE_FILE "-wal"), 0600);
  assert_int_equal(mode_of(l->dir, STORE_FILE "-shm"), 0600);
  assert_int_equal(mode_of(l->dir, "spool"), 0700);
}

static void created_twice_keeps_what_is_there(void **state) {
  struct lab *l = *state;
  assert_ok(store_create(l->dir, &l->why), l->why);
  int64_t node = lab_number(l->dir, "SELECT value FROM meta WHERE key = 'node'");
  lab_add_account(l, "a");
  assert_ok(store_create(l->dir, &l->why), l->why);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM accounts"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT value FROM meta WHERE key = 'node'"), node);
  assert_in_range(node, 0, 1023);
}

static void ids_carry_the_stores_node(void **state) {
  struct lab *l = *state;
  assert_ok(store_create(l->dir, &l->why), l->why);
  lab_exec(l->dir, "UPDATE meta SET value = 777 WHERE key = 'node'");
  id_set_node(1);
  lab_open(l);
  assert_int_equal(id_new() >> 11 & 1023, 777);
  id_set_node(1);
  struct admin *a = lab_admin(l);
  assert_int_equal(id_new() >> 11 & 1023, 777);
  admin_close(&a);
}

static void an_unmade_store_is_made_by_the_gateway(void **state) {
  struct lab *l = *state;
  struct reader *r;
  lab_exec(l->dir, "PRAGMA user_version=0; VACUUM"); /* an empty database */
  assert_int_equal(reader_open(l->dir, &r, &l->why), E_NOT_FOUND);
  assert_non_null(strstr(l->why.text, "older"));
  assert_null(r);
  lab_open(l);
  lab_accept(l, "a", "x@example.net");
}

static const char *const three[] = {"CREATE TABLE one(a); INSERT INTO one VALUES (1)",
                                    "ALTER TABLE one ADD COLUMN b DEFAULT 7",
                                    "CREATE TABLE two AS SELECT a + b AS c FROM one"};
static const char *const broken[] = {"", "", "", "INSERT INTO two VALUES (9)", "INSERT INTO nowhere VALUES (1)"};

static void steps_are_taken_once_and_in_order(void **state) {
  struct lab *l = *state;
  struct sql q;
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  for (int64_t count = 1; count <= 3; count++) {
    assert_ok(schema_migrate_by(&q, three, count, &l->why), l->why);
    assert_ok(schema_migrate_by(&q, three, count, &l->why), l->why);
    assert_int_equal(lab_number(l->dir, "PRAGMA user_version"), count);
  }
  assert_int_equal(lab_number(l->dir, "SELECT sum(c) FROM two"), 8);
  assert_int_equal(schema_migrate_by(&q, three, 2, &l->why), E_NEWER);
  /* A step that fails takes those of the same run with it. */
  assert_int_equal(schema_migrate_by(&q, broken, 5, &l->why), E_IO);
  assert_non_null(strstr(l->why.text, "nowhere"));
  assert_int_equal(lab_number(l->dir, "PRAGMA user_version"), 3);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM two"), 1);
  sql_close(&q);
}

static void steps_in_one_go(void **state) {
  struct lab *l = *state;
  struct sql q;
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  assert_ok(schema_migrate_by(&q, three, 3, &l->why), l->why);
  sql_close(&q);
  assert_int_equal(lab_number(l->dir, "SELECT sum(c) FROM two"), 8);
}

/* A store of the first version, with mail in its queue, loses nothing of it. */
static void mail_of_the_first_version_is_kept(void **state) {
  struct lab *l = *state;
  struct sql q;
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  assert_ok(schema_migrate_to(&q, 1, &l->why), l->why);
  assert_int_equal(sql_exec(&q,
                            "INSERT INTO messages VALUES (7, 'blog', 'bulk', 'a@example.com', 3, 42, 100, 200,"
                            " x'41', x'42');"
                            "INSERT INTO messages VALUES (8, 'blog', 'bulk', '', 4, 42, 100, 200, x'', NULL);"
                            "INSERT INTO recipients VALUES (9, 7, 'x@example.net', 'example.net', 0, 2, 50, 'no');"),
                   OK);
  sql_close(&q);
  lab_open(l);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages WHERE id = 7 AND account = 'blog' AND pool = "
                                      "'bulk' AND reverse_path = 'a@example.com' AND flags = 3 AND size = 42 AND "
                                      "created_us = 100 AND expires_us = 200 AND prefix = x'41' AND content = x'42' "
                                      "AND envid = '' AND priority = 0 AND deliver_by_us = 0"),
                   1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages WHERE id = 8 AND content IS NULL"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE id = 9 AND attempts = 2 AND next_us = 50 "
                                      "AND last = 'no' AND notify = 0 AND orcpt = ''"),
                   1);
}

/* What an earlier version counted, in windows of the calendar, all counts on: also what came in the running second,
 * minute and hour, which may all have come at their end. */
static void usage_is_carried_over(void **state) {
  struct lab *l = *state;
  struct sql q;
  int64_t start = INT64_C(1795953600) * SECOND_US, hour = 3600 * SECOND_US, slot = hour / ROLLING_SLOTS; /* 12:00 */
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  assert_ok(schema_migrate_to(&q, 5, &l->why), l->why);
  assert_int_equal(sql_exec(&q,
                            "INSERT INTO usage VALUES ('blog', 1795953601000000, 1, 2, 3, 1795953600000000, 4, 5, 6,"
                            " 1795953600000000, 7, 8, 9, 1795910400000000, 10, 11, 12, 1793491200000000, 13, 14, 15,"
                            " 16, 17, 18, 19), ('idle', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,"
                            " 0, 0, 0, 0)"),
                   OK);
  sql_close(&q);
  clock_set_for_tests(start + SECOND_US);
  lab_open(l);
  lab_exec(l->dir, "UPDATE usage_counts SET scope = 3"); /* a reader asks for accounts by their rows */
  struct reader *r = lab_reader(l);
  struct usage u;
  const struct usage_scope blog = {.scope = SCOPE_STREAM, .owner = "blog"},
                           idle = {.scope = SCOPE_STREAM, .owner = "idle"};
  assert_int_equal(reader_usage(r, &blog, &u), OK);
  for (enum window w = 0; w < WINDOW_COUNT; w++)
    for (unsigned unit = 0; unit < 3; unit++) assert_int_equal(usage_used(&u, w)->of[unit], 1 + 3 * w + unit);
  assert_true(u.total.messages == 16 && u.total.octets == 18 && u.smooth_next_us == 19);
  assert_true(u.calendar[0].end_us == INT64_C(1795996800) * SECOND_US); /* midnight */
  assert_true(u.calendar[1].end_us == INT64_C(1796083200) * SECOND_US); /* December */
  clock_set_for_tests(start + hour);                                    /* it may have come this moment */
  assert_int_equal(reader_usage(r, &blog, &u), OK);
  assert_int_equal(usage_used(&u, WINDOW_HOUR)->messages, 7);
  clock_set_for_tests(start + 2 * hour + slot);
  assert_int_equal(reader_usage(r, &blog, &u), OK);
  assert_int_equal(usage_used(&u, WINDOW_HOUR)->messages, 0);
  assert_int_equal(usage_used(&u, WINDOW_DAY)->messages, 10);
  assert_int_equal(reader_usage(r, &idle, &u), OK);
  for (enum window w = 0; w < WINDOW_COUNT; w++) assert_int_equal(usage_used(&u, w)->messages, 0);
  clock_set_for_tests(0);
  reader_close(&r);
}

static void check_refused(struct lab *l, int rc, const char *words) {
  struct store_options options = {.log_retain_us = 0};
  struct reader *r;
  struct admin *a;
  assert_int_equal(store_create(l->dir, &l->why), rc);
  assert_non_null(strstr(l->why.text, words));
  assert_int_equal(store_open(l->dir, &options, &l->store, &l->why), rc);
  assert_null(l->store);
  assert_int_equal(reader_open(l->dir, &r, &l->why), rc);
  assert_null(r);
  assert_int_equal(admin_open(l->dir, &a, &l->why), rc);
  assert_null(a);
  assert_non_null(strstr(l->why.text, words));
}

static void a_newer_store_is_refused_and_left_alone(void **state) {
  struct lab *l = *state;
  assert_ok(store_create(l->dir, &l->why), l->why);
  lab_exec(l->dir, "PRAGMA user_version=1000");
  check_refused(l, E_NEWER, "newer");
  assert_int_equal(lab_number(l->dir, "PRAGMA user_version"), 1000);
}

static void a_damaged_version_is_refused(void **state) {
  struct lab *l = *state;
  assert_ok(store_create(l->dir, &l->why), l->why);
  lab_exec(l->dir, "PRAGMA user_version=-1");
  check_refused(l, E_IO, "damaged");
}

static void something_else_is_refused(void **state) {
  struct lab *l = *state;
  char path[300];
  snprintf(path, sizeof path, "%s/%s", l->dir, STORE_FILE);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  for (int i = 0; i < 2000; i++) fputs("this is not a database\n", f);
  fclose(f);
  check_refused(l, E_IO, "not a database");
}

static void no_store_is_said_so(void **state) {
  struct lab *l = *state;
  struct reader *r;
  struct admin *a;
  assert_int_equal(reader_open(l->dir, &r, &l->why), E_NOT_FOUND);
  assert_non_null(strstr(l->why.text, "sendoff init"));
  assert_int_equal(admin_open(l->dir, &a, &l->why), E_NOT_FOUND);
  assert_int_equal(store_create("/nonexistent/folder", &l->why), E_IO);
}

/* Root gives a command while the gateway, another user's, is not running: what is made on the way must be that user's,
 * or the gateway could not open it. */
static void files_made_by_root_belong_to_the_stores_user(void **state) {
  struct lab *l = *state;
  static const char *const made[] = {STORE_FILE "-wal", STORE_FILE "-shm"};
  char path[300];
  struct stat st;
  assert_int_equal(geteuid(), 0); /* as all tests are run */
  assert_ok(store_create(l->dir, &l->why), l->why);
  snprintf(path, sizeof path, "%s/%s", l->dir, STORE_FILE);
  assert_int_equal(chown(path, 65534, 65534), 0);
  struct admin *a = lab_admin(l);
  assert_ok(admin_domain_add(a, "example.com", true, &l->why), l->why);
  for (size_t i = 0; i < COUNT_OF(made); i++) {
    snprintf(path, sizeof path, "%s/%s", l->dir, made[i]);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_mode & 0777, 0600);
  }
  admin_close(&a);
}

/* Reading without the gateway: after an orderly end there is no log file, and none is needed. */
static void read_while_nobody_runs(void **state) {
  struct lab *l = *state;
  lab_open(l);
  lab_add_account(l, "a");
  lab_accept(l, "a", "x@example.net");
  lab_close(l);
  for (int i = 0; i < 2; i++) {
    struct seen_queue q;
    lab_queue(l, &q);
    assert_int_equal(q.count, 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(created_for_its_user_alone, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(created_twice_keeps_what_is_there, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(ids_carry_the_stores_node, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_unmade_store_is_made_by_the_gateway, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(steps_are_taken_once_and_in_order, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(steps_in_one_go, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(mail_of_the_first_version_is_kept, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(usage_is_carried_over, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_newer_store_is_refused_and_left_alone, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_damaged_version_is_refused, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(something_else_is_refused, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(no_store_is_said_so, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(files_made_by_root_belong_to_the_stores_user, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(read_while_nobody_runs, setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
