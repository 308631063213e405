/* The pacer against providers whose limits it does not know: it settles near them, and never goes beyond the table's.
 * The clock is the simulation's. */
#include "relay/delivery/site/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define CONNECTIONS_MOST 24
#define HOUR_US (3600 * SECOND_US)
#define START_US (1000 * SECOND_US)

/* --- a provider --- */

enum counting { FIXED_WINDOW, SLIDING_WINDOW, TOKEN_BUCKET };

struct provider {
  unsigned connections, messages; /* at once; on one. 0: any number */
  unsigned per_minute;
  enum counting counting;
  unsigned burst;     /* of the token bucket */
  bool closes;        /* says 421, not 451 */
  unsigned noise;     /* of a thousand, deferred for no reason */
  int64_t latency_us; /* of a message */
  /* what it sees */
  unsigned open;
  int64_t window;
  unsigned in_window;
  double tokens;
  int64_t tokens_us;
  int64_t *times; /* a ring of per_minute, for the sliding window */
  size_t at;
};

static bool takes(struct provider *p, int64_t now) {
  if (!p->per_minute) return true;
  switch (p->counting) {
  case FIXED_WINDOW:
    if (now / (60 * SECOND_US) != p->window) {
      p->window = now / (60 * SECOND_US);
      p->in_window = 0;
    }
    return p->in_window < p->per_minute && ++p->in_window;
  case SLIDING_WINDOW:
    if (p->times[p->at] && now - p->times[p->at] < 60 * SECOND_US) return false;
    p->times[p->at] = now;
    p->at = (p->at + 1) % p->per_minute;
    return true;
  case TOKEN_BUCKET:
    p->tokens += (double)(now - p->tokens_us) / (60.0 * SECOND_US) * p->per_minute;
    if (p->tokens > p->burst) p->tokens = p->burst;
    p->tokens_us = now;
    if (p->tokens < 1) return false;
    p->tokens--;
    return true;
  }
  return false;
}

/* --- the gateway's side: what a destination does, with more mail than can go --- */

enum state { CLOSED, CONNECTING, READY, BUSY };

struct link {
  enum state state;
  bool refused; /* while connecting: its greeting will be 421 */
  unsigned done;
  int64_t until, began;
  enum pace_sign sign;
};

struct result {
  unsigned long accepted, refused, attempts;
  unsigned most_open;
};

struct world {
  struct pace pace;
  struct provider *provider;
  struct link links[CONNECTIONS_MOST];
  struct result result;
  bool answers;
  int64_t counted_from;
  int64_t *begun; /* when each message began */
  size_t begun_count, begun_room;
};

static uint32_t seed;
static uint32_t dice(uint32_t most) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % most;
}

static int64_t jittered(int64_t us) {
  return us / 2 + (int64_t)dice((uint32_t)us);
}

static unsigned count(const struct world *w, enum state state) {
  unsigned n = 0;
  for (size_t i = 0; i < CONNECTIONS_MOST; i++) n += w->links[i].state == state;
  return n;
}

static void close_link(struct world *w, struct link *l) {
  if (!l->refused) w->provider->open--;
  *l = (struct link){CLOSED};
  pace_connect_ends(&w->pace);
}

static void attempt(struct world *w, int64_t now, bool refused) {
  if (now < w->counted_from) return;
  w->result.attempts++;
  if (refused)
    w->result.refused++;
  else
    w->result.accepted++;
}

static void note_begun(struct world *w, int64_t now) {
  if (w->begun_count == w->begun_room) {
    w->begun_room = w->begun_room ? 2 * w->begun_room : 4096;
    w->begun = realloc(w->begun, w->begun_room * sizeof *w->begun);
    assert_non_null(w->begun);
  }
  w->begun[w->begun_count++] = now;
}

static void begin_message(struct world *w, struct link *l, int64_t now) {
  struct provider *p = w->provider;
  l->state = BUSY;
  l->began = now;
  bool full = p->messages && l->done >= p->messages, over = !full && !takes(p, now);
  bool noise = !full && !over && dice(1000) < p->noise;
  l->sign = full || (over && p->closes) ? PACE_CLOSED : over || noise ? PACE_DEFERRED : PACE_ACCEPTED;
  l->until = now + (l->sign == PACE_ACCEPTED ? jittered(p->latency_us) : p->latency_us / 4);
  pace_message_begins(&w->pace, now);
  attempt(w, now, full || over);
  note_begun(w, now);
}

static void begin_connection(struct world *w, struct link *l, int64_t now) {
  struct provider *p = w->provider;
  *l = (struct link){.state = CONNECTING, .until = now + jittered(p->latency_us)};
  l->refused = p->connections && p->open >= p->connections;
  if (!l->refused) p->open++;
  pace_connect_begins(&w->pace, now);
  if (l->refused) attempt(w, now, true);
  unsigned open = CONNECTIONS_MOST - count(w, CLOSED);
  if (open > w->result.most_open) w->result.most_open = open;
}

static void end_step(struct world *w, struct link *l, int64_t now) {
  if (l->state == CONNECTING && l->refused) {
    pace_connect_refused(&w->pace, now);
    close_link(w, l);
  } else if (l->state == CONNECTING) {
    l->state = READY;
    w->answers = true;
    pace_connect_done(&w->pace, now);
  } else {
    pace_message_ends(&w->pace, l->sign, l->done, l->began, now);
    l->state = READY;
    l->done++;
    if (l->sign == PACE_CLOSED || l->done >= pace_messages_of_connection(&w->pace, now)) close_link(w, l);
  }
}

/* All that can begin now. */
static void begin(struct world *w, int64_t now) {
  for (size_t i = 0; i < CONNECTIONS_MOST; i++)
    if (w->links[i].state == READY && pace_message_at(&w->pace, now) <= now) begin_message(w, &w->links[i], now);
  for (size_t i = 0; i < CONNECTIONS_MOST && !count(w, READY); i++) {
    if (!w->answers && count(w, CONNECTING) >= 2) break; /* as open_more in destination.c */
    if (w->links[i].state == CLOSED && pace_connect_at(&w->pace, now) <= now) begin_connection(w, &w->links[i], now);
  }
}

static int64_t next_moment(const struct world *w, int64_t now) {
  int64_t at = count(w, READY) ? pace_message_at(&w->pace, now) : pace_connect_at(&w->pace, now);
  if (at <= now) at = now + SECOND_US; /* what has to wait for something else */
  for (size_t i = 0; i < CONNECTIONS_MOST; i++)
    if (w->links[i].state != CLOSED && w->links[i].state != READY && w->links[i].until < at) at = w->links[i].until;
  return at;
}

static unsigned most_within(const struct world *w, int64_t span) {
  unsigned most = 0;
  for (size_t i = 0, from = 0; i < w->begun_count; i++) {
    while (w->begun[i] - w->begun[from] >= span) from++;
    if (i - from + 1 > most) most = (unsigned)(i - from + 1);
  }
  return most;
}

static struct result run(struct world *w, int64_t from, int64_t until, int64_t counted_from) {
  w->counted_from = counted_from;
  int64_t now = from;
  while (now < until) {
    for (size_t i = 0; i < CONNECTIONS_MOST; i++) {
      struct link *l = &w->links[i];
      if ((l->state == CONNECTING || l->state == BUSY) && l->until <= now) end_step(w, l, now);
    }
    begin(w, now);
    int64_t next = next_moment(w, now);
    assert_true(next > now);
    assert_true(next != PACE_NEVER); /* nothing under way, and nothing to wait for */
    now = next;
  }
  return w->result;
}

static void world_free(struct world *w) {
  free(w->begun);
  free(w->provider->times);
  w->provider->times = NULL;
}

static void world_init(struct world *w, struct provider *p, const struct shaping_limits *limits) {
  memset(w, 0, sizeof *w);
  w->provider = p;
  p->tokens = p->burst;
  p->tokens_us = START_US;
  p->open = p->in_window = 0;
  p->at = 0;
  p->times = calloc(p->per_minute + 1, sizeof *p->times);
  assert_non_null(p->times);
  pace_init(&w->pace, limits, START_US);
}

/* --- it settles --- */

static const struct shaping_limits wide = {.connections = 20, .messages = 100};

/* In how many messages an hour can the provider take, at most? */
static double possible(const struct provider *p, const struct shaping_limits *limits) {
  double connections = limits->connections, messages = limits->messages;
  if (p->connections && p->connections < connections) connections = p->connections;
  if (p->messages && p->messages < messages) messages = p->messages;
  /* a connection: an opening, then its messages, each of the latency on average */
  double each = (messages * (double)p->latency_us + (double)p->latency_us) / messages;
  double most = connections * 3600.0 * SECOND_US / each;
  return p->per_minute && 60.0 * p->per_minute < most ? 60.0 * p->per_minute : most;
}

static const struct {
  const char *name;
  struct provider provider;
} providers[] = {
    {"no limit", {.latency_us = 3000000}},
    {"3 connections", {.connections = 3, .latency_us = 500000}},
    {"1 connection", {.connections = 1, .latency_us = 200000}},
    {"17 connections", {.connections = 17, .latency_us = 3000000}},
    {"600 a minute, fixed", {.per_minute = 600, .latency_us = 100000}},
    {"600 a minute, fixed, 421", {.per_minute = 600, .closes = true, .latency_us = 100000}},
    {"600 a minute, sliding", {.per_minute = 600, .counting = SLIDING_WINDOW, .latency_us = 200000}},
    {"600 a minute, bucket of 10", {.per_minute = 600, .counting = TOKEN_BUCKET, .burst = 10, .latency_us = 100000}},
    {"600 a minute, bucket of 300", {.per_minute = 600, .counting = TOKEN_BUCKET, .burst = 300, .latency_us = 100000}},
    {"30 a minute, fixed", {.per_minute = 30, .latency_us = 300000}},
    {"30 a minute, sliding, 421", {.per_minute = 30, .counting = SLIDING_WINDOW, .closes = true, .latency_us = 300000}},
    {"30 a minute, bucket of 5", {.per_minute = 30, .counting = TOKEN_BUCKET, .burst = 5, .latency_us = 300000}},
    {"1500 a minute, sliding", {.per_minute = 1500, .counting = SLIDING_WINDOW, .latency_us = 300000}},
    {"20 messages", {.messages = 20, .latency_us = 3000000}},
    {"5 messages, 4 connections", {.messages = 5, .connections = 4, .latency_us = 300000}},
    {"8 messages, 4 connections, 300 a minute, fixed",
     {.messages = 8, .connections = 4, .per_minute = 300, .latency_us = 100000}},
    {"10 messages, 10 connections, 600 a minute, bucket",
     {.messages = 10,
      .connections = 10,
      .per_minute = 600,
      .counting = TOKEN_BUCKET,
      .burst = 20,
      .latency_us = 500000}},
    {"noise of 1 %", {.noise = 10, .latency_us = 3000000}},
    {"noise of 0.3 %, 600 a minute, sliding",
     {.noise = 3, .per_minute = 600, .counting = SLIDING_WINDOW, .latency_us = 100000}},
};
#define PROVIDERS (sizeof providers / sizeof providers[0])

static void expect_settles(size_t i, uint32_t with) {
  struct world w;
  struct provider p = providers[i].provider;
  seed = with;
  world_init(&w, &p, &wide);
  int64_t hours = 5, settled = 2;
  struct result r = run(&w, START_US, START_US + hours * HOUR_US, START_US + settled * HOUR_US);
  double share = (double)r.accepted / ((double)(hours - settled) * possible(&p, &wide)),
         refused = (double)r.refused / (double)r.attempts;
  if (share < 0.9 || refused >= 0.01)
    print_message("%s, seed %u: %.1f %% of the possible rate, %.2f %% of %lu attempts refused; window %.1f, rate %.2f "
                  "(%.2f to %.2f), %u messages\n",
                  providers[i].name, with, 100 * share, 100 * refused, r.attempts, w.pace.window, w.pace.rate,
                  w.pace.good, w.pace.bad, w.pace.closed_after);
  assert_true(share >= 0.9);
  assert_true(refused < 0.01);
  world_free(&w);
}

static void test_it_settles_near_each_limit(void **state) {
  (void)state;
  for (size_t i = 0; i < PROVIDERS; i++)
    for (uint32_t s = 1; s <= 2; s++) expect_settles(i, s * 7919 + (uint32_t)i);
}

/* --- the table's limits --- */

static void test_the_tables_limits_are_never_exceeded(void **state) {
  (void)state;
  static const struct shaping_limits tables[] = {
      {.connections = 3, .messages = 10},
      {.connections = 1, .messages = 1},
      {.connections = 10, .messages = 100, .per_second = 10},
      {.connections = 10, .messages = 100, .per_second = 1},
      {.connections = 10, .messages = 100, .per_minute = 7},
      {.connections = 10, .messages = 100, .per_minute = 500},
      {.connections = 10, .messages = 100, .per_hour = 1000},
      {.connections = 10, .messages = 100, .per_second = 5, .per_minute = 100, .per_hour = 2000},
  };
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    struct world w;
    struct provider p = {.latency_us = 400000};
    const struct shaping_limits *t = &tables[i];
    seed = (uint32_t)i + 1;
    world_init(&w, &p, t);
    struct result r = run(&w, START_US, START_US + 3 * HOUR_US, START_US + HOUR_US);
    double hours = 2, most = (double)r.accepted / hours;
    assert_true(r.most_open <= t->connections);
    if (t->per_second) assert_true(most_within(&w, SECOND_US) <= t->per_second);
    if (t->per_minute) assert_true(most_within(&w, 60 * SECOND_US) <= t->per_minute);
    if (t->per_hour) assert_true(most_within(&w, HOUR_US) <= t->per_hour);
    /* and they are made use of */
    double wanted = possible(&p, t);
    if (t->per_second && t->per_second * 3600.0 < wanted) wanted = t->per_second * 3600.0;
    if (t->per_minute && t->per_minute * 60.0 < wanted) wanted = t->per_minute * 60.0;
    if (t->per_hour && t->per_hour < wanted) wanted = t->per_hour;
    if (most < 0.9 * wanted) print_message("table %zu: %.0f of %.0f an hour\n", i, most, wanted);
    assert_true(most >= 0.9 * wanted);
    world_free(&w);
  }
}

static void test_new_connections_have_their_limit(void **state) {
  (void)state;
  const struct shaping_limits t = {.connections = 20, .messages = 1, .connects_per_minute = 30};
  struct pace p;
  unsigned opened = 0;
  pace_init(&p, &t, START_US);
  for (int64_t now = START_US; now < START_US + 60 * SECOND_US; now += 10000) {
    if (pace_connect_at(&p, now) > now) continue;
    pace_connect_begins(&p, now);
    pace_connect_ends(&p);
    opened++;
  }
  assert_in_range(opened, 28, 30);
}

/* --- how it begins, and what stops it --- */

static void test_it_begins_with_a_share(void **state) {
  (void)state;
  static const struct { unsigned table, first; } cases[] = {{1, 1}, {2, 1}, {4, 2}, {10, 5}, {20, 5}, {100, 25}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct pace p;
    pace_init(&p, &(struct shaping_limits){.connections = cases[i].table, .messages = 1}, START_US);
    unsigned opened = 0;
    while (pace_connect_at(&p, START_US) <= START_US) {
      pace_connect_begins(&p, START_US);
      opened++;
    }
    assert_int_equal(opened, cases[i].first);
    assert_true(pace_connect_at(&p, START_US) == PACE_NEVER);
  }
}

static void test_pauses(void **state) {
  (void)state;
  struct pace p;
  pace_init(&p, &wide, START_US);
  pace_pause(&p, START_US + 10);
  pace_pause(&p, START_US + 5); /* the longer one counts */
  assert_true(pace_message_at(&p, START_US) == START_US + 10);
  assert_true(pace_connect_at(&p, START_US) == START_US + 10);
  assert_true(pace_message_at(&p, START_US + 10) <= START_US + 10);
  pace_single(&p, START_US + 100);
  pace_connect_begins(&p, START_US + 20);
  assert_true(pace_connect_at(&p, START_US + 20) == PACE_NEVER);
  assert_true(pace_connect_at(&p, START_US + 100) <= START_US + 100);
  pace_pause(&p, START_US + 1000);
  p.rate = p.good = 0.01;
  pace_resume(&p);
  assert_true(pace_connect_at(&p, START_US + 30) <= START_US + 30);
  assert_true(p.rate == 0);
}

/* A site that refuses everything is tried ever more seldom, and is back soon after it takes mail again. */
static void test_a_site_that_refuses_all_is_left_alone(void **state) {
  (void)state;
  struct pace p;
  unsigned tries = 0;
  pace_init(&p, &wide, START_US);
  int64_t now = START_US;
  for (; now < START_US + HOUR_US; now += 100000) {
    if (pace_message_at(&p, now) > now) continue;
    pace_message_begins(&p, now);
    pace_message_ends(&p, PACE_CLOSED, 0, now, now);
    tries++;
  }
  assert_in_range(tries, 5, 20);
  int64_t at = pace_message_at(&p, now);
  assert_true(at - now <= 600 * SECOND_US);
  pace_message_begins(&p, at);
  assert_true(pace_message_at(&p, at) == PACE_NEVER); /* one message tries */
  pace_message_ends(&p, PACE_ACCEPTED, 0, at, at);
  assert_true(pace_message_at(&p, at + SECOND_US) <= at + SECOND_US);
}

/* Greylisting that does not say so: every first attempt is deferred, and slowing down changes nothing. */
static void test_deferrals_that_slowing_does_not_end(void **state) {
  (void)state;
  struct pace p;
  unsigned tries = 0;
  pace_init(&p, &wide, START_US);
  for (int64_t now = START_US; now < START_US + HOUR_US; now += 100000) {
    if (pace_message_at(&p, now) > now) continue;
    pace_message_begins(&p, now);
    pace_message_ends(&p, PACE_DEFERRED, 0, now, now);
    tries++;
  }
  assert_in_range(tries, 300, 1800);
}

/* A site for some time: a message every `every_us` where there is one and the pace allows, which it takes or defers.
 * Returns how many were taken, of `most`. */
static unsigned feed(struct pace *p, int64_t *now, int64_t span, int64_t every_us, bool takes, unsigned most) {
  unsigned taken = 0;
  int64_t next = *now;
  for (int64_t end = *now + span; *now < end && taken < most; *now += 10000) {
    if (*now < next || pace_message_at(p, *now) > *now) continue;
    pace_message_begins(p, *now);
    pace_message_ends(p, takes ? PACE_ACCEPTED : PACE_DEFERRED, 0, *now, *now);
    next = *now + every_us;
    taken += takes;
  }
  return taken;
}

/* What little mail a site had before it was out of order says nothing of how much it takes afterwards. */
static void test_a_site_with_little_mail_is_out_of_order(void **state) {
  (void)state;
  static const int64_t minutes[] = {1, 3, 5, 30, 240};
  for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
    struct pace p;
    int64_t now = START_US, minute = 60 * SECOND_US;
    pace_init(&p, &wide, START_US);
    assert_int_equal(feed(&p, &now, 10 * minute, 20 * SECOND_US, true, UINT32_MAX), 30);
    feed(&p, &now, minutes[i] * minute, SECOND_US, false, UINT32_MAX);
    int64_t well = now;
    assert_int_equal(feed(&p, &now, HOUR_US, 100000, true, 1000), 1000);
    if (now - well > 15 * minute)
      print_message("after %d minutes: %d s\n", (int)minutes[i], (int)((now - well) / SECOND_US));
    assert_true(now - well <= 15 * minute);
  }
}

/* Nor does it again and again. */
static void test_a_site_that_is_out_of_order_at_times(void **state) {
  (void)state;
  struct pace p;
  int64_t now = START_US, minute = 60 * SECOND_US;
  pace_init(&p, &wide, START_US);
  for (int i = 0; i < 10; i++) {
    feed(&p, &now, 2 * minute, 30 * SECOND_US, true, UINT32_MAX);
    feed(&p, &now, minute, SECOND_US, false, UINT32_MAX);
  }
  assert_int_equal(feed(&p, &now, 15 * minute, 100000, true, 500), 500);
}

/* One that took much, and then nothing for an hour, soon takes as much again. */
static void test_a_busy_site_is_out_of_order(void **state) {
  (void)state;
  struct pace p;
  int64_t now = START_US, minute = 60 * SECOND_US;
  pace_init(&p, &wide, START_US);
  assert_true(feed(&p, &now, 10 * minute, 50000, true, UINT32_MAX) >= 11000);
  feed(&p, &now, 60 * minute, 50000, false, UINT32_MAX);
  feed(&p, &now, 12 * minute, 50000, true, UINT32_MAX);
  assert_true(feed(&p, &now, 10 * minute, 50000, true, UINT32_MAX) >= 10000);
}

/* Messages that were under way together, and are all refused, are one trouble. */
static void test_one_trouble_counts_once(void **state) {
  (void)state;
  struct pace p;
  pace_init(&p, &wide, START_US);
  int64_t now = START_US;
  for (int i = 0; i < 600; i++, now += 100000) { /* ten a second */
    pace_message_begins(&p, now);
    pace_message_ends(&p, PACE_ACCEPTED, 0, now, now);
  }
  for (int i = 0; i < 20; i++) pace_message_begins(&p, now);
  for (int i = 0; i < 20; i++) pace_message_ends(&p, PACE_DEFERRED, 0, now, now + 1 + i);
  double rate = p.rate;
  assert_true(rate > 8 && rate < 10);
  assert_true(pace_message_at(&p, now + 100) - now <= 11 * SECOND_US);
  assert_true(pace_message_at(&p, now + 100) - now >= 9 * SECOND_US);
  for (int i = 0; i < 20; i++) pace_message_ends(&p, PACE_SLOW, 0, now, now + 100 + i);
  assert_true(p.rate == rate);
  assert_true(pace_message_at(&p, now + 200) - now <= 11 * SECOND_US);
}

static void test_a_reply_that_asks_for_less_is_heard_at_once(void **state) {
  (void)state;
  struct pace p;
  pace_init(&p, &wide, START_US);
  int64_t now = START_US;
  for (int i = 0; i < 600; i++, now += 100000) {
    pace_message_begins(&p, now);
    pace_message_ends(&p, PACE_ACCEPTED, 0, now, now);
  }
  pace_message_begins(&p, now);
  pace_message_ends(&p, PACE_SLOW, 0, now, now + 1);
  assert_true(p.rate > 8 && p.rate < 10);
  assert_true(pace_message_at(&p, now + 2) > now + 9 * SECOND_US);
}

static void test_a_site_that_closes_after_so_many(void **state) {
  (void)state;
  static const struct {
    unsigned after[4];
    unsigned learnt;
  } cases[] = {{{7, 7, 0}, 7}, {{7, 0}, 0}, {{7, 9, 0}, 0}, {{3, 7, 7, 0}, 7}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct pace p;
    int64_t now = START_US;
    pace_init(&p, &wide, now);
    for (const unsigned *after = cases[i].after; *after; after++) {
      for (unsigned done = 0; done < *after && done < 3; done++, now += SECOND_US)
        pace_message_ends(&p, PACE_ACCEPTED, done, now, now);
      pace_message_ends(&p, PACE_CLOSED, *after, now, now);
    }
    assert_int_equal(p.closed_after, cases[i].learnt);
    assert_int_equal(pace_messages_of_connection(&p, now), cases[i].learnt ? cases[i].learnt : 100);
    if (cases[i].learnt) assert_true(pace_messages_of_connection(&p, now + HOUR_US) > cases[i].learnt);
  }
}

static void test_what_says_nothing_changes_nothing(void **state) {
  (void)state;
  struct pace p;
  pace_init(&p, &wide, START_US);
  for (int i = 0; i < 1000; i++) {
    pace_message_begins(&p, START_US + i);
    pace_message_ends(&p, PACE_NEUTRAL, 0, START_US + i, START_US + i);
  }
  assert_true(pace_message_at(&p, START_US + 1000) <= START_US + 1000);
}

/* --- a restart --- */

static void test_what_was_learnt_is_recalled(void **state) {
  (void)state;
  struct world w, after;
  struct provider p = {.connections = 4, .messages = 10, .per_minute = 300, .latency_us = 100000};
  seed = 11;
  world_init(&w, &p, &wide);
  run(&w, START_US, START_US + 2 * HOUR_US, START_US + HOUR_US);
  struct pace_memory m = pace_remember(&w.pace);
  assert_int_equal(m.closed_after, 10);
  assert_true(m.rate > 4 && m.rate < 5.2);
  world_free(&w);
  world_init(&after, &p, &wide);
  pace_recall(&after.pace, &m, START_US);
  struct result r = run(&after, START_US, START_US + HOUR_US, START_US);
  if (r.refused * 100 >= r.attempts) print_message("%lu of %lu refused\n", r.refused, r.attempts);
  assert_true(r.refused * 100 < r.attempts);
  assert_true((double)r.accepted >= 0.9 * possible(&p, &wide));
  world_free(&after);
  struct pace narrow;
  pace_init(&narrow, &(struct shaping_limits){.connections = 2, .messages = 3}, START_US);
  pace_recall(&narrow, &(struct pace_memory){.connections = 9, .closed_after = 50}, START_US);
  assert_true(narrow.window <= 2);
  assert_int_equal(pace_messages_of_connection(&narrow, START_US), 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_it_settles_near_each_limit),
      cmocka_unit_test(test_the_tables_limits_are_never_exceeded),
      cmocka_unit_test(test_new_connections_have_their_limit),
      cmocka_unit_test(test_it_begins_with_a_share),
      cmocka_unit_test(test_pauses),
      cmocka_unit_test(test_a_site_that_refuses_all_is_left_alone),
      cmocka_unit_test(test_deferrals_that_slowing_does_not_end),
      cmocka_unit_test(test_a_site_with_little_mail_is_out_of_order),
      cmocka_unit_test(test_a_site_that_is_out_of_order_at_times),
      cmocka_unit_test(test_a_busy_site_is_out_of_order),
      cmocka_unit_test(test_one_trouble_counts_once),
      cmocka_unit_test(test_a_reply_that_asks_for_less_is_heard_at_once),
      cmocka_unit_test(test_a_site_that_closes_after_so_many),
      cmocka_unit_test(test_what_says_nothing_changes_nothing),
      cmocka_unit_test(test_what_was_learnt_is_recalled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
