#include "relay/delivery/route/token_due.h"

static int64_t ahead_us(const struct token_state *s) {
  int64_t quarter = (s->until_us - s->from_us) / 4;
  return quarter < TOKEN_AHEAD_MOST_US ? quarter : TOKEN_AHEAD_MOST_US;
}

static int64_t wait_us(unsigned failures, int64_t first_us) {
  int64_t wait = first_us;
  while (failures > 1 && failures-- && wait < TOKEN_AGAIN_MOST_US) wait *= 2;
  return wait < TOKEN_AGAIN_MOST_US ? wait : TOKEN_AGAIN_MOST_US;
}

int64_t token_due_us(const struct token_state *s, int64_t first_us, int64_t now_us) {
  int64_t due = s->until_us && !s->refused ? s->until_us - ahead_us(s) : now_us;
  if (s->from_us > now_us) due = now_us; /* the clock was set back: nobody knows how long it is good for */
  if (!s->tried_us || s->tried_us > now_us) return due;
  int64_t again = s->tried_us + wait_us(s->failures, first_us); /* also when tokens live for a second */
  return again > due ? again : due;
}
