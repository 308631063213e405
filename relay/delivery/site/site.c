#include "relay/delivery/site/site.h"

#include "base/log.h"
#include "relay/delivery/site/connection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* --- life --- */

static void drop(struct site *s) {
  struct delivery *d = s->delivery;
  if (s->wake_us) DL_DELETE2(d->timed, s, timed_prev, timed_next);
  HASH_DEL(d->paced, s);
  free(s->reason);
  free(s->key);
  free(s);
}

/* Those without a destination are only remembered. */
static void make_room(struct delivery *d) {
  if (HASH_COUNT(d->paced) < SITES_MAX) return;
  for (struct site *s = d->paced; s; s = s->hh.next) {
    if (s->destinations) continue;
    drop(s);
    return;
  }
}

static struct site *site_new(struct delivery *d, const char *source, const char *name,
                             const struct shaping_provider *provider) {
  make_room(d);
  struct site *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->delivery = d;
  s->provider = provider;
  snprintf(s->source, sizeof s->source, "%s", source);
  snprintf(s->name, sizeof s->name, "%s", name);
  s->generation = -1;
  pace_init(&s->pace, &provider->limits, site_now());
  if (asprintf(&s->key, "%s %s", source, name) < 0) s->key = NULL;
  if (s->key) HASH_ADD_KEYPTR(hh, d->paced, s->key, strlen(s->key), s);
  if (s->key && s->hh.tbl) return s;
  free(s->key);
  free(s);
  return NULL;
}

static struct site *find(struct delivery *d, const char *source, const char *name) {
  char key[IP_TEXT + SITE_NAME_MAX + 1];
  struct site *s = NULL;
  snprintf(key, sizeof key, "%s %s", source, name);
  HASH_FIND_STR(d->paced, key, s);
  return s;
}

struct site *site_hold(struct delivery *d, const char *source, const struct route *r) {
  char name[SITE_NAME_MAX];
  const struct shaping_provider *provider = site_name_of(d->shaping, r, name);
  struct site *s = find(d, source, name);
  if (!s) s = site_new(d, source, name, provider);
  if (s) s->destinations++;
  return s;
}

struct site *site_get(struct delivery *d, const char *source, const char *name) {
  const struct shaping_provider *p = shaping_find(d->shaping, name);
  struct site *s = find(d, source, name);
  return s ? s : site_new(d, source, name, p ? p : &d->shaping->rest);
}

void site_release(struct site *s) {
  s->destinations--;
  if (!s->destinations && HASH_COUNT(s->delivery->paced) > SITES_MAX) drop(s);
}

void sites_free(struct delivery *d) {
  struct site *s, *next;
  for (s = d->paced; s; s = next) {
    next = s->hh.next;
    drop(s);
  }
}

/* A destination that is there stays with its site until it ends, also when the new table has another for its hosts. */
void sites_set_shaping(struct delivery *d, struct shaping *shaping) {
  struct shaping *old = d->shaping;
  d->shaping = shaping_hold(shaping);
  for (struct site *s = d->paced; s; s = s->hh.next) {
    const struct shaping_provider *p = shaping_find(shaping, s->name);
    s->provider = p ? p : &shaping->rest;
    pace_set_limits(&s->pace, &s->provider->limits);
    site_feed(s);
  }
  shaping_release(&old);
}

/* --- the timer --- */

static void arm(struct delivery *d);

static void on_time(uv_timer_t *timer) {
  struct delivery *d = timer->data;
  int64_t now = site_now();
  struct site *s, *next;
  d->timed_us = 0;
  for (s = d->timed; s; s = next) {
    next = s->timed_next;
    if (s->wake_us <= now) site_feed(s);
  }
  arm(d);
}

/* One timer for all sites of the loop. */
static void arm(struct delivery *d) {
  int64_t first = INT64_MAX, now = site_now();
  if (d->stopping) return;
  for (const struct site *s = d->timed; s; s = s->timed_next)
    if (s->wake_us < first) first = s->wake_us;
  if (first == INT64_MAX || (d->timed_us && d->timed_us <= first)) return;
  if (!d->pace_timer_open) {
    uv_timer_init(&d->loop->uv, &d->pace_timer);
    d->pace_timer.data = d;
    d->pace_timer_open = true;
  }
  d->timed_us = first;
  uint64_t ms = first > now ? (uint64_t)(first - now + 999) / 1000 : 0;
  uv_update_time(&d->loop->uv);
  uv_timer_start(&d->pace_timer, on_time, ms, 0);
}

static void set_wake(struct site *s, int64_t at_us) {
  struct delivery *d = s->delivery;
  if (at_us == PACE_NEVER) at_us = 0;
  if (s->wake_us && !at_us) DL_DELETE2(d->timed, s, timed_prev, timed_next);
  if (!s->wake_us && at_us) DL_APPEND2(d->timed, s, timed_prev, timed_next);
  s->wake_us = at_us;
  if (at_us && (!d->timed_us || at_us < d->timed_us)) arm(d);
}

void sites_stop(struct delivery *d) {
  if (d->pace_timer_open) uv_close((uv_handle_t *)&d->pace_timer, NULL);
  d->pace_timer_open = false;
}

/* --- who waits --- */

int64_t site_wall(int64_t at_us) {
  return clock_now_us() + (at_us - site_now());
}

/* By the pace's clock; 0: it is not. */
static int64_t commanded_at(struct site *s) {
  const struct directory *d = s->delivery->loop->directory;
  if (d && s->generation != d->generation) {
    s->generation = d->generation;
    s->commanded_us = directory_site_paused(d, s->name, s->source, clock_now_us());
  }
  if (!s->commanded_us) return 0;
  int64_t left = s->commanded_us == INT64_MAX ? SITE_COMMANDED_US : s->commanded_us - clock_now_us();
  if (left <= 0) s->commanded_us = 0;
  return left > 0 ? site_now() + left : 0;
}

static int64_t later(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static int64_t message_at(struct site *s) {
  return later(commanded_at(s), pace_message_at(&s->pace, site_now()));
}

static int64_t connect_at(struct site *s) {
  return later(commanded_at(s), pace_connect_at(&s->pace, site_now()));
}

static struct incident paced(const struct site *s, int64_t at_us) {
  struct incident i = {.stage = STAGE_ROUTE, .trouble = TROUBLE_PACE, .local = true, .retry_us = site_wall(at_us)};
  char span[40];
  clock_format_span(at_us - site_now(), span, sizeof span);
  const char *from = s->source[0] ? " from " : "";
  if (s->commanded_us)
    snprintf(i.text, sizeof i.text, "mail%s%s to %.60s is paused by command: sendoff site resume %.60s", from,
             s->source, s->name, s->name);
  else if (s->pace.pause_until_us > site_now())
    snprintf(i.text, sizeof i.text, "mail%s%s to %.60s is paused for %s%s%.80s", from, s->source, s->name, span,
             s->reason ? ": " : "", s->reason ? s->reason : "");
  else
    snprintf(i.text, sizeof i.text, "%.60s takes no more mail%s%s now; its turn is in %s", s->name, from, s->source,
             span);
  return i;
}

/* Back to the queue, all but the best `keep`: one after the other as the pace goes, from `at_us` on. */
static void give_back(struct destination *d, size_t keep, int64_t at_us, double rate) {
  struct job *kept[SITE_WAITING_MOST], *j;
  struct site *s = d->site;
  struct outcome_place where = {.host = "", .source = d->source_text, .site = d->site->name, .tls = ""};
  size_t count = 0;
  while (count < keep && (j = destination_next_job(d))) kept[count++] = j;
  for (double behind = 0; (j = destination_next_job(d)); behind++) {
    struct incident i = paced(s, at_us + (rate > 0 ? (int64_t)(behind / rate * (double)SECOND_US) : 0));
    outcome_without_attempt(d->delivery->outcomes, j, &i, &where, 0);
  }
  while (count) destination_put_back(d, kept[--count]);
}

/* Messages a second that the table or the site allows; 0: as many as come. */
static double rate_of(const struct pace *p) {
  double rate = p->rate > 0 ? p->rate : INFINITY;
  if (p->limits.per_second) rate = fmin(rate, p->limits.per_second);
  if (p->limits.per_minute) rate = fmin(rate, p->limits.per_minute / 60.0);
  if (p->limits.per_hour) rate = fmin(rate, p->limits.per_hour / 3600.0);
  return isinf(rate) ? 0 : rate;
}

/* In how long so many messages go out; at least as long as it makes sense to come back for. */
static int64_t span_of(double count, double rate) {
  double seconds = rate > 0 ? count / rate : 0, least = (double)SITE_PATIENCE_US / (double)SECOND_US;
  return (int64_t)(fmin(fmax(seconds, least), SITE_BACK_MOST_S) * (double)SECOND_US);
}

/* A site that takes little must not fill the memory that there is for all sites' mail: what waits at it, at all its
 * destinations, is about what it takes in its patience. */
static void bound(struct destination *d, int64_t at_us) {
  struct site *s = d->site;
  int64_t now = site_now();
  size_t others = s->waiting_count - d->paced;
  double rate = rate_of(&s->pace), most = rate * (double)(SITE_PATIENCE_US / SECOND_US);
  double of_late = rate > 0 ? rate : pace_rate_of_late(&s->pace, now);
  if (at_us != PACE_NEVER && at_us - now > SITE_PATIENCE_US) {
    give_back(d, 0, at_us, rate);
  } else if (others >= SITE_WAITING_MOST || (rate > 0 && (double)others > fmax(most, SITE_WAITING_LEAST))) {
    give_back(d, 0, now + span_of((double)others, of_late), of_late);
  } else if (rate > 0 && most <= SITE_WAITING_MOST) {
    size_t keep = (size_t)fmax(most, SITE_WAITING_LEAST) / (others + 1);
    if (!keep) keep = 1;
    if (d->queue.count > 2 * keep) give_back(d, keep, now + span_of((double)keep, rate), rate);
  }
}

static bool has_idle(const struct destination *d) {
  for (const struct connection *c = d->connections; c; c = c->next)
    if (connection_can_work(c)) return true;
  return false;
}

/* When the first that waits may go on. */
static int64_t first_at(struct site *s) {
  return has_idle(s->waiting) ? message_at(s) : connect_at(s);
}

/* When there is something to do for it: an idle connection of another may have to make room. */
static int64_t next_chance(struct site *s) {
  int64_t at = first_at(s), message = message_at(s);
  return at == PACE_NEVER && message > site_now() ? message : at;
}

static void wait_here(struct destination *d, int64_t at_us) {
  struct site *s = d->site;
  bound(d, at_us);
  if (!d->queue.count) {
    destination_wake(d); /* it may be over */
    return;
  }
  if (!d->paced) {
    DL_APPEND2(s->waiting, d, site_prev, site_next);
    s->waiting_count++;
    d->paced = true;
  }
  set_wake(s, next_chance(s));
}

void site_leave(struct destination *d) {
  if (!d->paced) return;
  d->paced = false;
  d->site->waiting_count--;
  DL_DELETE2(d->site->waiting, d, site_prev, site_next);
  if (!d->site->waiting) set_wake(d->site, 0);
}

/* --- may it --- */

/* Others that came before have their turn first. */
static bool is_its_turn(const struct destination *d) {
  return d->site_turn || !d->site->waiting || d->site->waiting == d;
}

bool site_may_connect(struct destination *d) {
  int64_t at = connect_at(d->site);
  bool may = at <= site_now() && is_its_turn(d);
  if (may)
    site_leave(d);
  else
    wait_here(d, at);
  return may;
}

/* A connection that is open goes on as long as the pace allows, whoever waits for one. */
bool site_may_send(struct destination *d) {
  int64_t at = message_at(d->site);
  if (at <= site_now()) return true;
  wait_here(d, at);
  return false;
}

/* An open connection that nothing goes over keeps another destination from opening its own. One at a time: it has to
 * say QUIT first. */
static void end_an_idle_one(struct site *s, const struct destination *for_whom) {
  for (const struct connection *c = s->connections; c; c = c->site_next)
    if (c->phase == CONNECTION_ENDING) return;
  for (struct connection *c = s->connections; c; c = c->site_next)
    if (c->destination != for_whom && connection_can_work(c)) {
      connection_stop(c);
      return;
    }
}

void site_feed(struct site *s) {
  struct destination *d = s->waiting;
  int64_t now = site_now();
  if (!d || s->delivery->stopping) return;
  int64_t message = message_at(s), at = first_at(s);
  if (at <= now) {
    d->site_turn = true;
    site_leave(d);
    destination_wake(d);
  } else {
    if (at == PACE_NEVER && message <= now) end_an_idle_one(s, d);
    set_wake(s, next_chance(s));
  }
}

/* --- its connections --- */

void site_connect_begins(struct site *s, struct connection *c) {
  DL_APPEND2(s->connections, c, site_prev, site_next);
  pace_connect_begins(&s->pace, site_now());
}

void site_connect_done(struct site *s) {
  pace_connect_done(&s->pace, site_now());
}

void site_connect_ends(struct site *s, struct connection *c) {
  DL_DELETE2(s->connections, c, site_prev, site_next);
  pace_connect_ends(&s->pace);
  site_feed(s);
}

void site_message_begins(struct site *s) {
  pace_message_begins(&s->pace, site_now());
}

void site_message_ends(struct site *s, enum pace_sign sign, unsigned done, int64_t began_us) {
  pace_message_ends(&s->pace, sign, done, began_us, site_now());
  s->accepted += sign == PACE_ACCEPTED;
  s->deferred += sign == PACE_DEFERRED || sign == PACE_CLOSED || sign == PACE_SLOW;
  site_feed(s);
}
