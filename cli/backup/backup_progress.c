#include "cli/backup/backup_progress.h"

#include "cli/output/progress.h"

#include <signal.h>

static volatile sig_atomic_t signalled;
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNAL_COUNT (sizeof signals / sizeof signals[0])
static struct sigaction before[SIGNAL_COUNT], before_pipe;
static struct progress bar = {.octets = true};

static void on_signal(int number) {
  signalled = number;
}

/* One that was ignored (nohup) stays so. Who reads a backup may go away (`backup - | ssh HOST`): then a write fails,
 * and what was made is removed. */
void backup_progress_begin(void) {
  struct sigaction a = {.sa_handler = on_signal};
  sigemptyset(&a.sa_mask);
  signalled = 0;
  sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, &before_pipe);
  for (size_t i = 0; i < SIGNAL_COUNT; i++) {
    sigaction(signals[i], NULL, &before[i]);
    if (before[i].sa_handler != SIG_IGN) sigaction(signals[i], &a, NULL);
  }
}

int backup_progress_show(const char *what, uint64_t octets, uint64_t of, struct reason *why) {
  if (signalled) return fail(why, E_DENIED, "interrupted");
  bar.what = what;
  bar.total = of;
  progress_show(&bar, octets);
  return OK;
}

void backup_progress_end(void) {
  progress_end(&bar);
  for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &before[i], NULL);
  sigaction(SIGPIPE, &before_pipe, NULL);
}
