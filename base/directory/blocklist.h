/* DNS blocklists (RFC 5782) that the sources are looked up in, and what a list last said of one. Plain data. */
#ifndef SENDOFF_BASE_BLOCKLIST_H
#define SENDOFF_BASE_BLOCKLIST_H

#include <stddef.h>
#include <stdint.h>

#define BLOCKLISTS_MAX 32      /* that can be configured */
#define BLOCKLIST_ZONE_MAX 150 /* octets of a list's name: before it there is room for the name that is asked about */
#define BLOCKLIST_NEXT 300

enum blocklist_kind { BLOCKLIST_IP, BLOCKLIST_DOMAIN }; /* what it lists: addresses (RFC 5782 2), domains (3) */

enum blocklist_state {
  BLOCKLIST_UNKNOWN, /* it has not answered */
  BLOCKLIST_CLEAN,
  BLOCKLIST_LISTED,
  BLOCKLIST_UNUSABLE, /* it answers, but is not believed */
};                    /* stored, up to here */

struct blocklist_note {
  const char *list, *subject; /* the address of a source, or its HELO name */
  enum blocklist_state state;
  int64_t since_us;    /* of the state */
  int64_t answered_us; /* 0: never */
  int64_t asked_us;    /* whether it answered or not; 0: never */
  const char *codes;   /* LISTED: "127.0.0.2, 127.0.0.4" */
  const char *text;    /* LISTED: the list's own reason (TXT); UNUSABLE: why; "" */
  const char *trouble; /* why the last question had no answer; "" */
};

/* What to do about a listing: where its reason says to go, or else whom to ask. */
void blocklist_next(const struct blocklist_note *n, char out[BLOCKLIST_NEXT]);

#endif
