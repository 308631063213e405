/* The same submission after the first one has ended, in every way that a message can end: what was not delivered, and
 * will not be, is taken again; what was, or still will be, is not. */
#include "tests/unit/store_lab.h"

#define WINDOW (600 * SECOND_US)

static const struct idempotency_key key = {.octets = "fifteen octets."};
static const char *const three[] = {"a@x.example", "b@x.example", "c@y.example", NULL};

static int setup(void **state) {
  return lab_setup_idempotency(state, WINDOW);
}

/* What a submission led to: its own id, the one that it repeats (0: none), how many recipients it was kept for. */
struct submitted {
  int64_t id, repeats, recipients[LETTER_RECIPIENTS];
  size_t kept;
};

static struct submitted submit(struct lab *l, const char *const *to) {
  struct letter m;
  letter_to(&m, "blog", to);
  m.accept.key = &key;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  struct submitted s = {.id = letter_id(&m), .repeats = m.accept.duplicate_of};
  for (size_t i = 0; i < m.accept.message.recipient_count; i++) {
    s.recipients[i] = m.recipients[i].id;
    s.kept += !s.repeats && !(m.accept.covered && m.accept.covered[i]);
  }
  free(m.accept.covered);
  return s;
}

static void end(struct lab *l, const struct submitted *s, size_t which, enum event_kind kind) {
  assert_int_equal(lab_outcome(l, s->id, s->recipients[which], kind, clock_now_us() + SECOND_US, NULL), OK);
}

static void command(struct lab *l, enum queue_action action, const struct queue_filter *which) {
  struct admin *a = lab_admin(l);
  struct queue_changed changed;
  assert_ok(admin_queue(a, which, &(struct queue_change){.action = action}, &changed, &l->why), l->why);
  assert_true(changed.recipients > 0);
  admin_close(&a);
}

static const char *const one[] = {"a@x.example", NULL};

static const struct {
  enum event_kind kind;
  bool again; /* the same submission is a message of its own after that */
} ends[] = {{EVENT_DELIVERED, false}, {EVENT_DEFERRED, false}, {EVENT_HELD, false},  {EVENT_RELEASED, false},
            {EVENT_BOUNCED, true},    {EVENT_EXPIRED, true},   {EVENT_DROPPED, true}};

static void every_end(void **state) {
  struct lab *l = *state;
  for (size_t i = 0; i < COUNT_OF(ends); i++) {
    lab_teardown(state);
    setup(state);
    l = *state;
    struct submitted first = submit(l, one), second;
    end(l, &first, 0, ends[i].kind);
    second = submit(l, one);
    assert_int_equal(second.repeats, ends[i].again ? 0 : first.id);
    if (!ends[i].again) continue;
    assert_int_equal(submit(l, one).repeats, second.id); /* the second is the one that waits now */
    end(l, &second, 0, EVENT_DELIVERED);
    assert_int_equal(submit(l, one).repeats, second.id);
  }
}

static void dropped_by_command(void **state) {
  struct lab *l = *state;
  struct submitted first = submit(l, one);
  command(l, QUEUE_HOLD, &(struct queue_filter){.message_id = first.id, .state = -1});
  assert_int_equal(submit(l, one).repeats, first.id);
  command(l, QUEUE_DROP, &(struct queue_filter){.message_id = first.id, .state = -1});
  struct submitted second = submit(l, one);
  assert_int_equal(second.repeats, 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 1);
}

static void only_those_that_failed(void **state) {
  struct lab *l = *state;
  struct submitted first = submit(l, three);
  end(l, &first, 0, EVENT_DELIVERED);
  end(l, &first, 1, EVENT_BOUNCED); /* the third still waits */
  struct submitted second = submit(l, three);
  assert_int_equal(second.repeats, 0);
  assert_int_equal(second.kept, 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE address = 'b@x.example'"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE address = 'c@y.example'"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 2);
  assert_int_equal(lab_number(l->dir, "SELECT total_recipients FROM usage_counts"), 4);
  assert_int_equal(submit(l, three).repeats, second.id);
}

/* The third fails after the second submission left it to the first one: it is nobody's, so it is taken again. */
static void what_fails_later(void **state) {
  struct lab *l = *state;
  struct submitted first = submit(l, three);
  end(l, &first, 0, EVENT_DELIVERED);
  end(l, &first, 1, EVENT_BOUNCED);
  struct submitted second = submit(l, three);
  end(l, &first, 2, EVENT_EXPIRED);
  struct submitted third = submit(l, three);
  assert_int_equal(third.repeats, 0);
  assert_int_equal(third.kept, 1);
  end(l, &second, 1, EVENT_BOUNCED);
  end(l, &third, 2, EVENT_DELIVERED);
  struct submitted fourth = submit(l, three);
  assert_int_equal(fourth.kept, 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE address = 'b@x.example'"), 1);
}

static void a_restart_forgets_nothing(void **state) {
  struct lab *l = *state;
  struct submitted first = submit(l, three);
  end(l, &first, 1, EVENT_BOUNCED);
  lab_reopen(l);
  assert_int_equal(submit(l, three).kept, 1);
}

/* The outcome and the repeat in one batch: decided in the order in which they were posted. */
static void in_the_same_transaction(void **state) {
  struct lab *l = *state;
  struct submitted first = submit(l, one);
  struct recipient_outcome gone = {.recipient_id = first.recipients[0],
                                   .event = {.kind = EVENT_BOUNCED, .account = "a"}};
  struct store_outcome o = {.message_id = first.id, .outcomes = &gone, .outcome_count = 1};
  struct letter before, after;
  store_outcome_init(&o);
  letter_to(&before, "blog", one);
  letter_to(&after, "blog", one);
  before.accept.key = after.accept.key = &key;
  lab_post(&l->poster, &before.accept.op);
  lab_post(&l->poster, &o.op);
  lab_post(&l->poster, &after.accept.op);
  lab_wait(&l->poster);
  assert_int_equal(before.accept.duplicate_of, first.id);
  assert_int_equal(after.accept.duplicate_of, 0);
  assert_null(after.accept.covered);
}

static void old_ends_are_removed(void **state) {
  struct lab *l = *state;
  struct submitted first = submit(l, one);
  char sql[120];
  end(l, &first, 0, EVENT_BOUNCED);
  snprintf(sql, sizeof sql, "INSERT INTO idempotency_ends VALUES (%lld, 'old@x.example', x'00')",
           (long long)id_floor(clock_now_us() - 2 * WINDOW));
  lab_exec(l->dir, sql);
  lab_reopen(l); /* housekeeping begins with it */
  for (int i = 0; i < 500 && lab_number(l->dir, "SELECT count(*) FROM idempotency_ends") > 1; i++) usleep(10000);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM idempotency_ends"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_end, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(dropped_by_command, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(only_those_that_failed, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_fails_later, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_restart_forgets_nothing, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(in_the_same_transaction, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(old_ends_are_removed, setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
