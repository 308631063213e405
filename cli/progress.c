#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR 30

const char *progress_text(uint64_t done, uint64_t total, char out[PROGRESS_TEXT]) {
  if (done > total) done = total;
  unsigned share = total ? (unsigned)(100.0 * (double)done / (double)total) : 100;
  char bar[BAR + 1];
  memset(bar, '.', BAR);
  memset(bar, '#', share * BAR / 100);
  bar[BAR] = '\0';
  snprintf(out, PROGRESS_TEXT, "[%s] %u %%  %llu of %llu", bar, share, (unsigned long long)done,
           (unsigned long long)total);
  return out;
}

void progress_show(struct progress *p, uint64_t done) {
  char text[PROGRESS_TEXT];
  if (!p->total || done >= p->total || !isatty(STDERR_FILENO)) return;
  fprintf(stderr, "\r%s", progress_text(done, p->total, text));
  fflush(stderr);
  p->shown = true;
}

void progress_end(struct progress *p) {
  if (p->shown) fputs("\r\033[K", stderr);
  p->shown = false;
}
