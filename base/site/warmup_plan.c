#include "base/site/warmup_plan.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

static const struct warmup_entry *find(const struct warmup_plan *p, const char *provider) {
  for (size_t i = 1; i < p->count; i++)
    if (strcmp(p->entries[i].name, provider) == 0) return &p->entries[i];
  return NULL;
}

bool warmup_names(const struct warmup_plan *p, const char *provider) {
  return find(p, provider) != NULL;
}

struct warmup_course warmup_course_of(const struct warmup_plan *p, const char *provider) {
  const struct warmup_entry *e = find(p, provider), *rest = &p->entries[0];
  if (!e) e = rest;
  const struct warmup_entry *days = e->day_count ? e : rest;
  return (struct warmup_course){days->days, days->day_count, e->share, p->hold_above};
}

uint32_t warmup_course_amount(const struct warmup_course *c, unsigned day) {
  if (day > c->day_count) return UINT32_MAX;
  uint32_t amount = (uint32_t)((uint64_t)c->days[day ? day - 1 : 0] * c->share / 100);
  return amount ? amount : 1;
}

/* --- the text: "hold 50", then a line for each entry: name, share, and its days --- */

static size_t add(char *out, size_t at, const char *name, unsigned n) {
  int len = snprintf(out + at, WARMUP_PLAN_TEXT - at, "%s%s%u", name, *name ? " " : "", n);
  return at + (size_t)len;
}

void warmup_plan_format(const struct warmup_plan *p, char out[WARMUP_PLAN_TEXT]) {
  size_t at = add(out, 0, "hold", p->hold_above);
  for (size_t i = 0; i < p->count; i++) {
    const struct warmup_entry *e = &p->entries[i];
    out[at++] = '\n';
    at = add(out, at, e->name, e->share);
    for (size_t k = 0; k < e->day_count; k++) {
      out[at++] = ' ';
      at = add(out, at, "", e->days[k]);
    }
  }
}

/* Takes the next word of the line. */
static struct bytes word(struct bytes *line) {
  struct bytes w = {line->at, bytes_find(*line, ' ', 0)};
  *line = bytes_from(*line, w.len + 1);
  return w;
}

static bool number(struct bytes *line, uint64_t most, uint64_t *out) {
  return bytes_to_u64(word(line), out) && *out <= most;
}

static int parse_entry(struct bytes line, struct warmup_entry *e) {
  uint64_t n;
  *e = (struct warmup_entry){.share = 100};
  if (!bytes_copy(word(&line), e->name, sizeof e->name) || !number(&line, 100, &n)) return E_SYNTAX;
  e->share = (unsigned)n;
  while (line.len) {
    if (e->day_count == WARMUP_DAYS_MAX || !number(&line, WARMUP_AMOUNT_MAX, &n)) return E_SYNTAX;
    e->days[e->day_count++] = (uint32_t)n;
  }
  return OK;
}

static int parse_line(struct bytes line, size_t index, struct warmup_plan *out) {
  uint64_t n;
  if (index) {
    if (out->count > WARMUP_PROVIDERS_MAX) return E_SYNTAX;
    return parse_entry(line, &out->entries[out->count++]);
  }
  if (!bytes_equal(word(&line), BYTES("hold")) || !number(&line, 10000, &n)) return E_SYNTAX;
  out->hold_above = (unsigned)n;
  return OK;
}

int warmup_plan_parse(const char *text, struct warmup_plan *out) {
  struct bytes rest = bytes_of(text);
  int rc = OK;
  memset(out, 0, sizeof *out);
  for (size_t i = 0; rc == OK && rest.len; i++) {
    struct bytes line = {rest.at, bytes_find(rest, '\n', 0)};
    rest = bytes_from(rest, line.len + 1);
    rc = parse_line(line, i, out);
  }
  return rc == OK ? warmup_plan_check(out, NULL) : rc;
}

/* --- what can be a plan --- */

static bool is_name(const char *name) {
  size_t len = strlen(name);
  return len && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == len;
}

static int check_days(const struct warmup_entry *e, const char *whose, struct reason *why) {
  for (size_t i = 0; i < e->day_count; i++) {
    if (e->days[i] < 1 || e->days[i] > WARMUP_AMOUNT_MAX)
      return fail(why, E_SYNTAX, "%s: day %zu: write a number from 1 to %d", whose, i + 1, WARMUP_AMOUNT_MAX);
    if (i && e->days[i] < e->days[i - 1])
      return fail(why, E_SYNTAX, "%s: day %zu has %u, less than the day before; amounts grow", whose, i + 1,
                  e->days[i]);
  }
  return OK;
}

static int check_provider(const struct warmup_plan *p, size_t index, struct reason *why) {
  const struct warmup_entry *e = &p->entries[index];
  if (!is_name(e->name))
    return fail(why, E_SYNTAX, "provider \"%.80s\": write a name as sendoff site list shows it", e->name);
  if (find(p, e->name) != e) return fail(why, E_SYNTAX, "provider \"%s\" is there twice", e->name);
  if (e->share < 1 || e->share > 100)
    return fail(why, E_SYNTAX, "provider \"%s\": share: write a number from 1 to 100, in percent", e->name);
  return check_days(e, e->name, why);
}

int warmup_plan_check(const struct warmup_plan *p, struct reason *why) {
  if (!p->count || !p->entries[0].day_count)
    return fail(why, E_SYNTAX, "there are no days; write, for example, days = {50, 100, 200}");
  if (strcmp(p->entries[0].name, "*") != 0 || p->entries[0].share != 100)
    return fail(why, E_SYNTAX, "the days of all providers come first");
  int rc = check_days(&p->entries[0], "days", why);
  for (size_t i = 1; rc == OK && i < p->count; i++) rc = check_provider(p, i, why);
  return rc;
}
