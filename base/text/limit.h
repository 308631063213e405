/* A limit as people type it: COUNT[unit]/WINDOW[:ACTION]. Grammar only: what it decides is policy's. Pure; any thread.
 */
#ifndef SENDOFF_BASE_LIMIT_H
#define SENDOFF_BASE_LIMIT_H

#include "base/clock.h"
#include "base/result.h"

#include <stdbool.h>

enum limit_unit { LIMIT_MESSAGES, LIMIT_RECIPIENTS, LIMIT_OCTETS };
enum limit_action { LIMIT_REJECT, LIMIT_DEFER, LIMIT_SMOOTH };
#define LIMIT_TEXT 64

struct limit {
  uint64_t count; /* in messages, recipients, or octets (KB and MB are 1024 and 1024*1024 octets) */
  enum limit_unit unit;
  bool per_message; /* WINDOW was "message"; then `window` means nothing */
  enum window window;
  enum limit_action action;
  char text[LIMIT_TEXT]; /* the canonical form, as limit_parse normalised it */
};

/* OK or E_SYNTAX with what was wrong and an example in `why`. Refuses a zero count, N/message without a unit, and
 * smooth for anything but messages in a window of time. */
int limit_parse(const char *text, struct limit *out, struct reason *why);
/* So many of the limit's unit; octets in the unit that it was typed in (KB, MB), rounded up, so that what is over a
 * limit never looks as if it fitted. `out` of at least 32. */
void limit_quantity(const struct limit *l, uint64_t n, char *out, size_t size);

#endif
