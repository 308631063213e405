/* What delivery_accept makes of a message: a job for each domain, on its way to loops[0]. */
#include "base/result.h"
#include "relay/delivery/delivery.h"
#include "relay/delivery/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static struct loop loop, *loops[] = {&loop};
static struct gateway gateway = {.loops = loops, .loop_count = 1}; /* no dispatcher: what arrives is freed */
static const struct envelope envelope = {
    .id = 7, .account = "blog", .pool = "default", .reverse_path = "a@example.com", .envid = ""};

static int setup(void **state) {
  (void)state;
  struct reason why;
  return loop_init(&loop, &gateway, 0, &why);
}

static int teardown(void **state) {
  (void)state;
  loop_finish(&loop); /* runs what was posted */
  loop_run(&loop);
  loop_free(&loop);
  return (int)content_octets_held();
}

/* The jobs that were posted, in order. */
static size_t posted(struct job *jobs[4]) {
  size_t count = 0;
  for (struct loop_message *m = loop.mailbox_head; m; m = m->next) {
    assert_true(count < 4);
    jobs[count++] = (struct job *)((char *)m - offsetof(struct job, post));
  }
  return count;
}

static struct content *content_of(const char *text) {
  struct buffer prefix, body;
  buffer_init(&prefix, 100);
  buffer_init(&body, 100);
  assert_int_equal(buffer_add_bytes(&body, bytes_of(text)), OK);
  struct content *c = content_new(&prefix, &body);
  assert_non_null(c);
  return c;
}

static void test_a_job_for_each_domain(void **state) {
  (void)state;
  static const struct recipient to[] = {
      {.id = 1, .address = "a@x.example", .domain = "x.example", .orcpt = "rfc822;old"},
      {.id = 2, .address = "b@y.example", .domain = "y.example", .notify = NOTIFY_NEVER},
      {.id = 3, .address = "c@x.example", .domain = "x.example"},
      {.id = 4, .address = "d@y.example", .domain = "y.example"},
      {.id = 5, .address = "e@z.example", .domain = "z.example"},
  };
  static const struct {
    const char *domain;
    size_t count;
    int64_t ids[2];
  } wanted[] = {{"x.example", 2, {1, 3}}, {"y.example", 2, {2, 4}}, {"z.example", 1, {5}}};
  struct content *c = content_of("Subject: x\r\n\r\n");
  struct job *jobs[4];
  delivery_accept(&gateway, &envelope, to, 5, c, 99);
  assert_int_equal(posted(jobs), 3);
  for (size_t i = 0; i < 3; i++) {
    assert_string_equal(jobs[i]->domain, wanted[i].domain);
    assert_int_equal(jobs[i]->recipient_count, wanted[i].count);
    for (size_t k = 0; k < wanted[i].count; k++) assert_int_equal(jobs[i]->recipients[k].to.id, wanted[i].ids[k]);
    assert_true(jobs[i]->envelope.id == 7 && jobs[i]->content == c && jobs[i]->post_moment_us == 99);
  }
  assert_string_equal(jobs[0]->recipients[0].to.orcpt, "rfc822;old");
  assert_int_equal(jobs[1]->recipients[0].to.notify, NOTIFY_NEVER);
  content_release(&c); /* each job has a reference of its own */
}

/* Content in a file is read by who needs it. */
static void test_without_content(void **state) {
  (void)state;
  static const struct recipient to = {.id = 1, .address = "a@x.example", .domain = "x.example"};
  struct job *jobs[4];
  delivery_accept(&gateway, &envelope, &to, 1, NULL, 0);
  assert_int_equal(posted(jobs), 1);
  assert_null(jobs[0]->content);
}

/* What cannot become a job stays in the queue alone, and keeps no other domain back. */
static void test_one_domain_cannot_be_handed_over(void **state) {
  (void)state;
  static const struct recipient to[] = {
      {.id = 1, .address = "a@x.example", .domain = "x.example"},
      {.id = 2, .address = "b\r\nDATA@x.example", .domain = "x.example"},
      {.id = 3, .address = "c@y.example", .domain = "y.example"},
  };
  struct job *jobs[4];
  delivery_accept(&gateway, &envelope, to, 3, NULL, 0);
  assert_int_equal(posted(jobs), 1);
  assert_string_equal(jobs[0]->domain, "y.example");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_job_for_each_domain, setup, teardown),
      cmocka_unit_test_setup_teardown(test_without_content, setup, teardown),
      cmocka_unit_test_setup_teardown(test_one_domain_cannot_be_handed_over, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
