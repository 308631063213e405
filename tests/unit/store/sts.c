/* MTA-STS policies that outlive a restart. */
#include "tests/unit/store_lab.h"

struct seen {
  size_t count;
  struct sts_note notes[4];
  char text[4][200];
};

static bool see(void *arg, const struct sts_note *n) {
  struct seen *s = arg;
  s->notes[s->count] = *n;
  snprintf(s->text[s->count], sizeof s->text[0], "%s %s %s", n->domain, n->id, n->text);
  s->count++;
  return true;
}

static struct seen read_notes(struct lab *l, size_t limit) {
  struct seen s = {0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_sts_notes(r, limit, see, &s), OK);
  reader_close(&r);
  return s;
}

static struct seen read_note(struct lab *l, const char *domain) {
  struct seen s = {0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_sts_note(r, domain, see, &s), OK);
  reader_close(&r);
  return s;
}

static void note(struct lab *l, const struct sts_note *n, int64_t now_us) {
  struct store_sts_note op = {.note = *n, .now_us = now_us};
  store_sts_note_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
}

static void policies_are_kept_and_replaced(void **state) {
  struct lab *l = *state;
  struct sts_note a = {"a.example", "1", "mode: enforce\n", 100, 900, 150},
                  b = {"b.example", "x", "mode: none\n", 1, 800, 2};
  note(l, &a, 200);
  note(l, &b, 200);
  lab_reopen(l);
  struct seen s = read_notes(l, 10);
  assert_int_equal(s.count, 2);
  assert_string_equal(s.text[0], "a.example 1 mode: enforce\n"); /* the last used first */
  assert_string_equal(s.text[1], "b.example x mode: none\n");
  assert_true(s.notes[0].fetched_us == 100 && s.notes[0].until_us == 900 && s.notes[0].used_us == 150);
  assert_int_equal(read_notes(l, 1).count, 1);
  assert_string_equal(read_note(l, "b.example").text[0], "b.example x mode: none\n");
  assert_int_equal(read_note(l, "c.example").count, 0);
  a.id = "2", a.text = "mode: testing\n", a.until_us = 1000;
  note(l, &a, 300);
  s = read_notes(l, 10);
  assert_int_equal(s.count, 2);
  assert_string_equal(s.text[0], "a.example 2 mode: testing\n");
  assert_int_equal(s.notes[0].until_us, 1000);
}

static void policies_are_forgotten(void **state) {
  struct lab *l = *state;
  note(l, &(struct sts_note){"over.example", "1", "x", 1, 299, 1}, 2);
  note(l, &(struct sts_note){"gone.example", "1", "x", 1, 900, 1}, 2);
  note(l, &(struct sts_note){"here.example", "1", "x", 1, 900, 1}, 2);
  assert_int_equal(read_notes(l, 4).count, 3);
  note(l, &(struct sts_note){.domain = "gone.example"}, 300);
  struct seen s = read_notes(l, 4);
  assert_int_equal(s.count, 1);
  assert_string_equal(s.text[0], "here.example 1 x");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(policies_are_kept_and_replaced, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(policies_are_forgotten, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
