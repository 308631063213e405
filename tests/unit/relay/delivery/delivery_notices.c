/* When a sender is notified that mail waits (RFC 3461 4.1, 5.2.5), by a clock that the test sets. While the gateway
 * runs that would be a jump, with which the queue's times move: so it is set while the gateway is stopped. */
#include "tests/unit/delivery_rig.h"

#define HOUR (3600 * SECOND_US)
#define DELAY_US (4 * HOUR)

static int64_t began_us;

/* Mail that its host puts off, under way for the first time. */
static void begin(unsigned notify, int64_t delay_notice_us) {
  rig_open_plain();
  rig->config.delay_notice_us = delay_notice_us;
  rig_run();
  began_us = clock_now_us();
  keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"defer1"}, .notify = notify, .hand_over = true});
  wait_for(EVENT_DEFERRED, 1);
}

/* The gateway stops, runs again when that time has passed, and tries it: the notice of that is in the same transaction
 * as the event. */
static void pass(int64_t us, size_t deferred) {
  rig_stop();
  for (size_t i = 0; i < LOOPS; i++) loop_free(&rig->loops[i]);
  memset(rig->loops, 0, sizeof rig->loops);
  clock_set_for_tests(began_us + us);
  rig_run();
  wait_for(EVENT_DEFERRED, deferred);
}

static void end(void) {
  rig_stop();
  rig_close();
  clock_set_for_tests(0);
}

static size_t notices(void) {
  return message_count(); /* nothing else is delivered */
}

static void wait_for_notice(void) {
  wait_for(EVENT_DELIVERED, 1);
  assert_int_equal(notices(), 1);
  const struct hop_message *m = &rig->hop.messages[0];
  assert_string_equal(m->reverse_path, "");
  assert_non_null(memmem(m->content, m->len, "Action: delayed", 15));
  assert_non_null(memmem(m->content, m->len, "Will-Retry-Until:", 17));
}

static void who_asked_is_notified_once(void **state) {
  (void)state;
  begin(NOTIFY_DELAY | NOTIFY_FAILURE, DELAY_US);
  pass(DELAY_US - 60 * SECOND_US, 2);
  assert_int_equal(events(EVENT_ACCEPTED).found, 1);
  pass(DELAY_US + SECOND_US, 3); /* before its next attempt was due */
  wait_for_notice();
  pass(DELAY_US + 3 * HOUR, 4);
  pass(DELAY_US + 9 * HOUR, 5);
  assert_int_equal(events(EVENT_ACCEPTED).found, 2);
  end();
}

static void who_did_not_ask_is_not(void **state) {
  static const unsigned asked[] = {0, NOTIFY_FAILURE, NOTIFY_SUCCESS | NOTIFY_FAILURE, NOTIFY_NEVER};
  (void)state;
  for (size_t i = 0; i < COUNT_OF(asked); i++) {
    begin(asked[i], DELAY_US);
    pass(DELAY_US + 2 * HOUR, 2);
    assert_int_equal(events(EVENT_ACCEPTED).found, 1);
    end();
  }
}

static void switched_off_nobody_is(void **state) {
  (void)state;
  begin(NOTIFY_DELAY, 0);
  pass(DELAY_US + 2 * HOUR, 2);
  pass(20 * HOUR, 3);
  assert_int_equal(events(EVENT_ACCEPTED).found, 1);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_asked_is_notified_once),
      cmocka_unit_test(who_did_not_ask_is_not),
      cmocka_unit_test(switched_off_nobody_is),
  };
  rig_ready();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
