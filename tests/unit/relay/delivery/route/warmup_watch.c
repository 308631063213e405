/* The sources that warm up, between the directory, the mail and the store. */
#include "relay/delivery/route/warmup_watch.h"

#include "tests/unit/store_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR (3600 * SECOND_US)
#define DAY (24 * HOUR)
#define BEGIN (INT64_C(20000) * DAY)
#define NEW "192.0.2.1"
#define PLAN "hold 50\n* 100 3 6\nexample.net 100 2"

/* One loop on the test's thread, with a store. */
struct place {
  struct lab lab;
  struct config config;
  struct gateway gateway;
  struct loop loop;
  struct reader *reader;
  struct warmup_watch *watch;
  unsigned idle, released;
};

static const struct warmup_place google = {"google", true}, small = {"small.example", false},
                                 named = {"example.net", false}, by_route = {NULL, false};

static void take_directory(struct place *p) {
  directory_release(&p->loop.directory);
  assert_ok(reader_directory(p->reader, &p->loop.directory, &p->lab.why), p->lab.why);
}

static void set_plan(struct place *p, const char *plan) {
  struct admin *a = lab_admin(&p->lab);
  const struct source s = {.address = NEW, .warmup = plan, .warmup_name = "plan.conf"};
  assert_ok(admin_source_set(a, SOURCE_WARMUP, &s, &p->lab.why), p->lab.why);
  admin_close(&a);
  take_directory(p);
}

static void on_idle(void *arg) {
  ((struct place *)arg)->idle++;
}

static void on_released(void *arg) {
  ((struct place *)arg)->released++;
}

static void make_watch(struct place *p) {
  const struct warmup_owner owner = {on_idle, on_released, p};
  p->watch = warmup_watch_new(&p->loop, &owner);
  assert_non_null(p->watch);
}

static int setup(void **state) {
  struct place *p = *state = calloc(1, sizeof *p);
  if (!p) return -1;
  folder_make(p->lab.dir, sizeof p->lab.dir);
  lab_open(&p->lab);
  p->config = (struct config){.data_dir = p->lab.dir};
  p->gateway = (struct gateway){.config = &p->config, .store = p->lab.store};
  assert_ok(loop_init(&p->loop, &p->gateway, 0, &p->lab.why), p->lab.why);
  p->reader = lab_reader(&p->lab);
  struct admin *a = lab_admin(&p->lab);
  const struct source s = {.address = NEW, .helo = "h.example.com", .weight = 1};
  assert_ok(admin_source_add(a, &s, &p->lab.why), p->lab.why);
  admin_close(&a);
  set_plan(p, PLAN);
  make_watch(p);
  return 0;
}

static int teardown(void **state) {
  struct place *p = *state;
  warmup_watch_free(&p->watch);
  lab_close(&p->lab); /* before the loop's end, as in the daemon: what was posted is answered */
  loop_finish(&p->loop);
  uv_run(&p->loop.uv, UV_RUN_DEFAULT);
  directory_release(&p->loop.directory);
  loop_free(&p->loop);
  reader_close(&p->reader);
  folder_remove(p->lab.dir);
  free(p);
  return 0;
}

static const struct source *source(const struct place *p) {
  return &p->loop.directory->sources[0];
}

static uint32_t room(struct place *p, const struct warmup_place *at, int64_t now) {
  return warmup_watch_room(p->watch, source(p), at, now);
}

static int64_t take(struct place *p, const struct warmup_place *at, uint32_t count, int64_t now) {
  return warmup_watch_take(p->watch, source(p), at, count, now);
}

static void answered(struct place *p, int64_t taken, uint32_t count, uint32_t against, int64_t now) {
  const struct warmup_tally came = {.used = count, .attempts = count, .against = against};
  warmup_watch_give_back(p->watch, taken, count, &came, now);
}

static void settle(struct place *p) {
  while (!warmup_watch_is_idle(p->watch)) uv_run(&p->loop.uv, UV_RUN_ONCE);
}

/* A stop, and a start by what was kept. */
static void recall(void *arg, const struct warmup_note *n) {
  struct place *p = arg;
  warmup_watch_recall(p->watch, n, BEGIN + DAY / 2);
}

static void start_again(struct place *p) {
  warmup_watch_stop(p->watch);
  settle(p);
  warmup_watch_free(&p->watch);
  make_watch(p);
  assert_int_equal(reader_warmup_notes(p->reader, recall, p), OK);
}

static void each_provider_has_an_amount_of_its_own(void **state) {
  struct place *p = *state;
  assert_int_equal(room(p, &google, BEGIN), 3);
  assert_int_equal(room(p, &named, BEGIN), 2);
  assert_int_equal(room(p, &by_route, BEGIN), UINT32_MAX);
  assert_int_equal(take(p, &by_route, 5, BEGIN), 0);
  assert_int_equal(warmup_watch_room(p->watch, NULL, &google, BEGIN), UINT32_MAX);
  int64_t at_google = take(p, &google, 2, BEGIN), at_small = take(p, &small, 3, BEGIN);
  assert_true(at_google && at_small && at_google != at_small);
  assert_int_equal(room(p, &google, BEGIN), 1);
  assert_int_equal(room(p, &small, BEGIN), 0);
  assert_int_equal(room(p, &(struct warmup_place){"other.example", false}, BEGIN), 0); /* these are one */
  assert_int_equal(room(p, &named, BEGIN), 2);
  warmup_watch_give_back(p->watch, at_small, 3, &(struct warmup_tally){0}, BEGIN);
  assert_int_equal(room(p, &small, BEGIN), 3);
  warmup_watch_give_back(p->watch, 4711, 3, &(struct warmup_tally){0}, BEGIN); /* nobody's */
}

static void what_was_used_outlives_a_restart(void **state) {
  struct place *p = *state;
  int64_t taken = take(p, &google, 2, BEGIN);
  answered(p, taken, 2, 0, BEGIN);
  take(p, &small, 3, BEGIN); /* still on their way: they were not counted */
  start_again(p);
  assert_int_equal(p->idle, 1);
  assert_int_equal(room(p, &google, BEGIN), 1);
  assert_int_equal(room(p, &small, BEGIN), 3);
  assert_int_equal(warmup_watch_room(p->watch, source(p), &google, BEGIN + DAY), 6);
}

static void it_is_kept_every_few_seconds(void **state) {
  struct place *p = *state;
  warmup_watch_tick(p->watch, BEGIN);
  settle(p);
  answered(p, take(p, &google, 3, BEGIN), 3, 3, BEGIN);
  assert_int_equal(warmup_watch_held(p->watch), 1);
  warmup_watch_tick(p->watch, BEGIN + SECOND_US);
  assert_true(warmup_watch_is_idle(p->watch));
  warmup_watch_tick(p->watch, BEGIN + WARMUP_KEEP_US);
  assert_false(warmup_watch_is_idle(p->watch));
  settle(p);
  warmup_watch_tick(p->watch, BEGIN + 2 * WARMUP_KEEP_US); /* nothing has changed */
  assert_true(warmup_watch_is_idle(p->watch));
  assert_int_equal(p->idle, 0);
}

static void a_plan_by_command(void **state) {
  struct place *p = *state;
  int64_t taken = take(p, &google, 3, BEGIN);
  set_plan(p, "hold 50\n* 100 10");
  assert_int_equal(room(p, &google, BEGIN), 7); /* it goes on with what was counted */
  set_plan(p, NULL);
  assert_int_equal(room(p, &google, BEGIN), UINT32_MAX);
  warmup_watch_tick(p->watch, BEGIN);
  answered(p, taken, 3, 0, BEGIN); /* its source has none any more */
  set_plan(p, PLAN);
  assert_int_equal(room(p, &google, BEGIN), 3);
  answered(p, taken, 3, 0, BEGIN);
  assert_int_equal(room(p, &google, BEGIN), 3);
}

static void what_is_put_off_says_why(void **state) {
  struct place *p = *state;
  struct reason why;
  char numbers[NUMBERS_TEXT] = "";
  take(p, &google, 3, BEGIN);
  assert_true(warmup_watch_put_off(p->watch, source(p), &google, 1, BEGIN, &why, numbers) == BEGIN + DAY);
  assert_string_equal(why.text, "warm-up of " NEW ": 3 of 3 recipients to google used today, next at "
                                "2024-10-05 00:00 UTC");
  assert_string_equal(numbers, "used=3 limit=3");
  set_plan(p, "hold 50\n* 100 480");
  answered(p, take(p, &small, 20, BEGIN), 20, 0, BEGIN);
  assert_true(warmup_watch_put_off(p->watch, source(p), &small, 1, BEGIN, &why, numbers) == BEGIN + HOUR);
  assert_non_null(strstr(why.text, "20 of 480 recipients to others used today, as many as by this hour, next at"));
}

static const char waiting[] = "SELECT count(*) FROM recipients WHERE waits_for <> '' AND next_us > 0";

/* What waits for a source goes when its plan ends, also when that was while the gateway did not run. */
static void what_waits_is_released(void **state) {
  struct place *p = *state;
  for (int i = 0; i < 2; i++) {
    struct letter m = lab_accept(&p->lab, "blog", "a@x.example");
    struct recipient_outcome one = {
        .recipient_id = m.recipients[0].id, .event = {.kind = EVENT_DEFERRED}, .next_us = INT64_MAX, .waits_for = NEW};
    struct store_outcome o = {.message_id = letter_id(&m), .outcomes = &one, .outcome_count = 1};
    store_outcome_init(&o);
    assert_int_equal(lab_run(&p->lab.poster, &o.op), OK);
    warmup_watch_tick(p->watch, BEGIN);
    settle(p);
    assert_int_equal(p->released, i);
    assert_int_equal(lab_number(p->lab.dir, waiting), 1);
    set_plan(p, NULL);
    if (i) start_again(p);
    warmup_watch_tick(p->watch, BEGIN);
    settle(p);
    assert_int_equal(p->released, i + 1);
    assert_int_equal(lab_number(p->lab.dir, waiting), 0);
    assert_int_equal(lab_number(p->lab.dir, "SELECT count(*) FROM recipients WHERE next_us < 9e18"), i + 1);
    set_plan(p, PLAN);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_provider_has_an_amount_of_its_own, setup, teardown),
      cmocka_unit_test_setup_teardown(what_was_used_outlives_a_restart, setup, teardown),
      cmocka_unit_test_setup_teardown(it_is_kept_every_few_seconds, setup, teardown),
      cmocka_unit_test_setup_teardown(a_plan_by_command, setup, teardown),
      cmocka_unit_test_setup_teardown(what_is_put_off_says_why, setup, teardown),
      cmocka_unit_test_setup_teardown(what_waits_is_released, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
