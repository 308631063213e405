#include "base/text/quantity.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int size_parse(const char *text, uint64_t *bytes) {
  struct bytes all = bytes_of(text);
  unsigned shift = 0;
  if (all.len) {
    switch (all.at[all.len - 1]) {
    case 'K':
    case 'k': shift = 10; break;
    case 'M':
    case 'm': shift = 20; break;
    case 'G':
    case 'g': shift = 30; break;
    default: break;
    }
  }
  if (shift) all.len--;
  uint64_t number;
  if (!bytes_to_u64(all, &number) || number > UINT64_MAX >> shift) return E_SYNTAX;
  *bytes = number << shift;
  return OK;
}

void size_format(uint64_t bytes, char *out, size_t size) {
  static const char units[] = "KMGT";
  uint64_t unit = 1;
  size_t at = 0; /* of the next unit */
  while (bytes / unit >= 1024 && units[at]) {
    unit *= 1024;
    at++;
  }
  uint64_t whole = bytes / unit, tenth = bytes % unit * 10 / unit;
  char name[2] = {at ? units[at - 1] : '\0', '\0'};
  if (tenth)
    snprintf(out, size, "%llu.%llu%s", (unsigned long long)whole, (unsigned long long)tenth, name);
  else
    snprintf(out, size, "%llu%s", (unsigned long long)whole, name);
}

static int64_t unit_seconds(char c) {
  switch (c) {
  case 's': return 1;
  case 'm': return 60;
  case 'h': return 3600;
  case 'd': return 86400;
  case 'w': return 604800;
  default: return 0;
  }
}

int duration_parse(const char *text, int64_t *us) {
  const int64_t most = INT64_C(36500) * 86400; /* a hundred years: above it somebody has mistyped */
  int64_t total = 0;
  if (!*text) return E_SYNTAX;
  while (*text) {
    int64_t number = 0, unit;
    const char *start = text;
    for (; *text >= '0' && *text <= '9'; text++) {
      number = number * 10 + (*text - '0');
      if (number > most) return E_SYNTAX;
    }
    if (text == start || !(unit = unit_seconds(*text))) return E_SYNTAX;
    text++;
    if (number > most / unit || (total += number * unit) > most) return E_SYNTAX;
  }
  *us = total * SECOND_US;
  return OK;
}

/* Exactly `count` digits; moves `at` behind them. */
static bool digits(const char **at, int count, int *out) {
  *out = 0;
  for (; count; count--, ++*at) {
    if (**at < '0' || **at > '9') return false;
    *out = *out * 10 + (**at - '0');
  }
  return true;
}

static bool literal(const char **at, char c) {
  if (**at != c) return false;
  ++*at;
  return true;
}

/* What is said of a time's zone: nothing, or "Z" or " UTC" behind it. */
enum zone { ZONE_NOT_SAID, ZONE_UTC };

/* "HH:MM", "HH:MM:SS", "HH:MM:SS.mmm", and the zone: "Z", " UTC", or nothing. Ends where `at` ends. */
static bool time_of_day(const char *at, struct tm *t, int *milliseconds, enum zone *zone) {
  if (!digits(&at, 2, &t->tm_hour) || !literal(&at, ':') || !digits(&at, 2, &t->tm_min)) return false;
  if (literal(&at, ':')) {
    if (!digits(&at, 2, &t->tm_sec)) return false;
    if (literal(&at, '.') && !digits(&at, 3, milliseconds)) return false;
  }
  if (t->tm_hour > 23 || t->tm_min > 59 || t->tm_sec > 59) return false;
  *zone = *at ? ZONE_UTC : ZONE_NOT_SAID;
  return !*at || strcmp(at, "Z") == 0 || strcmp(at, " UTC") == 0;
}

/* A time that the clock was set over is the one an hour later; of one that was twice, the C library chooses. */
static int64_t time_of(struct tm *t, bool utc) {
  t->tm_isdst = -1;
  return (int64_t)(utc ? timegm(t) : mktime(t)) * SECOND_US;
}

/* Not strptime: it reads "26-1-2" as the year 26. */
static int read_moment(const char *text, int64_t now_us, bool utc, int64_t *us) {
  int64_t ago;
  if (duration_parse(text, &ago) == OK) {
    *us = now_us - ago;
    return OK;
  }
  struct tm t = {0};
  int year, month, milliseconds = 0;
  enum zone zone = ZONE_NOT_SAID;
  if (!digits(&text, 4, &year) || !literal(&text, '-') || !digits(&text, 2, &month) || !literal(&text, '-') ||
      !digits(&text, 2, &t.tm_mday))
    return E_SYNTAX;
  t.tm_year = year - 1900;
  t.tm_mon = month - 1;
  if (*text && ((!literal(&text, ' ') && !literal(&text, 'T')) || !time_of_day(text, &t, &milliseconds, &zone)))
    return E_SYNTAX;
  struct tm checked = t; /* timegm turns 31 February into 3 March: a day that is not there changes the month */
  timegm(&checked);
  if (checked.tm_mon != t.tm_mon) return E_SYNTAX;
  *us = time_of(&t, utc || zone == ZONE_UTC) + (int64_t)milliseconds * 1000;
  return OK;
}

int moment_parse(const char *text, int64_t now_us, int64_t *us) {
  return read_moment(text, now_us, true, us);
}

/* The day of `now`, or one before it, from its beginning. */
static struct tm day_of(int64_t now_us, bool utc, int before) {
  time_t seconds = (time_t)(now_us / SECOND_US);
  struct tm now = {0};
  if (utc) {
    gmtime_r(&seconds, &now);
  } else {
    tzset(); /* localtime_r need not */
    localtime_r(&seconds, &now);
  }
  return (struct tm){.tm_year = now.tm_year, .tm_mon = now.tm_mon, .tm_mday = now.tm_mday - before};
}

/* The last time that a clock showed this. */
static int64_t last_time(const struct tm *clock, int milliseconds, int64_t now_us, bool utc) {
  for (int before = 0;; before++) {
    struct tm t = day_of(now_us, utc, before);
    t.tm_hour = clock->tm_hour;
    t.tm_min = clock->tm_min;
    t.tm_sec = clock->tm_sec;
    int64_t us = time_of(&t, utc) + (int64_t)milliseconds * 1000;
    if (us <= now_us || before == 2) return us;
  }
}

int time_parse(const char *text, int64_t now_us, bool utc, int64_t *us) {
  struct tm t = {0};
  int milliseconds = 0;
  enum zone zone;
  if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0) {
    struct tm day = day_of(now_us, utc, *text == 'y');
    *us = time_of(&day, utc);
    return OK;
  }
  if (!time_of_day(text, &t, &milliseconds, &zone)) return read_moment(text, now_us, utc, us);
  *us = last_time(&t, milliseconds, now_us, utc || zone == ZONE_UTC);
  return OK;
}
