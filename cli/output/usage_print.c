#include "cli/output/usage_print.h"

#include "base/usage/limits.h"
#include "cli/output/output.h"
#include "cli/output/table.h"

#include <stdio.h>
#include <string.h>

#define BAR 10

/* --- one limit --- */

struct row {
  const struct limit *limit;
  uint64_t used, left;
  unsigned percent;
  int64_t next_us; /* when the least is possible that it counts; 0: now */
  int64_t free_us; /* when nothing of what is used counts any more; 0: nothing does */
};

/* What is smoothed is never used up: it waits for its slot. */
static struct row row_of(const struct limit *l, const struct usage *u, int64_t now_us) {
  uint64_t used = limit_used(l, u), left = used < l->count ? l->count - used : 0;
  struct row r = {.limit = l, .used = used, .left = left};
  r.percent = used >= l->count ? 100 : (unsigned)((double)used * 100 / (double)l->count);
  if (l->per_message) return r;
  r.free_us = usage_until(u, l->window, l->unit, 0);
  if (l->action == LIMIT_SMOOTH)
    r.next_us = limit_slot(l, u, now_us) > now_us ? u->smooth_next_us : 0;
  else
    r.next_us = usage_until(u, l->window, l->unit, l->count - 1);
  return r;
}

/* --- JSON --- */

static json_t *time_or_null(int64_t us) {
  return us ? json_time(us) : json_null();
}

/* `resets`: when a day or month ends; when all has left a window that rolls. */
static json_t *limit_json(const struct row *r, const struct usage *u) {
  static const char *const units[] = {
      [LIMIT_MESSAGES] = "messages", [LIMIT_RECIPIENTS] = "recipients", [LIMIT_OCTETS] = "octets"};
  const struct limit *l = r->limit;
  bool calendar = !l->per_message && !window_rolls(l->window);
  int64_t resets_us = calendar ? u->calendar[l->window - USAGE_ROLLING].end_us : r->free_us;
  return json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:o, s:o}", "limit", json_text(l->text), "unit", units[l->unit],
                   "used", (json_int_t)r->used, "count", (json_int_t)l->count, "left", (json_int_t)r->left, "percent",
                   (json_int_t)r->percent, "next", time_or_null(r->next_us), "resets", time_or_null(resets_us));
}

static json_t *tally_json(const struct tally *t) {
  return json_pack("{s:I, s:I, s:I}", "messages", (json_int_t)t->messages, "recipients", (json_int_t)t->recipients,
                   "octets", (json_int_t)t->octets);
}

static json_t *usage_json(const struct usage_scope *scope, const struct usage *u, int64_t now_us) {
  json_t *limits = json_array();
  for (size_t i = 0; i < scope->limit_count; i++) {
    struct row r = row_of(&scope->limits[i], u, now_us);
    json_array_append_new(limits, limit_json(&r, u));
  }
  json_t *object = json_pack(
      "{s:o, s:s, s:I, s:I, s:I, s:o}", scope_name(scope->scope), json_text(usage_scope_label(scope)), "time_zone",
      time_zone_name(scope->zone), "total_messages", (json_int_t)u->total.messages, "total_recipients",
      (json_int_t)u->total.recipients, "total_octets", (json_int_t)u->total.octets, "limits", limits);
  for (enum window w = 0; object && w < WINDOW_COUNT; w++)
    json_object_set_new(object, window_name(w), tally_json(usage_used(u, w)));
  return object;
}

/* --- tables --- */

static void format_when(int64_t us, int64_t now_us, const char *otherwise, char *out, size_t size) {
  char span[40];
  clock_format_span(us - now_us, span, sizeof span);
  if (us > now_us)
    snprintf(out, size, "in %s", span);
  else
    snprintf(out, size, "%s", otherwise);
}

/* "[########  ] 80%" */
static void format_bar(unsigned percent, char *out, size_t size) {
  char bar[BAR + 1];
  unsigned full = percent * BAR / 100;
  for (unsigned i = 0; i < BAR; i++) bar[i] = i < full ? '#' : ' ';
  bar[BAR] = '\0';
  snprintf(out, size, "[%s] %u%%", bar, percent);
}

static void limit_row(struct table *t, const struct row *r, int64_t now_us) {
  char used[32], left[32], bar[BAR + 16], next[48], all[48];
  if (r->limit->per_message) {
    table_add(t, (const char *const[]){r->limit->text, "", "each message", "", "", ""});
    return;
  }
  limit_quantity(r->limit, r->used, used, sizeof used);
  limit_quantity(r->limit, r->left, left, sizeof left);
  format_bar(r->percent, bar, sizeof bar);
  format_when(r->next_us, now_us, "now", next, sizeof next);
  format_when(r->free_us, now_us, "", all, sizeof all);
  bool smooth = r->limit->action == LIMIT_SMOOTH;
  table_add(t, (const char *const[]){r->limit->text, used, bar, smooth ? "paced" : left, next, all});
}

static void print_limits(const struct usage_scope *scope, const struct usage *u, int64_t now_us) {
  struct table *t = table_new((const char *const[]){"LIMIT", "USED", "", "LEFT", "NEXT", "ALL FREE"}, 6);
  for (size_t i = 0; i < scope->limit_count; i++) {
    struct row r = row_of(&scope->limits[i], u, now_us);
    limit_row(t, &r, now_us);
  }
  table_print(&t);
}

static void tally_row(struct table *t, const char *window, const struct tally *used, const char *all_free) {
  char messages[32], recipients[32], kilobytes[32];
  snprintf(messages, sizeof messages, "%llu", (unsigned long long)used->messages);
  snprintf(recipients, sizeof recipients, "%llu", (unsigned long long)used->recipients);
  snprintf(kilobytes, sizeof kilobytes, "%llu", (unsigned long long)(used->octets / 1024));
  table_add(t, (const char *const[]){window, messages, recipients, kilobytes, all_free});
}

static void print_windows(const struct usage *u, int64_t now_us) {
  static const char *const names[] = {[WINDOW_SECOND] = "last second",
                                      [WINDOW_MINUTE] = "last minute",
                                      [WINDOW_HOUR] = "last hour",
                                      [WINDOW_DAY] = "today",
                                      [WINDOW_MONTH] = "this month"};
  struct table *t = table_new((const char *const[]){"WINDOW", "MESSAGES", "RECIPIENTS", "KB", "ENDS"}, 5);
  for (enum window w = WINDOW_MINUTE; w < WINDOW_COUNT; w++) { /* a second is of no interest by itself */
    char ends[48] = "rolls";
    if (!window_rolls(w)) format_when(u->calendar[w - USAGE_ROLLING].end_us, now_us, "now", ends, sizeof ends);
    tally_row(t, names[w], usage_used(u, w), ends);
  }
  tally_row(t, "in all", &u->total, "");
  table_print(&t);
}

static void print_heading(const struct usage_scope *scope) {
  print_safe(usage_scope_label(scope));
  printf(", days and months in %s\n", time_zone_name(scope->zone));
}

/* --- all of an owner --- */

static void print_all_json(const struct used *all, size_t count, int64_t now_us) {
  json_t *object = usage_json(&all[0].scope, &all[0].usage, now_us), *streams = json_array();
  for (size_t i = 1; i < count; i++) json_array_append_new(streams, usage_json(&all[i].scope, &all[i].usage, now_us));
  if (all[0].scope.scope == SCOPE_ACCOUNT)
    json_object_set_new(object, "streams", streams);
  else
    json_decref(streams);
  print_json(object);
}

void usage_print(const struct cli *c, const struct used *all, size_t count) {
  int64_t now_us = clock_now_us();
  if (c->json) {
    print_all_json(all, count, now_us);
    return;
  }
  print_heading(&all[0].scope);
  print_limits(&all[0].scope, &all[0].usage, now_us);
  print_windows(&all[0].usage, now_us);
  for (size_t i = 1; i < count; i++) {
    print_heading(&all[i].scope);
    print_limits(&all[i].scope, &all[i].usage, now_us);
  }
}

/* --- reading --- */

/* E_NOT_FOUND: it was removed this moment. */
static int read_all(struct reader *r, struct used *all, size_t count) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < count; i++) rc = reader_usage(r, &all[i].scope, &all[i].usage);
  return rc;
}

enum exit_status usage_print_stored(const struct cli *c, struct reader *r, struct used *all, size_t count) {
  int rc = read_all(r, all, count);
  if (rc == OK) usage_print(c, all, count);
  return rc == OK || rc == E_NOT_FOUND ? EXIT_DONE : cli_fail(EXIT_NO, "usage cannot be read: %s", result_text(rc));
}

enum exit_status usage_command(struct cli *c,
                               enum exit_status (*print)(struct cli *c, const struct directory *d, struct reader *r)) {
  struct directory *d;
  struct reader *r;
  enum exit_status s = cli_directory(c, &d);
  if (s != EXIT_DONE) return s;
  s = cli_reader(c, &r);
  if (s == EXIT_DONE) {
    s = print(c, d, r);
    reader_close(&r);
  }
  directory_release(&d);
  return s;
}
