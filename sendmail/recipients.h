/* The recipients of one message: from the command line, and from the header (-t). Each once. One thread. */
#ifndef SENDOFF_SENDMAIL_RECIPIENTS_H
#define SENDOFF_SENDMAIL_RECIPIENTS_H

#include "base/result.h"
#include "sendmail/aliases.h"

#define RECIPIENTS_MAX 1000000

enum recipient_fate {
  FATE_PENDING, /* not sent yet */
  FATE_TAKEN,   /* its RCPT was taken, in the transaction under way */
  FATE_DONE     /* sent, or refused with a message */
};

struct to {
  char *address;
  size_t order; /* in which it was named */
  enum recipient_fate fate;
};

struct recipients {
  struct to *all;
  size_t count, room;
};

/* Adds every mailbox of an address list: folds, groups, comments, names. A name without a domain, or at "localhost", is
 * one of this machine: its alias counts, or it gets the machine's domain (`a->domain`, which is known by now). OK;
 * E_SYNTAX with what cannot be read; E_TOO_BIG; E_MEMORY. */
int recipients_add(struct recipients *r, struct bytes list, const struct aliases *a, struct reason *why);
/* From the fields of a header that says to whom: To, Cc and Bcc; of a message that was sent again (RFC 5322 3.6.6)
 * their Resent- fields alone. */
int recipients_add_header(struct recipients *r, struct bytes header, const struct aliases *a, struct reason *why);
/* Takes out those that were named before, in the same spelling but for the domain's case. */
void recipients_unite(struct recipients *r);
void recipients_free(struct recipients *r);

#endif
