#include "policy/limit_text.h"

#include "base/result.h"

#include <stdio.h>

static const char *unit_name(const struct limit *l) {
  return l->unit == LIMIT_MESSAGES       ? "messages"
         : l->unit == LIMIT_RECIPIENTS   ? "recipients"
         : l->count % (1024 * 1024) == 0 ? "MB"
                                         : "KB";
}

/* One that rolls is no calendar's. */
static const char *phrase(enum window w) {
  static const char *const rolling[] = {
      [WINDOW_SECOND] = "in a second", [WINDOW_MINUTE] = "in a minute", [WINDOW_HOUR] = "in an hour"};
  return window_rolls(w) ? rolling[w] : window_phrase(w);
}

static void write_text(const struct limit_verdict *v, const char *account, int64_t now_us, char *out, size_t size) {
  const struct limit *l = v->rule;
  char used[32], asked[32], all[32], when[40], span[40], more[64] = "";
  limit_quantity(l, v->used, used, sizeof used);
  limit_quantity(l, v->asked, asked, sizeof asked);
  limit_quantity(l, l->count, all, sizeof all);
  if (l->per_message) {
    snprintf(out, size, "%s: %s %s in this message, %s allowed", account, asked, unit_name(l), all);
    return;
  }
  clock_format_minute(v->resets_us, when, sizeof when);
  clock_format_span(v->resets_us - now_us, span, sizeof span);
  if (l->action == LIMIT_SMOOTH) {
    snprintf(out, size, "%s: more than a day's mail waits behind the limit %s; room again %s (in %s)", account, l->text,
             when, span);
    return;
  }
  if (v->asked > l->count) {
    snprintf(out, size, "%s: %s %s in this message, over the limit %s by itself; send it in parts", account, asked,
             unit_name(l), l->text);
    return;
  }
  if (v->used < l->count) snprintf(more, sizeof more, " and this message has %s", asked);
  snprintf(out, size, "%s: %s of %s %s %s%s; %s %s (in %s)", account, used, all, unit_name(l), phrase(l->window), more,
           window_rolls(l->window) ? "next possible" : "resets", when, span);
}

const char *limit_rule(const struct limit *l) {
  return l->per_message ? RULE_MESSAGE_LIMIT : l->action == LIMIT_SMOOTH ? RULE_SMOOTH_LIMIT : RULE_LIMIT;
}

int refuse_limit(struct refusal *r, const struct limit_verdict *v, const char *account, int64_t now_us) {
  /* A message that no window will ever let in is refused permanently: to try again would be in vain. */
  bool never = v->rule->per_message || v->asked > v->rule->count;
  bool later = !never || v->rule->action == LIMIT_DEFER || v->rule->action == LIMIT_SMOOTH;
  char text[400];
  if (is_refused(r)) return E_DENIED;
  write_text(v, account, now_us, text, sizeof text);
  refuse(r, later ? 452 : 550, later ? "4.7.1" : "5.7.1", limit_rule(v->rule), "%s", text);
  refusal_about(r, v->rule->text);
  numbers_add(r->numbers, "count", (int64_t)v->rule->count);
  numbers_add(r->numbers, "used", (int64_t)v->used);
  numbers_add(r->numbers, "asked", (int64_t)v->asked);
  if (v->resets_us) numbers_add(r->numbers, "resets_us", v->resets_us);
  return E_DENIED;
}
