/* The delivery log: what is asked for is what comes, and refusals are counted instead of repeated. */
#include "tests/unit/store_lab.h"

static int note(struct lab *l, const struct event *e) {
  struct store_note n = {.event = *e};
  store_note_init(&n);
  return lab_run(&l->poster, &n.op);
}

static int64_t at(int64_t second) {
  return id_floor((INT64_C(1900000000) + second) * SECOND_US);
}

static void filters(void **state) {
  static const struct {
    struct log_filter filter;
    int64_t since, until, after; /* seconds; 0: none */
    const char *expected;        /* the texts, in order */
  } rows[] = {
      {{.kind = -1}, .expected = "abcdef"},
      {{.kind = EVENT_DELIVERED}, .expected = "bd"},
      {{.kind = EVENT_EXPIRED}, .expected = ""},
      {{.kind = -1, .account = "blog"}, .expected = "abde"},
      {{.kind = -1, .account = "blog", .limit = 2}, .expected = "de"},
      {{.kind = -1, .account = "nobody"}, .expected = ""},
      {{.kind = -1, .from = "news@*"}, .expected = "ad"},
      {{.kind = -1, .from = "NEWS@*"}, .expected = "ad"},
      {{.kind = -1, .to = "*@x.example"}, .expected = "ac"},
      {{.kind = -1, .to = "_@x.example"}, .expected = ""},
      {{.kind = -1, .limit = 2}, .expected = "ef"},
      {{.kind = -1, .limit = 100}, .expected = "abcdef"},
      {{.kind = -1, .message_id = 7}, .expected = "ab"},
      {{.kind = EVENT_DELIVERED, .message_id = 7}, .expected = "b"},
      {{.kind = -1, .message_id = 7, .limit = 1}, .expected = "b"},
      {{.kind = -1, .message_id = 8, .account = "shop"}, .expected = "c"},
      {{.kind = -1, .message_id = 8, .account = "blog"}, .expected = ""},
      {{.kind = -1, .ref = "7QF2K9AA"}, .expected = "f"},
      {{.kind = -1, .ref = "7QF2K9AA", .account = "blog"}, .expected = ""},
      {{.kind = -1, .ref = "NOTTHERE"}, .expected = ""},
      {{.kind = -1}, .since = 30, .expected = "cdef"},
      {{.kind = -1}, .until = 30, .expected = "ab"},
      {{.kind = -1}, .since = 20, .until = 50, .expected = "bcd"},
      {{.kind = -1}, .after = 40, .expected = "ef"},
      {{.kind = -1, .account = "blog"}, .since = 20, .until = 50, .expected = "bd"},
      {{.kind = -1, .account = "blog"}, .after = 20, .expected = "de"},
      {{.kind = EVENT_DELIVERED, .account = "blog", .to = "*@y.example", .limit = 1}, .expected = "d"},
  };
  const struct event events[] = {
      {at(10), 7, EVENT_ACCEPTED, .account = "blog", .from = "news@a.example", .to = "1@x.example", .text = "a"},
      {at(20), 7, EVENT_DELIVERED, .account = "blog", .from = "me@a.example", .to = "2@y.example", .text = "b"},
      {at(30), 8, EVENT_BOUNCED, .account = "shop", .from = "me@a.example", .to = "1@x.example", .text = "c"},
      {at(40), 9, EVENT_DELIVERED, .account = "blog", .from = "news@b.example", .to = "2@y.example", .text = "d"},
      {at(50), 9, EVENT_HELD, .account = "blog", .text = "e"},
      {at(60), 0, EVENT_REFUSED, .account = "shop", .text = "f", .ref = "7QF2K9AA"},
  };
  struct lab *l = *state;
  for (size_t i = 0; i < COUNT_OF(events); i++) assert_int_equal(note(l, &events[i]), OK);
  struct reader *r = lab_reader(l);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct seen_log log = {.count = 0};
    struct log_filter f = rows[i].filter;
    char seen[SEEN_MAX + 1] = "";
    if (rows[i].since) f.since_us = id_time_us(at(rows[i].since));
    if (rows[i].until) f.until_us = id_time_us(at(rows[i].until));
    if (rows[i].after) f.after_id = at(rows[i].after);
    assert_int_equal(reader_log(r, &f, see_event, &log), OK);
    for (size_t n = 0; n < log.count; n++) seen[n] = log.all[n].text[0];
    if (strcmp(seen, rows[i].expected) != 0) fail_msg("row %zu: %s instead of %s", i, seen, rows[i].expected);
  }
  struct seen_log log = {.stop_after = 2};
  assert_int_equal(reader_log(r, &(struct log_filter){.kind = -1}, see_event, &log), OK);
  assert_int_equal(log.count, 2);
  reader_close(&r);
}

static void stream_and_verdict_are_kept(void **state) {
  struct lab *l = *state;
  struct seen_log log;
  assert_int_equal(note(l, &(struct event){.message_id = 7, .stream = STREAM_BULK, .verdict = "spf=fail"}), OK);
  assert_int_equal(note(l, &(struct event){.message_id = 7}), OK);
  lab_log(l, 7, &log);
  assert_int_equal(log.count, 2);
  assert_int_equal(log.all[0].stream, STREAM_BULK);
  assert_string_equal(log.all[0].verdict, "spf=fail");
  assert_int_equal(log.all[1].stream, STREAM_TRANSACTIONAL);
  assert_string_equal(log.all[1].verdict, "");
}

static void the_same_refusal_raises_the_count(void **state) {
  struct lab *l = *state;
  struct event e = {.kind = EVENT_REFUSED, .account = "blog", .text = "too many", .ref = "7QF2K9AA", .count = 1};
  struct seen_log log = {.count = 0};
  assert_int_equal(note(l, &e), OK);
  e.count = 5;
  assert_int_equal(note(l, &e), OK);
  e.count = 0; /* counts as one */
  assert_int_equal(note(l, &e), OK);
  e.ref = "7QF2K9AB";
  e.count = 3;
  assert_int_equal(note(l, &e), OK);
  e.ref = NULL;
  assert_int_equal(note(l, &e), OK);
  e.ref = "";
  assert_int_equal(note(l, &e), OK);
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_log(r, &(struct log_filter){.kind = EVENT_REFUSED}, see_event, &log), OK);
  assert_int_equal(log.count, 4);
  assert_int_equal(log.all[0].count, 7);
  assert_string_equal(log.all[0].ref, "7QF2K9AA");
  assert_int_equal(log.all[1].count, 3);
  assert_int_equal(log.all[2].count, 3);
  assert_string_equal(log.all[2].ref, "");
  reader_close(&r);
}

static void nothing_said_is_read_as_nothing(void **state) {
  struct lab *l = *state;
  struct seen_log log = {.count = 0};
  assert_int_equal(note(l, &(struct event){.kind = EVENT_REFUSED}), OK);
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_log(r, &(struct log_filter){.kind = -1}, see_event, &log), OK);
  assert_string_equal(log.all[0].account, "");
  assert_string_equal(log.all[0].to, "");
  assert_int_equal(log.all[0].count, 1);
  assert_int_equal(log.all[0].message_id, 0);
  reader_close(&r);
}

static void names_and_back(void **state) {
  (void)state;
  enum event_kind kind;
  enum check_mode mode;
  for (int i = 0; i < EVENT_COUNT; i++) {
    assert_int_equal(event_kind_parse(event_name((enum event_kind)i), &kind), OK);
    assert_int_equal(kind, i);
  }
  for (int i = CHECK_OFF; i <= CHECK_ENFORCE; i++) {
    assert_int_equal(check_mode_parse(check_mode_name((enum check_mode)i), &mode), OK);
    assert_int_equal(mode, i);
  }
  assert_int_equal(event_kind_parse("Accepted", &kind), E_NOT_FOUND);
  assert_int_equal(check_mode_parse("", &mode), E_NOT_FOUND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(filters, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(stream_and_verdict_are_kept, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_same_refusal_raises_the_count, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(nothing_said_is_read_as_nothing, lab_setup, lab_teardown),
      cmocka_unit_test(names_and_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
