/* MTA-STS policies (RFC 8461 3.2): what a domain says of its exchangers' names and TLS. Pure; any thread. */
#ifndef SENDOFF_RELAY_NET_STS_POLICY_H
#define SENDOFF_RELAY_NET_STS_POLICY_H

#include "base/bytes.h"
#include "base/result.h"

#define STS_POLICY_MAX (64 * 1024) /* octets of one (RFC 8461 3.3) */
#define STS_MAX_AGE_MOST 31557600  /* seconds (3.2) */
#define STS_LINES_MAX 4096         /* of one */

enum sts_mode { STS_MODE_NONE, STS_MODE_TESTING, STS_MODE_ENFORCE };
const char *sts_mode_name(enum sts_mode mode); /* "none" ... */

/* Immutable once read, counted. */
struct sts_policy {
  enum sts_mode mode;
  uint32_t max_age; /* seconds */
  size_t mx_count;
  char **mx; /* "mx.example.net" or "*.example.net": A-labels in lower case */
  size_t line_count;
  char **lines;   /* as they were fetched, without their ends and without empty ones */
  size_t octets;  /* of all of it */
  int references; /* atomic */
};

/* One reference. Unknown fields are ignored, of several with one name but "mx" the first counts; empty lines are
 * passed over. E_SYNTAX with the reason; E_TOO_BIG, E_MEMORY. */
int sts_policy_read(struct bytes text, struct sts_policy **out, struct reason *why);
struct sts_policy *sts_policy_hold(struct sts_policy *p);
void sts_policy_release(struct sts_policy **p);
bool sts_policy_same(const struct sts_policy *a,
                     const struct sts_policy *b); /* line by line; NULL is like NULL alone */

/* Is the host of those that may be the domain's exchangers (RFC 8461 4.1)? */
bool sts_policy_names(const struct sts_policy *p, const char *host);

#endif
