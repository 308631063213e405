/* Who may hold how many of a loop's outgoing connections, so that no site and no account uses up what others need. The
 * account of a connection is that of the job it was opened for. Bookkeeping only; one loop's thread.
 *
 * Connections to sites that do not answer cost the most and carry nothing. So sites that are not known to answer share
 * half of all, those known to be silent an eighth, and what remains is a reserve for the rest. Of the first two an
 * account may hold half of what is still free, of all together three quarters: however much one takes, there is
 * something left for the next. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_SHARES_H
#define SENDOFF_RELAY_DELIVERY_SITE_SHARES_H

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum site_class { SITE_ANSWERS, SITE_NEW, SITE_SILENT, SITE_CLASSES };

struct destination;

/* One account's. It is there as long as it holds a connection, or has destinations waiting for one. */
struct share {
  char *account;
  size_t held[SITE_CLASSES];
  struct destination *waiting[SITE_CLASSES]; /* lists, those that wait longest first; starved.c's */
  uint64_t served;                           /* when one of them got its turn last, as a number in order */
  UT_hash_handle hh;
};

struct shares {
  size_t most, used[SITE_CLASSES];
  size_t waiting; /* destinations, of all accounts */
  uint64_t turns;
  struct share *accounts;
};

void shares_init(struct shares *s, size_t most);
void shares_clear(struct shares *s); /* nothing is held any more */
size_t shares_used(const struct shares *s);
/* Makes it when it is not there; NULL without memory. share_tidy frees one that is empty. */
struct share *shares_of(struct shares *s, const char *account);
void share_tidy(struct shares *s, struct share *a);
/* Is there a connection for it? */
bool share_allows(const struct shares *s, const struct share *a, enum site_class class);
void share_take(struct shares *s, struct share *a, enum site_class class);
void share_give(struct shares *s, struct share *a, enum site_class class); /* tidies */
/* The account whose turn it is among those that have destinations waiting and may open a connection, and the class of
 * the first of these; NULL: none. */
struct share *shares_next(struct shares *s, enum site_class *class);
/* Of which kinds of site a connection would have to end, so that a destination which waits gets one: a bit for each
 * class; 0: none waits, or there is one for each. */
unsigned shares_wanted(const struct shares *s);
/* The account that holds the most; NULL. */
const struct share *shares_largest(const struct shares *s);
size_t share_held(const struct share *a);

#endif
