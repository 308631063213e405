/* What was learnt of sites, kept and given back. */
#include "store/sqlite/table/learning_text.h"
#include "tests/unit/store_lab.h"

struct seen {
  size_t count;
  struct site_learning_note notes[8];
  char names[8][40];
};

static bool see(void *arg, const struct site_learning_note *n) {
  struct seen *s = arg;
  s->notes[s->count] = *n;
  snprintf(s->names[s->count], sizeof s->names[0], "%s %s", n->site, n->source);
  s->count++;
  return true;
}

static struct seen read_notes(struct lab *l, const char *site, size_t limit) {
  struct seen s = {0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_site_learning(r, site, limit, see, &s), OK);
  reader_close(&r);
  return s;
}

static void keep(struct lab *l, const struct site_learning_note *n) {
  struct store_site_learning op = {.note = *n};
  store_site_learning_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
}

/* Another number in each counter. */
static struct site_learning sample(void) {
  struct site_learning l = {.aged_us = 77, .source = {.all = 60, .hits = 7}};
  uint16_t n = 0;
  l.greylist.firsts = 65535;
  l.greylist.put_off = 12345;
  for (size_t i = 0; i < GREYLIST_SLOTS; i++) {
    l.greylist.taken[i] = n++;
    l.greylist.refused[i] = (uint16_t)(65000 + n++);
  }
  for (size_t i = 0; i < LEARNT_TIMES; i++) {
    l.delivery.count[i] = n++;
    l.transaction.count[i] = n++;
  }
  for (size_t i = 0; i < LEARNING_HOURS; i++) l.hours[i] = (struct learnt_share){(uint16_t)(n + 50), n};
  for (size_t i = 0; i < LEARNING_SIZES; i++) l.sizes[i] = (struct learnt_share){(uint16_t)(n + 50), n};
  return l;
}

static void notes_are_kept_and_replaced(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us();
  struct site_learning_note n = {.site = "google", .source = "192.0.2.1", .learnt = sample(), .updated_us = now};
  keep(l, &n);
  n.source = "";
  n.learnt = (struct site_learning){0};
  n.updated_us = now - 1;
  keep(l, &n);
  n.site = "yahoo";
  keep(l, &n);
  lab_reopen(l);
  struct seen s = read_notes(l, NULL, 10);
  assert_int_equal(s.count, 3);
  assert_string_equal(s.names[0], "google 192.0.2.1"); /* the latest first */
  struct site_learning expected = sample();
  assert_memory_equal(&s.notes[0].learnt.greylist, &expected.greylist, sizeof expected.greylist);
  assert_memory_equal(&s.notes[0].learnt.delivery, &expected.delivery, sizeof expected.delivery);
  assert_memory_equal(&s.notes[0].learnt.transaction, &expected.transaction, sizeof expected.transaction);
  assert_memory_equal(s.notes[0].learnt.hours, expected.hours, sizeof expected.hours);
  assert_memory_equal(s.notes[0].learnt.sizes, expected.sizes, sizeof expected.sizes);
  assert_memory_equal(&s.notes[0].learnt.source, &expected.source, sizeof expected.source);
  assert_int_equal(s.notes[0].learnt.aged_us, 77);
  assert_int_equal(s.notes[0].updated_us, now);
  assert_int_equal(read_notes(l, NULL, 1).count, 1);
  assert_int_equal(read_notes(l, "google", 10).count, 2);
  assert_int_equal(read_notes(l, "none", 10).count, 0);
  n.learnt.source.all = 9;
  keep(l, &n);
  s = read_notes(l, "yahoo", 10);
  assert_int_equal(s.count, 1);
  assert_int_equal(s.notes[0].learnt.source.all, 9);
}

static void old_notes_are_forgotten(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us();
  keep(l, &(struct site_learning_note){.site = "old", .source = "", .updated_us = now - SITE_NOTE_KEEP_US - 1});
  keep(l, &(struct site_learning_note){.site = "new", .source = "", .updated_us = now});
  struct seen s = read_notes(l, NULL, 10);
  assert_int_equal(s.count, 1);
  assert_string_equal(s.names[0], "new ");
}

static void it_is_forgotten_by_command(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  int64_t now = clock_now_us();
  keep(l, &(struct site_learning_note){.site = "google", .source = "192.0.2.1", .updated_us = now});
  keep(l, &(struct site_learning_note){.site = "google", .source = "", .updated_us = now});
  keep(l, &(struct site_learning_note){.site = "yahoo", .source = "", .updated_us = now});
  assert_ok(admin_site_forget(a, "google", &l->why), l->why);
  assert_ok(admin_site_forget(a, "google", &l->why), l->why);
  struct seen s = read_notes(l, NULL, 10);
  assert_int_equal(s.count, 1);
  assert_string_equal(s.names[0], "yahoo ");
  admin_close(&a);
}

/* Rows of another version, or damaged ones, are passed over. */
static void what_cannot_be_read_is_passed_over(void **state) {
  static const char *const damages[] = {
      "greylist = '1 2 '",
      "greylist = greylist || '1 '",
      "delivery = ''",
      "transactions = 'x'",
      "hours = '99999 ' || substr(hours, instr(hours, ' ') + 1)",
      "sizes = '1 2 0 0 0 0 0 0 0 0 '",
      "source_taken = 9",
      "source_all = -1",
  };
  struct lab *l = *state;
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    keep(l, &(struct site_learning_note){.site = "bad", .source = "", .updated_us = clock_now_us()});
    assert_int_equal(read_notes(l, "bad", 10).count, 1);
    char sql[200];
    snprintf(sql, sizeof sql, "UPDATE site_learning SET %s WHERE site = 'bad'", damages[i]);
    lab_exec(l->dir, sql);
    assert_int_equal(read_notes(l, "bad", 10).count, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(notes_are_kept_and_replaced, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(old_notes_are_forgotten, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(it_is_forgotten_by_command, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_cannot_be_read_is_passed_over, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
