/* A job: what it carries, how it is split, and that it comes back once to who handed it out. */
#include "relay/delivery/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct envelope envelope = {
    .id = 7, .account = "blog", .pool = "default", .reverse_path = "a@example.com", .envid = ""};

static struct job *job_of(size_t count) {
  struct job *j = job_new(&envelope, "example.net");
  assert_non_null(j);
  for (size_t i = 0; i < count; i++) {
    char address[40];
    snprintf(address, sizeof address, "r%zu@example.net", i);
    struct queued_recipient r = {.to = {.id = (int64_t)i + 1, .address = address, .domain = "example.net", .orcpt = ""},
                                 .last = ""};
    assert_int_equal(job_add_recipient(j, &r), OK);
  }
  return j;
}

static struct {
  size_t calls;
  struct gateway *gateway;
  struct job *job;
} finished;

static void finish(struct gateway *g, struct job *j) {
  finished.calls++;
  finished.gateway = g;
  finished.job = j;
}

static void test_finish(void **state) {
  (void)state;
  struct gateway g = {0};
  struct job *j = job_of(1), *notice = job_of(1);
  memset(&finished, 0, sizeof finished);
  j->finish = finish;
  job_finish(&g, j, &(struct job_result){.not_before_us = 5, .notice = notice, .notice_waits = true});
  assert_int_equal(finished.calls, 1);
  assert_ptr_equal(finished.gateway, &g);
  assert_ptr_equal(finished.job, j);
  assert_true(j->result.not_before_us == 5 && j->result.notice == notice && j->result.notice_waits);
  job_free(&j); /* and the notice, which nobody took */
  assert_null(j);
}

/* Nobody waits for it: it ends here, with its notice. */
static void test_finish_alone(void **state) {
  (void)state;
  struct gateway g = {0};
  job_finish(&g, job_of(1), &(struct job_result){.notice = job_of(1)});
}

static bool is_odd(void *arg, size_t index) {
  (void)arg;
  return index % 2 == 1;
}

/* Both parts come back to the same. */
static void test_split(void **state) {
  (void)state;
  struct job *j = job_of(5);
  j->finish = finish;
  j->returned = 3;
  struct job *part = job_split(j, is_odd, NULL);
  assert_non_null(part);
  assert_int_equal(j->recipient_count, 3);
  assert_int_equal(part->recipient_count, 2);
  assert_string_equal(part->recipients[1].to.address, "r3@example.net");
  assert_string_equal(j->recipients[1].to.address, "r2@example.net");
  assert_true(part->finish == finish && part->returned == 3 && part->envelope.id == 7);
  assert_string_equal(part->domain, "example.net");
  job_free(&j);
  job_free(&part);
}

/* What hosts said of a recipient goes with it. */
static void test_split_with_stories(void **state) {
  (void)state;
  struct job *j = job_of(4);
  for (size_t i = 0; i < 4; i++) {
    char **before = job_before(j, i);
    assert_non_null(before);
    if (i != 3) *before = strdup(j->recipients[i].to.address);
  }
  j->put_off = true;
  j->attempt_us = 9;
  struct job *part = job_split(j, is_odd, NULL);
  assert_non_null(part);
  assert_true(part->put_off && part->attempt_us == 9);
  for (size_t i = 0; i < 2; i++) assert_string_equal(j->before[i], j->recipients[i].to.address);
  assert_string_equal(part->before[0], "r1@example.net");
  assert_null(part->before[1]);
  struct job *none = job_split(part, is_odd, NULL);
  assert_non_null(none);
  job_free(&none);
  job_free(&j);
  job_free(&part);
}

static void test_control_characters(void **state) {
  (void)state;
  struct job *j = job_of(0);
  struct queued_recipient r = {.to = {.id = 1, .address = "r\r\nDATA@example.net", .domain = "example.net"}};
  assert_int_equal(job_add_recipient(j, &r), E_SYNTAX);
  r.to.address = "r@example.net";
  r.to.orcpt = "rfc822;r\n";
  assert_int_equal(job_add_recipient(j, &r), E_SYNTAX);
  assert_int_equal(j->recipient_count, 0);
  job_free(&j);
  static const struct envelope envelopes[] = {{.reverse_path = "a@example.com>\r\nRCPT TO:<x@example.net"},
                                              {.reverse_path = "a\x7f@example.com"},
                                              {.reverse_path = "a@example.com", .envid = "q\n"}};
  r.to.orcpt = "rfc822;r";
  for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++) {
    j = job_new(&envelopes[i], "example.net");
    assert_non_null(j);
    assert_int_equal(job_add_recipient(j, &r), E_SYNTAX);
    job_free(&j);
  }
}

static struct job *job_for(const struct envelope *e, const char *domain, int64_t id, unsigned attempts) {
  struct job *j = job_new(e, domain);
  struct queued_recipient r = {
      .to = {.id = id, .address = "r@example", .domain = domain, .orcpt = ""}, .attempts = attempts, .last = "x"};
  assert_int_equal(job_add_recipient(j, &r), OK);
  return j;
}

/* Recipients of several domains in one job, which is split as any other. */
static void test_join(void **state) {
  (void)state;
  struct job *j = job_for(&envelope, "one.example", 1, 0), *other = job_for(&envelope, "two.example", 2, 0);
  struct job *third = job_for(&envelope, "three.example", 3, 0);
  assert_true(j->explained);
  third->explained = false;
  assert_false(job_has_domains(j));
  assert_true(job_may_join(j, other, 2));
  assert_true(job_join(j, &other));
  assert_null(other);
  assert_true(job_has_domains(j) && j->explained);
  assert_false(job_may_join(j, third, 2)); /* no room */
  assert_true(job_may_join(j, third, 3));
  assert_true(job_join(j, &third));
  assert_false(j->explained);
  assert_int_equal(j->recipient_count, 3);
  assert_string_equal(job_domain(j, 0), "one.example");
  assert_string_equal(job_domain(j, 2), "three.example");
  assert_int_equal(j->recipients[2].to.id, 3);
  job_free(&j);
}

static void test_who_may_join(void **state) {
  (void)state;
  struct envelope other_message = envelope, other_pool = envelope, other_flags = envelope;
  other_message.id = 8;
  other_pool.pool = "bulk";
  other_flags.flags = MESSAGE_REQUIRE_TLS;
  const struct {
    const struct envelope *envelope;
    unsigned attempts, returned;
    bool alone, put_off, may;
  } cases[] = {
      {.envelope = &envelope, .may = true},
      {.envelope = &other_message},
      {.envelope = &other_pool},
      {.envelope = &other_flags},
      {.envelope = &envelope, .attempts = 1}, /* what was tried is judged in another way */
      {.envelope = &envelope, .alone = true},
      {.envelope = &envelope, .put_off = true},
      {.envelope = &envelope, .returned = 1},
  };
  struct job *j = job_for(&envelope, "one.example", 1, 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct job *other = job_for(cases[i].envelope, "two.example", 2, cases[i].attempts);
    other->alone = cases[i].alone;
    other->put_off = cases[i].put_off;
    other->returned = cases[i].returned;
    assert_int_equal(job_may_join(j, other, 100), cases[i].may);
    assert_int_equal(job_may_join(other, j, 100), cases[i].may);
    job_free(&other);
  }
  job_free(&j);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_finish),
      cmocka_unit_test(test_finish_alone),
      cmocka_unit_test(test_split),
      cmocka_unit_test(test_split_with_stories),
      cmocka_unit_test(test_control_characters),
      cmocka_unit_test(test_join),
      cmocka_unit_test(test_who_may_join),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
