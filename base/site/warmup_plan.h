/* A plan by which a new source address warms up: how many recipients a day may be written to at each provider. Plain
 * data, and the text that the store keeps of it; relay/daemon/warmup_file.h reads it from a file. Pure; any thread. */
#ifndef SENDOFF_BASE_WARMUP_PLAN_H
#define SENDOFF_BASE_WARMUP_PLAN_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARMUP_DAYS_MAX 100
#define WARMUP_AMOUNT_MAX 100000000
#define WARMUP_PROVIDERS_MAX 50
#define WARMUP_NAME_MAX 100
#define WARMUP_PLAN_TEXT ((WARMUP_PROVIDERS_MAX + 1) * (WARMUP_NAME_MAX + 8 + 10 * WARMUP_DAYS_MAX) + 16)
#define WARMUP_OTHERS "others" /* all sites that are no provider of the plan or of the table (base/site/shaping.h) */

/* What a provider is given. */
struct warmup_entry {
  char name[WARMUP_NAME_MAX + 1]; /* as in `site list`; "*": every provider that is not named */
  unsigned share;                 /* of the amounts, in percent: 1 to 100 */
  size_t day_count;               /* 0: the days of "*" */
  uint32_t days[WARMUP_DAYS_MAX]; /* recipients, each day as many as the day before or more */
};

struct warmup_plan {
  unsigned hold_above; /* refused and deferred recipients in 10,000, above which nothing grows */
  size_t count;
  struct warmup_entry entries[WARMUP_PROVIDERS_MAX + 1]; /* [0] is "*", which has days */
};

/* What holds for one provider. Points into the plan. */
struct warmup_course {
  const uint32_t *days;
  size_t day_count;
  unsigned share, hold_above;
};
struct warmup_course warmup_course_of(const struct warmup_plan *p, const char *provider);
bool warmup_names(const struct warmup_plan *p, const char *provider);
/* The amount of that day of the plan, from 1; UINT32_MAX after the last one. */
uint32_t warmup_course_amount(const struct warmup_course *c, unsigned day);

/* Writes what warmup_plan_parse reads. */
void warmup_plan_format(const struct warmup_plan *p, char out[WARMUP_PLAN_TEXT]);
int warmup_plan_parse(const char *text, struct warmup_plan *out); /* OK, or E_SYNTAX */
/* OK, or E_SYNTAX with what is wrong with it. */
int warmup_plan_check(const struct warmup_plan *p, struct reason *why);

#endif
