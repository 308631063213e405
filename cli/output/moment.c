#include "cli/output/moment.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static struct tm clock_of(int64_t us, bool utc) {
  time_t seconds = (time_t)(us / SECOND_US);
  struct tm t = {0};
  if (utc)
    gmtime_r(&seconds, &t);
  else
    localtime_r(&seconds, &t);
  return t;
}

void moment_text(int64_t us, bool utc, char out[MOMENT_TEXT]) {
  char text[MOMENT_TEXT - 6];
  struct tm t = clock_of(us, utc);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &t);
  snprintf(out, MOMENT_TEXT, "%s.%03d%s", text, (int)(us % SECOND_US / 1000), utc ? "Z" : "");
}

void moment_short(int64_t us, bool utc, char out[MOMENT_TEXT]) {
  struct tm t = clock_of(us, utc);
  strftime(out, MOMENT_TEXT, "%m-%d %H:%M:%S", &t);
}

void moment_span(int64_t us, char out[MOMENT_TEXT]) {
  if (us < SECOND_US)
    snprintf(out, MOMENT_TEXT, "%dms", (int)(us > 0 ? us / 1000 : 0));
  else if (us < 60 * SECOND_US)
    snprintf(out, MOMENT_TEXT, "%d.%ds", (int)(us / SECOND_US), (int)(us % SECOND_US / 100000));
  else
    clock_format_span(us, out, MOMENT_TEXT);
}
