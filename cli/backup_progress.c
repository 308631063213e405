#include "cli/backup_progress.h"

#include "base/clock.h"
#include "base/quantity.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define EVERY_MS 200

static volatile sig_atomic_t signalled;
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNAL_COUNT (sizeof signals / sizeof signals[0])
static struct sigaction before[SIGNAL_COUNT];
static uint64_t shown_ms;
static bool shown;

static void on_signal(int number) {
  signalled = number;
}

/* One that was ignored (nohup) stays so. */
void progress_begin(void) {
  struct sigaction a = {.sa_handler = on_signal};
  sigemptyset(&a.sa_mask);
  signalled = 0;
  shown = false;
  for (size_t i = 0; i < SIGNAL_COUNT; i++) {
    sigaction(signals[i], NULL, &before[i]);
    if (before[i].sa_handler != SIG_IGN) sigaction(signals[i], &a, NULL);
  }
}

static void clear_line(void) {
  if (shown) fputs("\r\033[K", stderr);
  shown = false;
}

int progress_show(const char *what, uint64_t octets, uint64_t of, struct reason *why) {
  char text[40];
  uint64_t now = clock_monotonic_ms();
  if (signalled) return fail(why, E_DENIED, "interrupted");
  if (now - shown_ms < EVERY_MS || !isatty(STDERR_FILENO)) return OK;
  shown_ms = now;
  size_format(octets, text, sizeof text);
  clear_line();
  fprintf(stderr, "%s: %s", what, text);
  if (of) fprintf(stderr, " (%u %%)", (unsigned)(100.0 * (double)octets / (double)of));
  fflush(stderr);
  shown = true;
  return OK;
}

void progress_end(void) {
  clear_line();
  for (size_t i = 0; i < SIGNAL_COUNT; i++) sigaction(signals[i], &before[i], NULL);
}
