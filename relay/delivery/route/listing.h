/* What is known of one subject (an address, a HELO name) at one blocklist, and how an answer changes it:
 *
 *   UNKNOWN -> CLEAN <-> LISTED      any -> UNUSABLE (the list is not believed) -> CLEAN, LISTED
 *
 * No answer changes nothing; but a listing that has not been confirmed for LISTING_HOLD_US is forgotten, so that a list
 * that has gone does not pause a source for ever. Pure; the clock (wall time) is passed in. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_LISTING_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_LISTING_H

#include "relay/delivery/route/blocklist.h"

#define LISTING_HOLD_US (INT64_C(24) * 3600 * 1000000)
#define LISTING_REMIND_US (INT64_C(3600) * 1000000) /* between two warnings of one listing */
/* When it is asked about again, if the list's own interval is not shorter: */
#define LISTING_LISTED_US (INT64_C(15) * 60 * 1000000) /* so that a delisted source goes on soon */
#define LISTING_UNUSABLE_US (INT64_C(3600) * 1000000)  /* a list that is not believed */
#define LISTING_SILENT_US (INT64_C(10) * 60 * 1000000) /* one that does not answer */

struct listing {
  enum blocklist_state state;
  int64_t since_us, answered_us, asked_us; /* as in struct blocklist_note */
  int64_t warned_us;                       /* 0: since the start nobody was told */
  char codes[BLOCKLIST_CODES], text[BLOCKLIST_TEXT], trouble[BLOCKLIST_TEXT];
};

enum listing_change { LISTING_NOTHING, LISTING_BEGAN, LISTING_ENDED };

/* Out of the store. */
void listing_load(struct listing *l, const struct blocklist_note *n);
enum listing_change listing_take(struct listing *l, const struct blocklist_finding *f, int64_t now_us);
/* When the list is to be asked; never later than an interval from now, wherever the clock has been. */
int64_t listing_due_us(const struct listing *l, int64_t every_us, int64_t now_us);
/* True, once: the listing is to be warned of now. */
bool listing_warn(struct listing *l, int64_t now_us);

#endif
