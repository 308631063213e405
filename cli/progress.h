/* How far a long command has come, on standard error when that is a terminal. One thread. */
#ifndef SENDOFF_CLI_PROGRESS_H
#define SENDOFF_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
  uint64_t total; /* 0: not known; then nothing is shown */
  bool shown;
};
void progress_show(struct progress *p, uint64_t done);
void progress_end(struct progress *p); /* takes the bar away */
/* "[#####...............] 25 %  25000 of 100000", into `out`, which is returned. */
#define PROGRESS_TEXT 96
const char *progress_text(uint64_t done, uint64_t total, char out[PROGRESS_TEXT]);

#endif
