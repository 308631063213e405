/* Expands the macros of a domain-spec (RFC 7208 7) before libspf2 sees them, which loses an octet where more parts are
 * wanted than there are, and knows neither all delimiters nor "R". Pure; any thread. */
#ifndef SENDOFF_POLICY_SPF_SPF_EXPAND_H
#define SENDOFF_POLICY_SPF_SPF_EXPAND_H

#include "base/bytes.h"
#include "base/result.h"

#define SPF_EXPANDED_MAX 510 /* 253 octets, each of which may be written as two, and some room */

/* What the macro letters stand for (7.2). */
struct spf_values {
  const char *sender, *local_part, *sender_domain, *domain, *ip /* with dots between its parts */, *version, *helo;
};

/* `spec` is a well-formed domain-spec, or empty for the domain itself. `out`, NUL-terminated, is one again: no macro is
 * left in it but "%{p}", whose value takes DNS to know, and "%%" and "%_". Labels are dropped from the left of what is
 * longer than a name can be (7.3); "." stands for what no name can be. OK, or E_TOO_BIG with the reason. */
int spf_expand(struct bytes spec, const struct spf_values *values, char out[SPF_EXPANDED_MAX + 1], struct reason *why);

#endif
