#include "relay/delivery/route/warmup_watch.h"

#include "base/cidr.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A source that has a plan. */
struct warming {
  char address[IP_TEXT];
  char *text; /* the plan's, which `plan` was read from */
  struct warmup_plan plan;
  int64_t since_us;
  bool seen; /* in the directory that was taken last */
  UT_hash_handle hh;
};

/* One of them at a provider. */
struct entry {
  int64_t id;
  char *key; /* "SOURCE PROVIDER" */
  const char *provider;
  struct warming *source;
  struct warmup state;
  bool changed; /* since it was posted last */
  UT_hash_handle hh, hh_id;
};

struct warmup_watch {
  struct loop *loop;
  struct warmup_owner owner;
  struct warming *sources;
  struct entry *entries, *by_id;
  int64_t generation, last_id, kept_us;
  size_t posted;  /* on their way into the store */
  bool releasing; /* a plan has ended: what waited for its source is to go */
  bool stopped, freed;
};

/* --- memory --- */

static void drop_entry(struct warmup_watch *w, struct entry *e) {
  HASH_DELETE(hh, w->entries, e);
  HASH_DELETE(hh_id, w->by_id, e);
  free(e->key);
  free(e);
}

static void drop_entries(struct warmup_watch *w, const struct warming *of) {
  struct entry *e, *next;
  HASH_ITER(hh, w->entries, e, next) {
    if (e->source == of) drop_entry(w, e);
  }
}

static void drop_source(struct warmup_watch *w, struct warming *s) {
  drop_entries(w, s);
  HASH_DEL(w->sources, s);
  free(s->text);
  free(s);
}

struct warmup_watch *warmup_watch_new(struct loop *loop, const struct warmup_owner *owner) {
  struct warmup_watch *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->loop = loop;
  w->owner = *owner;
  w->generation = -1;
  w->releasing = true; /* of plans that ended while the gateway did not run */
  return w;
}

static void forget(struct warmup_watch *w) {
  while (w->sources) drop_source(w, w->sources);
  free(w);
}

void warmup_watch_free(struct warmup_watch **at) {
  struct warmup_watch *w = *at;
  *at = NULL;
  if (!w) return;
  w->freed = w->stopped = true;
  if (!w->posted) forget(w);
}

static struct warming *add_source(struct warmup_watch *w, const char *address) {
  struct warming *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  snprintf(s->address, sizeof s->address, "%s", address);
  HASH_ADD_STR(w->sources, address, s);
  if (s->hh.tbl) return s;
  free(s);
  return NULL;
}

static struct entry *add_entry(struct warmup_watch *w, struct warming *source, const char *provider) {
  struct entry *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->source = source;
  e->id = ++w->last_id;
  if (asprintf(&e->key, "%s %s", source->address, provider) < 0) e->key = NULL;
  if (e->key) HASH_ADD_KEYPTR(hh, w->entries, e->key, strlen(e->key), e);
  if (e->key && e->hh.tbl) HASH_ADD(hh_id, w->by_id, id, sizeof e->id, e);
  if (e->key && e->hh.tbl && !e->hh_id.tbl) HASH_DELETE(hh, w->entries, e);
  if (e->key && e->hh_id.tbl) {
    e->provider = e->key + strlen(source->address) + 1;
    return e;
  }
  free(e->key);
  free(e);
  return NULL;
}

static struct warming *source_of(const struct warmup_watch *w, const char *address) {
  struct warming *s = NULL;
  HASH_FIND_STR(w->sources, address, s);
  return s;
}

static struct entry *entry_of(const struct warmup_watch *w, const struct warming *source, const char *provider) {
  char key[IP_TEXT + 300];
  struct entry *e = NULL;
  snprintf(key, sizeof key, "%s %s", source->address, provider);
  HASH_FIND_STR(w->entries, key, e);
  return e;
}

static struct entry *entry_with(const struct warmup_watch *w, int64_t id) {
  struct entry *e = NULL;
  HASH_FIND(hh_id, w->by_id, &id, sizeof id, e);
  return e;
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
  struct warming *s = source_of(w, from->address);
  if (!s && !(s = add_source(w, from->address))) return; /* it is not held to its plan until there is memory */
  s->seen = true;
  if (s->text && s->since_us != from->warmup_since_us) drop_entries(w, s);
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
    drop_source(w, s);
    w->releasing = true;
  }
}

void warmup_watch_recall(struct warmup_watch *w, const struct warmup_note *n, int64_t now_us) {
  take_directory(w);
  struct warming *s = source_of(w, n->source);
  struct entry *e = s && s->since_us == n->since_us ? add_entry(w, s, n->provider) : NULL;
  if (!e) return;
  e->state = n->state;
  roll(e, now_us);
}

/* --- the store --- */

static void end_post(struct warmup_watch *w) {
  if (--w->posted) return;
  if (w->freed)
    forget(w);
  else if (w->stopped)
    w->owner.idle(w->owner.arg);
}

struct kept {
  struct store_warmup_note op; /* first */
  struct warmup_watch *watch;
  int64_t id;
  char source[IP_TEXT], *provider;
};

static void on_kept(struct store_op *op) {
  struct kept *k = (struct kept *)op;
  struct warmup_watch *w = k->watch;
  struct entry *e = op->result != OK && !w->freed ? entry_with(w, k->id) : NULL;
  if (op->result != OK)
    log_event(LOG_WARN_, NULL, "warm-up not kept", "source", k->source, "reason",
              *op->why.text ? op->why.text : result_text(op->result), NULL);
  if (e) e->changed = true; /* with the next ones */
  free(k->provider);
  free(k);
  end_post(w);
}

static void post(struct warmup_watch *w, struct entry *e) {
  struct kept *k = calloc(1, sizeof *k);
  if (k && !(k->provider = strdup(e->provider))) {
    free(k);
    k = NULL;
  }
  if (!k) return; /* the next time */
  store_warmup_note_init(&k->op);
  k->watch = w;
  k->id = e->id;
  snprintf(k->source, sizeof k->source, "%s", e->source->address);
  k->op.note = (struct warmup_note){
      .source = k->source, .provider = k->provider, .since_us = e->source->since_us, .state = e->state};
  e->changed = false;
  w->posted++;
  loop_store_post(w->loop, &k->op.op, on_kept);
}

static void keep(struct warmup_watch *w) {
  for (struct entry *e = w->entries; e; e = e->hh.next)
    if (e->changed) post(w, e);
}

struct release {
  struct store_warmup_release op; /* first */
  struct warmup_watch *watch;
};

static void on_released(struct store_op *op) {
  struct release *r = (struct release *)op;
  struct warmup_watch *w = r->watch;
  if (op->result != OK || r->op.released == WARMUP_RELEASE_PART) w->releasing = true; /* there are more */
  if (r->op.released && !w->stopped) w->owner.released(w->owner.arg);
  free(r);
  end_post(w);
}

static void release(struct warmup_watch *w) {
  struct release *r = w->releasing ? calloc(1, sizeof *r) : NULL;
  if (!r) return; /* it does not, or at the next tick */
  w->releasing = false;
  store_warmup_release_init(&r->op);
  r->watch = w;
  w->posted++;
  loop_store_post(w->loop, &r->op.op, on_released);
}

void warmup_watch_tick(struct warmup_watch *w, int64_t now_us) {
  if (w->stopped) return;
  take_directory(w);
  for (struct entry *e = w->entries; e; e = e->hh.next) roll(e, now_us);
  if (w->posted) return; /* the store has trouble: not more and more of it */
  release(w);
  int64_t since = now_us - w->kept_us;
  if (since >= 0 && since < WARMUP_KEEP_US) return;
  w->kept_us = now_us;
  keep(w);
}

void warmup_watch_stop(struct warmup_watch *w) {
  if (w->stopped) return;
  w->stopped = true;
  keep(w);
}

bool warmup_watch_is_idle(const struct warmup_watch *w) {
  return !w->posted;
}

/* --- what leaves, and comes back --- */

/* NULL: its mail is not counted there. */
static struct warming *warming_of(struct warmup_watch *w, const struct source *s, const struct warmup_place *at) {
  if (!s || !has_plan(s) || !at->site) return NULL;
  take_directory(w);
  return source_of(w, s->address);
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
  struct entry *e = of ? entry_of(w, of, provider_of(of, at)) : NULL;
  if (!e) return of ? first_room(of, provider_of(of, at), now_us) : UINT32_MAX;
  const struct warmup_course c = roll(e, now_us);
  uint32_t room = warmup_room(&e->state, &c);
  if (!room) warmup_missed(&e->state);
  return room;
}

int64_t warmup_watch_take(struct warmup_watch *w, const struct source *s, const struct warmup_place *at, uint32_t count,
                          int64_t now_us) {
  struct warming *of = warming_of(w, s, at);
  struct entry *e = of ? entry_of(w, of, provider_of(of, at)) : NULL;
  if (of && !e) e = add_entry(w, of, provider_of(of, at));
  if (!e) return 0;
  const struct warmup_course c = roll(e, now_us);
  note_changes(e, &c, warmup_take(&e->state, count));
  return e->id;
}

void warmup_watch_give_back(struct warmup_watch *w, int64_t taken, uint32_t count, const struct warmup_tally *came,
                            int64_t now_us) {
  struct entry *e = taken ? entry_with(w, taken) : NULL;
  if (!e) return;
  const struct warmup_course c = roll(e, now_us);
  note_changes(e, &c, warmup_give_back(&e->state, &c, count, came, now_us));
  if (came->used || came->turned_away) e->changed = true;
}

int64_t warmup_watch_put_off(struct warmup_watch *w, const struct source *s, const struct warmup_place *at,
                             uint32_t count, int64_t now_us, struct reason *why, char numbers[NUMBERS_TEXT]) {
  const struct warming *of = warming_of(w, s, at);
  struct entry *e = of ? entry_of(w, of, provider_of(of, at)) : NULL;
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
