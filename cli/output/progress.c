#include "cli/output/progress.h"

#include "base/clock.h"
#include "base/text/quantity.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR 30
#define EVERY_MS 200

static void count_text(const struct progress *p, uint64_t n, char out[32]) {
  if (p->octets)
    size_format(n, out, 32);
  else
    snprintf(out, 32, "%llu", (unsigned long long)n);
}

const char *progress_text(const struct progress *p, uint64_t done, char out[PROGRESS_TEXT]) {
  char bar[BAR + 1], count[32], of[32];
  uint64_t total = p->total;
  if (total && done > total) done = total;
  unsigned share = total ? (unsigned)(100.0 * (double)done / (double)total) : 100;
  memset(bar, '.', BAR);
  memset(bar, '#', share * BAR / 100);
  bar[BAR] = '\0';
  count_text(p, done, count);
  count_text(p, total, of);
  if (total)
    snprintf(out, PROGRESS_TEXT, "[%s] %u %%  %s of %s", bar, share, count, of);
  else
    snprintf(out, PROGRESS_TEXT, "%s", count);
  return out;
}

void progress_show(struct progress *p, uint64_t done) {
  char text[PROGRESS_TEXT];
  uint64_t now = clock_monotonic_ms();
  if (p->total ? done >= p->total : !p->octets) return;
  if (now - p->shown_ms < EVERY_MS || !isatty(STDERR_FILENO)) return;
  p->shown_ms = now;
  fprintf(stderr, "\r\033[K%s%s%s", p->what ? p->what : "", p->what ? ": " : "", progress_text(p, done, text));
  fflush(stderr);
  p->shown = true;
}

void progress_end(struct progress *p) {
  if (p->shown) fputs("\r\033[K", stderr);
  p->shown = false;
}
