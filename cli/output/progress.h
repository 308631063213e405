/* How far a long command has come, on standard error when that is a terminal. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_PROGRESS_H
#define SENDOFF_CLI_OUTPUT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
  const char *what; /* stands before it; NULL: nothing does */
  uint64_t total;   /* 0: not known; then of octets what is done is shown, and of others nothing */
  bool octets;      /* what is counted */
  bool shown;
  uint64_t shown_ms;
};
void progress_show(struct progress *p, uint64_t done); /* some times a second; in between, nothing */
void progress_end(struct progress *p);                 /* takes the bar away */
/* "[#####...............] 25 %  25000 of 100000", into `out`, which is returned. */
#define PROGRESS_TEXT 128
const char *progress_text(const struct progress *p, uint64_t done, char out[PROGRESS_TEXT]);

#endif
