#include "relay/tls_report/tls_report_times.h"

#include "base/clock.h"
#include "base/mail/tls_outcome.h"
#include "base/siphash.h"

#include <stdio.h>

#define LEAST_US (5 * 60 * SECOND_US) /* until every loop's count of the day is in the store */
#define MOST_US (4 * 3600 * SECOND_US)
#define AGAIN_US (10 * 60 * SECOND_US)
#define GIVE_UP_US (24 * 3600 * SECOND_US)

int64_t tls_report_moment(int64_t day, const char *hostname) {
  static const struct siphash_key key = {{0}}; /* it need not be secret, but the same after a restart */
  char text[300];
  int n = snprintf(text, sizeof text, "%lld %.255s", (long long)day, hostname);
  uint64_t random = siphash(&key, (struct bytes){text, (size_t)n});
  return tls_day_start_us(day + 1) + LEAST_US + (int64_t)(random % (uint64_t)(MOST_US - LEAST_US));
}

/* 10, 20, 40 minutes ... */
bool tls_report_again(int64_t first_us, unsigned attempts, int64_t now_us, int64_t *next_us) {
  unsigned doublings = attempts > 1 ? attempts - 1 : 0;
  int64_t wait_us = doublings < 8 ? AGAIN_US << doublings : GIVE_UP_US;
  *next_us = now_us + wait_us;
  return *next_us <= first_us + GIVE_UP_US;
}
