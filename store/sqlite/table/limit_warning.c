#include "store/sqlite/table/limit_warning.h"

#include "base/mail/refusal.h"
#include "store/sqlite/table/events.h"

#include <stdio.h>

/* "blog: 80 % of 5000/day used (4000); resets 2026-11-23 00:00 UTC" */
static void write_text(const struct store_warning *w, char *out, size_t size) {
  const struct usage_warning *one = &w->warning;
  char used[32], when[40];
  limit_quantity(one->limit, one->used, used, sizeof used);
  clock_format_minute(one->free_us, when, sizeof when);
  snprintf(out, size, "%s: %u %% of %s used (%s); %s %s", usage_scope_label(w->scope), one->percent, one->limit->text,
           used, window_rolls(one->limit->window) ? "all free again" : "resets", when);
}

/* A stream is its account's, a domain and the gateway are nobody's. */
static void copy_account(const struct usage_scope *scope, char *out, size_t size) {
  struct bytes owner = bytes_of(scope->owner);
  if (scope->scope == SCOPE_STREAM) owner.len = bytes_find(owner, '/', 0);
  bool is_account = scope->scope == SCOPE_ACCOUNT || scope->scope == SCOPE_STREAM;
  bytes_copy(is_account ? owner : BYTES(""), out, size);
}

int limit_warning_log(struct sql *q, const struct store_warning *w) {
  char text[512], account[256], numbers[NUMBERS_TEXT] = "";
  write_text(w, text, sizeof text);
  copy_account(w->scope, account, sizeof account);
  numbers_add(numbers, "used", (int64_t)w->warning.used);
  numbers_add(numbers, "count", (int64_t)w->warning.limit->count);
  numbers_add(numbers, "percent", w->warning.percent);
  numbers_add(numbers, "resets_us", w->warning.free_us);
  return event_insert(
      q,
      &(struct event){.kind = EVENT_WARNED, .account = account, .rule = RULE_LIMIT, .numbers = numbers, .text = text});
}
