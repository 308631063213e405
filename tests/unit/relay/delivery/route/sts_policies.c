/* Which questions are asked for domains' policies, who waits for what, and what the store gets. DNS and the web servers
 * are tables; the store is none. */
#include "relay/delivery/route/sts_policies.h"

#include "relay/net/pool.h"
#include "store/write.h"

#include <arpa/nameser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* last: it has a macro named fail */

#include "tests/unit/loop_lab.h"

#define GOOD "version: STSv1\nmode: enforce\nmx: mx.example\nmax_age: 86400\n"
#define OPEN_MAX 40

/* --- the web servers --- */

static atomic_int fetched, fetching, most;
static atomic_bool held; /* they do not answer */
static const char *policy_text;

int __wrap_sts_fetch(const struct https *h, const char *domain, struct sts_policy **out, enum sts_failure *failure,
                     struct reason *why);
int __wrap_sts_fetch(const struct https *h, const char *domain, struct sts_policy **out, enum sts_failure *failure,
                     struct reason *why) {
  (void)domain;
  int now = atomic_fetch_add(&fetching, 1) + 1;
  if (now > atomic_load(&most)) atomic_store(&most, now);
  while (atomic_load(&held) && !atomic_load(h->until_ms)) usleep(1000);
  atomic_fetch_add(&fetched, 1);
  atomic_fetch_sub(&fetching, 1);
  *out = NULL;
  *failure = STS_FETCH_ERROR;
  if (atomic_load(h->until_ms) || !policy_text) return E_TEMPORARY;
  *failure = STS_FAILURE_NONE;
  return sts_policy_read(bytes_of(policy_text), out, why);
}

/* --- DNS --- */

static const char *record_text; /* NULL: there is none; "": DNS does not answer */
static struct question {
  void (*done)(void *arg, const struct dns_answer *answer);
  void *arg;
} open_questions[OPEN_MAX];
static size_t open_count, asked;
static char last_name[256];

static void answer_dns(void (*done)(void *arg, const struct dns_answer *answer), void *arg) {
  char rdata[256];
  struct dns_record record;
  struct dns_answer a = {.status = DNS_NXDOMAIN, .ttl = 60};
  if (record_text && !record_text[0]) a = (struct dns_answer){.status = DNS_FAILED};
  if (record_text && record_text[0]) {
    snprintf(rdata, sizeof rdata, "%c%s", (char)strlen(record_text), record_text);
    record.data = bytes_of(rdata);
    a = (struct dns_answer){.status = DNS_FOUND, .ttl = 60, .count = 1, .records = &record};
  }
  done(arg, &a);
}

int __wrap_resolver_ask(struct resolver *r, const char *name, int type,
                        void (*done)(void *arg, const struct dns_answer *answer), void *arg);
int __wrap_resolver_ask(struct resolver *r, const char *name, int type,
                        void (*done)(void *arg, const struct dns_answer *answer), void *arg) {
  (void)r;
  assert_int_equal(type, ns_t_txt);
  snprintf(last_name, sizeof last_name, "%s", name);
  asked++;
  if (open_count == OPEN_MAX) return E_BUSY;
  open_questions[open_count++] = (struct question){done, arg};
  return OK;
}

static void answer_all(void) {
  while (open_count) {
    struct question q = open_questions[--open_count];
    answer_dns(q.done, q.arg);
  }
}

/* --- the store --- */

static char stored[200];
static unsigned posts;

void __wrap_loop_store_post(struct loop *on, struct store_op *op, void (*done)(struct store_op *op));
void __wrap_loop_store_post(struct loop *on, struct store_op *op, void (*done)(struct store_op *op)) {
  const struct sts_note *n = &((struct store_sts_note *)op)->note;
  (void)on;
  snprintf(stored, sizeof stored, "%s %s %.20s", n->domain, n->id ? n->id : "", n->text ? n->text : "gone");
  posts++;
  op->result = OK;
  done(op);
}

/* --- the rig --- */

static struct loop_lab lab;
static struct sts_policies *policies;
static unsigned found, idle_calls;
static struct sts_finding last;
static enum sts_mode last_mode;

static void on_found(void *arg, const struct sts_finding *f) {
  (void)arg;
  found++;
  last = *f;
  if (f->policy) last_mode = f->policy->mode;
}

static void on_idle(void *arg) {
  (void)arg;
  idle_calls++;
}

static void no_lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  (void)arg, (void)name, (void)type;
  *out = (struct dns_answer){.status = DNS_FAILED};
}
static void no_release(void *arg, struct dns_answer *a) {
  (void)arg, (void)a;
}

static int set_up(void **state) {
  (void)state;
  const struct dns_source dns = {NULL, no_lookup, no_release};
  loop_lab_open(&lab);
  policies = sts_policies_new(&lab.loop, NULL, &dns, on_idle, NULL);
  atomic_store(&fetched, 0), atomic_store(&most, 0), atomic_store(&held, false);
  found = idle_calls = posts = 0, asked = open_count = 0;
  policy_text = GOOD, record_text = "v=STSv1; id=a1;";
  last = (struct sts_finding){0};
  return policies ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  sts_policies_free(&policies);
  answer_all();
  uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
  loop_lab_close(&lab);
  return 0;
}

static bool counts(uint64_t known, uint64_t failed) {
  uint64_t of[2] = {0};
  sts_policies_count(policies, &of[0], &of[1]);
  return of[0] == known && of[1] == failed;
}

static void find(const char *domain) {
  sts_policies_find(policies, domain, on_found, NULL);
}

/* --- tests --- */

static void test_the_first_waits_and_the_rest_do_not(void **state) {
  (void)state;
  find("a.example");
  find("a.example");
  assert_true(found == 0 && asked == 1);
  assert_string_equal(last_name, "_mta-sts.a.example");
  answer_all();
  assert_int_equal(found, 0); /* the web server is asked */
  loop_lab_until(&lab, found == 2);
  assert_true(last.policy && last_mode == STS_MODE_ENFORCE && last.ttl > 50 && last.ttl <= 60);
  assert_true(atomic_load(&fetched) == 1 && posts == 1);
  assert_string_equal(stored, "a.example a1 version: STSv1\nmode:");
  find("a.example");
  assert_true(found == 3 && last.policy && asked == 1);
  assert_true(sts_policies_idle(policies) && idle_calls && counts(1, 0));
  clock_set_for_tests(clock_now_us() + 8 * 86400 * SECOND_US);
  assert_true(counts(0, 0)); /* it is over, and not dropped yet */
  clock_set_for_tests(0);
}

static void test_no_record(void **state) {
  (void)state;
  record_text = NULL;
  find("a.example");
  answer_all();
  assert_true(found == 1 && !last.policy && last.ttl > 50);
  find("a.example");
  assert_true(found == 2 && asked == 1 && atomic_load(&fetched) == 0);
  record_text = ""; /* DNS does not answer: nothing is known, and mail goes on */
  find("b.example");
  answer_all();
  assert_true(found == 3 && !last.policy && last.failure == STS_FAILURE_NONE && last.ttl <= 30);
  for (int i = 0; i <= OPEN_MAX; i++) { /* nor where no more may be asked */
    char name[40];
    snprintf(name, sizeof name, "c%d.example", i);
    find(name);
  }
  assert_int_equal(found, 4);
  char longest[250];
  memset(longest, 'a', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  find(longest); /* DNS cannot have one */
  assert_int_equal(found, 5);
}

static void test_a_failure_is_none(void **state) {
  (void)state;
  policy_text = NULL;
  find("a.example");
  answer_all();
  loop_lab_until(&lab, found == 1);
  assert_true(!last.policy && last.failure == STS_FETCH_ERROR && posts == 0 && counts(0, 1));
  find("a.example");
  assert_true(found == 2 && atomic_load(&fetched) == 1);
  clock_set_for_tests(clock_now_us() + 6 * 60 * SECOND_US); /* it is tried again, and mail does not wait for that */
  policy_text = GOOD;
  atomic_store(&held, true);
  find("a.example");
  answer_all();
  assert_true(found == 3 && !last.policy);
  atomic_store(&held, false);
  loop_lab_until(&lab, posts == 1);
  find("a.example");
  assert_true(found == 4 && last.policy && last.failure == STS_FAILURE_NONE && counts(1, 1));
  clock_set_for_tests(0);
}

/* What has failed before is tried again behind what mail waits for, and never with all threads. */
static void test_what_mail_waits_for_goes_first(void **state) {
  (void)state;
  char name[40];
  policy_text = NULL;
  for (int i = 0; i < 3 * POOL_FETCHES; i++) {
    snprintf(name, sizeof name, "g%d.example", i);
    find(name);
  }
  answer_all();
  loop_lab_until(&lab, found == 3 * POOL_FETCHES);
  clock_set_for_tests(clock_now_us() + 6 * 60 * SECOND_US);
  atomic_store(&held, true), atomic_store(&most, 0), atomic_store(&fetched, 0);
  for (int i = 0; i < 3 * POOL_FETCHES; i++) {
    snprintf(name, sizeof name, "g%d.example", i);
    find(name);
  }
  answer_all();
  assert_int_equal(found, 6 * POOL_FETCHES);
  loop_lab_until(&lab, atomic_load(&most) == POOL_FETCHES / 2);
  loop_lab_for(&lab, 100);
  assert_int_equal(atomic_load(&most), POOL_FETCHES / 2);
  find("new.example");
  answer_all();
  loop_lab_until(&lab, atomic_load(&most) == POOL_FETCHES / 2 + 1);
  atomic_store(&held, false);
  loop_lab_until(&lab, atomic_load(&fetched) == 3 * POOL_FETCHES + 1);
  clock_set_for_tests(0);
}

static void test_what_the_store_has_counts_at_once(void **state) {
  (void)state;
  int64_t now = clock_now_us();
  sts_policies_recall(policies, &(struct sts_note){"a.example", "a1", GOOD, now - SECOND_US, now + 9 * SECOND_US, now});
  sts_policies_recall(policies, &(struct sts_note){"over.example", "a1", GOOD, now - 9 * SECOND_US, now - 1, now});
  sts_policies_recall(policies, &(struct sts_note){"bad.example", "a1", "what?", now, now + 9 * SECOND_US, now});
  find("a.example");
  assert_true(found == 1 && last.policy && asked == 1);
  answer_all(); /* the same id */
  loop_lab_for(&lab, 50);
  assert_true(atomic_load(&fetched) == 0 && posts == 0);
  find("over.example");
  find("bad.example");
  assert_true(found == 1 && asked == 3);
  atomic_store(&held, true);
  record_text = "v=STSv1; id=b2;"; /* another: mail goes on by the old one meanwhile */
  answer_all();
  find("a.example");
  assert_true(found == 2 && last.policy);
  atomic_store(&held, false);
  loop_lab_until(&lab, found == 4);
}

static void test_few_are_fetched_at_once(void **state) {
  (void)state;
  atomic_store(&held, true);
  for (int i = 0; i < 3 * POOL_FETCHES; i++) {
    char name[40];
    snprintf(name, sizeof name, "d%d.example", i);
    find(name);
  }
  answer_all();
  loop_lab_for(&lab, 100);
  assert_true(found == 0 && atomic_load(&fetched) == 0);
  atomic_store(&held, false);
  loop_lab_until(&lab, found == 3 * POOL_FETCHES);
  assert_true(atomic_load(&most) <= POOL_FETCHES && posts == 3 * POOL_FETCHES);
}

/* Else web servers that do not answer would stand in front of all others for hours. */
static void test_what_nobody_waits_for_is_not_fetched(void **state) {
  (void)state;
  atomic_store(&held, true);
  for (int i = 0; i < 5 * POOL_FETCHES; i++) {
    char name[40];
    snprintf(name, sizeof name, "f%d.example", i);
    find(name);
  }
  answer_all();
  sts_policies_tick(policies, clock_now_us(), clock_monotonic_ms() + STS_WAIT_MS + 1000);
  assert_int_equal(found, 5 * POOL_FETCHES);
  atomic_store(&held, false);
  find("later.example");
  answer_all();
  loop_lab_until(&lab, found == 5 * POOL_FETCHES + 1 && sts_policies_idle(policies));
  assert_true(last.policy && atomic_load(&fetched) == POOL_FETCHES + 1);
}

static void test_a_stop_keeps_nobody_waiting(void **state) {
  (void)state;
  atomic_store(&held, true);
  for (int i = 0; i < 2 * POOL_FETCHES; i++) {
    char name[40];
    snprintf(name, sizeof name, "e%d.example", i);
    find(name);
  }
  answer_all();
  find("asked.example"); /* DNS has not answered yet */
  sts_policies_stop(policies);
  assert_true(found == 2 * POOL_FETCHES + 1 && !last.policy);
  find("later.example");
  assert_int_equal(found, 2 * POOL_FETCHES + 2);
  loop_lab_until(&lab, sts_policies_idle(policies));
  assert_true(atomic_load(&fetched) <= POOL_FETCHES && posts == 0);
}

/* However slow DNS or a web server is. The policy is followed once it is there. */
static void test_nobody_waits_for_ever(void **state) {
  (void)state;
  atomic_store(&held, true);
  find("a.example");
  answer_all();
  find("b.example"); /* DNS does not answer */
  uint64_t now_ms = clock_monotonic_ms();
  sts_policies_tick(policies, clock_now_us(), now_ms + STS_WAIT_MS - 1000);
  assert_int_equal(found, 0);
  sts_policies_tick(policies, clock_now_us(), now_ms + STS_WAIT_MS + 1000);
  assert_true(found == 2 && !last.policy && last.ttl <= 10);
  atomic_store(&held, false);
  answer_all();
  loop_lab_until(&lab, posts == 1);
  find("a.example");
  assert_true(found == 3 && last.policy && atomic_load(&fetched) == 1);
  find("b.example");
  loop_lab_until(&lab, found == 4);
  assert_true(last.policy && asked == 2);
}

/* What is due is fetched anew without any mail: ahead of its end, and not where no mail was for long. */
static void test_refresh(void **state) {
  (void)state;
  int64_t now = clock_now_us(), day = 86400 * SECOND_US, from = now - 13 * 3600 * SECOND_US;
  sts_policies_recall(policies, &(struct sts_note){"a.example", "a1", GOOD, from, from + day, now - day});
  sts_policies_recall(policies, &(struct sts_note){"old.example", "a1", GOOD, from, from + day, now - 31 * day});
  sts_policies_recall(policies, &(struct sts_note){"new.example", "a1", GOOD, now, now + day, now});
  sts_policies_tick(policies, now, clock_monotonic_ms());
  assert_int_equal(asked, 1);
  assert_string_equal(last_name, "_mta-sts.a.example");
  answer_all();
  loop_lab_until(&lab, atomic_load(&fetched) == 1 && posts == 1);
  sts_policies_tick(policies, now + 20 * SECOND_US, clock_monotonic_ms());
  assert_true(asked == 1 && atomic_load(&fetched) == 1);
}

static void test_there_is_room_for_so_many(void **state) {
  (void)state;
  char name[40];
  int64_t now = clock_now_us();
  record_text = NULL;
  for (int i = 0; i <= STS_OTHERS_MAX; i++) {
    snprintf(name, sizeof name, "other%d.example", i);
    find(name);
    answer_all();
  }
  find("other1.example");
  assert_int_equal(asked, STS_OTHERS_MAX + 1);
  find("other0.example"); /* was asked for the longest ago */
  assert_int_equal(asked, STS_OTHERS_MAX + 2);
  answer_all();
  for (int i = 0; i < STS_POLICIES_MAX; i++) { /* as the store has them: the last used first */
    snprintf(name, sizeof name, "p%d.example", i);
    sts_policies_recall(policies, &(struct sts_note){name, "a1", GOOD, now, now + 86400 * SECOND_US, now - i});
  }
  record_text = "v=STSv1; id=a1;";
  find("one-more.example");
  answer_all();
  loop_lab_until(&lab, posts == 2);
  snprintf(name, sizeof name, "p%d.example  gone", STS_POLICIES_MAX - 1);
  assert_string_equal(stored, name);
  find("p0.example");
  assert_non_null(last.policy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_the_first_waits_and_the_rest_do_not, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_no_record, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_failure_is_none, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_what_the_store_has_counts_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_few_are_fetched_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_what_mail_waits_for_goes_first, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_what_nobody_waits_for_is_not_fetched, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_stop_keeps_nobody_waiting, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_nobody_waits_for_ever, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_refresh, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_there_is_room_for_so_many, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
