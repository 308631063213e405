/* An MTA-STS policy (RFC 8461), as it is known beyond a restart. Plain data. */
#ifndef SENDOFF_BASE_STS_NOTE_H
#define SENDOFF_BASE_STS_NOTE_H

#include <stdint.h>

struct sts_note {
  const char *domain, *id; /* id: DNS's name for it when it was fetched */
  const char *text;        /* its lines */
  int64_t fetched_us, until_us;
  int64_t used_us; /* the last mail that it counted for, about */
};

#endif
