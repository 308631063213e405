/* The brake's arithmetic: what each budget is, the steps and their spans, and accounts that live for months. */
#include "base/usage/brake_text.h"
#include "tests/unit/limit_samples.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define DAY (86400 * SECOND_US)
#define MINUTE (60 * SECOND_US)
#define BEGIN (INT64_C(20000) * DAY) /* midnight */

static uint64_t key_of(const char *address) {
  struct sockaddr_storage a;
  assert_int_equal(ip_parse(address, 0, &a), OK);
  return brake_network_key((const struct sockaddr *)&a);
}

/* An account that has sent so much a day, for so many days, from one network, a tenth of it to new people. */
static struct brake lived(uint64_t days, uint64_t a_day, int64_t *now) {
  struct brake b = {0};
  for (uint64_t d = 0; d < days; d++) {
    *now = BEGIN + (int64_t)d * DAY;
    struct brake_mail m = {.recipients = a_day, .first = a_day / 10, .network = key_of("192.0.2.7")};
    brake_count_mail(&b, *now, &m);
    brake_count_outcome(&b, *now, a_day, 0);
    assert_false(brake_step(&b, *now, CHECK_OFF));
  }
  *now = BEGIN + (int64_t)days * DAY;
  brake_roll(&b, *now);
  return b;
}

/* One budget's numbers, of an account with this history. */
struct sample {
  enum brake_budget budget;
  uint64_t days, a_day;
  struct brake_mail mail; /* today */
  uint64_t delivered, bounced;
  uint64_t used, most;
  bool over;
};

#define FAR_AWAY .network = UINT64_C(4) << 56 | 0xcb0071 /* 203.0.113.0/24 */
#define NEAR .network = UINT64_C(4) << 56 | 0xc00003     /* 192.0.3.0/24 */

static const struct sample samples[] = {
    {BUDGET_FIRST, 0, 0, .mail = {2000, 2000}, .used = 2000, .most = 2000},
    {BUDGET_FIRST, 0, 0, .mail = {2001, 2001}, .used = 2001, .most = 2000, .over = true},
    {BUDGET_FIRST, 30, 20, .mail = {200, 200}, .used = 200, .most = 200},
    {BUDGET_FIRST, 30, 20, .mail = {201, 201}, .used = 201, .most = 200, .over = true},
    {BUDGET_FIRST, 30, 4000, .mail = {1600, 1600}, .used = 1600, .most = 1600},
    {BUDGET_FIRST, 30, 4000, .mail = {1601, 1601}, .used = 1601, .most = 1600, .over = true},
    {BUDGET_VOLUME, 30, 20, .mail = {500, 0}, .used = 500, .most = 500},
    {BUDGET_VOLUME, 30, 20, .mail = {501, 0}, .used = 501, .most = 500, .over = true},
    {BUDGET_VOLUME, 30, 100, .mail = {1001, 0}, .used = 1001, .most = 1000, .over = true},
    {BUDGET_VOLUME, 3, 100, .mail = {2000, 0}, .used = 2000, .most = 2000},
    {BUDGET_BOUNCES, 0, 0, .delivered = 149, .bounced = 50, .used = 251, .most = 50},
    {BUDGET_BOUNCES, 0, 0, .delivered = 190, .bounced = 10, .used = 50, .most = 50},
    {BUDGET_BOUNCES, 0, 0, .delivered = 180, .bounced = 20, .used = 100, .most = 50, .over = true},
    {BUDGET_BOUNCES, 30, 100, .delivered = 0, .bounced = 30, .used = 41, .most = 50},
    {BUDGET_BOUNCES, 30, 100, .delivered = 0, .bounced = 60, .used = 78, .most = 50, .over = true},
    {BUDGET_FAR, 30, 20, .mail = {51, 0, FAR_AWAY}, .used = 51, .most = 50, .over = true},
    {BUDGET_FAR, 30, 20, .mail = {50, 0, FAR_AWAY}, .used = 50, .most = 50},
    {BUDGET_FAR, 30, 20, .mail = {51, 0, NEAR}, .used = 0, .most = 50},
    {BUDGET_FAR, 30, 20, .mail = {51, 0}, .used = 0, .most = 50},           /* the operator's own network */
    {BUDGET_FAR, 2, 20, .mail = {51, 0, FAR_AWAY}, .used = 0, .most = 50},  /* nothing is usual yet */
    {BUDGET_FAR, 5, 20, .mail = {51, 0, FAR_AWAY}, .used = 51, .most = 50}, /* the account is new */
};

static void test_budgets(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const struct sample *s = &samples[i];
    struct brake_use uses[BUDGET_COUNT];
    int64_t now = BEGIN;
    print_message("%zu %s\n", i, brake_budget_name(s->budget));
    struct brake b = lived(s->days, s->a_day, &now);
    brake_count_mail(&b, now, &s->mail);
    brake_count_outcome(&b, now, s->delivered, s->bounced);
    brake_uses(&b, now, uses);
    assert_int_equal(uses[s->budget].used, s->used);
    assert_int_equal(uses[s->budget].budget, s->most);
    assert_int_equal(brake_is_over(&uses[s->budget]), s->over);
  }
}

/* --- steps --- */

static bool submit(struct brake *b, int64_t now, enum check_mode mode, uint64_t recipients, uint64_t first) {
  brake_count_mail(b, now, &(struct brake_mail){.recipients = recipients, .first = first});
  return brake_step(b, now, mode);
}

static void test_one_step_at_a_time(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  assert_true(submit(&b, now, CHECK_ENFORCE, 5000, 5000)); /* twenty-five times its budget */
  assert_int_equal(b.step, BRAKE_SLOW);
  assert_false(submit(&b, now + BRAKE_HOLD_AFTER_US - 1, CHECK_ENFORCE, 100, 100));
  assert_int_equal(b.step, BRAKE_SLOW);
  now += BRAKE_HOLD_AFTER_US;
  assert_true(submit(&b, now, CHECK_ENFORCE, 1, 1));
  assert_int_equal(b.step, BRAKE_HOLD);
  assert_false(submit(&b, now + BRAKE_SUSPEND_AFTER_US - 1, CHECK_ENFORCE, 98, 98));
  now += BRAKE_SUSPEND_AFTER_US;
  assert_false(submit(&b, now, CHECK_ENFORCE, 1, 1)); /* 99 since it is held */
  assert_int_equal(b.step, BRAKE_HOLD);
  assert_true(submit(&b, now, CHECK_ENFORCE, 1, 1));
  assert_int_equal(b.step, BRAKE_SUSPEND);
  assert_false(submit(&b, now + 40 * DAY, CHECK_ENFORCE, 1, 1));
  assert_int_equal(b.step, BRAKE_SUSPEND);
}

static void test_little_more_only_slows(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  assert_true(submit(&b, now, CHECK_ENFORCE, 201, 201));
  for (int i = 0; i < 10; i++, now += BRAKE_SUSPEND_AFTER_US) assert_false(submit(&b, now, CHECK_ENFORCE, 1, 0));
  assert_int_equal(b.step, BRAKE_SLOW);
  assert_int_equal(b.days[0].day, BEGIN / DAY + 30);
  submit(&b, b.over_us + BRAKE_CALM_US - 1, CHECK_ENFORCE, 1, 0); /* over_us is from within the same day */
  assert_int_equal(b.step, BRAKE_SLOW);
  submit(&b, b.over_us + BRAKE_CALM_US, CHECK_ENFORCE, 1, 0);
  assert_int_equal(b.step, BRAKE_NONE);
}

static void test_a_hold_does_not_end_by_itself(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  submit(&b, now, CHECK_ENFORCE, 1000, 1000);
  submit(&b, now += BRAKE_HOLD_AFTER_US, CHECK_ENFORCE, 1, 1);
  assert_int_equal(b.step, BRAKE_HOLD);
  for (int i = 0; i < 20; i++) assert_false(submit(&b, now += DAY, CHECK_ENFORCE, 20, 2));
  assert_int_equal(b.step, BRAKE_HOLD);
}

/* A network alone, however much comes from it. */
static void test_a_network_alone_only_slows(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 1000, &now);
  for (int i = 0; i < 20; i++, now += BRAKE_HOLD_AFTER_US) {
    brake_count_mail(&b, now, &(struct brake_mail){.recipients = 60, .first = 0, FAR_AWAY});
    brake_step(&b, now, CHECK_ENFORCE);
  }
  assert_int_equal(b.step, BRAKE_SLOW);
}

static void test_bounces_lead_to_a_hold_of_a_new_account_too(void **state) {
  (void)state;
  struct brake b = {0};
  int64_t now = BEGIN;
  submit(&b, now, CHECK_ENFORCE, 300, 300);
  brake_count_outcome(&b, now, 250, 50);
  assert_true(submit(&b, now, CHECK_ENFORCE, 1, 1));
  assert_int_equal(b.step, BRAKE_SLOW);
  assert_true(submit(&b, now + BRAKE_HOLD_AFTER_US, CHECK_ENFORCE, 1, 1));
  assert_int_equal(b.step, BRAKE_HOLD);
}

static void test_a_new_account_is_slowed_and_not_held(void **state) {
  (void)state;
  struct brake b = {0};
  int64_t now = BEGIN;
  for (int i = 0; i < 24; i++, now += 60 * MINUTE) submit(&b, now, CHECK_ENFORCE, 500, 500);
  assert_int_equal(b.step, BRAKE_SLOW);
}

static void test_a_days_backlog_is_far_too_much(void **state) {
  (void)state;
  struct brake b = {0};
  int64_t now = BEGIN;
  submit(&b, now, CHECK_ENFORCE, 2001, 2001);
  assert_int_equal(brake_slow(&b, now, BRAKE_SLOW_NEW * 24 + 1), now);
  assert_int_equal(brake_slow(&b, now, 1), now + BRAKE_BACKLOG_US); /* a day, however much waits */
  submit(&b, now + BRAKE_HOLD_AFTER_US, CHECK_ENFORCE, 1, 1);
  assert_int_equal(b.step, BRAKE_SLOW); /* by now less than a day of it waits */
  brake_slow(&b, now + BRAKE_HOLD_AFTER_US, BRAKE_SLOW_NEW);
  submit(&b, now + BRAKE_HOLD_AFTER_US, CHECK_ENFORCE, 1, 1);
  assert_int_equal(b.step, BRAKE_HOLD);
}

static void test_modes(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  assert_false(submit(&b, now, CHECK_OFF, 5000, 5000));
  assert_int_equal(b.step, BRAKE_NONE);
  assert_int_equal(b.days[0].accepted, 5000); /* counted all the same */
  assert_true(submit(&b, now, CHECK_OBSERVE, 1, 1));
  submit(&b, now += BRAKE_HOLD_AFTER_US, CHECK_OBSERVE, 1, 1);
  assert_int_equal(b.step, BRAKE_HOLD);
  submit(&b, now, CHECK_ENFORCE, 1, 1); /* what was only observed has no effect when the brake is switched on */
  assert_int_equal(b.step, BRAKE_SLOW);
}

/* Of an account whose domains have different modes. */
static void test_a_step_in_force_is_not_ended_by_what_is_observed(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  submit(&b, now, CHECK_ENFORCE, 1000, 1000);
  for (int i = 0; i < 30; i++) {
    assert_false(submit(&b, now += MINUTE, i % 2 ? CHECK_OFF : CHECK_OBSERVE, 1, 1));
    assert_int_equal(b.step, BRAKE_SLOW);
  }
  assert_true(submit(&b, now, CHECK_ENFORCE, 1, 1));
  assert_int_equal(b.step, BRAKE_HOLD);
  submit(&b, now + DAY - 1, CHECK_OBSERVE, 1, 1);
  assert_int_equal(b.step, BRAKE_HOLD);
  submit(&b, now + DAY, CHECK_OBSERVE, 1, 1); /* for a day nothing else came: the brake was switched over */
  assert_int_equal(b.mode, CHECK_OBSERVE);
  assert_true(b.step < BRAKE_HOLD);
}

static void test_observing_says_each_step_once_a_day(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  int said = 0;
  for (int i = 0; i < 24 * 60; i++, now += MINUTE) said += submit(&b, now, CHECK_OBSERVE, 5, 5);
  assert_int_equal(said, 3);
  assert_int_equal(b.step, BRAKE_SUSPEND);
  for (int i = 0; i < 24 * 60; i++, now += MINUTE) said += submit(&b, now, CHECK_OBSERVE, 5, 5);
  assert_int_equal(said, 4);
}

static void test_slow(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  assert_int_equal(brake_slow_rate(&b, now), BRAKE_SLOW_LEAST);
  assert_int_equal(brake_slow(&b, now, 1), now);
  assert_int_equal(brake_slow(&b, now, 10), now + MINUTE);
  assert_int_equal(brake_slow(&b, now, 1), now + 11 * MINUTE);
  assert_int_equal(brake_slow(&b, now + 60 * MINUTE, 1), now + 60 * MINUTE);
  struct brake large = lived(30, 24000, &now);
  assert_int_equal(brake_slow_rate(&large, now), 2000);
}

static void test_trust(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  struct brake_use uses[BUDGET_COUNT];
  brake_count_mail(&b, now, &(struct brake_mail){.recipients = 900, .first = 900, FAR_AWAY});
  brake_count_outcome(&b, now, 100, 100);
  brake_step(&b, now, CHECK_ENFORCE);
  submit(&b, now += BRAKE_HOLD_AFTER_US, CHECK_ENFORCE, 1, 1);
  assert_int_equal(b.step, BRAKE_HOLD);
  brake_trust(&b, now);
  assert_int_equal(b.step, BRAKE_NONE);
  brake_uses(&b, now, uses);
  for (enum brake_budget i = 0; i < BUDGET_COUNT; i++) assert_false(brake_is_over(&uses[i]));
  assert_int_equal(uses[BUDGET_FIRST].budget, 4 * 901);
  brake_count_mail(&b, now, &(struct brake_mail){.recipients = 100, .first = 0, FAR_AWAY});
  assert_int_equal(b.days[0].far, 0); /* its new network is usual */
  for (int d = 0; d < 10; d++) assert_false(submit(&b, now += DAY, CHECK_ENFORCE, 900, 900));
}

static void test_forget(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now), before = b;
  struct brake_use uses[BUDGET_COUNT];
  brake_count_mail(&b, now, &(struct brake_mail){.recipients = 10, .network = UINT64_C(4) << 56 | 1});
  submit(&b, now, CHECK_ENFORCE, 900, 900);
  brake_count_mail(&b, now, &(struct brake_mail){.recipients = 900, .first = 900, FAR_AWAY});
  submit(&b, now += BRAKE_HOLD_AFTER_US, CHECK_ENFORCE, 1, 1);
  brake_count_outcome(&b, now + DAY, 200, 100);
  assert_int_equal(b.step, BRAKE_HOLD);
  brake_forget(&b, now += DAY);
  assert_int_equal(b.step, BRAKE_NONE);
  assert_false(submit(&b, now, CHECK_ENFORCE, 20, 2));
  brake_uses(&b, now, uses);
  for (enum brake_budget i = 0; i < BUDGET_COUNT; i++) assert_false(brake_is_over(&uses[i]));
  assert_int_equal(uses[BUDGET_FIRST].budget, 200);
  assert_true(b.usual_accepted <= before.usual_accepted);
  assert_int_equal(b.networks[1].key, UINT64_C(4) << 56 | 1);
  assert_int_equal(b.networks[2].key, 0); /* seen on a braked day alone */
}

/* What exceeded a budget teaches nothing, so that a thief cannot raise it by patience of a day. */
static void test_a_braked_day_teaches_nothing(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  uint64_t usual = b.usual_accepted, mean = brake_mean_day(&b);
  brake_count_mail(&b, now, &(struct brake_mail){.recipients = 5000, .first = 5000, FAR_AWAY});
  brake_step(&b, now, CHECK_ENFORCE);
  for (int d = 1; d < 5; d++) {
    brake_count_mail(&b, now + d * DAY, &(struct brake_mail){.recipients = 5000, .first = 5000, FAR_AWAY});
    brake_step(&b, now + d * DAY, CHECK_ENFORCE);
  }
  assert_true(b.usual_accepted <= usual);
  assert_int_equal(brake_mean_day(&b), mean);
  for (size_t i = 0; i < BRAKE_NETWORKS; i++)
    if (b.networks[i].key == (UINT64_C(4) << 56 | 0xcb0071))
      assert_true(b.networks[i].days <= 1); /* before it was over */
}

/* --- networks --- */

static void test_networks(void **state) {
  (void)state;
  static const struct {
    const char *address, *network;
  } cases[] = {{"192.0.2.7", "192.0.2.0/24"},
               {"::ffff:192.0.2.7", "192.0.2.0/24"},
               {"2001:db8:1:2::3", "2001:db8:1::/48"},
               {"127.0.0.1", NULL},
               {"10.1.2.3", NULL},
               {"172.31.0.1", NULL},
               {"::ffff:192.168.1.1", NULL},
               {"::1", NULL},
               {"fd00::1", NULL},
               {"172.32.0.1", "172.32.0.0/24"},
               {"100.64.0.1", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[IP_TEXT];
    uint64_t key = key_of(cases[i].address);
    assert_int_equal(key != 0, cases[i].network != NULL);
    if (!key) continue;
    brake_network_format(key, text);
    assert_string_equal(text, cases[i].network);
  }
  assert_int_equal(brake_network_wide(key_of("192.0.2.7")), brake_network_wide(key_of("192.0.99.7")));
  assert_int_not_equal(brake_network_wide(key_of("192.0.2.7")), brake_network_wide(key_of("192.1.2.7")));
  assert_int_equal(brake_network_wide(key_of("2001:db8:1::1")), brake_network_wide(key_of("2001:db8:ffff::1")));
  assert_int_not_equal(brake_network_wide(key_of("2001:db8::1")), brake_network_wide(key_of("2001:db9::1")));
}

/* One that is usual, by the fewest days that make it so, stays usual on a day that teaches nothing. */
static void test_a_usual_network_stays_so_on_a_braked_day(void **state) {
  (void)state;
  int64_t now;
  struct brake_use uses[BUDGET_COUNT];
  struct brake b = lived(30, 20, &now);
  for (int d = 0; d < BRAKE_USUAL_NETWORK_DAYS; d++, now += DAY)
    brake_count_mail(&b, now, &(struct brake_mail){.recipients = 1, FAR_AWAY});
  submit(&b, now, CHECK_ENFORCE, 900, 900);
  assert_int_equal(b.step, BRAKE_SLOW);
  for (int i = 0; i < 3; i++) brake_count_mail(&b, now, &(struct brake_mail){.recipients = BRAKE_FAR_LEAST, FAR_AWAY});
  brake_uses(&b, now, uses);
  assert_int_equal(uses[BUDGET_FAR].used, 0);
}

/* A swarm of networks in a day displaces none that is usual. */
static void test_a_swarm_displaces_nothing_usual(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  for (uint64_t i = 1; i < 1000; i++)
    brake_count_mail(&b, now, &(struct brake_mail){.recipients = 1, .network = UINT64_C(4) << 56 | (i << 9)});
  assert_int_equal(b.networks[0].key, key_of("192.0.2.7"));
  assert_true(brake_network_is_usual(&b.networks[0], now));
  assert_true(b.days[0].far > 990);
}

/* --- the clock --- */

static void test_clocks(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 20, &now);
  submit(&b, now, CHECK_ENFORCE, 100, 100);
  submit(&b, now - MINUTE, CHECK_ENFORCE, 100, 100); /* yesterday, by a minute: the running day goes on */
  assert_int_equal(b.days[0].accepted, 200);
  submit(&b, now + 400 * DAY, CHECK_ENFORCE, 7, 7); /* a clock that is wrong */
  assert_int_equal(b.days[0].accepted, 7);
  submit(&b, now, CHECK_ENFORCE, 5, 5); /* and right again */
  assert_int_equal(b.days[0].day, now / DAY);
  assert_int_equal(b.days[0].accepted, 5);
}

/* A year ahead it was braked; back in the right one, the steps take as long as ever. */
static void test_no_step_waits_for_a_wrong_clock(void **state) {
  (void)state;
  int64_t now, wrong;
  struct brake b = lived(30, 20, &now);
  wrong = now + 400 * DAY;
  submit(&b, wrong, CHECK_ENFORCE, 5000, 5000);
  assert_int_equal(b.step, BRAKE_SLOW);
  brake_slow(&b, wrong, 5000);
  submit(&b, now, CHECK_ENFORCE, 5000, 5000);
  assert_int_equal(b.step, BRAKE_SLOW);
  assert_true(brake_slow(&b, now, 1) <= now + DAY);
  submit(&b, now + 11 * MINUTE, CHECK_ENFORCE, 5000, 5000);
  assert_int_equal(b.step, BRAKE_HOLD);
  struct brake calm = lived(30, 20, &now);
  submit(&calm, wrong, CHECK_ENFORCE, 5000, 5000);
  submit(&calm, now, CHECK_ENFORCE, 1, 0);
  assert_int_equal(calm.step, BRAKE_SLOW);
  submit(&calm, now + DAY + MINUTE, CHECK_ENFORCE, 1, 0);
  assert_int_equal(calm.step, BRAKE_NONE);
}

static void test_what_is_usual_fades(void **state) {
  (void)state;
  int64_t now;
  struct brake b = lived(30, 3200, &now);
  brake_roll(&b, now + 22 * DAY);
  assert_true(b.usual_accepted > 1500 && b.usual_accepted < 1700);
  brake_roll(&b, now + INT64_C(100000) * DAY);
  assert_true(b.usual_accepted < BRAKE_USUAL_FADES);
}

/* --- lives --- */

/* A shop that grows by a tenth a day, with a weekend at half and a sale of three times now and then, is never touched.
 */
static void test_a_growing_shop_is_never_touched(void **state) {
  (void)state;
  for (unsigned seed = 1; seed <= 50; seed++) {
    struct brake b = {0};
    double size = 5;
    unsigned random = seed;
    for (int64_t d = 0; d < 200; d++) {
      uint64_t today = (uint64_t)size;
      if (d % 7 > 4) today /= 2;
      if (rand_r(&random) % 30 == 0) today = today * 5 / 2;
      for (uint64_t hour = 0; hour < 24; hour++) {
        int64_t now = BEGIN + d * DAY + (int64_t)hour * 60 * MINUTE;
        uint64_t part = today * (hour + 1) / 24 - today * hour / 24;
        brake_count_mail(&b, now,
                         &(struct brake_mail){.recipients = part, .first = part / 2, .network = key_of("192.0.2.7")});
        brake_count_outcome(&b, now, part - part / 50, part / 50);
        brake_step(&b, now, CHECK_ENFORCE);
        if (b.step != BRAKE_NONE)
          fail_msg("seed %u, day %d, %d recipients: %s", seed, (int)d, (int)today, brake_step_name(b.step));
      }
      if (size < 50000) size *= 1.03;
    }
  }
}

/* Whoever takes over an account of any size and sends as much as he can gets few messages out, whatever he does. */
static void test_a_thief_gets_little_out(void **state) {
  (void)state;
  for (unsigned seed = 1; seed <= 100; seed++) {
    unsigned random = seed;
    int64_t now;
    uint64_t a_day = 1 + (uint64_t)(rand_r(&random) % 400), sent = 0;
    struct brake b = lived(30, a_day, &now);
    uint64_t most = BRAKE_VOLUME_TIMES * a_day > BRAKE_VOLUME_LEAST ? BRAKE_VOLUME_TIMES * a_day : BRAKE_VOLUME_LEAST;
    int64_t end = now + DAY, step_at = 0;
    enum brake_step before = BRAKE_NONE;
    while (now < end) {
      uint64_t many = 1 + (uint64_t)(rand_r(&random) % 100);
      submit(&b, now, CHECK_ENFORCE, many, many);
      if (b.step != before) {
        assert_int_equal(b.step, before + 1);
        if (b.step == BRAKE_HOLD) assert_true(now - step_at >= BRAKE_HOLD_AFTER_US);
        if (b.step == BRAKE_SUSPEND) assert_true(now - step_at >= BRAKE_SUSPEND_AFTER_US);
        before = b.step;
        step_at = now;
      }
      if (b.step == BRAKE_NONE || (b.step == BRAKE_SLOW && brake_slow(&b, now, many) < end)) sent += many;
      now += (int64_t)(rand_r(&random) % 60) * SECOND_US;
    }
    assert_int_equal(b.step, BRAKE_SUSPEND);
    if (sent > most + 100 + 24 * brake_slow_rate(&b, now))
      fail_msg("seed %u: %d of %d a day", seed, (int)sent, (int)a_day);
  }
}

/* --- texts --- */

static void test_texts(void **state) {
  (void)state;
  int64_t now;
  char text[BRAKE_TEXT], numbers[NUMBERS_TEXT];
  struct brake b = lived(30, 20, &now);
  brake_count_mail(&b, now, &(struct brake_mail){.recipients = 812, .first = 800, FAR_AWAY});
  brake_count_outcome(&b, now, 79, 60);
  brake_step(&b, now, CHECK_OBSERVE);
  brake_text(&b, "blog", now, text);
  assert_string_equal(
      text, "brake: mail would be slowed to 60 recipients an hour: 800 first-time recipients today (budget 200); "
            "bounces 21.5 % of 279 recipients in 7 days (5 %); 812 recipients today (budget 500); 812 recipients "
            "today from networks far outside the usual ones (budget 50); see: sendoff account review blog");
  brake_numbers(&b, now, numbers);
  assert_string_equal(numbers,
                      "step=1 first_time=800 first_time_budget=200 volume=812 volume_budget=500 far=812 far_budget=50 "
                      "bounces_per_mille=215 bounces_of=279");
  b.mode = CHECK_ENFORCE;
  b.step = BRAKE_HOLD;
  brake_text(&b, "blog", now + 3 * DAY, text);
  assert_non_null(strstr(text, "brake: new mail is held: "));
  b.step = BRAKE_SUSPEND;
  brake_text(&b, "blog", now, text);
  assert_non_null(strstr(text, "the account is suspended: 800 first-time"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_budgets),
                                     cmocka_unit_test(test_one_step_at_a_time),
                                     cmocka_unit_test(test_little_more_only_slows),
                                     cmocka_unit_test(test_a_hold_does_not_end_by_itself),
                                     cmocka_unit_test(test_a_network_alone_only_slows),
                                     cmocka_unit_test(test_bounces_lead_to_a_hold_of_a_new_account_too),
                                     cmocka_unit_test(test_a_new_account_is_slowed_and_not_held),
                                     cmocka_unit_test(test_a_days_backlog_is_far_too_much),
                                     cmocka_unit_test(test_modes),
                                     cmocka_unit_test(test_a_step_in_force_is_not_ended_by_what_is_observed),
                                     cmocka_unit_test(test_observing_says_each_step_once_a_day),
                                     cmocka_unit_test(test_slow),
                                     cmocka_unit_test(test_trust),
                                     cmocka_unit_test(test_forget),
                                     cmocka_unit_test(test_a_braked_day_teaches_nothing),
                                     cmocka_unit_test(test_networks),
                                     cmocka_unit_test(test_a_usual_network_stays_so_on_a_braked_day),
                                     cmocka_unit_test(test_a_swarm_displaces_nothing_usual),
                                     cmocka_unit_test(test_clocks),
                                     cmocka_unit_test(test_no_step_waits_for_a_wrong_clock),
                                     cmocka_unit_test(test_what_is_usual_fades),
                                     cmocka_unit_test(test_a_growing_shop_is_never_touched),
                                     cmocka_unit_test(test_a_thief_gets_little_out),
                                     cmocka_unit_test(test_texts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
