#include "relay/delivery/route/sts_state.h"

#include <stdio.h>
#include <string.h>

#define CLOCK_SET_BACK_US (3600 * SECOND_US) /* a time that is further ahead was written by another clock */

void sts_state_clear(struct sts_state *s) {
  sts_policy_release(&s->policy);
  *s = (struct sts_state){0};
}

static int64_t life_us(const struct sts_policy *p) {
  int64_t life = (int64_t)p->max_age * SECOND_US;
  return life > STS_VALID_LEAST_US ? life : STS_VALID_LEAST_US;
}

int64_t sts_state_until_us(const struct sts_state *s) {
  return s->policy ? s->fetched_us + life_us(s->policy) : 0;
}

struct sts_policy *sts_state_policy(const struct sts_state *s, int64_t now_us) {
  return now_us < sts_state_until_us(s) ? s->policy : NULL;
}

/* --- what is due --- */

bool sts_state_record_due(const struct sts_state *s, int64_t now_us) {
  return now_us >= s->record_us || s->record_us - now_us > STS_RECORD_MOST_US;
}

bool sts_state_refresh_due(const struct sts_state *s, int64_t now_us) {
  return s->policy && (now_us >= s->refresh_us || s->fetched_us - now_us > CLOCK_SET_BACK_US);
}

/* RFC 8461 3.3: one that failed is left alone for a while; a new id is something new. */
static bool is_put_off(const struct sts_state *s, int64_t now_us) {
  int64_t left = s->again_us - now_us;
  return strcmp(s->announced, s->failed_id) == 0 && left > 0 && left <= 2 * STS_AGAIN_MOST_US;
}

bool sts_state_fetch_due(const struct sts_state *s, int64_t now_us) {
  if (!s->announced[0] || is_put_off(s, now_us)) return false;
  return !sts_state_policy(s, now_us) || strcmp(s->id, s->announced) != 0 || sts_state_refresh_due(s, now_us);
}

bool sts_state_waits(const struct sts_state *s, int64_t now_us) {
  return !sts_state_policy(s, now_us) && strcmp(s->announced, s->failed_id) != 0;
}

uint32_t sts_state_ttl(const struct sts_state *s, int64_t now_us) {
  int64_t until = s->record_us;
  if (sts_state_policy(s, now_us) && sts_state_until_us(s) < until) until = sts_state_until_us(s);
  if (is_put_off(s, now_us) && s->again_us < until) until = s->again_us;
  int64_t left = (until - now_us) / SECOND_US;
  return left > 0 ? (uint32_t)left : 0;
}

/* --- what came --- */

/* Without a record there is nothing to fetch, whatever is due. */
static void refresh_later(struct sts_state *s, int64_t wait_us, int64_t now_us) {
  if (sts_state_refresh_due(s, now_us)) s->refresh_us = now_us + wait_us;
}

void sts_state_take_record(struct sts_state *s, const char *id, uint32_t ttl, int64_t now_us) {
  int64_t wait = (int64_t)ttl * SECOND_US;
  if (wait < STS_RECORD_LEAST_US) wait = STS_RECORD_LEAST_US;
  if (wait > STS_RECORD_MOST_US) wait = STS_RECORD_MOST_US;
  s->record_us = now_us + wait;
  if (!id[0]) refresh_later(s, STS_AGAIN_MOST_US, now_us);
  snprintf(s->announced, sizeof s->announced, "%s", id);
}

void sts_state_record_failed(struct sts_state *s, int64_t now_us) {
  refresh_later(s, STS_AGAIN_FIRST_US, now_us);
  s->record_us = now_us + STS_RECORD_AGAIN_US;
}

/* Up to a quarter of it earlier: not all policies that were fetched together come again together, and who wants to be
 * in the way of a fetch does not know when (RFC 8461 10.2). */
static int64_t earlier(int64_t span_us, uint32_t random) {
  return span_us - span_us / 4000 * (int64_t)(random % 1001);
}

void sts_state_take_policy(struct sts_state *s, struct sts_policy *p, const char *id, int64_t now_us, uint32_t random) {
  int64_t half = life_us(p) / 2;
  sts_policy_release(&s->policy);
  s->policy = p;
  s->fetched_us = now_us;
  s->refresh_us = now_us + earlier(half < STS_REFRESH_US ? half : STS_REFRESH_US, random);
  snprintf(s->id, sizeof s->id, "%s", id);
  s->failed_id[0] = '\0';
  s->failures = 0;
  s->failure = STS_FAILURE_NONE;
}

static int64_t growing(unsigned failures) {
  int64_t wait = STS_AGAIN_FIRST_US;
  while (--failures && wait < STS_AGAIN_MOST_US) wait *= 2;
  return wait < STS_AGAIN_MOST_US ? wait : STS_AGAIN_MOST_US;
}

void sts_state_take_failure(struct sts_state *s, enum sts_failure failure, const char *id, int64_t now_us,
                            uint32_t random) {
  if (strcmp(s->failed_id, id) != 0) s->failures = 0;
  snprintf(s->failed_id, sizeof s->failed_id, "%s", id);
  s->failures++;
  s->failure = failure;
  int64_t wait = growing(s->failures);
  s->again_us = now_us + wait + wait / 10000 * (int64_t)(random % 1001); /* up to a tenth later */
}
