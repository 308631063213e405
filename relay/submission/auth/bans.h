/* Failed logins, counted over a sliding window, and what follows from too many of them: an address is banned, and an
 * account is restricted, which means that only addresses that have logged in to it before may still try. So whoever
 * guesses at an account cannot lock its owner out. In memory only: a restart forgives. Bounded: full tables forget what
 * was touched longest ago. No lock and no clock of its own (login_bans.c has both); times are monotonic milliseconds.
 *
 * An IPv6 address stands for its /64, which one host can use up at will (RFC 4291 2.5.4). A name that is no account is
 * counted like one, so that the answers do not tell which names are accounts; it may be a password typed into the wrong
 * field, so only a keyed hash of it is kept. */
#ifndef SENDOFF_RELAY_SUBMISSION_AUTH_BANS_H
#define SENDOFF_RELAY_SUBMISSION_AUTH_BANS_H

#include "base/address/cidr.h"

#include <stdint.h>

struct ban_rules {
  unsigned per_address, per_account; /* failures within the window; 0: any number */
  uint64_t window_ms, ban_ms;
  size_t entries_max; /* of each table; 0: BANS_ENTRIES_MAX */
};
#define BANS_ENTRIES_MAX 50000

struct login_failure {
  unsigned failures; /* of this address in the window, with this one */
  bool banned;       /* the address is, from this failure on */
  bool restricted;   /* the account is, from this failure on */
};

/* One that lasts. */
struct ban {
  bool account;           /* a restricted account; else a banned address */
  char what[IP_TEXT + 8]; /* its name; "192.0.2.7", "2001:db8:0:1::/64" */
  uint64_t left_ms;
};

struct bans;
struct bans *bans_new(const struct ban_rules *rules); /* NULL without memory */
void bans_free(struct bans **b);

void bans_failed(struct bans *b, const struct sockaddr *client, const char *name, bool is_account, uint64_t now,
                 struct login_failure *out);
void bans_succeeded(struct bans *b, const struct sockaddr *client, const char *account, uint64_t now);
uint64_t bans_banned(struct bans *b, const struct sockaddr *client, uint64_t now); /* ms that are left; 0: it is not */
/* The same for logins as `name` from that address. */
uint64_t bans_restricted(struct bans *b, const struct sockaddr *client, const char *name, uint64_t now);
/* Those that last, `max` at most, to `out`; returns how many there are. Names that are no account are not among them.
 */
size_t bans_list(const struct bans *b, uint64_t now, struct ban *out, size_t max);
/* Lifts what `what` names (an address, its /64, or an account), or all for NULL, and forgets the failures behind it.
 * Returns how many bans and restrictions ended. */
size_t bans_lift(struct bans *b, const char *what, uint64_t now);

#endif
