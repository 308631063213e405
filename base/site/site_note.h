/* What is known of a site (the provider behind mail exchangers) beyond a restart. Plain data. */
#ifndef SENDOFF_BASE_SITE_NOTE_H
#define SENDOFF_BASE_SITE_NOTE_H

#include <stdint.h>

/* What it bore from one source, and what it asked for. */
struct site_note {
  const char *site, *source;                      /* source "": the system's choice */
  unsigned connections, refused_at, closed_after; /* struct pace_memory */
  double rate;                                    /* messages a second; 0: none is known */
  int64_t paused_until_us;                        /* 0: it is not */
  const char *action, *reason;                    /* of its last telling reply; "": none */
  int64_t updated_us;
};

/* By command: nothing is sent to it. */
struct site_pause {
  const char *site, *source; /* source "": all of them */
  int64_t until_us;          /* 0: until it is resumed */
  int64_t created_us;
};

#endif
