/* The addresses of the simulator: a domain inside the gateway, mail to which is played at delivery instead of sent
 * (docs/simulator.md). Pure; any thread. */
#ifndef SENDOFF_BASE_SIMULATOR_H
#define SENDOFF_BASE_SIMULATOR_H

#include "base/bytes.h"
#include "base/mail/suppression.h"

enum simulated {
  SIMULATED_NOT, /* an address of another domain */
  SIMULATED_DELIVERED,
  SIMULATED_BOUNCE,
  SIMULATED_DEFER,
  SIMULATED_GREYLIST,
  SIMULATED_SLOW,
  SIMULATED_SUPPRESSED,
  SIMULATED_UNKNOWN, /* of its domain, and none of these */
};
#define SIMULATOR_NAMES "delivered, bounce, defer, greylist, slow, suppressed"

/* `simulator`: its domain, NULL when there is none; `domain` as domain_normalize writes it. The local part without
 * case, and up to its first "+": whose domain it is may say so (RFC 5321 2.4). */
enum simulated simulated_of(const char *simulator, const char *domain, struct bytes local);
/* The same, of a whole address. */
enum simulated simulated_address(const char *simulator, const char *domain, const char *address);
/* What mail to it gets, as a phrase: "bounces with 550 5.1.1". */
const char *simulated_phrase(enum simulated what);

/* What suppressed@ finds on the list: an entry that is always there, and in no store. */
extern const struct suppression simulator_suppression;

#endif
