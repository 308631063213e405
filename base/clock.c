#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static _Atomic int64_t test_time;

int64_t clock_now_us(void) {
  int64_t fixed = atomic_load_explicit(&test_time, memory_order_relaxed);
  if (fixed) return fixed;
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

uint64_t clock_monotonic_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int64_t since_boot_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

int64_t clock_jumps_us(void) {
  static _Atomic int64_t offset, jumps; /* of the clock from the time since boot; 0: not known yet */
  int64_t before = since_boot_us(), now = clock_now_us(), after = since_boot_us();
  int64_t known = atomic_load(&offset), found = now - after, moved = found - known;
  if (after - before > SECOND_US) return atomic_load(&jumps); /* stopped in between: this says nothing */
  bool jump = known && (moved >= CLOCK_JUMP_US || moved <= -CLOCK_JUMP_US);
  /* Who is not the first to notice leaves it alone. */
  if (atomic_compare_exchange_strong(&offset, &known, found ? found : 1) && jump) atomic_fetch_add(&jumps, moved);
  return atomic_load(&jumps);
}

void clock_set_for_tests(int64_t us) {
  atomic_store_explicit(&test_time, us, memory_order_relaxed);
}

static struct tm utc(int64_t us) {
  time_t seconds = (time_t)(us / SECOND_US);
  if (us % SECOND_US < 0) seconds--;
  struct tm t = {0};
  gmtime_r(&seconds, &t);
  return t;
}

void clock_format_minute(int64_t us, char *out, size_t size) {
  struct tm t = utc(us);
  strftime(out, size, "%Y-%m-%d %H:%M UTC", &t);
}

void clock_format_iso(int64_t us, char *out, size_t size) {
  struct tm t = utc(us);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
  int64_t rest = us % SECOND_US;
  if (rest < 0) rest += SECOND_US;
  snprintf(out, size, "%s.%03dZ", text, (int)(rest / 1000));
}

void clock_format_rfc5322(int64_t us, char *out, size_t size) {
  /* Not strftime's names: those follow the locale. */
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  struct tm t = utc(us);
  snprintf(out, size, "%s, %d %s %d %02d:%02d:%02d +0000", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
           t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

void clock_format_span(int64_t us, char *out, size_t size) {
  static const struct {
    int64_t seconds;
    char name;
  } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
  int64_t seconds = us / SECOND_US;
  if (us <= 0) {
    snprintf(out, size, "now");
    return;
  }
  for (size_t i = 0; i < 4; i++) {
    if (seconds < units[i].seconds && i < 3) continue;
    int64_t many = seconds / units[i].seconds, rest = seconds % units[i].seconds;
    int64_t next = i < 3 ? rest / units[i + 1].seconds : 0;
    if (next)
      snprintf(out, size, "%lld%c%lld%c", (long long)many, units[i].name, (long long)next, units[i + 1].name);
    else
      snprintf(out, size, "%lld%c", (long long)many, units[i].name);
    return;
  }
}

/* --- calendar windows --- */

static const int64_t lengths[] = {
    [WINDOW_SECOND] = 1, [WINDOW_MINUTE] = 60, [WINDOW_HOUR] = 3600, [WINDOW_DAY] = 86400};

static int64_t month_at(int64_t us, int ahead) {
  struct tm t = utc(us);
  struct tm first = {.tm_year = t.tm_year, .tm_mon = t.tm_mon + ahead, .tm_mday = 1};
  return (int64_t)timegm(&first) * SECOND_US;
}

int64_t window_start(enum window w, int64_t us) {
  if (w == WINDOW_MONTH) return month_at(us, 0);
  int64_t length = lengths[w] * SECOND_US, rest = us % length;
  return us - (rest < 0 ? rest + length : rest);
}

int64_t window_end(enum window w, int64_t us) {
  return w == WINDOW_MONTH ? month_at(us, 1) : window_start(w, us) + lengths[w] * SECOND_US;
}

const char *window_name(enum window w) {
  static const char *const names[] = {"second", "minute", "hour", "day", "month"};
  return names[w];
}

const char *window_phrase(enum window w) {
  static const char *const phrases[] = {"this second", "this minute", "this hour", "today", "this month"};
  return phrases[w];
}
