#include "relay/delivery/route/warmup_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/route/warmup_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- life --- */

struct warmup_watch *warmup_watch_new(struct loop *loop, const struct warmup_owner *owner) {
  struct warmup_watch *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->loop = loop;
  w->owner = *owner;
  w->generation = -1;
  w->releasing = true; /* of plans that ended while the gateway did not run */
  return w;
}

void warmup_watch_forget(struct warmup_watch *w) {
  while (w->sources) warmup_table_drop_source(w, w->sources);
  free(w);
}

void warmup_watch_free(struct warmup_watch **at) {
  struct warmup_watch *w = *at;
  *at = NULL;
  if (!w) return;
  w->freed = w->stopped = true;
  if (!w->posted) warmup_watch_forget(w);
}

/* --- what is said of it --- */

static void say(const struct entry *e, const struct warmup_course *c, const char *event, enum log_level level) {
  struct log_line l;
  unsigned day = e->state.step ? e->state.step : 1;
  log_begin(&l, level, NULL, event);
  log_str(&l, "source", e->source->address);
  log_str(&l, "provider", e->provider);
  if (!warmup_is_warm(&e->state, c)) {
    log_int(&l, "day", day);
    log_int(&l, "of", (int64_t)c->day_count);
    log_int(&l, "amount", warmup_course_amount(c, day));
  }
  if (e->state.held) {
    log_int(&l, "against", (int64_t)e->state.against[0] + e->state.against[1]);
    log_int(&l, "attempts", (int64_t)e->state.attempts[0] + e->state.attempts[1]);
  }
  log_end(&l);
}

static void note_changes(struct entry *e, const struct warmup_course *c, unsigned changes) {
  static const struct {
    enum warmup_change change;
    const char *event;
    enum log_level level;
  } events[] = {
      {WARMUP_FORGOTTEN, "warm-up begins again", LOG_INFO_},
      {WARMUP_BEGAN, "warm-up began", LOG_INFO_},
      {WARMUP_HELD, "warm-up held back", LOG_WARN_},
      {WARMUP_SHRANK, "warm-up went back", LOG_WARN_},
      {WARMUP_RESUMED, "warm-up resumed", LOG_INFO_},
      {WARMUP_GREW, "warm-up grew", LOG_INFO_},
      {WARMUP_ENDED, "warm-up ended", LOG_INFO_},
  };
  if (changes) e->changed = true;
  for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
    if (changes & events[i].change) say(e, c, events[i].event, events[i].level);
}

static struct warmup_course course_of(const struct entry *e) {
  return warmup_course_of(&e->source->plan, e->provider);
}

static struct warmup_course roll(struct entry *e, int64_t now_us) {
  const struct warmup_course c = course_of(e);
  note_changes(e, &c, warmup_roll(&e->state, &c, now_us));
  return c;
}

/* --- the sources that there are --- */

static bool has_plan(const struct source *s) {
  return s->warmup && *s->warmup;
}

/* A plan that was ended and set anew has counted nothing yet. */
static void take_plan(struct warmup_watch *w, const struct source *from) {
  struct warming *s = warmup_table_source(w, from->address);
  if (!s && !(s = warmup_table_add_source(w, from->address)))
    return; /* it is not held to its plan until there is memory */
  s->seen = true;
  if (s->text && s->since_us != from->warmup_since_us) warmup_table_drop_entries(w, s);
  s->since_us = from->warmup_since_us;
  if (s->text && strcmp(s->text, from->warmup) == 0) return;
  free(s->text);
  s->text = strdup(from->warmup);
  if (warmup_plan_parse(from->warmup, &s->plan) != OK) s->seen = false; /* which no command has written */
}

static void take_directory(struct warmup_watch *w) {
  const struct directory *d = w->loop->directory;
  struct warming *s, *next;
  if (d->generation == w->generation) return;
  w->generation = d->generation;
  for (s = w->sources; s; s = s->hh.next) s->seen = false;
  for (size_t i = 0; i < d->source_count; i++)
    if (has_plan(&d->sources[i])) take_plan(w, &d->sources[i]);
  HASH_ITER(hh, w->sources, s, next) {
    if (s->seen) continue;
    log_event(LOG_INFO_, NULL, "warm-up ended", "source", s->address, "reason", "by command", NULL);
    warmup_table_drop_source(w, s);
    w->releasing = true;
  }
}

void warmup_watch_recall(struct warmup_watch *w, const struct warmup_note *n, int64_t now_us) {
  take_directory(w);
  struct warming *s = warmup_table_source(w, n->source);
  struct entry *e = s && s->since_us == n->since_us ? warmup_table_add_entry(w, s, n->provider) : NULL;
  if (!e) return;
  e->state = n->state;
  roll(e, now_us);
}

void warmup_watch_tick(struct warmup_watch *w, int64_t now_us) {
  if (w->stopped) return;
  take_directory(w);
  for (struct entry *e = w->entries; e; e = e->hh.next) roll(e, now_us);
  if (w->posted) return; /* the store has trouble: not more and more of it */
  warmup_store_release(w);
  int64_t since = now_us - w->kept_us;
  if (since >= 0 && since < WARMUP_KEEP_US) return;
  w->kept_us = now_us;
  warmup_store_keep(w);
}

void warmup_watch_stop(struct warmup_watch *w) {
  if (w->stopped) return;
  w->stopped = true;
  warmup_store_keep(w);
}

bool warmup_watch_is_idle(const struct warmup_watch *w) {
  return !w->posted;
}

/* --- what leaves, and comes back --- */

/* NULL: its mail is not counted there. */
static struct warming *warming_of(struct warmup_watch *w, const struct source *s, const struct warmup_place *at) {
  if (!s || !has_plan(s) || !at->site) return NULL;
  take_directory(w);
  return warmup_table_source(w, s->address);
}

static const char *provider_of(const struct warming *s, const struct warmup_place *at) {
  return at->is_provider || warmup_names(&s->plan, at->site) ? at->site : WARMUP_OTHERS;
}

/* Where nothing has left yet. */
static uint32_t first_room(const struct warming *s, const char *provider, int64_t now_us) {
  struct warmup fresh = {0};
  const struct warmup_course c = warmup_course_of(&s->plan, provider);
  warmup_roll(&fresh, &c, now_us);
  return warmup_room(&fresh, &c);
}

uint32_t warmup_watch_room(struct warmup_watch *w, const struct source *s, const struct warmup_place *at,
                           int64_t now_us) {
  const struct warming *of = warming_of(w, s, at);
  struct entry *e = of ? warmup_table_entry(w, of, provider_of(of, at)) : NULL;
  if (!e) return of ? first_room(of, provider_of(of, at), now_us) : UINT32_MAX;
  const struct warmup_course c = roll(e, now_us);
  uint32_t room = warmup_room(&e->state, &c);
  if (!room) warmup_missed(&e->state);
  return room;
}

int64_t warmup_watch_take(struct warmup_watch *w, const struct source *s, const struct warmup_place *at, uint32_t count,
                          int64_t now_us) {
  struct warming *of = warming_of(w, s, at);
  struct entry *e = of ? warmup_table_entry(w, of, provider_of(of, at)) : NULL;
  if (of && !e) e = warmup_table_add_entry(w, of, provider_of(of, at));
  if (!e) return 0;
  const struct warmup_course c = roll(e, now_us);
  note_changes(e, &c, warmup_take(&e->state, count));
  return e->id;
}

void warmup_watch_give_back(struct warmup_watch *w, int64_t taken, uint32_t count, const struct warmup_tally *came,
                            int64_t now_us) {
  struct entry *e = taken ? warmup_table_entry_with(w, taken) : NULL;
  if (!e) return;
  const struct warmup_course c = roll(e, now_us);
  note_changes(e, &c, warmup_give_back(&e->state, &c, count, came, now_us));
  if (came->used || came->turned_away) e->changed = true;
}

int64_t warmup_watch_put_off(struct warmup_watch *w, const struct source *s, const struct warmup_place *at,
                             uint32_t count, int64_t now_us, struct reason *why, char numbers[NUMBERS_TEXT]) {
  const struct warming *of = warming_of(w, s, at);
  struct entry *e = of ? warmup_table_entry(w, of, provider_of(of, at)) : NULL;
  char moment[64];
  if (!e) { /* its plan has ended meanwhile */
    fail(why, E_BUSY, "warm-up of %s", s->address);
    return now_us + SECOND_US;
  }
  const struct warmup_course c = roll(e, now_us);
  uint32_t used = e->state.used + e->state.out, amount = warmup_course_amount(&c, e->state.step);
  int64_t next_us = warmup_put_off(&e->state, &c, count, now_us);
  clock_format_minute(next_us, moment, sizeof moment);
  fail(why, E_BUSY, "warm-up of %s: %u of %u recipients to %.80s used today%s, next at %s", s->address, used, amount,
       e->provider, used < amount ? ", as many as by this hour" : "", moment);
  numbers_add(numbers, "used", used);
  numbers_add(numbers, "limit", amount);
  return next_us;
}

size_t warmup_watch_held(const struct warmup_watch *w) {
  size_t n = 0;
  for (const struct entry *e = w->entries; e; e = e->hh.next) n += e->state.held;
  return n;
}
