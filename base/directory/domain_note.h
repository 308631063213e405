/* What DNS had of a domain's record when it was looked at last, as it is known beyond a restart. Plain data; any
 * thread. */
#ifndef SENDOFF_BASE_DOMAIN_NOTE_H
#define SENDOFF_BASE_DOMAIN_NOTE_H

#include <stdbool.h>
#include <stdint.h>

/* Stored, but for the last. */
enum found_state {
  FOUND_RIGHT,
  FOUND_MISSING, /* nowhere */
  FOUND_WRONG,   /* something else, or the right thing that cannot be used */
  FOUND_OLD,     /* right at one server, and not at another, or not yet at the resolver */
  FOUND_UNKNOWN, /* DNS did not answer */
};
const char *found_state_name(enum found_state s); /* "right", "missing", "wrong", "old", "unknown" */

struct domain_note {
  const char *domain, *kind, *name; /* kind: "dkim", "spf" ...; name: of the record */
  enum found_state state;
  const char *text; /* one sentence, for a person */
  int64_t since_us; /* since when it is in this state */
};

#endif
