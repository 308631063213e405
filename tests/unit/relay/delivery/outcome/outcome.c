/* An outcome without an attempt: the same for each recipient of a job, in the store, and back to who handed it out. */
#include "relay/delivery/outcome/outcome.h"
#include "base/mail/rule.h"
#include "tests/unit/store_lab.h"

static const struct config config = {.hostname = (char *)(uintptr_t) "gw.example.com",
                                     .retry_us = {600 * SECOND_US},
                                     .retry_count = 1,
                                     .expire_us = 86400 * SECOND_US};
static const struct outcome_place nowhere = {"", "", ""};

struct bench {
  struct lab lab;
  struct gateway gateway;
  struct loop loop;
  struct content_loader *loader;
  struct outcomes *outcomes;
  unsigned finished, emptied;
  struct job_result result;
  int64_t retry_us;
};

static struct bench *bench; /* one test at a time */

static void on_empty(void *arg) {
  struct bench *b = arg;
  b->emptied++;
  loop_finish(&b->loop);
}

static void open_bench(void) {
  struct bench *b = bench = calloc(1, sizeof *b);
  assert_non_null(b);
  folder_make(b->lab.dir, sizeof b->lab.dir);
  lab_open(&b->lab);
  b->gateway = (struct gateway){.config = &config, .store = b->lab.store};
  assert_ok(loop_init(&b->loop, &b->gateway, 0, &b->lab.why), b->lab.why);
  b->loop.directory = lab_directory(&b->lab);
  assert_int_equal(content_loader_new(&b->loop, &b->loader), OK);
  b->outcomes = outcomes_new(&b->loop, b->loader, on_empty, b);
  assert_non_null(b->outcomes);
}

static void close_bench(void) {
  assert_true(outcomes_is_empty(bench->outcomes));
  outcomes_free(&bench->outcomes);
  content_loader_free(&bench->loader);
  loop_free(&bench->loop);
  lab_close(&bench->lab);
  folder_remove(bench->lab.dir);
  free(bench);
}

static void on_finish(struct gateway *g, struct job *j) {
  assert_ptr_equal(g, &bench->gateway);
  bench->finished++;
  bench->result = j->result;
  bench->retry_us = j->retry_us;
  job_free(&j);
}

/* A message with two recipients, in the store and as a job. */
static struct job *keep_two(void) {
  struct recipient to[] = {
      {.id = id_new(), .address = "a@x.example", .domain = "x.example", .orcpt = ""},
      {.id = id_new(), .address = "b@x.example", .domain = "x.example", .orcpt = ""},
  };
  int64_t now = clock_now_us();
  struct store_accept a = {0};
  store_accept_init(&a);
  a.message = (struct new_message){.envelope = {.id = id_new(),
                                                .account = "blog",
                                                .pool = "default",
                                                .reverse_path = "",
                                                .envid = "",
                                                .created_us = now,
                                                .expires_us = now + config.expire_us},
                                   .recipients = to,
                                   .recipient_count = 2,
                                   .content = BYTES("Subject: x\r\n\r\n"),
                                   .first_attempt_us = now};
  a.accepted = (struct event){.account = "blog", .count = 1};
  assert_int_equal(lab_run(&bench->lab.poster, &a.op), OK);
  struct job *j = job_new(&a.message.envelope, "x.example");
  for (size_t i = 0; i < 2; i++)
    assert_int_equal(job_add_recipient(j, &(struct queued_recipient){.to = to[i], .attempts = 3}), OK);
  j->finish = on_finish;
  return j;
}

struct seen_events {
  size_t count;
  enum event_kind kind;
};

static bool on_event(void *arg, const struct event *e) {
  struct seen_events *seen = arg;
  if (e->kind == EVENT_ACCEPTED) return true;
  seen->kind = e->kind;
  seen->count++;
  assert_string_equal(e->rule, e->kind == EVENT_BOUNCED ? RULE_NO_DOMAIN : RULE_DNS);
  assert_string_equal(e->numbers, "attempt=4");
  assert_string_equal(e->text, "as told");
  return true;
}

static struct seen_events log_of_bench(void) {
  struct seen_events seen = {0};
  struct reader *r = lab_reader(&bench->lab);
  assert_int_equal(reader_log(r, &(struct log_filter){.kind = -1}, on_event, &seen), OK);
  reader_close(&r);
  return seen;
}

static void run(enum trouble trouble, int64_t not_before_us) {
  struct incident i = {.stage = STAGE_ROUTE, .trouble = trouble, .text = "as told"};
  outcome_without_attempt(bench->outcomes, keep_two(), &i, &nowhere, not_before_us);
  loop_run(&bench->loop);
  assert_int_equal(bench->finished, 1);
  assert_int_equal(bench->emptied, 1);
}

static void test_bounced(void **state) {
  (void)state;
  open_bench();
  run(TROUBLE_NO_DOMAIN, 0);
  struct seen_events seen = log_of_bench();
  assert_int_equal(seen.count, 2);
  assert_int_equal(seen.kind, EVENT_BOUNCED);
  assert_true(bench->retry_us == INT64_MAX && !bench->result.not_before_us && !bench->result.notice);
  struct seen_queue q;
  lab_queue(&bench->lab, &q);
  assert_int_equal(q.count, 0);
  struct delivery_counters counters = {.bounced = 1};
  outcomes_count(bench->outcomes, &counters);
  assert_true(counters.bounced == 3 && !counters.delivered && !counters.deferred);
  close_bench();
}

static void test_deferred(void **state) {
  (void)state;
  open_bench();
  run(TROUBLE_DNS, 77);
  struct seen_events seen = log_of_bench();
  assert_int_equal(seen.count, 2);
  assert_int_equal(seen.kind, EVENT_DEFERRED);
  assert_int_equal(bench->result.not_before_us, 77);
  struct seen_queue q;
  lab_queue(&bench->lab, &q);
  assert_int_equal(q.count, 2);
  int64_t first = q.all[0].next_us;
  assert_int_equal(q.all[1].next_us, first); /* in one transaction again */
  assert_int_equal(bench->retry_us, first);  /* when the queue is read for it again */
  assert_true(first > clock_now_us() + 500 * SECOND_US);
  close_bench();
}

/* Without memory for its next step a job comes back, and its domain is left alone for a while. */
static void test_no_memory(void **state) {
  (void)state;
  open_bench();
  outcome_no_memory(&bench->gateway, keep_two());
  assert_int_equal(bench->finished, 1);
  assert_true(bench->result.not_before_us > clock_now_us() && bench->retry_us == INT64_MAX);
  assert_int_equal(log_of_bench().count, 0);
  loop_finish(&bench->loop);
  loop_run(&bench->loop);
  close_bench();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounced),
      cmocka_unit_test(test_deferred),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
