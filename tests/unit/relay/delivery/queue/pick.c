/* What the reader of the queue takes: what is due, and behind a start at once what was never attempted before it. */
#include "relay/delivery/queue/pick.h"

#include "relay/delivery/delivery.h"
#include "tests/unit/store_lab.h"

#define DOMAIN "many.test"
#define START INT64_C(1790000000000000)

static uv_loop_t loop;

/* A row of one recipient; times in seconds from the start. `next`: when the reader sees it first, or again. */
struct row {
  int created, next, attempts;
  int deadline; /* 0: none (RFC 2852 by-mode R) */
};

static int64_t at(int seconds) {
  return START + seconds * SECOND_US;
}

static void add(struct lab *l, const struct row *r) {
  struct letter m;
  char sql[200];
  letter_make(&m, "a", "r@" DOMAIN);
  struct envelope *e = &m.accept.message.envelope;
  e->created_us = at(r->created);
  if (r->deadline) e->flags |= MESSAGE_BY_RETURN;
  if (r->deadline) e->deliver_by_us = at(r->deadline);
  m.accept.message.first_attempt_us = at(r->next);
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  snprintf(sql, sizeof sql, "UPDATE recipients SET attempts = %d WHERE message_id = %lld", r->attempts,
           (long long)letter_id(&m));
  lab_exec(l->dir, sql);
}

struct picked {
  size_t count, jobs;
  int64_t next_us;
  bool more, done;
};

static void on_picked(void *arg, struct pick *p) {
  struct picked *out = arg;
  assert_int_equal(p->result, OK);
  assert_int_equal(p->rows[0].result, OK);
  for (const struct job *j = p->rows[0].jobs; j; j = j->next, out->jobs++) out->count += j->recipient_count;
  out->next_us = p->rows[0].next_us;
  out->more = p->rows[0].more;
  out->done = true;
}

/* At so many seconds behind the start. */
static struct picked pick_over(struct lab *l, int now, size_t limit, int64_t over_us) {
  struct picker *picker;
  struct picked out = {0};
  uv_loop_init(&loop);
  assert_ok(picker_new(&loop, l->dir, &picker, &l->why), l->why);
  struct pick *p = picker_prepare(picker, PICK_ROWS);
  p->now_us = at(now);
  p->started_us = START;
  p->rows_count = 1;
  p->rows[0] = (struct pick_rows){.domain = strdup(DOMAIN), .lane = "a", .limit = limit, .over_us = over_us};
  picker_run(picker, on_picked, &out);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_true(out.done);
  picker_free(&picker);
  uv_loop_close(&loop);
  return out;
}

static struct picked pick_at(struct lab *l, int now, size_t limit) {
  return pick_over(l, now, limit, 0);
}

static int setup(void **state) {
  int rc = lab_setup(state);
  clock_set_for_tests(START);
  lab_add_account(*state, "a");
  return rc;
}

static void test_what_is_taken(void **state) {
  (void)state;
  static const struct {
    const char *what;
    struct row row;
    bool taken; /* at once */
  } cases[] = {
      {"never attempted, before the start", {-2, 28, 0, 0}, true},
      {"handed over in this run", {1, 31, 0, 0}, false},
      {"a retry before that time", {-5, 25, 1, 0}, false},
      {"held by its sender (RFC 4865)", {-2, 27, 0, 0}, false},
      {"due", {-90, -1, 2, 0}, true},
      {"its time is over before the grace is", {-2, 9, 0, 9}, true},
      {"the same, attempted", {-2, 9, 1, 9}, false},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct lab *l;
    setup((void **)&l);
    add(l, &cases[i].row);
    struct picked got = pick_at(l, 0, 100);
    if (got.count != cases[i].taken) fail_msg("%s: %zu", cases[i].what, got.count);
    if (!cases[i].taken) assert_int_equal(got.next_us, at(cases[i].row.next));
    lab_teardown((void **)&l);
  }
}

/* Those that have a time of their own stand before them. */
static void test_behind_others(void **state) {
  struct lab *l = *state;
  add(l, &(struct row){-90, 5, 1, 0});
  add(l, &(struct row){-90, 9, 3, 0});
  add(l, &(struct row){-3, 27, 0, 0});
  add(l, &(struct row){-90, 28, 1, 0});
  add(l, &(struct row){-1, 29, 0, 0});
  add(l, &(struct row){-90, 300, 1, 0});
  struct picked got = pick_at(l, 0, 100);
  assert_int_equal(got.count, 2);
  assert_int_equal(got.next_us, at(5)); /* of the first that waits */
  assert_int_equal(pick_at(l, 10, 100).count, 4);
}

/* More than one read takes: the next one is no other. */
static void test_many(void **state) {
  struct lab *l = *state;
  for (int i = 0; i < 30; i++) add(l, &(struct row){-2, 28, 0, 0});
  for (size_t limit = 10; limit <= 30; limit += 10) { /* those before are in flight, and not taken twice */
    struct picked got = pick_at(l, 0, limit);
    assert_int_equal(got.count, limit);
    assert_int_equal(got.more, limit < 30);
  }
  for (int i = 0; i < 12; i++) add(l, &(struct row){-90, 3 + i, 1, 0});
  assert_int_equal(pick_at(l, 0, 30).count, 30);
}

/* The probe of their site has been answered: what was tried, and waited for it, is due. What its sender holds is not.
 */
static void test_waited_for_a_probe(void **state) {
  struct lab *l = *state;
  add(l, &(struct row){-90, 400, 0, 0});
  for (int i = 0; i < 5; i++) add(l, &(struct row){-90, 600, 1, 0});
  add(l, &(struct row){-90, 700, 1, 0});
  assert_int_equal(pick_at(l, 0, 100).count, 0);
  struct picked got = pick_over(l, 0, 100, at(600));
  assert_int_equal(got.count, 5);
  assert_int_equal(got.next_us, at(400));
  assert_true(pick_over(l, 0, 3, at(600)).more);
}

/* A job leaves from one source. */
static void test_parted_by_pool_and_source(void **state) {
  static const struct {
    const char *what, *change;
    size_t jobs;
  } cases[] = {
      {"alike", "UPDATE recipients SET source = '192.0.2.1'", 1},
      {"one was moved", "UPDATE recipients SET pool = 'bulk' WHERE address LIKE 'c%'", 2},
      {"one was tried before", "UPDATE recipients SET source = '192.0.2.1' WHERE address LIKE 'c%'", 2},
      {"both are back", "UPDATE recipients SET pool = '', source = ''", 1},
  };
  struct lab *l = *state;
  struct letter m;
  letter_to(&m, "a", (const char *const[]){"a@" DOMAIN, "b@" DOMAIN, "c@" DOMAIN, NULL});
  m.accept.message.first_attempt_us = at(-1);
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    lab_exec(l->dir, cases[i].change);
    struct picked got = pick_at(l, 0, 100);
    if (got.count != 3 || got.jobs != cases[i].jobs) fail_msg("%s: %zu, %zu", cases[i].what, got.count, got.jobs);
    lab_exec(l->dir, "UPDATE recipients SET pool = '', source = ''");
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_taken),
      cmocka_unit_test_setup_teardown(test_behind_others, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(test_waited_for_a_probe, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(test_many, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(test_parted_by_pool_and_source, setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
