/* What a limit's refusal says, at each boundary. */
#include "policy/limit_text.h"

#include "tests/unit/limit_samples.h"

static void test_sentences(void **state) {
  (void)state;
  static const struct {
    const char *now, *limits[RULES_MAX];
    struct tally used; /* of every window */
    uint64_t recipients, octets;
    const char *sentence; /* NULL: admitted */
  } samples[] = {
      /* messages, in each window */
      {"2026-11-22 20:48", {"5000/day"}, {.messages = 4999}, 1, 1, NULL},
      {"2026-11-22 20:48",
       {"5000/day"},
       {.messages = 5000},
       1,
       1,
       "blog: 5000 of 5000 messages today; resets 2026-11-23 00:00 UTC (in 3h12m)"},
      {"2026-11-22 20:48",
       {"5000/day"},
       {.messages = 5007}, /* the limit was lowered meanwhile */
       1,
       1,
       "blog: 5007 of 5000 messages today; resets 2026-11-23 00:00 UTC (in 3h12m)"},
      {"2026-11-22 20:48:30",
       {"60/minute:defer"},
       {.messages = 60},
       1,
       1,
       "blog: 60 of 60 messages in a minute; next possible 2026-11-22 20:49 UTC (in 1m3s)"},
      {"2026-11-22 20:48",
       {"1/hour"},
       {.messages = 1},
       1,
       1,
       "blog: 1 of 1 messages in an hour; next possible 2026-11-22 21:51 UTC (in 1h3m)"},
      {"2026-11-22 20:48",
       {"9/month"},
       {.messages = 9},
       1,
       1,
       "blog: 9 of 9 messages this month; resets 2026-12-01 00:00 UTC (in 8d3h)"},
      {"2026-11-22 20:48:00",
       {"2/second"},
       {.messages = 2},
       1,
       1,
       "blog: 2 of 2 messages in a second; next possible 2026-11-22 20:48 UTC (in 1s)"},
      /* recipients */
      {"2026-11-22 20:48", {"100rcpt/hour"}, {.recipients = 98}, 2, 1, NULL},
      {"2026-11-22 20:48", {"100rcpt/hour"}, {.recipients = 0}, 100, 1, NULL},
      {"2026-11-22 20:48",
       {"100rcpt/hour"},
       {.recipients = 98},
       5,
       1,
       "blog: 98 of 100 recipients in an hour and this message has 5; next possible 2026-11-22 21:51 UTC (in 1h3m)"},
      {"2026-11-22 20:48",
       {"100rcpt/hour"},
       {.recipients = 100},
       1,
       1,
       "blog: 100 of 100 recipients in an hour; next possible 2026-11-22 21:51 UTC (in 1h3m)"},
      {"2026-11-22 20:48", {"100rcpt/message"}, {.recipients = 5000}, 100, 1, NULL},
      {"2026-11-22 20:48",
       {"100rcpt/message"},
       {.recipients = 0},
       120,
       1,
       "blog: 120 recipients in this message, 100 allowed"},
      /* octets: in the unit of the rule, and never rounded so that it would look as if it fitted */
      {"2026-11-22 20:48", {"500MB/day"}, {.octets = UINT64_C(499) << 20}, 1, 1 << 20, NULL},
      {"2026-11-22 20:48",
       {"500MB/day"},
       {.octets = UINT64_C(500) << 20},
       1,
       1,
       "blog: 500 of 500 MB today; resets 2026-11-23 00:00 UTC (in 3h12m)"},
      {"2026-11-22 20:48",
       {"500MB/day"},
       {.octets = UINT64_C(499) << 20},
       1,
       (3 << 19) + 1,
       "blog: 499 of 500 MB today and this message has 1.6; resets 2026-11-23 00:00 UTC (in 3h12m)"},
      {"2026-11-22 20:48",
       {"64KB/day"},
       {.octets = 63 * 1024 + 1},
       1,
       1024,
       "blog: 64 of 64 KB today and this message has 1; resets 2026-11-23 00:00 UTC (in 3h12m)"},
      {"2026-11-22 20:48", {"10MB/message"}, {.octets = 0}, 1, 10 << 20, NULL},
      {"2026-11-22 20:48",
       {"10MB/message"},
       {.octets = 0},
       1,
       (10 << 20) + 1,
       "blog: 10.1 MB in this message, 10 allowed"},
      {"2026-11-22 20:48", {"100KB/message"}, {.octets = 0}, 1, 102401, "blog: 101 KB in this message, 100 allowed"},
      /* numbers at the edge of what can be counted */
      {"2026-11-22 20:48", {"9223372036854775807rcpt/day"}, {.recipients = 1}, INT64_MAX - 1, 1, NULL},
      {"2026-11-22 20:48",
       {"9223372036854775807rcpt/day"},
       {.recipients = 2},
       UINT64_MAX,
       1,
       "blog: 18446744073709551615 recipients in this message, over the limit 9223372036854775807rcpt/day by itself; "
       "send it in parts"},
      /* several say no: the one that ends last is named, wherever it stands */
      {"2026-11-22 20:48",
       {"1/minute", "9/month", "5/day"},
       {.messages = 9},
       1,
       1,
       "blog: 9 of 9 messages this month; resets 2026-12-01 00:00 UTC (in 8d3h)"},
      {"2026-11-22 20:48",
       {"9/month", "3rcpt/message", "1/minute"},
       {.messages = 9},
       4,
       1,
       "blog: 4 recipients in this message, 3 allowed"}, /* that never ends */
      {"2026-11-22 20:48",
       {"1/minute", "500/month", "400rcpt/day:defer"},
       {.messages = 7, .recipients = 400},
       1,
       1,
       "blog: 400 of 400 recipients today; resets 2026-11-23 00:00 UTC (in 3h12m)"},
      {"2026-11-22 20:48", {NULL}, {.messages = UINT64_MAX}, UINT64_MAX, UINT64_MAX, NULL},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct limit limits[RULES_MAX];
    size_t n = parse(samples[i].limits, limits);
    int64_t now = moment(samples[i].now);
    struct usage u = used_now(&samples[i].used, now);
    struct usage before = u;
    struct limit_verdict v = check(limits, n, &u, now, samples[i].recipients, samples[i].octets, true);
    assert_memory_equal(&u, &before, sizeof u); /* only a smoothed slot is ever taken here */
    if (!samples[i].sentence) {
      if (v.result != OK) fail_msg("sample %zu is refused", i);
      continue;
    }
    struct refusal r = {0};
    if (v.result != E_LIMIT) fail_msg("sample %zu is admitted: %s", i, samples[i].sentence);
    assert_int_equal(refuse_limit(&r, &v, "blog", now), E_DENIED);
    assert_string_equal(r.text, samples[i].sentence);
  }
}

static void test_smooth_sentence(void **state) {
  (void)state;
  struct limit limits[RULES_MAX];
  size_t n = parse((const char *const[RULES_MAX]){"1/hour:smooth"}, limits);
  int64_t now = moment("2026-11-22 20:48");
  struct usage u = {.smooth_next_us = now + 25 * 3600 * SECOND_US};
  struct limit_verdict v = check(limits, n, &u, now, 1, 1, true);
  struct refusal r = {0};
  assert_int_equal(v.result, E_LIMIT);
  assert_int_equal(refuse_limit(&r, &v, "blog", now), E_DENIED);
  assert_string_equal(r.text,
                      "blog: more than a day's mail waits behind the limit 1/hour:smooth; room again 2026-11-22 "
                      "21:48 UTC (in 1h)");
}

/* The cause is kept as it is, beside its text; and the first refusal stands. */
static void test_cause(void **state) {
  (void)state;
  static const struct {
    const char *limit;
    struct tally used;
    int code;
    const char *enhanced, *rule, *numbers;
  } samples[] = {
      {"5000/day", {.messages = 5007}, 452, "4.7.1", RULE_LIMIT, "count=5000 used=5007 asked=1 resets_us=86400000000"},
      {"9rcpt/day:defer", {.recipients = 8}, 452, "4.7.1", RULE_LIMIT, "count=9 used=8 asked=2 resets_us=86400000000"},
      {"1rcpt/message", {.messages = 0}, 550, "5.7.1", RULE_MESSAGE_LIMIT, "count=1 used=0 asked=2"},
      {"1rcpt/message:defer", {.messages = 0}, 452, "4.7.1", RULE_MESSAGE_LIMIT, "count=1 used=0 asked=2"},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    struct limit l = limit_of(samples[i].limit);
    struct refusal r = {0};
    struct usage u = used_now(&samples[i].used, 1);
    struct limit_verdict v = check(&l, 1, &u, 1, 2, 1, false);
    assert_int_equal(v.result, E_LIMIT);
    assert_int_equal(refuse_limit(&r, &v, "blog", 1), E_DENIED);
    assert_int_equal(r.code, samples[i].code);
    assert_string_equal(r.enhanced, samples[i].enhanced);
    assert_string_equal(r.rule, samples[i].rule);
    assert_string_equal(r.about, samples[i].limit);
    assert_string_equal(r.numbers, samples[i].numbers);
    assert_int_equal(refuse(&r, 554, "5.0.0", RULE_SIZE, "later"), E_DENIED);
    assert_int_equal(r.code, samples[i].code);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sentences),
      cmocka_unit_test(test_smooth_sentence),
      cmocka_unit_test(test_cause),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
