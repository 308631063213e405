/* One domain's report on its blocking thread: with a store, and DNS that is a table. */
#include "relay/tls_report/tls_report_task.h"

#include "tests/unit/store_lab.h"

#include <arpa/nameser.h>

#define DAY (tls_day(clock_now_us()) - 1)

struct setup {
  const char *txt; /* of _smtp._tls.example.net; NULL: none */
  bool failed;
};

static void lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  static char room[300];
  static struct dns_record record;
  const struct setup *s = arg;
  *out = (struct dns_answer){.status = s->failed ? DNS_FAILED : DNS_NXDOMAIN};
  if (s->failed || !s->txt || type != ns_t_txt || strcmp(name, "_smtp._tls.example.net") != 0) return;
  room[0] = (char)strlen(s->txt);
  strcpy(room + 1, s->txt);
  record.data = (struct bytes){room, strlen(s->txt) + 1};
  *out = (struct dns_answer){.status = DNS_FOUND, .count = 1, .records = &record};
}

static void release(void *arg, struct dns_answer *answer) {
  (void)arg, (void)answer;
}

static const struct tls_report_sender by = {"smtp.example.com", "Example", "postmaster@example.com", "tls@example.com"};

static void count_one(struct lab *l) {
  const struct tls_count c = {.day = DAY,
                              .of = {.domain = "example.net",
                                     .policy = {TLS_POLICY_NONE, "", "", ""},
                                     .result = TLS_RESULT_STARTTLS_NOT_SUPPORTED,
                                     .mx = "mx.example.net"},
                              .sessions = 1};
  struct store_tls_counts op = {.counts = &c, .count = 1};
  store_tls_counts_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
}

static void record(struct lab *l, const struct tls_report_task *t) {
  struct tls_report_copy copies[TLS_RUA_MAX];
  for (size_t i = 0; i < t->count; i++)
    copies[i] = (struct tls_report_copy){t->deliveries[i].rua.uri, t->deliveries[i].state, t->deliveries[i].reason, 1};
  struct store_tls_report op = {
      .status = {t->day, t->domain, t->state, t->first_us, t->next_us, t->attempts, t->reason},
      .copies = copies,
      .copy_count = t->count};
  store_tls_report_init(&op);
  assert_int_equal(lab_run(&l->poster, &op.op), OK);
}

/* Runs one at that time; mail is taken, as `taken`. */
static struct tls_report_task *run(struct lab *l, struct setup *s, int64_t now_us, enum tls_report_state taken) {
  const struct dns_source dns = {s, lookup, release};
  const struct https https = {.dns = &dns, .may_connect = https_global_only};
  struct tls_report_task *t = calloc(1, sizeof *t);
  struct reader *r = lab_reader(l);
  *t = (struct tls_report_task){
      .reader = r, .https = &https, .by = &by, .first_day = DAY - 1, .last_day = DAY, .now_us = now_us};
  assert_int_equal(tls_report_task_run(t), OK);
  reader_close(&r);
  for (size_t i = 0; i < t->count; i++)
    if (t->deliveries[i].mail_id) t->deliveries[i].state = taken;
  tls_report_task_settle(t);
  if (t->found) record(l, t);
  return t;
}

static void done(struct tls_report_task **t) {
  tls_report_task_clear(*t);
  free(*t);
  *t = NULL;
}

static void nothing_is_due(void **state) {
  struct setup s = {0};
  struct tls_report_task *t = run(*state, &s, clock_now_us(), TLS_REPORT_SENT);
  assert_false(t->found);
  done(&t);
}

static void nobody_asks(void **state) {
  struct setup s = {.txt = "v=spf1 -all"};
  count_one(*state);
  struct tls_report_task *t = run(*state, &s, clock_now_us(), TLS_REPORT_SENT);
  assert_true(t->found && t->state == TLS_REPORT_NONE && !t->count);
  done(&t);
  t = run(*state, &s, clock_now_us(), TLS_REPORT_SENT);
  assert_false(t->found); /* and that is the end of it */
  done(&t);
}

/* The clock is passed in: for 24 hours it is tried again. */
static void dns_that_fails_is_asked_again(void **state) {
  struct setup s = {.failed = true};
  int64_t start = clock_now_us(), now = start;
  unsigned attempts = 0;
  count_one(*state);
  for (;;) {
    struct tls_report_task *t = run(*state, &s, now, TLS_REPORT_SENT);
    assert_true(t->found && t->attempts == ++attempts);
    bool open = t->state == TLS_REPORT_OPEN;
    if (!open) assert_int_equal(t->state, TLS_REPORT_FAILED);
    assert_string_equal(t->reason, "DNS did not answer");
    int64_t next = t->next_us;
    done(&t);
    if (!open) break;
    t = run(*state, &s, next - 1, TLS_REPORT_SENT);
    assert_false(t->found);
    done(&t);
    now = next;
  }
  assert_in_range(attempts, 4, 12);
  assert_true(now - start <= 86400 * SECOND_US);
}

static void mail_is_made_once(void **state) {
  struct setup s = {.txt = "v=TLSRPTv1; rua=mailto:a@example.org,mailto:b@example.org"};
  count_one(*state);
  struct tls_report_task *t = run(*state, &s, clock_now_us(), TLS_REPORT_SENT);
  assert_int_equal(t->count, 2);
  assert_int_equal(t->state, TLS_REPORT_SENT);
  for (size_t i = 0; i < 2; i++) {
    assert_true(t->deliveries[i].mail_id && t->deliveries[i].tried);
    assert_non_null(memmem(t->deliveries[i].mail.at, t->deliveries[i].mail.len, "application/tlsrpt+gzip", 23));
  }
  assert_int_not_equal(t->deliveries[0].mail_id, t->deliveries[1].mail_id);
  done(&t);
  t = run(*state, &s, clock_now_us(), TLS_REPORT_SENT);
  assert_false(t->found);
  done(&t);
}

/* Of two addresses one fails for now: only that one is tried again. */
static void only_what_failed_is_tried_again(void **state) {
  struct setup s = {.txt = "v=TLSRPTv1; rua=mailto:a@example.org"};
  count_one(*state);
  int64_t now = clock_now_us();
  struct tls_report_task *t = run(*state, &s, now, TLS_REPORT_OPEN);
  assert_int_equal(t->state, TLS_REPORT_OPEN);
  int64_t next = t->next_us;
  done(&t);
  s.txt = "v=TLSRPTv1; rua=mailto:a@example.org,mailto:b@example.org";
  t = run(*state, &s, next, TLS_REPORT_SENT);
  assert_int_equal(t->state, TLS_REPORT_SENT);
  assert_true(t->deliveries[0].tried && t->deliveries[1].tried);
  done(&t);
  lab_exec(((struct lab *)*state)->dir, "UPDATE tls_domains SET state = 0, next_us = 0");
  t = run(*state, &s, next, TLS_REPORT_SENT);
  assert_true(t->found && !t->deliveries[0].tried && !t->deliveries[1].tried);
  assert_true(!t->deliveries[0].mail_id && !t->deliveries[1].mail_id && t->state == TLS_REPORT_SENT);
  done(&t);
}

/* A stranger names the URL: what is behind our own walls is not asked. */
static void private_addresses_are_not_asked(void **state) {
  struct setup s = {
      .txt = "v=TLSRPTv1; rua=https://127.0.0.1/x,https://[::1]/x,https://2130706433/,https://10.0.0.1:8443/"};
  count_one(*state);
  struct tls_report_task *t = run(*state, &s, clock_now_us(), TLS_REPORT_SENT);
  assert_int_equal(t->count, 4);
  for (size_t i = 0; i < t->count; i++) {
    assert_int_equal(t->deliveries[i].state, TLS_REPORT_FAILED);
    assert_non_null(strstr(t->deliveries[i].reason, "no public address"));
  }
  assert_int_equal(t->state, TLS_REPORT_FAILED);
  done(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(nothing_is_due, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(nobody_asks, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(dns_that_fails_is_asked_again, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(mail_is_made_once, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(only_what_failed_is_tried_again, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(private_addresses_are_not_asked, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
