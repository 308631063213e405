/* The sources that warm up (base/site/warmup.h): how much each may still send to each provider. All mail passes it
 * before it leaves and when it comes back, on one loop, so that no amount is exceeded whatever the other loops do. What
 * was used goes into the store every few seconds, and at the stop. Lives on loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_WARMUP_WATCH_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_WARMUP_WATCH_H

#include "base/directory/directory.h"
#include "base/mail/refusal.h"
#include "base/result.h"
#include "base/site/warmup.h"
#include "relay/net/loop.h"

#define WARMUP_KEEP_US 5000000 /* a crash forgets what was used in this time, at most */

/* Where mail is to go. */
struct warmup_place {
  const char *site; /* NULL: by an operator's route to a host, which has the providers' opinion of its own address */
  bool is_provider; /* of the table (base/site/shaping.h) */
};

struct warmup_watch;
struct warmup_owner {
  void (*idle)(void *arg);     /* after warmup_watch_stop: nothing is on its way into the store any more */
  void (*released)(void *arg); /* what waited for a source may go: the queue is to be read */
  void *arg;
};
/* NULL without memory. */
struct warmup_watch *warmup_watch_new(struct loop *loop, const struct warmup_owner *owner);
/* What the store knows, before the first tick. */
void warmup_watch_recall(struct warmup_watch *w, const struct warmup_note *n, int64_t now_us);
/* Each second: takes the directory's plans as they are now, ends days, keeps what has changed. */
void warmup_watch_tick(struct warmup_watch *w, int64_t now_us);

/* How many recipients may leave from it now; UINT32_MAX: any number. Where there is no room, it is noted that there was
 * mail for it. */
uint32_t warmup_watch_room(struct warmup_watch *w, const struct source *s, const struct warmup_place *at,
                           int64_t now_us);
/* They leave. Returns what warmup_watch_give_back wants; 0: they count towards nothing. */
int64_t warmup_watch_take(struct warmup_watch *w, const struct source *s, const struct warmup_place *at, uint32_t count,
                          int64_t now_us);
/* So many that had left are back. */
void warmup_watch_give_back(struct warmup_watch *w, int64_t taken, uint32_t count, const struct warmup_tally *came,
                            int64_t now_us);
/* There was no room, and there is no other source: when their turn is, and why, with the rule's numbers. */
int64_t warmup_watch_put_off(struct warmup_watch *w, const struct source *s, const struct warmup_place *at,
                             uint32_t count, int64_t now_us, struct reason *why, char numbers[NUMBERS_TEXT]);

/* Pairs of source and provider whose amount does not grow, for what the provider says. */
size_t warmup_watch_held(const struct warmup_watch *w);
/* Keeps what has changed; nothing is posted after that. May be called again. */
void warmup_watch_stop(struct warmup_watch *w);
bool warmup_watch_is_idle(const struct warmup_watch *w);
/* While the loop still runs: the memory goes when what was posted is answered. */
void warmup_watch_free(struct warmup_watch **w);

#endif
