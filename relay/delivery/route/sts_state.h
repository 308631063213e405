/* What is known of one domain's MTA-STS policy, and when DNS and the domain's web server are asked (RFC 8461 3.3, 5.1,
 * 10). Pure: times are clock_now_us, and the random numbers the caller's. One thread. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_STS_STATE_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_STS_STATE_H

#include "base/clock.h"
#include "relay/net/sts_fetch.h"
#include "relay/net/sts_record.h"

#define STS_RECORD_LEAST_US (5 * SECOND_US) /* between two questions for the TXT record */
#define STS_RECORD_MOST_US (24 * 3600 * SECOND_US)
#define STS_RECORD_AGAIN_US (30 * SECOND_US)     /* when DNS did not answer */
#define STS_VALID_LEAST_US (60 * SECOND_US)      /* a policy counts for so long, whatever its max_age */
#define STS_REFRESH_US (24 * 3600 * SECOND_US)   /* RFC 8461 5.1 suggests a fetch a day */
#define STS_AGAIN_FIRST_US (5 * 60 * SECOND_US)  /* after a fetch that failed (RFC 8461 3.3), doubled with each, */
#define STS_AGAIN_MOST_US (4 * 3600 * SECOND_US) /* up to this */

/* Zeroed: nothing is known. */
struct sts_state {
  struct sts_policy *policy;      /* held; NULL: none */
  char id[STS_ID_MAX + 1];        /* what DNS called it when it was fetched */
  int64_t fetched_us, refresh_us; /* refresh_us: it is fetched anew from then on, whatever its id */
  char announced[STS_ID_MAX + 1]; /* by DNS, when it last answered; "": no policy */
  int64_t record_us;              /* DNS is asked again from then on */
  char failed_id[STS_ID_MAX + 1]; /* what the last fetch was for, if it failed; "": it did not */
  unsigned failures;              /* one after the other, of failed_id */
  int64_t again_us;               /* failed_id is not fetched before this */
  enum sts_failure failure;       /* of the last fetch */
};

void sts_state_clear(struct sts_state *s);
/* The policy that counts: of mode none, too. NULL: none. Not held. */
struct sts_policy *sts_state_policy(const struct sts_state *s, int64_t now_us);
int64_t sts_state_until_us(const struct sts_state *s); /* the policy counts */

bool sts_state_record_due(const struct sts_state *s, int64_t now_us);
/* Only after sts_state_record_due has been false: DNS comes first. */
bool sts_state_fetch_due(const struct sts_state *s, int64_t now_us);
/* Does mail wait for the fetch that is due? Where a policy counts already, and where the last fetch failed, it does
 * not. */
bool sts_state_waits(const struct sts_state *s, int64_t now_us);
/* The policy is near its end, or a day old. */
bool sts_state_refresh_due(const struct sts_state *s, int64_t now_us);

/* `id` "": DNS has no record, which leaves a policy that is known as it is (RFC 8461 3.1). */
void sts_state_take_record(struct sts_state *s, const char *id, uint32_t ttl, int64_t now_us);
void sts_state_record_failed(struct sts_state *s, int64_t now_us);
/* What was fetched for `id`; takes the reference. */
void sts_state_take_policy(struct sts_state *s, struct sts_policy *p, const char *id, int64_t now_us, uint32_t random);
void sts_state_take_failure(struct sts_state *s, enum sts_failure failure, const char *id, int64_t now_us,
                            uint32_t random);
/* Seconds for which what is known now may be kept. */
uint32_t sts_state_ttl(const struct sts_state *s, int64_t now_us);

#endif
