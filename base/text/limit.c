#include "base/text/limit.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXAMPLES                                                                                                       \
  "write COUNT[rcpt|KB|MB]/WINDOW[:defer|:smooth], as in 60/minute:smooth, 20000rcpt/month:defer, 100rcpt/message, "   \
  "2/second:smooth"

static const struct {
  const char *name;
  enum limit_unit unit;
  uint64_t octets;
} units[] = {
    {"", LIMIT_MESSAGES, 1}, {"rcpt", LIMIT_RECIPIENTS, 1}, {"KB", LIMIT_OCTETS, 1024}, {"MB", LIMIT_OCTETS, 1048576}};

static const char *const actions[] = {"reject", "defer", "smooth"};

/* Splits "COUNT[unit]/WINDOW[:ACTION]"; an absent action is empty. */
static bool split(struct bytes text, struct bytes *count, struct bytes *unit, struct bytes *window,
                  struct bytes *action) {
  size_t slash = bytes_find(text, '/', 0), colon = bytes_find(text, ':', slash), digits = 0;
  if (slash == text.len) return false;
  while (digits < slash && text.at[digits] >= '0' && text.at[digits] <= '9') digits++;
  *count = (struct bytes){text.at, digits};
  *unit = (struct bytes){text.at + digits, slash - digits};
  *window = (struct bytes){text.at + slash + 1, colon - slash - 1};
  *action = bytes_from(text, colon);
  return action->len != 1;
}

static int find_unit(struct bytes name) {
  for (int i = 0; i < 4; i++)
    if (bytes_equal_nocase(name, bytes_of(units[i].name))) return i;
  return -1;
}

static bool find_window(struct bytes name, struct limit *out) {
  out->per_message = bytes_equal_nocase(name, BYTES("message"));
  if (out->per_message) return true;
  for (out->window = 0; out->window < WINDOW_COUNT; out->window++)
    if (bytes_equal_nocase(name, bytes_of(window_name(out->window)))) return true;
  return false;
}

static bool find_action(struct bytes text, struct limit *out) {
  out->action = LIMIT_REJECT;
  if (!text.len) return true;
  for (int i = 0; i < 3; i++) {
    out->action = (enum limit_action)i;
    if (bytes_equal_nocase(bytes_from(text, 1), bytes_of(actions[i]))) return true;
  }
  return false;
}

int limit_parse(const char *text, struct limit *out, struct reason *why) {
  struct bytes count, unit, window, action;
  memset(out, 0, sizeof *out);
  if (!split(bytes_of(text), &count, &unit, &window, &action))
    return fail(why, E_SYNTAX, "limit \"%s\": " EXAMPLES, text);
  uint64_t number;
  int u = find_unit(unit);
  if (u < 0) return fail(why, E_SYNTAX, "limit \"%s\": the unit is none (messages), rcpt, KB or MB; " EXAMPLES, text);
  if (!bytes_to_u64(count, &number) || !number || number > UINT64_MAX / units[u].octets / 2)
    return fail(why, E_SYNTAX, "limit \"%s\": the count is a number above zero; " EXAMPLES, text);
  if (!find_window(window, out))
    return fail(why, E_SYNTAX, "limit \"%s\": the window is second, minute, hour, day, month or message; " EXAMPLES,
                text);
  if (!find_action(action, out))
    return fail(why, E_SYNTAX, "limit \"%s\": the action is reject, defer or smooth; " EXAMPLES, text);
  out->unit = units[u].unit;
  out->count = number * units[u].octets;
  if (out->per_message && out->unit == LIMIT_MESSAGES)
    return fail(why, E_SYNTAX,
                "limit \"%s\": a message is always one; per message, count rcpt, KB or MB: 100rcpt/message", text);
  if (out->action == LIMIT_SMOOTH && (out->per_message || out->unit != LIMIT_MESSAGES))
    return fail(why, E_SYNTAX, "limit \"%s\": smooth spreads messages over time: 2/second:smooth", text);
  snprintf(out->text, sizeof out->text, "%llu%s/%s%s%s", (unsigned long long)number, units[u].name,
           out->per_message ? "message" : window_name(out->window), out->action == LIMIT_REJECT ? "" : ":",
           out->action == LIMIT_REJECT ? "" : actions[out->action]);
  return OK;
}

void limit_quantity(const struct limit *l, uint64_t n, char *out, size_t size) {
  const uint64_t kb = 1024, mb = kb * kb;
  if (l->unit == LIMIT_OCTETS && l->count % mb == 0) {
    uint64_t tenths = n / mb * 10 + (n % mb * 10 + mb - 1) / mb;
    snprintf(out, size, tenths % 10 ? "%" PRIu64 ".%" PRIu64 : "%" PRIu64, tenths / 10, tenths % 10);
    return;
  }
  if (l->unit == LIMIT_OCTETS) n = n / kb + (n % kb != 0);
  snprintf(out, size, "%" PRIu64, n);
}
