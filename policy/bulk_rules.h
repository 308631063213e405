/* What the large receivers ask of bulk mail: the table, with where each row was read. Pure; any thread. */
#ifndef SENDOFF_POLICY_BULK_RULES_H
#define SENDOFF_POLICY_BULK_RULES_H

#include "policy/policy.h"

/* Bits of bulk_rule.asked_by. */
enum { ASKED_BY_GMAIL = 1, ASKED_BY_YAHOO = 2, ASKED_BY_MICROSOFT = 4, ASKED_BY_ORANGE = 8 };

struct bulk_receiver {
  unsigned bit;
  const char *name;
  unsigned per_day; /* messages, from which on it asks; 0: it names no number */
};
extern const struct bulk_receiver bulk_receivers[];
extern const size_t bulk_receiver_count;

struct bulk_rule {
  const char *what; /* "Feedback-ID": what is missing, when it is */
  unsigned asked_by;
  const char *enhanced; /* of a refusal for it */
  enum answer (*met)(const struct facts *f);
  const char *origin;
};
extern const struct bulk_rule bulk_rules[];
extern const size_t bulk_rule_count; /* at most 64 */

/* Is each mailbox of From of the domain that signs, or below it? Without a signature it is not known. */
enum answer bulk_from_aligned(const char *signing_domain, struct bytes header_from);
/* Those that are known not to be met, as bits in the table's order. */
uint64_t bulk_rules_missing(const struct facts *f);
/* "Feedback-ID for Orange (1000/day)"; what finds no room is counted: "and 2 more". */
void bulk_rules_text(uint64_t missing, char *out, size_t size);

#endif
