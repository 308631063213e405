#include "cli/delivery/source_warmups.h"

#include "base/clock.h"
#include "base/site/warmup.h"
#include "cli/output/output.h"
#include "relay/daemon/warmup_file.h"
#include "relay/json/json.h"
#include "store/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what --warmup names --- */

enum exit_status source_read_warmup(const char *typed, char out[WARMUP_PLAN_TEXT]) {
  struct reason why;
  out[0] = '\0';
  if (strcmp(typed, "none") == 0) return EXIT_DONE;
  struct warmup_plan *plan = calloc(1, sizeof *plan);
  if (!plan) return cli_fail(EXIT_NO, "out of memory");
  int rc = warmup_file_load(strcmp(typed, "default") == 0 ? NULL : typed, plan, &why);
  if (rc == OK) warmup_plan_format(plan, out);
  free(plan);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_USAGE, "--warmup: %s; write default, none, or a plan's file", why.text);
}

/* --- what the store knows, as of now --- */

static json_t *state_json(const char *provider, const struct warmup *w, const struct warmup_course *c) {
  bool warm = warmup_is_warm(w, c);
  uint32_t room = warmup_room(w, c);
  unsigned day = w->step ? w->step : 1;
  return json_pack("{s:o, s:b, s:o, s:I, s:o, s:I, s:o, s:b, s:I, s:I, s:f, s:f}", "provider", json_text(provider),
                   "warm", warm, "day", warm ? json_null() : json_integer(day), "days", (json_int_t)c->day_count,
                   "amount", warm ? json_null() : json_integer(warmup_course_amount(c, day)), "used",
                   (json_int_t)w->used, "room", warm ? json_null() : json_integer(room), "held", w->held, "attempts",
                   (json_int_t)w->attempts[0] + w->attempts[1], "against", (json_int_t)w->against[0] + w->against[1],
                   "percent", warmup_ratio(w) / 100.0, "hold_above", c->hold_above / 100.0);
}

struct reading {
  const struct directory *directory;
  struct warmup_plan *plan; /* of `of` */
  const struct source *of;
  json_t *all;
};

static const struct source *find(const struct directory *d, const char *address) {
  for (size_t i = 0; i < d->source_count; i++)
    if (strcmp(d->sources[i].address, address) == 0) return &d->sources[i];
  return NULL;
}

static bool take_plan(struct reading *r, const struct source *s) {
  if (r->of != s && warmup_plan_parse(s->warmup, r->plan) != OK) return false;
  r->of = s;
  return true;
}

/* The gateway wrote it some seconds ago at most, unless it does not run: then days may have ended since. */
static void add_state(void *arg, const struct warmup_note *n) {
  struct reading *r = arg;
  const struct source *s = find(r->directory, n->source);
  json_t *of = s ? json_object_get(r->all, n->source) : NULL;
  if (!of || s->warmup_since_us != n->since_us || !take_plan(r, s)) return;
  struct warmup state = n->state;
  const struct warmup_course c = warmup_course_of(r->plan, n->provider);
  warmup_roll(&state, &c, clock_now_us());
  json_array_append_new(json_object_get(of, "providers"), state_json(n->provider, &state, &c));
}

/* What it begins with where it has written to nobody yet. */
static void add_plan(struct reading *r, const struct source *s) {
  if (!*s->warmup || !take_plan(r, s)) return;
  json_object_set_new(r->all, s->address,
                      json_pack("{s:o, s:o, s:I, s:I, s:[]}", "plan", json_text(s->warmup_name), "since",
                                json_time(s->warmup_since_us), "days", (json_int_t)r->plan->entries[0].day_count,
                                "first_amount", (json_int_t)r->plan->entries[0].days[0], "providers"));
}

json_t *source_warmups(struct cli *c, const struct directory *d) {
  struct reader *reader;
  struct reading r = {.directory = d, .plan = calloc(1, sizeof *r.plan), .all = json_object()};
  int rc = r.plan && r.all ? OK : E_MEMORY;
  for (size_t i = 0; rc == OK && i < d->source_count; i++) add_plan(&r, &d->sources[i]);
  if (rc == OK && json_object_size(r.all)) {
    rc = cli_reader(c, &reader) == EXIT_DONE ? reader_warmup_notes(reader, add_state, &r) : E_EXISTS; /* it was said */
    if (rc != E_EXISTS) reader_close(&reader);
  }
  free(r.plan);
  if (rc == OK) return r.all;
  json_decref(r.all);
  if (rc != E_EXISTS) cli_fail(EXIT_NO, "the store cannot be read: %s", result_text(rc));
  return NULL;
}

/* --- shown --- */

static const json_t *warmup_of(const json_t *all, const struct source *s) {
  return json_object_get(all, s->address);
}

json_t *source_warmup_json(const json_t *all, const struct source *s) {
  json_t *w = json_object_get(all, s->address);
  return w ? json_incref(w) : json_null();
}

static long long number(const json_t *of, const char *name) {
  return json_integer_value(json_object_get(of, name));
}

void source_warmup_cell(const json_t *all, const struct source *s, char out[60]) {
  const json_t *w = warmup_of(all, s), *providers = json_object_get(w, "providers"), *p;
  long long least = 0, most = 0;
  size_t i, warm = 0;
  bool held = false;
  json_array_foreach(providers, i, p) {
    long long day = number(p, "day");
    held |= json_is_true(json_object_get(p, "held"));
    if (json_is_true(json_object_get(p, "warm"))) {
      warm++;
      continue;
    }
    if (!least || day < least) least = day;
    if (day > most) most = day;
  }
  if (!w)
    snprintf(out, 60, "%s", "");
  else if (warm && warm == json_array_size(providers))
    snprintf(out, 60, "warm");
  else if (!least)
    snprintf(out, 60, "day 1 of %lld", number(w, "days"));
  else if (least == most)
    snprintf(out, 60, "day %lld of %lld%s", least, number(w, "days"), held ? ", held" : "");
  else
    snprintf(out, 60, "day %lld-%lld of %lld%s", least, most, number(w, "days"), held ? ", held" : "");
}

static const char *text(const json_t *of, const char *name) {
  const char *found = json_string_value(json_object_get(of, name));
  return found ? found : "";
}

static json_t *find_provider(const json_t *of, const char *name) {
  json_t *p;
  size_t i;
  json_array_foreach(json_object_get(of, "providers"), i, p) if (strcmp(text(p, "provider"), name) == 0) return p;
  return NULL;
}

/* As the gateway begins when nothing has left yet. */
static json_t *fresh_json(const char *provider, const struct warmup_plan *plan) {
  struct warmup fresh = {0};
  const struct warmup_course c = warmup_course_of(plan, provider);
  warmup_roll(&fresh, &c, clock_now_us());
  return state_json(provider, &fresh, &c);
}

json_t *source_warmup_at(const json_t *all, const struct source *s, const char *site, bool known) {
  const json_t *of = warmup_of(all, s);
  struct warmup_plan *plan = of ? calloc(1, sizeof *plan) : NULL;
  json_t *found = NULL;
  if (plan && warmup_plan_parse(s->warmup, plan) == OK) {
    const char *provider = known || warmup_names(plan, site) ? site : WARMUP_OTHERS;
    json_t *state = find_provider(of, provider);
    found = state ? json_incref(state) : fresh_json(provider, plan);
  }
  free(plan);
  return found ? found : json_null();
}

static void print_provider(const json_t *p) {
  printf("  %-14s ", text(p, "provider"));
  if (json_is_true(json_object_get(p, "warm"))) {
    printf("warm, %lld today\n", number(p, "used"));
    return;
  }
  printf("day %lld of %lld, %lld of %lld today\n", number(p, "day"), number(p, "days"), number(p, "used"),
         number(p, "amount"));
  if (json_is_true(json_object_get(p, "held")))
    printf("  %-14s held back: %lld of %lld recipients refused or deferred, above %.2f %%\n", "", number(p, "against"),
           number(p, "attempts"), json_number_value(json_object_get(p, "hold_above")));
}

static void print_warmup(const struct source *s, const json_t *w) {
  char since[64];
  const json_t *providers = json_object_get(w, "providers"), *p;
  size_t i;
  clock_format_minute(s->warmup_since_us, since, sizeof since);
  printf("\n%s warms up by the plan ", s->address);
  print_safe(s->warmup_name);
  printf(" since %s\n", since);
  if (!json_array_size(providers))
    printf("  no mail yet; %lld recipients a provider on the first day\n", number(w, "first_amount"));
  json_array_foreach(providers, i, p) print_provider(p);
}

void source_print_warmups(const json_t *all, const struct directory *d) {
  for (size_t i = 0; i < d->source_count; i++) {
    const json_t *w = warmup_of(all, &d->sources[i]);
    if (w) print_warmup(&d->sources[i], w);
  }
}
