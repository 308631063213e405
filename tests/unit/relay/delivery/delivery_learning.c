/* What is known of a site's greylisting decides when a recipient that it puts off is tried again, and what the site
 * answers is kept. */
#include "relay/delivery/route/source_choice.h"
#include "tests/unit/delivery_rig.h"

#include <stdatomic.h>

#define SITE "[127.0.0.1]"
#define KNOWN_SLOT 19 /* 300 seconds */

/* Runs on each loop; its own has the site. */
struct seed {
  struct loop_message message;
  atomic_bool *done;
};

/* Much of it was taken after the delay, and nothing just before, so that there is nothing to explore. */
static struct site_learning greylister(void) {
  struct site_learning l = {.aged_us = clock_now_us()};
  l.greylist.taken[KNOWN_SLOT] = 20;
  l.greylist.refused[KNOWN_SLOT - 1] = 10;
  l.greylist.firsts = l.greylist.put_off = 30;
  return l;
}

static void on_seed(struct loop *on, struct loop_message *m) {
  struct seed *s = (struct seed *)m;
  struct site_learning_note n = {.site = SITE, .source = "", .learnt = greylister()};
  if (destination_owner("", SITE, LOOPS) == on->index) {
    delivery_recall_learning(&rig->gateway, &n);
    atomic_store(s->done, true);
  }
  free(s);
}

static void seed(void) {
  atomic_bool done = false;
  for (size_t i = 0; i < LOOPS; i++) {
    struct seed *s = calloc(1, sizeof *s);
    s->message.run = on_seed;
    s->done = &done;
    loop_post(&rig->loops[i], &s->message);
  }
  while (!atomic_load(&done)) usleep(1000);
}

static bool see_note(void *arg, const struct site_learning_note *n) {
  *(struct site_learning *)arg = n->learnt;
  return false;
}

static struct site_learning kept(void) {
  struct site_learning l = {0};
  assert_int_equal(reader_site_learning(rig->reader, SITE, 1, see_note, &l), OK);
  return l;
}

/* In how many seconds a recipient that was put off is tried again. */
static int64_t put_off_for(bool learning, struct site_learning *after) {
  rig_open_plain();
  rig->config.learning = learning;
  rig_run();
  seed();
  keep(&(struct sample){.from = "", .to = {"defer1"}, .hand_over = true});
  wait_for(EVENT_DEFERRED, 1);
  int64_t now = clock_now_us();
  rig_stop();
  struct seen_queue q = queued();
  assert_int_equal(q.count, 1);
  int64_t wait = (q.all[0].next_us - now) / SECOND_US;
  *after = kept();
  rig_close();
  return wait;
}

static void it_is_tried_when_the_site_is_known_to_take_it(void **state) {
  struct site_learning after;
  (void)state;
  assert_in_range(put_off_for(true, &after), 270, 320); /* a busy machine is late in asking */
  assert_int_equal(after.greylist.firsts, 31);
  assert_int_equal(after.greylist.put_off, 31);
  assert_int_equal(learnt_times_total(&after.transaction), 1);
  assert_int_equal(after.sizes[0].all, 1);
  assert_int_equal(after.sizes[0].hits, 0); /* it was greylisted */
  assert_int_equal(after.source.all, 0);
}

static void switched_off_it_is_as_the_schedule_says(void **state) {
  struct site_learning after;
  (void)state;
  assert_in_range(put_off_for(false, &after), 3500, 4000);
  assert_false(site_learning_any(&after));
}

/* Delivered, refused for the recipient, for the content: who is counted for what. */
static void answers_are_counted(void **state) {
  (void)state;
  rig_open_plain();
  rig->config.learning = true;
  rig_run();
  for (int i = 0; i < 3; i++) keep(&(struct sample){.from = "", .to = {"ok1", "bounce1"}, .hand_over = true});
  wait_for(EVENT_DELIVERED, 3);
  keep(&(struct sample){.from = "", .to = {"bounce2"}, .hand_over = true});
  wait_for(EVENT_BOUNCED, 4);
  rig_stop();
  struct site_learning l = kept();
  assert_int_equal(l.source.all, 3); /* an unknown user is nobody's fault */
  assert_int_equal(l.source.hits, 3);
  assert_int_equal(learnt_times_total(&l.delivery), 3);
  assert_int_equal(learnt_times_total(&l.transaction), 4);
  assert_int_equal(l.sizes[0].all, 7);
  assert_int_equal(l.greylist.firsts, 7);
  assert_int_equal(l.greylist.put_off, 0);
  rig_close();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_tried_when_the_site_is_known_to_take_it),
      cmocka_unit_test(switched_off_it_is_as_the_schedule_says),
      cmocka_unit_test(answers_are_counted),
  };
  rig_ready();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
