#include "base/time_zone.h"

#include "base/clock.h"
#include "base/result.h"

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZONES_MAX 2048 /* the tz database has 600 names */
#define NAME_MAX_LENGTH 64
#define DAY_S INT64_C(86400)

struct time_zone {
  GTimeZone *rules; /* immutable, and so for any thread */
  int64_t id;
  struct time_zone *next;
  char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct time_zone *known;
static size_t known_count;

/* --- names --- */

/* What is no path out of the database's folder. */
static bool is_name(const char *name) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
  size_t n = strspn(name, allowed);
  return n && !name[n] && n <= NAME_MAX_LENGTH && g_ascii_isalpha(name[0]);
}

/* The database's folder has other files, too: each zone begins so (RFC 8536 3.1). */
static bool is_zone(const char *path) {
  char magic[4];
  FILE *f = fopen(path, "re");
  bool zone = f && fread(magic, 1, sizeof magic, f) == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
  if (f) fclose(f);
  return zone;
}

static bool is_there(const char *name) {
  const char *folder = getenv("TZDIR");
  char path[512];
  int n = snprintf(path, sizeof path, "%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
  return n > 0 && (size_t)n < sizeof path && is_zone(path);
}

/* FNV-1a: the same in every program that reads the store. */
static int64_t id_of(const char *name) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (; *name; name++) hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
  return (int64_t)(hash >> 1) | 1;
}

static struct time_zone *load(const char *name) {
  GTimeZone *rules = is_there(name) ? g_time_zone_new_identifier(name) : NULL;
  size_t size = strlen(name) + 1;
  struct time_zone *z = rules ? calloc(1, sizeof *z + size) : NULL;
  if (!z) {
    if (rules) g_time_zone_unref(rules);
    return NULL;
  }
  memcpy(z->name, name, size);
  z->rules = rules;
  z->id = id_of(name);
  z->next = known;
  known = z;
  known_count++;
  return z;
}

int time_zone_find(const char *name, const struct time_zone **out) {
  *out = NULL;
  if (strcmp(name, "UTC") == 0) return OK;
  if (!is_name(name)) return E_NOT_FOUND;
  pthread_mutex_lock(&lock);
  struct time_zone *z = known;
  while (z && strcmp(z->name, name) != 0) z = z->next;
  if (!z && known_count < ZONES_MAX) z = load(name);
  pthread_mutex_unlock(&lock);
  *out = z;
  return z ? OK : E_NOT_FOUND;
}

const char *time_zone_name(const struct time_zone *z) {
  return z ? z->name : "UTC";
}

int64_t time_zone_id(const struct time_zone *z) {
  return z ? z->id : 0;
}

/* --- days --- */

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

/* Seconds that the zone's clock is ahead of UTC at that moment, in seconds. */
static int64_t offset_at(const struct time_zone *z, int64_t at) {
  return g_time_zone_get_offset(z->rules, g_time_zone_find_interval(z->rules, G_TIME_TYPE_UNIVERSAL, at));
}

static int64_t local(const struct time_zone *z, int64_t at) {
  return at + offset_at(z, at);
}

/* The moment after `low`, up to `high`, at which the offset is no longer what it was. */
static int64_t find_change(const struct time_zone *z, int64_t low, int64_t high) {
  int64_t before = offset_at(z, low);
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (offset_at(z, middle) == before)
      low = middle;
    else
      high = middle;
  }
  return high;
}

/* When it is midnight at the beginning of that day since 1970, or later, for the first time. No zone has set its clock
 * twice in three days. */
static int64_t day_start(const struct time_zone *z, int64_t day) {
  int64_t midnight = day * DAY_S, low = midnight - 36 * 3600, high = midnight + 36 * 3600;
  int64_t before = offset_at(z, low), after = offset_at(z, high);
  if (before == after) return midnight - before;
  int64_t change = find_change(z, low, high);
  if (midnight - before < change) return midnight - before;
  return change + after >= midnight ? change : midnight - after;
}

static int64_t month_start(const struct time_zone *z, int year, int month) {
  struct tm first = {.tm_year = year, .tm_mon = month, .tm_mday = 1};
  return day_start(z, floor_div((int64_t)timegm(&first), DAY_S));
}

void time_zone_day(const struct time_zone *z, int64_t us, int64_t *start_us, int64_t *end_us) {
  if (!z) {
    *start_us = window_start(WINDOW_DAY, us);
    *end_us = window_end(WINDOW_DAY, us);
    return;
  }
  int64_t at = floor_div(us, SECOND_US), day = floor_div(local(z, at), DAY_S);
  if (at >= day_start(z, day + 1)) day++; /* the clock went back over midnight */
  *start_us = day_start(z, day) * SECOND_US;
  *end_us = day_start(z, day + 1) * SECOND_US;
}

void time_zone_month(const struct time_zone *z, int64_t us, int64_t *start_us, int64_t *end_us) {
  if (!z) {
    *start_us = window_start(WINDOW_MONTH, us);
    *end_us = window_end(WINDOW_MONTH, us);
    return;
  }
  int64_t at = floor_div(us, SECOND_US);
  time_t here = (time_t)local(z, at);
  struct tm t;
  gmtime_r(&here, &t);
  int ahead = at >= month_start(z, t.tm_year, t.tm_mon + 1); /* as above */
  *start_us = month_start(z, t.tm_year, t.tm_mon + ahead) * SECOND_US;
  *end_us = month_start(z, t.tm_year, t.tm_mon + ahead + 1) * SECOND_US;
}
