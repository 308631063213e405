/* Recipients to whom no mail is taken: what is kept of each, and what a bounce says of its recipient. Plain data; any
 * thread. */
#ifndef SENDOFF_BASE_SUPPRESSION_H
#define SENDOFF_BASE_SUPPRESSION_H

#include "base/clock.h"

/* What the end of a recipient's delivery says of the recipient. */
enum bounce {
  BOUNCE_NONE, /* nothing: it was delivered, or what failed was the message, the sender or the way there */
  BOUNCE_SOFT, /* the mailbox could not take it this time: full, or unreachable until the mail expired */
  BOUNCE_HARD  /* there is no such mailbox, and the next message will fare no better */
};

#define BOUNCE_WINDOW_US (7 * 86400 * SECOND_US) /* hard bounces within it count together */
#define SUPPRESSION_KEEP_US (30 * 86400 * SECOND_US)

#define SUPPRESSION_LIST_MAX 1000000 /* entries of one list: of an account, or everybody's */
#define SUPPRESSIONS_MAX 1500000     /* of all */

/* Stored. */
enum suppression_origin { SUPPRESSION_BOUNCE, SUPPRESSION_COMPLAINT, SUPPRESSION_MANUAL, SUPPRESSION_IMPORT };
#define SUPPRESSION_ORIGIN_COUNT 4
const char *suppression_origin_name(enum suppression_origin origin); /* "bounce" ... */
/* OK or E_NOT_FOUND. */
int suppression_origin_parse(const char *name, enum suppression_origin *out);

/* Strings may be NULL when writing and are never when read. */
struct suppression {
  const char *account; /* whose mail; "": everybody's */
  const char *address; /* as address_key writes it */
  enum suppression_origin origin;
  const char *reason;   /* of who added it; "": none */
  int code;             /* of the reply that it bounced with; 0: none */
  const char *enhanced; /* "5.1.1" */
  const char *text;     /* of that reply */
  int64_t message_id;   /* whose bounce it was; 0: none */
  int64_t added_us;
  int64_t expires_us; /* 0: never */
};

/* Bounces of an address in the last week. */
struct bounce_counts {
  uint64_t hard, soft;
};

#endif
