/* Plans for warming up and how far sources are with them, in the store. */
#include "tests/unit/store_lab.h"

#define PLAN "hold 50\n* 100 3 6"

struct seen {
  size_t count;
  struct warmup_note notes[8];
  char key[8][60];
};

static void see(void *arg, const struct warmup_note *n) {
  struct seen *s = arg;
  s->notes[s->count] = *n;
  snprintf(s->key[s->count], sizeof s->key[0], "%s %s", n->source, n->provider);
  s->count++;
}

static struct seen read_notes(struct lab *l) {
  struct seen s = {0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_warmup_notes(r, see, &s), OK);
  reader_close(&r);
  return s;
}

static struct source source_of(const char *address, const char *plan, const char *name) {
  return (struct source){.address = address,
                         .helo = "h.example.com",
                         .public_address = "",
                         .weight = 1,
                         .warmup = plan,
                         .warmup_name = name};
}

/* The plan's time of a source; 0: it has none. Its text goes to `out`. */
static int64_t plan_of(struct lab *l, size_t index, char out[60]) {
  struct directory *d;
  struct reader *r = lab_reader(l);
  assert_ok(reader_directory(r, &d, &l->why), l->why);
  reader_close(&r);
  assert_true(index < d->source_count);
  snprintf(out, 60, "%s: %s", d->sources[index].warmup_name, d->sources[index].warmup);
  int64_t since = d->sources[index].warmup_since_us;
  directory_release(&d);
  return since;
}

static void note(struct lab *l, const char *source, const char *provider, int64_t since_us, unsigned step) {
  struct store_warmup_note op = {.note = {.source = source,
                                          .provider = provider,
                                          .since_us = since_us,
                                          .state = {.step = step,
                                                    .held = true,
                                                    .short_of = true,
                                                    .day = 20000,
                                                    .used_on = 19999,
                                                    .hour = 13,
                                                    .used = 4,
                                                    .used_hour = 2,
                                                    .attempts = {100, 200},
                                                    .against = {1, 3},
                                                    .turned_away_us = 77}}};
  store_warmup_note_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
}

static void states_are_kept_and_replaced(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct source with = source_of("192.0.2.1", PLAN, "plan.conf");
  char text[60];
  assert_ok(admin_source_add(a, &with, &l->why), l->why);
  int64_t since = plan_of(l, 0, text);
  assert_true(since > 0);
  assert_string_equal(text, "plan.conf: " PLAN);
  note(l, "192.0.2.1", "google", since, 1);
  note(l, "192.0.2.1", "google", since, 2);
  note(l, "192.0.2.1", "amazon", since, 1);
  lab_reopen(l);
  struct seen s = read_notes(l);
  assert_int_equal(s.count, 2);
  assert_string_equal(s.key[0], "192.0.2.1 amazon");
  assert_string_equal(s.key[1], "192.0.2.1 google");
  const struct warmup *w = &s.notes[1].state;
  assert_true(s.notes[1].since_us == since);
  assert_int_equal(w->step, 2);
  assert_true(w->held && w->short_of);
  assert_int_equal(w->day, 20000);
  assert_int_equal(w->used_on, 19999);
  assert_int_equal(w->hour, 13);
  assert_int_equal(w->used, 4);
  assert_int_equal(w->used_hour, 2);
  assert_int_equal(w->attempts[0], 100);
  assert_int_equal(w->attempts[1], 200);
  assert_int_equal(w->against[0], 1);
  assert_int_equal(w->against[1], 3);
  assert_int_equal(w->turned_away_us, 77);
  admin_close(&a);
}

static void another_plan_goes_on_where_the_first_one_was(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct source with = source_of("192.0.2.1", PLAN, "plan.conf");
  char text[60];
  assert_ok(admin_source_add(a, &with, &l->why), l->why);
  int64_t since = plan_of(l, 0, text);
  note(l, "192.0.2.1", "google", since, 1);
  with.warmup = "hold 10\n* 100 7";
  with.warmup_name = "default";
  assert_ok(admin_source_set(a, SOURCE_WARMUP, &with, &l->why), l->why);
  assert_true(plan_of(l, 0, text) == since);
  assert_string_equal(text, "default: hold 10\n* 100 7");
  assert_int_equal(read_notes(l).count, 1);
  with.weight = 3; /* what is not named stays */
  assert_ok(admin_source_set(a, SOURCE_WEIGHT, &with, &l->why), l->why);
  assert_true(plan_of(l, 0, text) == since);
  admin_close(&a);
}

static void without_a_plan_nothing_is_kept(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct source with = source_of("192.0.2.1", PLAN, "plan.conf"), without = source_of("192.0.2.1", "", "");
  char text[60];
  assert_ok(admin_source_add(a, &with, &l->why), l->why);
  int64_t since = plan_of(l, 0, text);
  note(l, "192.0.2.1", "google", since, 1);
  note(l, "192.0.2.9", "google", since, 1); /* which is no source */
  assert_int_equal(read_notes(l).count, 1);
  assert_ok(admin_source_set(a, SOURCE_WARMUP, &without, &l->why), l->why);
  assert_int_equal(plan_of(l, 0, text), 0);
  assert_int_equal(read_notes(l).count, 0);
  /* One that comes late is of the plan before. */
  assert_ok(admin_source_set(a, SOURCE_WARMUP, &with, &l->why), l->why);
  assert_true(plan_of(l, 0, text) > since);
  note(l, "192.0.2.1", "google", since, 1);
  assert_int_equal(read_notes(l).count, 0);
  note(l, "192.0.2.1", "google", plan_of(l, 0, text), 1);
  assert_int_equal(read_notes(l).count, 1);
  assert_ok(admin_source_remove(a, "192.0.2.1", &l->why), l->why);
  assert_ok(admin_source_add(a, &with, &l->why), l->why);
  assert_int_equal(read_notes(l).count, 0);
  assert_int_equal(
      admin_source_set(a, SOURCE_WARMUP, &(struct source){.address = "192.0.2.5", .warmup = PLAN}, &l->why),
      E_NOT_FOUND);
  admin_close(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(states_are_kept_and_replaced, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(another_plan_goes_on_where_the_first_one_was, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(without_a_plan_nothing_is_kept, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
