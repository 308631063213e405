/* Refusals in the delivery log: one line for those that are the same, with a count, a rule and its numbers. With a real
 * loop and a real store. */
#include "relay/submission/refusal_log.h"

#include "tests/unit/store_lab.h"

#define DEADLINE_US (10 * SECOND_US)

struct fixture {
  struct lab lab;
  struct gateway gateway;
  struct config config;
  struct loop loop;
  struct refusal_log *log;
};

static struct fixture *f;

static int set_up(void **state) {
  (void)state;
  f = calloc(1, sizeof *f);
  assert_non_null(f);
  folder_make(f->lab.dir, sizeof f->lab.dir);
  lab_open(&f->lab);
  f->gateway = (struct gateway){.config = &f->config, .store = f->lab.store};
  assert_ok(loop_init(&f->loop, &f->gateway, 0, &f->lab.why), f->lab.why);
  assert_int_equal(refusal_log_new(&f->loop, &f->log), OK);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  if (f->log) refusal_log_free(&f->log);
  lab_close(&f->lab);
  loop_finish(&f->loop);
  uv_run(&f->loop.uv, UV_RUN_DEFAULT);
  loop_free(&f->loop);
  folder_remove(f->lab.dir);
  free(f);
  return 0;
}

static struct refusal refusal(const char *about) {
  struct refusal r = {0};
  refuse(&r, 553, "5.7.1", RULE_SENDER, "blog may not send as %s", about);
  refusal_about(&r, about);
  numbers_add(r.numbers, "allowed", 2);
  return r;
}

static void add(const struct refusal *r, const char *account, char ref[REF_LENGTH + 1]) {
  struct event e = {.account = account, .from = "a@example.com", .to = "b@example.net", .host = "192.0.2.1"};
  refusal_log_add(f->log, r, &e, ref);
}

/* --- what the log holds --- */

struct lines {
  size_t count;
  uint64_t made; /* by the last line's count */
  char ref[REF_LENGTH + 1], rule[32], numbers[NUMBERS_TEXT], text[REFUSAL_TEXT], account[80];
  int code;
};

static bool take(void *arg, const struct event *e) {
  struct lines *l = arg;
  l->count++;
  l->made = e->count;
  l->code = e->code;
  snprintf(l->ref, sizeof l->ref, "%s", e->ref);
  snprintf(l->rule, sizeof l->rule, "%s", e->rule);
  snprintf(l->numbers, sizeof l->numbers, "%s", e->numbers);
  snprintf(l->text, sizeof l->text, "%s", e->text);
  snprintf(l->account, sizeof l->account, "%s", e->account);
  return true;
}

static struct lines read_lines(const char *ref) {
  struct lines l = {0};
  struct log_filter filter = {.kind = EVENT_REFUSED, .ref = ref};
  struct reader *r = lab_reader(&f->lab);
  assert_int_equal(reader_log(r, &filter, take, &l), OK);
  reader_close(&r);
  return l;
}

/* Lets the loop and the store work until the line of `ref` has been made so often. */
static struct lines wait_for(const char *ref, uint64_t made) {
  struct lines l;
  int64_t end = clock_now_us() + DEADLINE_US;
  while (l = read_lines(ref), l.made != made) {
    if (clock_now_us() > end)
      fail_msg("%s: %llu instead of %llu", ref, (unsigned long long)l.made, (unsigned long long)made);
    refusal_log_flush(f->log);
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
    usleep(1000);
  }
  return l;
}

static void test_line(void **state) {
  (void)state;
  char ref[REF_LENGTH + 1];
  struct refusal r = refusal("ceo@bank.example");
  add(&r, "blog", ref);
  struct lines l = wait_for(ref, 1);
  assert_int_equal(l.count, 1);
  assert_int_equal(l.code, 553);
  assert_string_equal(l.rule, RULE_SENDER);
  assert_string_equal(l.numbers, "allowed=2");
  assert_string_equal(l.text, "blog may not send as ceo@bank.example");
  assert_string_equal(l.account, "blog");
}

static void test_same_is_counted(void **state) {
  (void)state;
  char first[REF_LENGTH + 1], ref[REF_LENGTH + 1];
  struct refusal r = refusal("ceo@bank.example");
  add(&r, "blog", first);
  for (int i = 0; i < 99; i++) {
    add(&r, "blog", ref);
    assert_string_equal(ref, first);
  }
  assert_int_equal(wait_for(first, 100).count, 1);
  assert_int_equal(read_lines(NULL).count, 1);
}

static void test_others_are_apart(void **state) {
  (void)state;
  char refs[4][REF_LENGTH + 1];
  struct refusal one = refusal("a@bank.example"), about = refusal("b@bank.example"), rule = one;
  rule.rule = RULE_HEADER_FROM;
  add(&one, "blog", refs[0]);
  add(&about, "blog", refs[1]);
  add(&rule, "blog", refs[2]);
  add(&one, "shop", refs[3]);
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < i; j++) assert_string_not_equal(refs[i], refs[j]);
  for (size_t i = 0; i < 4; i++) assert_int_equal(wait_for(refs[i], 1).count, 1);
}

/* Who makes a new one each time cannot take memory without end, and nothing is lost from the log. */
static void test_bound(void **state) {
  (void)state;
  enum { MANY = 1500 };
  char first[REF_LENGTH + 1] = "", ref[REF_LENGTH + 1], about[64];
  for (int i = 0; i < MANY; i++) {
    snprintf(about, sizeof about, "u%d@bank.example", i);
    struct refusal r = refusal(about);
    add(&r, "blog", i ? ref : first);
  }
  wait_for(ref, 1);
  assert_int_equal(read_lines(NULL).count, MANY);
  struct refusal again = refusal("u0@bank.example"); /* forgotten meanwhile: it gets a reference of its own */
  add(&again, "blog", ref);
  assert_string_not_equal(ref, first);
  wait_for(ref, 1);
}

/* Until the log has so many refusals in all. */
static void wait_for_sum(int64_t made) {
  int64_t end = clock_now_us() + DEADLINE_US, sum;
  while (sum = lab_number(f->lab.dir, "SELECT total(count) FROM events"), sum != made) {
    if (clock_now_us() > end) fail_msg("%lld instead of %lld", (long long)sum, (long long)made);
    refusal_log_flush(f->log);
    uv_run(&f->loop.uv, UV_RUN_NOWAIT);
    usleep(1000);
  }
}

static void add_of(const char *account, const char *from, const char *to, const char *host, char *ref) {
  struct refusal r = refusal("ceo@bank.example");
  struct event e = {.account = account, .from = from, .to = to, .host = host};
  refusal_log_add(f->log, &r, &e, ref);
}

/* Another envelope or client is another line: one must not hide the other. */
static void test_envelopes_are_apart(void **state) {
  (void)state;
  char refs[5][REF_LENGTH + 1];
  add_of("blog", "a@x.example", "r@y.example", "192.0.2.1", refs[0]);
  add_of("blog", "b@x.example", "r@y.example", "192.0.2.1", refs[1]);
  add_of("blog", "a@x.example", "s@y.example", "192.0.2.1", refs[2]);
  add_of("blog", "a@x.example", "r@y.example", "192.0.2.2", refs[3]);
  add_of("blog", "a@x.example", "r@y.example", "192.0.2.1", refs[4]);
  assert_string_equal(refs[4], refs[0]);
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < i; j++) assert_string_not_equal(refs[i], refs[j]);
  wait_for(refs[0], 2);
  for (size_t i = 1; i < 4; i++) wait_for(refs[i], 1);
}

/* Clients without a login, each with an address of its own, within moments: a few lines, and all are counted. */
static void test_strangers_share(void **state) {
  (void)state;
  enum { MANY = 500 };
  char ref[REF_LENGTH + 1], host[32];
  for (int i = 0; i < MANY; i++) {
    snprintf(host, sizeof host, "192.0.%d.%d", i / 250, i % 250);
    add_of("", "a@x.example", "", host, ref);
  }
  wait_for_sum(MANY);
  size_t lines = read_lines(NULL).count;
  assert_true(lines > 1 && lines <= 3 * 20 + 1); /* 20 a second; a slow machine may have taken more than one */
}

static void add_message(const char *subject, const char *header_id, enum mail_stream stream, char *ref) {
  struct refusal r = refusal("ceo@bank.example");
  struct event e = {.account = "blog",
                    .from = "a@x.example",
                    .to = "r@y.example",
                    .host = "192.0.2.1",
                    .subject = subject,
                    .header_id = header_id,
                    .stream = stream};
  refusal_log_add(f->log, &r, &e, ref);
}

static bool is_described(void *arg, const struct event *e) {
  *(size_t *)arg +=
      strcmp(e->subject, "order 123") == 0 && strcmp(e->header_id, "<1@x.example>") == 0 && e->stream == STREAM_BULK;
  return true;
}

/* Each message is found by what it says of itself; sent again, it is the same. */
static void test_messages_are_apart(void **state) {
  (void)state;
  char refs[5][REF_LENGTH + 1];
  add_message("order 123", "<1@x.example>", STREAM_BULK, refs[0]);
  add_message("order 124", "<1@x.example>", STREAM_BULK, refs[1]);
  add_message("order 123", "<2@x.example>", STREAM_BULK, refs[2]);
  add_message("order 123", "<1@x.example>", STREAM_TRANSACTIONAL, refs[3]);
  add_message("order 123", "<1@x.example>", STREAM_BULK, refs[4]);
  assert_string_equal(refs[4], refs[0]);
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < i; j++) assert_string_not_equal(refs[i], refs[j]);
  wait_for(refs[0], 2);
  for (size_t i = 1; i < 4; i++) wait_for(refs[i], 1);
  size_t found = 0;
  struct log_filter filter = {.kind = EVENT_REFUSED, .header_id = "1@x.example", .subject = "123"};
  struct reader *r = lab_reader(&f->lab);
  filter.stream = 1 + STREAM_BULK;
  assert_int_equal(reader_log(r, &filter, is_described, &found), OK);
  reader_close(&r);
  assert_int_equal(found, 1);
}

/* Very many within moments: a few lines, and one for the rest, which says nothing of any; all are counted. */
static void test_messages_share(void **state) {
  (void)state;
  enum { MANY = 500 };
  char ref[REF_LENGTH + 1], id[40], shared[] = "SELECT count FROM events WHERE subject = '' AND header_id = ''";
  uint64_t began_ms = clock_monotonic_ms();
  for (int i = 0; i < MANY; i++) {
    snprintf(id, sizeof id, "<%d@x.example>", i);
    add_message("news", id, STREAM_BULK, ref);
  }
  size_t seconds = (size_t)(clock_monotonic_ms() - began_ms) / 1000 + 2; /* that any of it was in */
  wait_for_sum(MANY);
  assert_true(read_lines(NULL).count <= 10 * seconds + 1);
  assert_true((size_t)lab_number(f->lab.dir, shared) >= MANY - 10 * seconds);
}

/* A repeat moves the line on in time, and says when the first was. */
static void test_the_latest_time(void **state) {
  (void)state;
  char ref[REF_LENGTH + 1], sql[200];
  struct refusal r = refusal("ceo@bank.example");
  add(&r, "blog", ref);
  wait_for(ref, 1);
  int64_t first = lab_number(f->lab.dir, "SELECT id FROM events");
  usleep(20000);
  add(&r, "blog", ref);
  wait_for(ref, 2);
  assert_true(lab_number(f->lab.dir, "SELECT id FROM events") > first);
  snprintf(sql, sizeof sql, "SELECT abs(first_us - %lld) < 1000000 FROM events", (long long)id_time_us(first));
  assert_int_equal(lab_number(f->lab.dir, sql), 1);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_line, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_same_is_counted, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_others_are_apart, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_envelopes_are_apart, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_strangers_share, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_messages_are_apart, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_messages_share, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_the_latest_time, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
