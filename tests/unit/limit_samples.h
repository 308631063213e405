/* What the tests of limits share: limits and moments as people type them, and a check as the store makes it. */
#ifndef SENDOFF_TESTS_LIMIT_SAMPLES_H
#define SENDOFF_TESTS_LIMIT_SAMPLES_H

#include "base/text/quantity.h"
#include "base/usage/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define RULES_MAX 4

static inline int64_t moment(const char *text) {
  int64_t us;
  if (moment_parse(text, 0, &us) != OK) fail_msg("%s is no moment", text);
  return us;
}

/* As the store does: an OK takes its slot. */
static inline struct limit_verdict check(const struct limit *limits, size_t count, struct usage *u, int64_t now,
                                         uint64_t recipients, uint64_t octets, bool reserve) {
  struct limit_request request = {recipients, octets};
  struct limit_verdict v = limits_check(limits, count, u, now, &request);
  if (reserve && v.result == OK) limits_reserve(limits, count, u, now);
  return v;
}

/* So much in every window, of this very moment. */
static inline struct usage used_now(const struct tally *used, int64_t now) {
  struct usage u = {0};
  usage_roll(&u, now, NULL);
  for (enum window w = 0; w < USAGE_ROLLING; w++) rolling_add(&u.rolling[w], window_length_us(w), now, used);
  for (int i = 0; i < USAGE_CALENDAR; i++) u.calendar[i].used = *used;
  return u;
}

static inline struct limit limit_of(const char *text) {
  struct limit l;
  struct reason why;
  if (limit_parse(text, &l, &why) != OK) fail_msg("%s", why.text);
  return l;
}

static inline size_t parse(const char *const texts[RULES_MAX], struct limit out[RULES_MAX]) {
  size_t n = 0;
  for (; n < RULES_MAX && texts[n]; n++) out[n] = limit_of(texts[n]);
  return n;
}

#endif
