#include "base/usage/brake.h"

#include <string.h>

#define DAY_US (86400 * SECOND_US)
#define SLOW_NEXT_MOST_US (BRAKE_BACKLOG_US + DAY_US)
#define FADES_MAX 1000 /* days after which nothing is left of any number */

const char *brake_step_name(enum brake_step step) {
  static const char *const names[] = {"none", "slow", "hold", "suspend"};
  return step < BRAKE_STEP_COUNT ? names[step] : "?";
}

const char *brake_budget_name(enum brake_budget budget) {
  static const char *const names[] = {"first-time", "bounces", "volume", "network"};
  return names[budget];
}

static uint64_t most(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* --- days --- */

static void learn(struct brake *b, const struct brake_day *d) {
  if (d->braked) return;
  b->usual_accepted = most(b->usual_accepted, d->accepted);
  b->usual_first = most(b->usual_first, d->first);
}

static void fade(struct brake *b, int64_t days) {
  for (int64_t i = 0; i < days && i < FADES_MAX; i++) {
    b->usual_accepted -= b->usual_accepted / BRAKE_USUAL_FADES;
    b->usual_first -= b->usual_first / BRAKE_USUAL_FADES;
  }
}

static void drop_first(struct brake *b) {
  memmove(b->days, b->days + 1, (BRAKE_DAYS - 1) * sizeof *b->days);
  b->days[BRAKE_DAYS - 1] = (struct brake_day){0};
}

static void begin_day(struct brake *b, int64_t today) {
  memmove(b->days + 1, b->days, (BRAKE_DAYS - 1) * sizeof *b->days);
  b->days[0] = (struct brake_day){.day = today};
  for (size_t i = 1; i < BRAKE_DAYS; i++)
    if (b->days[i].day <= today - BRAKE_DAYS) b->days[i] = (struct brake_day){0};
}

/* What a clock said that was ahead happened just now: no step and no span waits for that clock's time. */
static void bring_back(struct brake *b, int64_t now_us) {
  int64_t *const times[] = {&b->since_us, &b->braked_us, &b->over_us, &b->began_us, &b->trusted_us, &b->acted_us};
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
    if (*times[i] >= now_us + CLOCK_JUMP_US) *times[i] = now_us;
  if (b->slow_next_us > now_us + SLOW_NEXT_MOST_US + CLOCK_JUMP_US) b->slow_next_us = now_us;
}

void brake_roll(struct brake *b, int64_t now_us) {
  int64_t today = now_us / DAY_US;
  bring_back(b, now_us);
  while (b->days[0].day > today + 1) drop_first(b); /* of a clock that was wrong */
  if (b->days[0].day >= today) return;
  if (b->days[0].day) {
    fade(b, today - b->days[0].day);
    learn(b, &b->days[0]);
  }
  begin_day(b, today);
}

/* --- networks --- */

static struct brake_network *find_network(struct brake *b, uint64_t key) {
  for (size_t i = 0; i < BRAKE_NETWORKS; i++)
    if (b->networks[i].key == key) return &b->networks[i];
  return NULL;
}

/* Of little worth: seen on few days, long ago. What is usual is not displaced by a swarm of networks in one day. */
static bool is_worth_less(const struct brake_network *a, const struct brake_network *than) {
  uint64_t enough = BRAKE_USUAL_NETWORK_DAYS + 1;
  uint64_t days = a->days < enough ? a->days : enough, others = than->days < enough ? than->days : enough;
  return days != others ? days < others : a->last_day < than->last_day;
}

static struct brake_network *replace_network(struct brake *b) {
  struct brake_network *least = &b->networks[0];
  for (size_t i = 1; i < BRAKE_NETWORKS; i++)
    if (is_worth_less(&b->networks[i], least)) least = &b->networks[i];
  return least;
}

static void forget_networks(struct brake *b, int64_t today) {
  for (size_t i = 0; i < BRAKE_NETWORKS; i++)
    if (b->networks[i].last_day < today - BRAKE_NETWORK_KEEP_DAYS) b->networks[i] = (struct brake_network){0};
}

static bool is_usual_on(const struct brake_network *n, int64_t today) {
  uint64_t earlier = n->days && n->last_day == today ? n->days - 1 : n->days;
  return n->key && earlier >= BRAKE_USUAL_NETWORK_DAYS && n->last_day >= today - BRAKE_NETWORK_KEEP_DAYS;
}

/* On a day on which a budget was exceeded a network is noted, and not learned. One that is usual is left as it is: its
 * last day is taken for one that counted (is_usual_on). */
static void see_network(struct brake *b, uint64_t key, int64_t today, bool learns) {
  struct brake_network *n = key ? find_network(b, key) : NULL;
  if (!key || (n && n->last_day == today && n->days) || (!learns && n && is_usual_on(n, today))) return;
  forget_networks(b, today);
  if (!n || !n->key) {
    n = replace_network(b);
    *n = (struct brake_network){.key = key};
  }
  n->last_day = today;
  if (learns) n->days++;
}

bool brake_network_is_usual(const struct brake_network *n, int64_t now_us) {
  return is_usual_on(n, now_us / DAY_US);
}

/* Far from all that is usual; where nothing is, nothing is far. */
static bool is_far(const struct brake *b, uint64_t key, int64_t today) {
  bool any = false;
  for (size_t i = 0; key && i < BRAKE_NETWORKS; i++) {
    if (!is_usual_on(&b->networks[i], today)) continue;
    any = true;
    if (brake_network_wide(b->networks[i].key) == brake_network_wide(key)) return false;
  }
  return any;
}

/* --- counting --- */

void brake_count_mail(struct brake *b, int64_t now_us, const struct brake_mail *m) {
  brake_roll(b, now_us);
  struct brake_day *d = &b->days[0];
  if (!b->began_us) b->began_us = now_us;
  d->accepted += m->recipients;
  d->first += m->first;
  if (is_far(b, m->network, d->day)) d->far += m->recipients;
  see_network(b, m->network, d->day, b->step == BRAKE_NONE && !d->braked);
  if (b->step != BRAKE_NONE) b->since_recipients += m->recipients;
}

void brake_count_outcome(struct brake *b, int64_t now_us, uint64_t delivered, uint64_t bounced) {
  brake_roll(b, now_us);
  b->days[0].delivered += delivered;
  b->days[0].bounced += bounced;
}

/* --- judging --- */

bool brake_is_new(const struct brake *b, int64_t now_us) {
  return now_us - b->began_us < BRAKE_NEW_DAYS * DAY_US;
}

uint64_t brake_mean_day(const struct brake *b) {
  uint64_t sum = 0, days = 0;
  for (size_t i = 1; i < BRAKE_DAYS; i++) {
    if (!b->days[i].accepted || b->days[i].braked) continue;
    sum += b->days[i].accepted;
    days++;
  }
  return days ? sum / days : 0;
}

uint64_t brake_slow_rate(const struct brake *b, int64_t now_us) {
  uint64_t least = brake_is_new(b, now_us) ? BRAKE_SLOW_NEW : BRAKE_SLOW_LEAST;
  return most(least, 2 * brake_mean_day(b) / 24);
}

static struct brake_use use_of_bounces(const struct brake *b) {
  uint64_t delivered = 0, bounced = 0;
  for (size_t i = 0; i < BRAKE_DAYS; i++) {
    delivered += b->days[i].delivered;
    bounced += b->days[i].bounced;
  }
  uint64_t all = delivered + bounced;
  return (struct brake_use){.used = all ? bounced * 1000 / all : 0,
                            .of = all,
                            .budget = BRAKE_BOUNCE_REVIEW,
                            .far_budget = BRAKE_BOUNCE_PAUSE,
                            .counts = all >= BRAKE_BOUNCE_LEAST};
}

static struct brake_use use_of(uint64_t used, uint64_t budget) {
  return (struct brake_use){.used = used, .budget = budget, .far_budget = BRAKE_DOUBLE * budget, .counts = true};
}

void brake_uses(const struct brake *b, int64_t now_us, struct brake_use out[BUDGET_COUNT]) {
  const struct brake_day *today = &b->days[0];
  bool new = brake_is_new(b, now_us);
  uint64_t volume = most(BRAKE_VOLUME_TIMES * brake_mean_day(b), BRAKE_VOLUME_BUSIEST * b->usual_accepted);
  out[BUDGET_FIRST] =
      use_of(today->first, most(new ? BRAKE_NEW_LEAST : BRAKE_FIRST_LEAST, BRAKE_FIRST_TIMES * b->usual_first));
  out[BUDGET_VOLUME] = use_of(today->accepted, most(new ? BRAKE_NEW_LEAST : BRAKE_VOLUME_LEAST, volume));
  out[BUDGET_BOUNCES] = use_of_bounces(b);
  out[BUDGET_FAR] =
      (struct brake_use){.used = today->far, .budget = BRAKE_FAR_LEAST, .far_budget = UINT64_MAX, .counts = !new};
}

/* How many budgets are exceeded, and how far. */
struct excess {
  unsigned over, far, four;
};

static struct excess excess_of(const struct brake *b, int64_t now_us) {
  struct brake_use uses[BUDGET_COUNT];
  struct excess e = {0};
  brake_uses(b, now_us, uses);
  for (enum brake_budget i = 0; i < BUDGET_COUNT; i++) {
    const struct brake_use *u = &uses[i];
    if (!brake_is_over(u)) continue;
    e.over++;
    if (u->used > u->far_budget) e.far++;
    if (u->far_budget != UINT64_MAX && u->used > BRAKE_QUADRUPLE * u->budget) e.four++;
  }
  return e;
}

/* While nothing is known of an account, only bounces, and a day of mail that waits, lead further than SLOW. */
static bool wants_hold(const struct brake *b, int64_t now_us, const struct excess *e) {
  bool backlog = b->slow_next_us - now_us > BRAKE_BACKLOG_US;
  if (backlog) return true;
  if (!brake_is_new(b, now_us)) return e->far || e->over > 1;
  struct brake_use bounces = use_of_bounces(b);
  return bounces.counts && bounces.used > bounces.far_budget;
}

static enum brake_step next_step(const struct brake *b, int64_t now_us, const struct excess *e) {
  int64_t there_us = now_us - b->since_us;
  switch (b->step) {
  case BRAKE_NONE: return e->over ? BRAKE_SLOW : BRAKE_NONE;
  case BRAKE_SLOW:
    if (!e->over) return now_us - b->over_us >= BRAKE_CALM_US ? BRAKE_NONE : BRAKE_SLOW;
    return there_us >= BRAKE_HOLD_AFTER_US && wants_hold(b, now_us, e) ? BRAKE_HOLD : BRAKE_SLOW;
  case BRAKE_HOLD:
    return there_us >= BRAKE_SUSPEND_AFTER_US && b->since_recipients >= BRAKE_SUSPEND_RECIPIENTS &&
                   (e->four || e->far > 1)
               ? BRAKE_SUSPEND
               : BRAKE_HOLD;
  default: return b->step;
  }
}

/* The one place where the step changes. */
static void set_step(struct brake *b, enum brake_step step, int64_t now_us) {
  if (b->step == BRAKE_NONE) b->braked_us = now_us;
  b->step = step;
  b->since_us = now_us;
  b->since_recipients = 0;
  if (step == BRAKE_NONE) b->slow_next_us = 0;
}

/* Of what is only observed, a step is said once a day, and again on each day that shows it. */
static bool is_to_be_said(struct brake *b, bool up, bool over) {
  int64_t today = b->days[0].day;
  if (b->mode == CHECK_ENFORCE) return up;
  if (b->step == BRAKE_NONE || !over || b->told[b->step] == today) return false;
  b->told[b->step] = today;
  return true;
}

/* True: this message may lead to a step. */
static bool take_mode(struct brake *b, int64_t now_us, enum check_mode mode) {
  if (mode == CHECK_ENFORCE) b->acted_us = now_us;
  if (mode == CHECK_OFF || b->mode == mode) return mode != CHECK_OFF;
  bool in_force = b->mode == CHECK_ENFORCE && b->step != BRAKE_NONE && now_us - b->acted_us < BRAKE_CALM_US;
  if (in_force) return false;
  b->mode = mode;
  if (b->step != BRAKE_NONE) set_step(b, BRAKE_NONE, now_us);
  return true;
}

bool brake_step(struct brake *b, int64_t now_us, enum check_mode mode) {
  brake_roll(b, now_us);
  if (!take_mode(b, now_us, mode)) return false;
  struct excess e = excess_of(b, now_us);
  if (e.over) {
    b->over_us = now_us;
    b->days[0].braked = true;
  }
  enum brake_step before = b->step, step = next_step(b, now_us, &e);
  if (step != before) set_step(b, step, now_us);
  return is_to_be_said(b, step > before, e.over);
}

int64_t brake_slow(struct brake *b, int64_t now_us, uint64_t recipients) {
  int64_t interval_us = 3600 * SECOND_US / (int64_t)brake_slow_rate(b, now_us), last_us = now_us + BRAKE_BACKLOG_US;
  int64_t at_us = b->slow_next_us > now_us ? b->slow_next_us : now_us;
  b->slow_next_us = at_us + interval_us * (int64_t)recipients;
  if (b->slow_next_us > now_us + SLOW_NEXT_MOST_US) b->slow_next_us = now_us + SLOW_NEXT_MOST_US;
  return at_us < last_us ? at_us : last_us;
}

/* --- trust --- */

static void trust_networks(struct brake *b) {
  for (size_t i = 0; i < BRAKE_NETWORKS; i++) {
    struct brake_network *n = &b->networks[i];
    if (n->key && n->last_day > b->days[0].day - BRAKE_DAYS)
      n->days = most(n->days, BRAKE_USUAL_NETWORK_DAYS + 1); /* the running day does not count */
  }
}

static void release(struct brake *b, int64_t now_us) {
  set_step(b, BRAKE_NONE, now_us);
  b->over_us = 0;
  b->trusted_us = now_us;
  memset(b->told, 0, sizeof b->told);
}

void brake_trust(struct brake *b, int64_t now_us) {
  brake_roll(b, now_us);
  for (size_t i = 0; i < BRAKE_DAYS; i++) {
    struct brake_day *d = &b->days[i];
    d->braked = false;
    d->far = d->delivered = d->bounced = 0;
    learn(b, d);
  }
  trust_networks(b);
  release(b, now_us);
}

/* Bounces go, too: of mail that leaves slowly, or was held, they come in days after those. */
void brake_forget(struct brake *b, int64_t now_us) {
  brake_roll(b, now_us);
  for (size_t i = 0; i < BRAKE_DAYS; i++) {
    struct brake_day *d = &b->days[i];
    if (d->braked) *d = (struct brake_day){.day = d->day};
    d->bounced = d->delivered = 0;
  }
  for (size_t i = 0; i < BRAKE_NETWORKS; i++)
    if (!b->networks[i].days) b->networks[i] = (struct brake_network){0};
  release(b, now_us);
}
