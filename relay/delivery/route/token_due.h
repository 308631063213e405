/* When an access token is to be renewed. Plain data with the clock passed in; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_TOKEN_DUE_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_TOKEN_DUE_H

#include "base/clock.h"

#include <stdbool.h>

#define TOKEN_AHEAD_MOST_US (600 * SECOND_US) /* before its end; else a quarter of its life */
#define TOKEN_AGAIN_FIRST_US (30 * SECOND_US) /* after a failure, or the first retry interval when that is shorter */
#define TOKEN_AGAIN_MOST_US (900 * SECOND_US)
#define TOKEN_FRESH_US (60 * SECOND_US) /* refused by a next hop within that, it is not the token that is wrong */

struct token_state {
  int64_t from_us, until_us; /* of the token; until_us 0: there is none */
  bool refused;              /* a next hop did not take it, though it should be good */
  unsigned failures;         /* of its renewal, since one went well */
  int64_t tried_us;          /* when it was tried last; 0: never */
};
/* `first_us`: the wait after any request, doubled with each failure after the first up to TOKEN_AGAIN_MOST_US. */
int64_t token_due_us(const struct token_state *s, int64_t first_us, int64_t now_us);

#endif
