/* TLS results and reports in the store: counted together, bounded, forgotten. */
#include "tests/unit/store_lab.h"

#define TODAY tls_day(clock_now_us())

static struct tls_count one(const char *domain, enum tls_policy_type type, enum tls_result result) {
  return (struct tls_count){.day = TODAY,
                            .of = {.domain = domain,
                                   .policy = {type, type == TLS_POLICY_TLSA ? "mx.example.net" : "",
                                              type == TLS_POLICY_NONE ? "" : "3 1 1 AB\n", ""},
                                   .result = result,
                                   .sending_ip = "192.0.2.1",
                                   .receiving_ip = "192.0.2.2",
                                   .mx = "mx.example.net",
                                   .helo = "mx",
                                   .reason = result ? "why" : ""},
                            .sessions = 1};
}

static uint64_t add(struct lab *l, const struct tls_count *counts, size_t count) {
  struct store_tls_counts op = {.counts = counts, .count = count};
  store_tls_counts_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
  return op.left_out;
}

struct seen {
  size_t rows, details;
  struct tls_report_row last;
  char text[200];
};

static bool see(void *arg, const struct tls_report_row *t) {
  struct seen *s = arg;
  s->rows++;
  s->details += t->sessions > 0;
  s->last = *t;
  snprintf(s->text, sizeof s->text, "%s|%s|%s|%s|%s|%s|%s|%s", t->policy.domain, t->policy.strings, t->policy.mx,
           t->sending_ip, t->receiving_ip, t->mx, t->helo, t->reason);
  return true;
}

static struct seen rows(struct lab *l, const char *domain) {
  struct seen s = {0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_tls_rows(r, TODAY, domain, see, &s), OK);
  reader_close(&r);
  return s;
}

static void counts_add_up(void **state) {
  struct lab *l = *state;
  struct tls_count c[] = {one("a.example", TLS_POLICY_TLSA, TLS_RESULT_SUCCESS),
                          one("a.example", TLS_POLICY_TLSA, TLS_RESULT_CERTIFICATE_NOT_TRUSTED),
                          one("b.example", TLS_POLICY_NONE, TLS_RESULT_SUCCESS)};
  c[0].sessions = 5;
  assert_int_equal(add(l, c, 3), 0);
  lab_reopen(l);
  c[1].sessions = 2;
  assert_int_equal(add(l, c, 2), 0);
  struct seen s = rows(l, "a.example");
  assert_int_equal(s.rows, 1);
  assert_int_equal(s.last.successes, 10);
  assert_int_equal(s.last.failures, 3);
  assert_int_equal(s.last.sessions, 3);
  assert_int_equal(s.last.result, TLS_RESULT_CERTIFICATE_NOT_TRUSTED);
  assert_string_equal(s.text, "mx.example.net|3 1 1 AB\n||192.0.2.1|192.0.2.2|mx.example.net|mx|why");
  s = rows(l, "b.example");
  assert_int_equal(s.rows, 1);
  assert_int_equal(s.last.sessions, 0);
  assert_string_equal(s.text, "b.example|||||||"); /* the policy's domain is its own */
}

/* A host that always has another record, or another text, fills nothing. */
static void details_are_bounded(void **state) {
  struct lab *l = *state;
  char text[40];
  for (int i = 0; i < 3 * TLS_FAILURES_MOST; i++) {
    struct tls_count c = one("a.example", TLS_POLICY_NONE, i % 2 ? TLS_RESULT_VALIDATION_FAILURE : 1);
    snprintf(text, sizeof text, "reason %d", i);
    c.of.reason = text;
    add(l, &c, 1);
  }
  struct seen s = rows(l, "a.example");
  assert_int_equal(s.details, TLS_FAILURES_MOST + 2);
  assert_int_equal(s.last.failures, 3 * TLS_FAILURES_MOST);
  assert_int_equal(lab_number(l->dir, "SELECT sum(sessions) FROM tls_failures"), 3 * TLS_FAILURES_MOST);
  assert_int_equal(
      lab_number(l->dir, "SELECT sum(sessions) FROM tls_failures WHERE reason = '" TLS_OTHERS "' AND mx = ''"),
      2 * TLS_FAILURES_MOST);
}

static void policies_are_bounded(void **state) {
  struct lab *l = *state;
  char text[40];
  for (int i = 0; i < 3 * TLS_POLICIES_MOST; i++) {
    struct tls_count c = one("a.example", i % 2 ? TLS_POLICY_TLSA : TLS_POLICY_STS, TLS_RESULT_SUCCESS);
    snprintf(text, sizeof text, "%d\n", i);
    c.of.policy.strings = text;
    add(l, &c, 1);
  }
  assert_int_equal(rows(l, "a.example").rows, TLS_POLICIES_MOST + 2);
  assert_int_equal(lab_number(l->dir, "SELECT sum(successes) FROM tls_policies"), 3 * TLS_POLICIES_MOST);
}

static void domains_are_bounded(void **state) {
  struct lab *l = *state;
  struct tls_count c[] = {one("a.example", TLS_POLICY_NONE, TLS_RESULT_SUCCESS),
                          one("b.example", TLS_POLICY_NONE, TLS_RESULT_SUCCESS)};
  add(l, c, 1);
  assert_int_equal(lab_number(l->dir, "SELECT domains FROM tls_days"), 1);
  char sql[80];
  snprintf(sql, sizeof sql, "UPDATE tls_days SET domains = %d", TLS_DOMAINS_MOST);
  lab_exec(l->dir, sql);
  c[1].sessions = 7;
  assert_int_equal(add(l, c, 2), 7); /* a new one is left out, one that is known counts on */
  assert_int_equal(rows(l, "a.example").last.successes, 2);
  assert_int_equal(rows(l, "b.example").rows, 0);
}

static void old_days_are_forgotten(void **state) {
  struct lab *l = *state;
  struct tls_count c[] = {one("a.example", TLS_POLICY_NONE, TLS_RESULT_VALIDATION_FAILURE),
                          one("b.example", TLS_POLICY_NONE, TLS_RESULT_VALIDATION_FAILURE),
                          one("c.example", TLS_POLICY_NONE, TLS_RESULT_VALIDATION_FAILURE),
                          one("d.example", TLS_POLICY_NONE, TLS_RESULT_VALIDATION_FAILURE)};
  c[0].day = TODAY - TLS_KEEP_DAYS - 1;
  c[1].day = TODAY - TLS_KEEP_DAYS;
  c[2].day = TODAY + 2;
  add(l, c, 4);
  static const char *const tables[] = {"tls_days", "tls_domains", "tls_policies", "tls_failures"};
  for (size_t i = 0; i < 4; i++) {
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[i]);
    assert_int_equal(lab_number(l->dir, sql), 2);
  }
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM tls_domains WHERE domain IN ('b.example', 'd.example')"),
                   2);
}

struct due {
  size_t count;
  char domain[4][40];
  struct tls_report_status last;
};

static bool see_due(void *arg, const struct tls_report_status *s) {
  struct due *d = arg;
  snprintf(d->domain[d->count++], sizeof d->domain[0], "%s", s->domain);
  d->last = *s;
  return true;
}

static struct due due_of(struct lab *l, int64_t first_day, int64_t last_day, int64_t now_us, size_t limit) {
  struct due d = {0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_tls_due(r, first_day, last_day, now_us, limit, see_due, &d), OK);
  reader_close(&r);
  return d;
}

static struct due due(struct lab *l, int64_t last_day, int64_t now_us, size_t limit) {
  return due_of(l, 0, last_day, now_us, limit);
}

static bool see_copy(void *arg, const struct tls_report_copy *c) {
  struct due *d = arg;
  snprintf(d->domain[d->count++], sizeof d->domain[0], "%s %s %s", c->uri, tls_report_state_name(c->state), c->reason);
  return true;
}

static bool see_domain(void *arg, const struct tls_report_status *s, uint64_t successes, uint64_t failures) {
  struct due *d = arg;
  snprintf(d->domain[d->count++], sizeof d->domain[0], "%s %s %d %d", s->domain, tls_report_state_name(s->state),
           (int)successes, (int)failures);
  return true;
}

static void a_report_is_open_until_it_is_not(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us(), today = TODAY;
  struct tls_count c[] = {one("a.example", TLS_POLICY_NONE, TLS_RESULT_SUCCESS),
                          one("b.example", TLS_POLICY_NONE, TLS_RESULT_VALIDATION_FAILURE)};
  c[1].day = today - 1;
  add(l, c, 2);
  assert_int_equal(due(l, today - 1, now, 4).count, 1);
  assert_string_equal(due(l, today, now, 1).domain[0], "b.example"); /* the oldest first */
  assert_string_equal(due_of(l, today, today, now, 4).domain[0], "a.example");
  const struct tls_report_copy copies[] = {{"mailto:x@b.example", TLS_REPORT_SENT, "", now},
                                           {"https://b.example/", TLS_REPORT_OPEN, "503", now}};
  struct store_tls_report op = {
      .status = {today - 1, "b.example", TLS_REPORT_OPEN, now, now + 60, 1, "503"}, .copies = copies, .copy_count = 2};
  store_tls_report_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
  assert_int_equal(due(l, today - 1, now + 59, 4).count, 0);
  struct due d = due(l, today - 1, now + 60, 4);
  assert_int_equal(d.count, 1);
  assert_true(d.last.attempts == 1 && d.last.first_us == now);
  struct due seen = {0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_tls_copies(r, today - 1, "b.example", see_copy, &seen), OK);
  assert_int_equal(seen.count, 2);
  assert_string_equal(seen.domain[0], "https://b.example/ open 503");
  assert_string_equal(seen.domain[1], "mailto:x@b.example sent ");
  op.status.state = TLS_REPORT_SENT;
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
  assert_int_equal(due(l, today - 1, now + 60, 4).count, 0);
  seen.count = 0;
  assert_int_equal(reader_tls_domains(r, &(struct tls_filter){.day = -1}, see_domain, &seen), OK);
  assert_int_equal(seen.count, 2);
  assert_string_equal(seen.domain[0], "a.example open 1 0");
  assert_string_equal(seen.domain[1], "b.example sent 0 1");
  seen.count = 0;
  assert_int_equal(reader_tls_domains(r, &(struct tls_filter){.day = today, .domain = "b.example"}, see_domain, &seen),
                   OK);
  assert_int_equal(seen.count, 0);
  reader_close(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(counts_add_up, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(details_are_bounded, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(policies_are_bounded, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(domains_are_bounded, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(old_days_are_forgotten, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_report_is_open_until_it_is_not, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
