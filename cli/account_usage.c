#include "cli/account_usage.h"

#include "base/limits.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

#define MB (UINT64_C(1024) * 1024)

static json_t *limit_json(const struct limit *l, const struct usage *u, int64_t now) {
  static const char *const units[] = {
      [LIMIT_MESSAGES] = "messages", [LIMIT_RECIPIENTS] = "recipients", [LIMIT_OCTETS] = "octets"};
  return json_pack("{s:o, s:s, s:I, s:I, s:o}", "limit", json_text(l->text), "unit", units[l->unit], "used",
                   (json_int_t)limit_used(l, u), "count", (json_int_t)l->count, "resets",
                   l->per_message ? json_null() : json_time(window_end(l->window, now)));
}

static json_t *usage_json(const struct account *a, const struct usage *u) {
  int64_t now = clock_now_us();
  json_t *limits = json_array();
  for (size_t i = 0; i < a->settings.all.count; i++)
    json_array_append_new(limits, limit_json(&a->settings.all.limits[i], u, now));
  json_t *object = json_pack("{s:o, s:I, s:I, s:I, s:o}", "account", json_text(a->name), "total_messages",
                             (json_int_t)u->total_messages, "total_recipients", (json_int_t)u->total_recipients,
                             "total_octets", (json_int_t)u->total_octets, "limits", limits);
  for (enum window w = 0; object && w < WINDOW_COUNT; w++)
    json_object_set_new(object, window_name(w),
                        json_pack("{s:I, s:I, s:I}", "messages", (json_int_t)u->window[w].messages, "recipients",
                                  (json_int_t)u->window[w].recipients, "octets", (json_int_t)u->window[w].octets));
  return object;
}

/* Adds "12 of 5000/day" for each of the window's limits. False: it has none. */
static bool add_limits(struct buffer *out, const struct account *a, const struct usage *u, enum window w) {
  bool any = false;
  for (size_t i = 0; i < a->settings.all.count; i++) {
    const struct limit *l = &a->settings.all.limits[i];
    uint64_t used = limit_used(l, u);
    if (l->per_message || l->window != w) continue;
    int rc = any ? buffer_add(out, ", ", 2) : OK;
    if (rc == OK && l->unit != LIMIT_OCTETS)
      rc = buffer_addf(out, "%llu of %s", (unsigned long long)used, l->text);
    else if (rc == OK && l->count % MB == 0)
      rc = buffer_addf(out, "%.1f of %s", (double)used / (double)MB, l->text);
    else if (rc == OK)
      rc = buffer_addf(out, "%.1f of %s", (double)used / 1024, l->text);
    if (rc != OK) cli_warn("out of memory: a limit is missing here");
    any = true;
  }
  return any;
}

static void add_row(struct table *t, const char *account, const char *window, const struct usage_window *w,
                    const char *limits, const char *resets) {
  char messages[32], recipients[32], kilobytes[32];
  snprintf(messages, sizeof messages, "%llu", (unsigned long long)w->messages);
  snprintf(recipients, sizeof recipients, "%llu", (unsigned long long)w->recipients);
  snprintf(kilobytes, sizeof kilobytes, "%llu", (unsigned long long)(w->octets / 1024));
  table_add(t, (const char *const[]){account, window, messages, recipients, kilobytes, limits, resets});
}

static void usage_rows(struct table *t, const struct account *a, const struct usage *u) {
  int64_t now = clock_now_us();
  struct buffer limits;
  for (enum window w = 0; w < WINDOW_COUNT; w++) {
    char resets[40];
    buffer_init(&limits, 1024 * 1024);
    bool limited = add_limits(&limits, a, u, w) && buffer_add(&limits, "", 1) == OK;
    clock_format_span(window_end(w, now) - now, resets, sizeof resets);
    if (limited || w != WINDOW_SECOND) /* a second is of no interest by itself */
      add_row(t, a->name, window_phrase(w), &u->window[w], limited ? limits.at : "", resets);
    buffer_free(&limits);
  }
  for (size_t i = 0; i < a->settings.all.count; i++)
    if (a->settings.all.limits[i].per_message)
      table_add(t, (const char *const[]){a->name, "each message", "", "", "", a->settings.all.limits[i].text, ""});
  struct usage_window total = {
      .messages = u->total_messages, .recipients = u->total_recipients, .octets = u->total_octets};
  add_row(t, a->name, "in all", &total, "", "");
}

static enum exit_status print_usage(struct cli *c, const struct directory *d, struct reader *r) {
  bool all = c->argument_count == 0;
  int rc = OK;
  if (!all && !directory_account(d, bytes_of(c->arguments[0])))
    return cli_fail(EXIT_NO, "there is no account %s; see: sendoff account list", c->arguments[0]);
  struct table *t = table_new(
      (const char *const[]){"ACCOUNT", "WINDOW", "MESSAGES", "RECIPIENTS", "KB", "USED OF LIMITS", "RESETS IN"}, 7);
  for (size_t i = 0; rc == OK && i < d->account_count; i++) {
    const struct account *a = &d->accounts[i];
    struct usage u;
    if (!all && strcmp(a->name, c->arguments[0]) != 0) continue;
    rc = reader_usage(r, a->name, &u);
    if (rc == OK && c->json)
      print_json(usage_json(a, &u));
    else if (rc == OK)
      usage_rows(t, a, &u);
    else if (rc == E_NOT_FOUND)
      rc = OK; /* removed this moment */
  }
  table_print(&t);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "usage cannot be read: %s", result_text(rc));
}

enum exit_status account_usage(struct cli *c) {
  struct directory *d;
  struct reader *r;
  enum exit_status s = cli_directory(c, &d);
  if (s != EXIT_DONE) return s;
  s = cli_reader(c, &r);
  if (s == EXIT_DONE) {
    s = print_usage(c, d, r);
    reader_close(&r);
  }
  directory_release(&d);
  return s;
}
