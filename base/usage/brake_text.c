#include "base/usage/brake_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void add(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *out, size_t size, const char *format, ...) {
  size_t at = strlen(out);
  va_list args;
  va_start(args, format);
  vsnprintf(out + at, size - at, format, args);
  va_end(args);
}

static void add_use(enum brake_budget budget, const struct brake_use *u, char *out, size_t size) {
  unsigned long long used = u->used, most = u->budget, of = u->of;
  const char *separator = *out ? "; " : "";
  if (budget == BUDGET_FIRST)
    add(out, size, "%s%llu first-time recipients today (budget %llu)", separator, used, most);
  else if (budget == BUDGET_BOUNCES)
    add(out, size, "%sbounces %llu.%llu %% of %llu recipients in 7 days (%llu %%)", separator, used / 10, used % 10, of,
        most / 10);
  else if (budget == BUDGET_VOLUME)
    add(out, size, "%s%llu recipients today (budget %llu)", separator, used, most);
  else
    add(out, size, "%s%llu recipients today from networks far outside the usual ones (budget %llu)", separator, used,
        most);
}

void brake_evidence(const struct brake_use uses[BUDGET_COUNT], char *out, size_t size) {
  out[0] = '\0';
  for (enum brake_budget i = 0; i < BUDGET_COUNT; i++)
    if (brake_is_over(&uses[i])) add_use(i, &uses[i], out, size);
}

static void write_effect(const struct brake *b, int64_t now_us, char *out, size_t size) {
  bool acts = b->mode == CHECK_ENFORCE;
  if (b->step == BRAKE_SLOW)
    snprintf(out, size, "%s slowed to %llu recipients an hour", acts ? "mail is" : "mail would be",
             (unsigned long long)brake_slow_rate(b, now_us));
  else if (b->step == BRAKE_HOLD)
    snprintf(out, size, "new mail %s held", acts ? "is" : "would be");
  else
    snprintf(out, size, "the account %s suspended", acts ? "is" : "would be");
}

void brake_text(const struct brake *b, const char *account, int64_t now_us, char out[BRAKE_TEXT]) {
  struct brake_use uses[BUDGET_COUNT];
  char evidence[320], effect[80];
  brake_uses(b, now_us, uses);
  brake_evidence(uses, evidence, sizeof evidence);
  write_effect(b, now_us, effect, sizeof effect);
  snprintf(out, BRAKE_TEXT, BRAKE_TEXT_BEGIN "%s: %s; see: sendoff account review %s", effect,
           *evidence ? evidence : "since it was far beyond its budgets", account);
}

void brake_numbers(const struct brake *b, int64_t now_us, char out[NUMBERS_TEXT]) {
  struct brake_use uses[BUDGET_COUNT];
  static const struct {
    enum brake_budget budget;
    const char *used, *most;
  } names[] = {{BUDGET_FIRST, "first_time", "first_time_budget"},
               {BUDGET_VOLUME, "volume", "volume_budget"},
               {BUDGET_FAR, "far", "far_budget"}};
  brake_uses(b, now_us, uses);
  out[0] = '\0';
  numbers_add(out, "step", b->step);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    numbers_add(out, names[i].used, (int64_t)uses[names[i].budget].used);
    numbers_add(out, names[i].most, (int64_t)uses[names[i].budget].budget);
  }
  numbers_add(out, "bounces_per_mille", (int64_t)uses[BUDGET_BOUNCES].used);
  numbers_add(out, "bounces_of", (int64_t)uses[BUDGET_BOUNCES].of);
}
