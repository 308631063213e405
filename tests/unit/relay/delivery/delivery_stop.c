/* A stop in the middle of the work, and a store that fails: nothing is lost, and nothing delivered twice. */
#include "tests/unit/delivery_rig.h"

/* The next hop has taken a message; the store cannot note it. */
static void deliver_with_broken_store(void) {
  rig_open_plain();
  lab_exec(rig->lab.dir,
           "CREATE TRIGGER broken BEFORE DELETE ON recipients BEGIN SELECT RAISE(ABORT, 'broken for a test'); END");
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .hand_over = true});
  for (int i = 0; i < DEADLINE_MS / 10 && !message_count(); i++) usleep(10000);
  assert_int_equal(message_count(), 1);
}

static void test_store_that_fails_for_a_while(void **state) {
  (void)state;
  deliver_with_broken_store();
  assert_int_equal(events(EVENT_DELIVERED).found, 0);
  delivery_poll(&rig->gateway, "[127.0.0.1]"); /* in flight still, so not tried again */
  lab_exec(rig->lab.dir, "DROP TRIGGER broken");
  wait_for(EVENT_DELIVERED, 1);
  rig_stop();
  assert_int_equal(message_count(), 1);
  rig_close();
}

static void test_stop_while_the_store_fails(void **state) {
  (void)state;
  deliver_with_broken_store();
  rig_stop(); /* ends, after its time limit */
  assert_int_equal(events(EVENT_DELIVERED).found, 0);
  assert_int_equal(queued().count, 1);
  rig_close();
}

static void test_stop_with_work_left(void **state) {
  (void)state;
  rig_open_plain();
  rig_run();
  for (int i = 0; i < 60; i++) keep(&(struct sample){.from = "s@x.example", .to = {"ok"}, .hand_over = true});
  rig_stop(); /* in the middle: what was delivered is out of the queue, the rest is in it, nothing is lost or twice */
  size_t delivered = events(EVENT_DELIVERED).found;
  size_t taken = message_count();
  assert_int_equal(delivered, taken);
  assert_int_equal(delivered + queued().count, 60);
  rig_close();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_store_that_fails_for_a_while),
      cmocka_unit_test(test_stop_while_the_store_fails),
      cmocka_unit_test(test_stop_with_work_left),
  };
  rig_ready();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
