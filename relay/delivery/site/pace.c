#include "relay/delivery/site/pace_parts.h"

#include <math.h>
#include <string.h>

#define WINDOW_SHARE 4  /* it begins at a quarter of the table's connections */
#define WINDOW_FIRST 5u /* but with so many, if the table has them (Postfix begins so) */
#define GROWTH 0.5      /* of the window, with each message accepted, while no limit is known */

#define CARRIED_US (3600 * SECOND_US)

/* --- rates, each by its theoretical arrival time --- */

/* So many in any span of its length, at most: a small burst, and the rest evenly. */
static unsigned burst_of(unsigned count) {
  return count / 20 ? count / 20 : 1;
}

struct pacing {
  int64_t interval_us, tolerance_us;
};

static struct pacing pacing_of(const struct pace *p, enum pace_window w) {
  static const int64_t lengths[PACE_WINDOWS] = {[PACE_SECOND] = SECOND_US,
                                                [PACE_MINUTE] = 60 * SECOND_US,
                                                [PACE_HOUR] = 3600 * SECOND_US,
                                                [PACE_CONNECTS] = 60 * SECOND_US};
  const unsigned counts[PACE_WINDOWS] = {[PACE_SECOND] = p->limits.per_second,
                                         [PACE_MINUTE] = p->limits.per_minute,
                                         [PACE_HOUR] = p->limits.per_hour,
                                         [PACE_CONNECTS] = p->limits.connects_per_minute};
  if (w == PACE_LEARNT) {
    if (p->rate <= 0) return (struct pacing){0, 0};
    double interval = (double)SECOND_US / (p->rate * p->trim);
    return (struct pacing){(int64_t)interval, (int64_t)(interval * floor(1 + p->rate / 4))};
  }
  if (!counts[w]) return (struct pacing){0, 0};
  unsigned burst = burst_of(counts[w]);
  int64_t interval = lengths[w] / (counts[w] - burst + 1) + 1;
  return (struct pacing){interval, interval * (burst - 1)};
}

static int64_t due_at(const struct pace *p, enum pace_window w) {
  struct pacing pacing = pacing_of(p, w);
  return pacing.interval_us ? p->tat_us[w] - pacing.tolerance_us : 0;
}

static void count_one(struct pace *p, enum pace_window w, int64_t now_us) {
  struct pacing pacing = pacing_of(p, w);
  if (pacing.interval_us) p->tat_us[w] = (p->tat_us[w] > now_us ? p->tat_us[w] : now_us) + pacing.interval_us;
}

/* --- life --- */

static double window_most(const struct pace *p) {
  return p->limits.connections ? p->limits.connections : 1;
}

void pace_init(struct pace *p, const struct shaping_limits *limits, int64_t now_us) {
  memset(p, 0, sizeof *p);
  p->limits = *limits;
  double share = window_most(p) / WINDOW_SHARE;
  p->window = share > WINDOW_FIRST ? share : WINDOW_FIRST;
  p->trim = 1;
  if (p->window > window_most(p) / 2) p->window = ceil(window_most(p) / 2);
  p->first_us = now_us;
}

void pace_set_limits(struct pace *p, const struct shaping_limits *limits) {
  p->limits = *limits;
  if (p->window > window_most(p)) p->window = window_most(p);
}

struct pace_memory pace_remember(const struct pace *p) {
  return (struct pace_memory){.connections = (unsigned)p->window,
                              .refused_at = p->refused_at,
                              .closed_after = p->closed_after,
                              .rate = p->rate > 0 && p->good > 0 && p->good < p->rate ? p->good : p->rate};
}

void pace_recall(struct pace *p, const struct pace_memory *m, int64_t now_us) {
  p->window = m->connections ? m->connections : 1;
  if (p->window > window_most(p)) p->window = window_most(p);
  p->refused_at = m->refused_at;
  p->closed_after = m->closed_after;
  p->window_probe_us = p->closed_probe_us = p->rate_probe_us = now_us + PROBE_US;
  if (m->rate > 0) pace_recall_rate(p, m->rate, now_us);
}

/* --- may it --- */

int64_t pace_message_at(const struct pace *p, int64_t now_us) {
  int64_t at = pace_later(p->pause_until_us, p->hold_until_us);
  if (at <= now_us && p->probing && p->probe_out) return PACE_NEVER;
  for (int w = PACE_SECOND; w <= PACE_LEARNT; w++) at = pace_later(at, due_at(p, (enum pace_window)w));
  return at;
}

/* A window that is as large as what was refused once is for a probe. */
static unsigned connections_allowed(const struct pace *p, int64_t now_us) {
  unsigned most = (unsigned)p->window;
  if (p->refused_at && most >= p->refused_at && now_us < p->window_probe_us) most = p->refused_at - 1;
  if (p->single_until_us > now_us || p->probing) most = 1;
  return most ? most : 1;
}

int64_t pace_connect_at(const struct pace *p, int64_t now_us) {
  int64_t at = pace_later(pace_message_at(p, now_us), due_at(p, PACE_CONNECTS));
  return p->open < connections_allowed(p, now_us) ? at : PACE_NEVER;
}

unsigned pace_messages_of_connection(const struct pace *p, int64_t now_us) {
  unsigned most = p->limits.messages ? p->limits.messages : 1, learnt = p->closed_after;
  if (learnt && now_us >= p->closed_probe_us) learnt += learnt / 4 + 1;
  return learnt && learnt < most ? learnt : most;
}

/* --- connections --- */

void pace_connect_begins(struct pace *p, int64_t now_us) {
  p->open++;
  count_one(p, PACE_CONNECTS, now_us);
}

void pace_connect_ends(struct pace *p) {
  p->open--;
}

void pace_connect_done(struct pace *p, int64_t now_us) {
  if (!p->refused_at || p->open < p->refused_at || now_us < p->window_probe_us) return;
  p->refused_at = 0; /* it bears more than it did */
  p->window_failures = 0;
}

/* A site that takes mail on the others says that this one is too many; one that takes none, that it is not the moment.
 */
void pace_connect_refused(struct pace *p, int64_t now_us) {
  unsigned others = p->open > 1 ? p->open - 1 : 0;
  if (!others || !pace_accepted_in(p, PACE_BUCKETS, now_us)) {
    if (now_us >= p->hold_until_us) pace_hold(p, now_us);
    return;
  }
  bool same_moment = p->refused_at && now_us < p->window_probe_us;
  if (same_moment && others + 1 >= p->refused_at) return;
  p->refused_at = others + 1;
  p->window = others;
  if (same_moment) return;
  p->window_probe_us = now_us + pace_doubled(PROBE_US, p->window_failures, PROBE_MOST_US);
  p->window_failures++;
}

/* Only what is made use of shows that it is borne. */
static void grow_window(struct pace *p, int64_t now_us) {
  if (p->open < (unsigned)p->window || p->window >= window_most(p)) return;
  if (!p->refused_at)
    p->window += GROWTH;
  else if ((unsigned)p->window + 1 < p->refused_at || now_us >= p->window_probe_us)
    p->window += 1 / p->window;
  if (p->window > window_most(p)) p->window = window_most(p);
  if (p->refused_at && p->window > p->refused_at) p->window = p->refused_at;
}

/* --- messages of a connection --- */

/* A connection has carried more of late, so that is not what it closes after. */
static bool has_carried_more(const struct pace *p, unsigned done, int64_t now_us) {
  return p->carried_most > done && now_us - p->carried_us < CARRIED_US;
}

/* True: this is the site's limit, and nothing else is the matter. */
static bool note_closed(struct pace *p, unsigned done, int64_t now_us) {
  bool probe = p->closed_after && done >= p->closed_after;
  bool again = done && done == p->closed_candidate && p->accepted_since_candidate && !has_carried_more(p, done, now_us);
  p->closed_candidate = done;
  p->accepted_since_candidate = false;
  if (!probe && !again) return false;
  p->closed_after = done;
  p->closed_probe_us = now_us + pace_doubled(PROBE_US, p->closed_failures, PROBE_MOST_US);
  p->closed_failures++;
  return true;
}

static void note_carried(struct pace *p, unsigned done, int64_t now_us) {
  if (done + 1 >= p->carried_most || now_us - p->carried_us >= CARRIED_US) {
    p->carried_most = done + 1;
    p->carried_us = now_us;
  }
  if (p->closed_after && done + 1 > p->closed_after) p->closed_after = done + 1;
}

void pace_message_begins(struct pace *p, int64_t now_us) {
  for (int w = PACE_SECOND; w <= PACE_LEARNT; w++) count_one(p, (enum pace_window)w, now_us);
  if (p->probing) p->probe_out = true;
}

void pace_message_ends(struct pace *p, enum pace_sign sign, unsigned done, int64_t began_us, int64_t now_us) {
  bool current = began_us >= p->trouble_us; /* what began before a trouble is part of it */
  if (p->probing && current) p->probe_out = false;
  if (sign == PACE_ACCEPTED) {
    pace_note_accepted(p, began_us, now_us);
    note_carried(p, done, now_us);
    grow_window(p, now_us);
  } else if (sign == PACE_CLOSED) {
    if (!note_closed(p, done, now_us) && current) pace_note_refused(p, now_us);
  } else if (sign == PACE_DEFERRED && current) {
    pace_note_deferred(p, now_us);
  } else if (sign == PACE_SLOW && current) {
    pace_slow(p, now_us);
  }
}

/* --- what replies ask for --- */

void pace_single(struct pace *p, int64_t until_us) {
  p->single_until_us = pace_later(p->single_until_us, until_us);
}

void pace_pause(struct pace *p, int64_t until_us) {
  p->pause_until_us = pace_later(p->pause_until_us, until_us);
}

void pace_resume(struct pace *p) {
  p->pause_until_us = p->single_until_us = 0;
  pace_forget_rate(p);
}
