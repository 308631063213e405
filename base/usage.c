#include "base/usage.h"

/* Threads read the clock each for itself, and a clock may be set back a little: a "now" from just before a window began
 * belongs to that window, or its counters would be lost. From further back the clock was wrong before, and a count that
 * a wrong clock began must not last until that time comes. */
void usage_roll(struct usage *u, int64_t now_us) {
  for (enum window w = 0; w < WINDOW_COUNT; w++) {
    int64_t start = window_start(w, now_us);
    int64_t kept = u->window[w].start_us;
    if (kept != start && kept != window_end(w, now_us)) u->window[w] = (struct usage_window){.start_us = start};
  }
}

void usage_add(struct usage *u, int64_t now_us, uint64_t recipients, uint64_t octets) {
  usage_roll(u, now_us);
  for (enum window w = 0; w < WINDOW_COUNT; w++) {
    u->window[w].messages++;
    u->window[w].recipients += recipients;
    u->window[w].octets += octets;
  }
  u->total_messages++;
  u->total_recipients += recipients;
  u->total_octets += octets;
}
