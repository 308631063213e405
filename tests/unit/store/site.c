/* What is kept of sites: what they bore, and those that are paused by command. */
#include "tests/unit/store_lab.h"

struct seen {
  size_t count;
  struct site_note notes[8];
  char site[8][40], reason[8][40];
};

static bool see(void *arg, const struct site_note *n) {
  struct seen *s = arg;
  s->notes[s->count] = *n;
  snprintf(s->site[s->count], sizeof s->site[0], "%s %s", n->site, n->source);
  snprintf(s->reason[s->count], sizeof s->reason[0], "%s %s", n->action, n->reason);
  s->count++;
  return true;
}

static struct seen read_notes(struct lab *l, size_t limit) {
  struct seen s = {0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_site_notes(r, limit, see, &s), OK);
  reader_close(&r);
  return s;
}

static void note(struct lab *l, const struct site_note *n) {
  struct store_site_note op = {.note = *n};
  store_site_note_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
}

static void notes_are_kept_and_replaced(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us();
  struct site_note n = {.site = "google",
                        .source = "192.0.2.1",
                        .connections = 3,
                        .refused_at = 4,
                        .closed_after = 20,
                        .rate = 2.5,
                        .paused_until_us = now + 5,
                        .action = "pause",
                        .reason = "421 no",
                        .updated_us = now};
  note(l, &n);
  n.source = "";
  n.updated_us = now - 1;
  note(l, &n);
  lab_reopen(l);
  struct seen s = read_notes(l, 10);
  assert_int_equal(s.count, 2);
  assert_string_equal(s.site[0], "google 192.0.2.1"); /* the latest first */
  assert_string_equal(s.reason[0], "pause 421 no");
  assert_int_equal(s.notes[0].connections, 3);
  assert_int_equal(s.notes[0].refused_at, 4);
  assert_int_equal(s.notes[0].closed_after, 20);
  assert_true(s.notes[0].rate == 2.5);
  assert_int_equal(s.notes[0].paused_until_us, now + 5);
  assert_int_equal(read_notes(l, 1).count, 1);
  n.rate = 7;
  n.updated_us = now + 1;
  note(l, &n);
  s = read_notes(l, 10);
  assert_int_equal(s.count, 2);
  assert_true(s.notes[0].rate == 7);
}

static void old_notes_are_forgotten(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us();
  note(l, &(struct site_note){
              .site = "old", .source = "", .action = "", .reason = "", .updated_us = now - SITE_NOTE_KEEP_US - 1});
  note(l, &(struct site_note){.site = "new", .source = "", .action = "", .reason = "", .updated_us = now});
  struct seen s = read_notes(l, 10);
  assert_int_equal(s.count, 1);
  assert_string_equal(s.site[0], "new ");
}

static int64_t paused(struct lab *l, const char *site, const char *source, int64_t now_us) {
  struct directory *d;
  struct reader *r = lab_reader(l);
  assert_ok(reader_directory(r, &d, &l->why), l->why);
  reader_close(&r);
  int64_t until = directory_site_paused(d, site, source, now_us);
  directory_release(&d);
  return until;
}

static void pauses_are_configuration(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  bool ended;
  struct reader *r = lab_reader(l);
  int64_t generation = reader_generation(r);
  assert_ok(admin_site_pause(a, &(struct site_pause){.site = "google", .source = "", .until_us = 100}, &l->why),
            l->why);
  assert_true(reader_generation(r) > generation);
  reader_close(&r);
  assert_int_equal(paused(l, "google", "192.0.2.1", 50), 100);
  assert_int_equal(paused(l, "google", "", 50), 100);
  assert_int_equal(paused(l, "google", "", 100), 0); /* it is over */
  assert_int_equal(paused(l, "yahoo", "", 50), 0);
  assert_ok(admin_site_pause(a, &(struct site_pause){.site = "google", .source = "192.0.2.1"}, &l->why), l->why);
  assert_true(paused(l, "google", "192.0.2.1", 500) == INT64_MAX);
  assert_int_equal(paused(l, "google", "192.0.2.2", 50), 100);
  assert_ok(admin_site_resume(a, "google", "192.0.2.1", &ended, &l->why), l->why);
  assert_true(ended);
  assert_int_equal(paused(l, "google", "192.0.2.1", 50), 100); /* everybody's is still there */
  assert_ok(admin_site_resume(a, "google", NULL, &ended, &l->why), l->why);
  assert_true(ended);
  assert_int_equal(paused(l, "google", "192.0.2.1", 50), 0);
  assert_ok(admin_site_resume(a, "google", NULL, &ended, &l->why), l->why);
  assert_false(ended);
  admin_close(&a);
}

static void a_resumed_site_is_not_paused_after_a_restart(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  bool ended;
  int64_t now = clock_now_us();
  note(l, &(struct site_note){.site = "google",
                              .source = "",
                              .rate = 2,
                              .paused_until_us = now + SECOND_US,
                              .action = "pause",
                              .reason = "421",
                              .updated_us = now});
  assert_ok(admin_site_resume(a, "google", NULL, &ended, &l->why), l->why);
  assert_false(ended);
  struct seen s = read_notes(l, 10);
  assert_int_equal(s.notes[0].paused_until_us, 0);
  assert_true(s.notes[0].rate == 2);
  admin_close(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(notes_are_kept_and_replaced, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(old_notes_are_forgotten, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(pauses_are_configuration, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_resumed_site_is_not_paused_after_a_restart, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
