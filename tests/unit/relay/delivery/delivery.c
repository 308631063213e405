/* What becomes of recipients: delivered, deferred, refused, expired; and the notices about it. */
#include "tests/unit/delivery_rig.h"

static void test_outcomes(void **state) {
  (void)state;
  rig_open_plain();
  keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"ok1"}});
  keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"defer1"}});
  keep(&(struct sample){
      .from = "s@[127.0.0.1]", .to = {"bounce1"}, .content = BYTES("Message-ID: <o@x>\r\nSubject: y\r\n\r\nbody\r\n")});
  rig_run();
  struct count bounced = wait_for(EVENT_BOUNCED, 1);
  assert_int_equal(bounced.last.code, 550);
  assert_string_equal(bounced.enhanced, "5.1.1");
  assert_string_equal(bounced.text, "no such user here");
  struct count deferred = wait_for(EVENT_DEFERRED, 1);
  assert_int_equal(deferred.last.code, 451);
  wait_for(EVENT_DELIVERED, 2); /* ok1, and the notice to s@ */
  rig_stop();
  struct seen_queue q = queued();
  assert_int_equal(q.count, 1);
  assert_int_equal(q.all[0].attempts, 1);
  assert_true(q.all[0].next_us > clock_now_us() + 3500 * SECOND_US);
  assert_int_equal(message_count(), 2);
  const struct hop_message *notice = &rig->hop.messages[0];
  if (notice->reverse_path[0]) notice = &rig->hop.messages[1];
  assert_string_equal(notice->reverse_path, "");
  assert_non_null(memmem(notice->content, notice->len, "multipart/report", 16));
  assert_non_null(memmem(notice->content, notice->len, "Subject: y\r\n", 12));
  assert_null(memmem(notice->content, notice->len, "body\r\n", 6));
  const struct hop_message *mail = notice == rig->hop.messages ? notice + 1 : rig->hop.messages;
  static const char whole[] = "X-P: 1\r\nSubject: x\r\n\r\nhello\r\n.dot\r\n";
  assert_int_equal(mail->len, strlen(whole));
  assert_memory_equal(mail->content, whole, mail->len);
  rig_close();
}

static void test_recipients_of_one_transaction(void **state) {
  (void)state;
  for (int pipelining = 0; pipelining < 2; pipelining++) {
    rig_open(&(struct hop_manner){.no_pipelining = !pipelining});
    keep(&(struct sample){.from = "", .to = {"ok1", "bounce1", "defer1", "ok2"}});
    rig_run();
    wait_for(EVENT_DELIVERED, 2);
    wait_for(EVENT_DEFERRED, 1);
    wait_for(EVENT_BOUNCED, 1);
    rig_stop();
    assert_int_equal(message_count(), 1);
    assert_int_equal(rig->hop.messages[0].recipients, 2);
    assert_int_equal(rig->hop.connections, 1);
    assert_int_equal(rig->hop.quits, 1);
    assert_int_equal(events(EVENT_ACCEPTED).found, 1); /* the null reverse-path gets no notice */
    rig_close();
  }
}

static void test_too_many_recipients_go_in_turns(void **state) {
  (void)state;
  static const char *const ways[] = {NULL, "552 too many\r\n", "550 5.5.3 too many\r\n"};
  for (size_t i = 0; i < COUNT_OF(ways); i++) {
    rig_open(&(struct hop_manner){.recipients_most = 2, .excess_reply = ways[i]});
    keep(&(struct sample){.from = "", .to = {"ok1", "ok2", "ok3", "ok4", "ok5"}});
    rig_run();
    wait_for(EVENT_DELIVERED, 5);
    rig_stop();
    assert_int_equal(message_count(), 3);
    assert_int_equal(events(EVENT_DEFERRED).found, 0);
    assert_int_equal(events(EVENT_BOUNCED).found, 0);
    rig_close();
  }
}

static void test_large_message_from_file(void **state) {
  (void)state;
  rig_open_plain();
  size_t len = 20 * 1000 * 1000;
  char *content = malloc(len);
  for (size_t i = 0; i < len; i += 50) {
    memset(content + i, 'a' + (int)(i / 50 % 26), 50);
    if (i % 150 == 0) content[i] = '.';
    memcpy(content + i + 48, "\r\n", 2);
  }
  keep(&(struct sample){.from = "s@x.example", .to = {"ok"}, .content = {content, len}, .flags = MESSAGE_IN_FILE});
  rig_run();
  wait_for(EVENT_DELIVERED, 1);
  rig_stop();
  assert_int_equal(message_count(), 1);
  assert_int_equal(rig->hop.messages[0].len, len + 8);
  assert_memory_equal(rig->hop.messages[0].content + 8, content, len);
  free(content);
  rig_close();
}

static void test_bounce_of_a_file_keeps_its_header(void **state) {
  (void)state;
  rig_open_plain();
  keep(&(struct sample){.from = "s@[127.0.0.1]",
                        .to = {"late1"},
                        .content = BYTES("Subject: z\r\n\r\nbody\r\n"),
                        .flags = MESSAGE_IN_FILE});
  rig_run();
  assert_int_equal(wait_for(EVENT_BOUNCED, 1).last.code, 554);
  wait_for(EVENT_DELIVERED, 1);
  rig_stop();
  assert_int_equal(message_count(), 1);
  assert_non_null(memmem(rig->hop.messages[0].content, rig->hop.messages[0].len, "Subject: z\r\n", 12));
  rig_close();
}

static void test_failing_notice_is_dropped(void **state) {
  (void)state;
  rig_open_plain();
  keep(&(struct sample){.from = "bounce2@[127.0.0.1]", .to = {"bounce1"}});
  rig_run();
  wait_for(EVENT_BOUNCED, 1);
  struct count dropped = wait_for(EVENT_DROPPED, 1);
  assert_string_equal(dropped.to, "bounce2@[127.0.0.1]");
  rig_stop();
  assert_int_equal(events(EVENT_ACCEPTED).found, 2);
  struct seen_queue q = queued();
  assert_int_equal(q.count, 0);
  rig_close();
}

/* Pipelined DATA that is accepted though nobody is: no dot, or the host has an empty message. */
static void test_data_taken_for_nobody(void **state) {
  (void)state;
  static const struct {
    const char *mail_reply, *to[2];
    int code;
  } cases[] = {{.to = {"bounce1", "bounce2"}, .code = 550},
               {.mail_reply = "553 5.1.8 no\r\n", .to = {"ok1", "ok2"}, .code = 553}};
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    rig_open(&(struct hop_manner){.take_data_without_rcpt = true, .mail_reply = cases[i].mail_reply});
    keep(&(struct sample){.from = "", .to = {cases[i].to[0], cases[i].to[1]}});
    rig_run();
    assert_int_equal(wait_for(EVENT_BOUNCED, 2).last.code, cases[i].code);
    keep(&(struct sample){.from = "", .to = {"ok3"}, .hand_over = true}); /* there is no harm in it */
    if (cases[i].mail_reply)
      wait_for(EVENT_BOUNCED, 3);
    else
      wait_for(EVENT_DELIVERED, 1);
    rig_stop();
    assert_int_equal(rig->hop.lone_dots, 0);
    assert_int_equal(rig->hop.connections, 2);
    assert_int_equal(message_count(), cases[i].mail_reply ? 0 : 1);
    rig_close();
  }
}

static void test_lost_after_the_dot(void **state) {
  (void)state;
  rig_open_plain();
  keep(&(struct sample){.from = "", .to = {"drop1"}});
  rig_run();
  struct count c = wait_for(EVENT_DEFERRED, 1);
  assert_string_equal(c.enhanced, "4.4.2");
  assert_non_null(strstr(c.text, "may arrive twice"));
  rig_stop();
  assert_int_equal(rig->hop.connections, 1);
  rig_close();
}

static void test_expired(void **state) {
  (void)state;
  rig_open_plain();
  keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"defer1"}, .expires_us = clock_now_us() - 1});
  rig_run();
  struct count c = wait_for(EVENT_EXPIRED, 1);
  assert_string_equal(c.enhanced, "4.4.7");
  assert_non_null(strstr(c.text, "greylisted"));
  wait_for(EVENT_DELIVERED, 1); /* the notice */
  rig_stop();
  rig_close();
}

/* --- the clock --- */

static int64_t time_in_store(const char *what, const char *table) {
  char sql[100];
  snprintf(sql, sizeof sql, "SELECT %s FROM %s", what, table);
  return lab_number(rig->lab.dir, sql);
}

static void wait_until_expiry(int64_t wanted) {
  for (int i = 0; i < DEADLINE_MS / 10; i++) {
    int64_t off = time_in_store("expires_us", "messages") - wanted;
    if (off > -60 * SECOND_US && off < 60 * SECOND_US) return;
    usleep(10000);
  }
  fail_msg("the queue's times did not follow the clock");
}

/* Five years ahead for a while, with mail that waits and mail under way: nothing expires, nothing is tried early, and
 * afterwards everything is as it was. */
static void test_clock_that_jumps(void **state) {
  (void)state;
  const int64_t years = 5 * 365 * 86400 * SECOND_US;
  rig_open_plain();
  rig_run();
  keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"defer1"}, .hand_over = true});
  wait_for(EVENT_DEFERRED, 1);
  int64_t expires = time_in_store("expires_us", "messages"), next = time_in_store("next_us", "recipients");
  clock_set_for_tests(clock_now_us() + years);
  wait_until_expiry(expires + years);
  usleep(1500000); /* a tick, and what it would start */
  clock_set_for_tests(0);
  wait_until_expiry(expires);
  int64_t off = time_in_store("next_us", "recipients") - next;
  assert_true(off > -60 * SECOND_US && off < 60 * SECOND_US);
  rig_stop();
  assert_int_equal(events(EVENT_EXPIRED).found, 0);
  assert_int_equal(events(EVENT_DEFERRED).found, 1);
  rig_close();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_outcomes),
      cmocka_unit_test(test_recipients_of_one_transaction),
      cmocka_unit_test(test_too_many_recipients_go_in_turns),
      cmocka_unit_test(test_large_message_from_file),
      cmocka_unit_test(test_bounce_of_a_file_keeps_its_header),
      cmocka_unit_test(test_failing_notice_is_dropped),
      cmocka_unit_test(test_data_taken_for_nobody),
      cmocka_unit_test(test_lost_after_the_dot),
      cmocka_unit_test(test_clock_that_jumps),
      cmocka_unit_test(test_expired),
  };
  rig_ready();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
