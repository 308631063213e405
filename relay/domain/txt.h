/* The TXT records of a name that are of one kind, as texts. */
#ifndef SENDOFF_RELAY_DOMAIN_TXT_H
#define SENDOFF_RELAY_DOMAIN_TXT_H

#include "base/address/dns_answer.h"
#include "base/bytes.h"

#define TXT_KEPT 4        /* of them; more are counted */
#define TXT_TEXT_MAX 4096 /* octets that are read of one */

struct txt_list {
  enum dns_status status;
  bool bogus;
  uint32_t ttl;
  size_t count;          /* of that kind */
  char *texts[TXT_KEPT]; /* the first of them, in an order that does not depend on DNS; octets that a text cannot have
                            are '?' */
};

/* Pure; any thread. `is_wanted` NULL: all. The list is to be freed. Without memory, the status is DNS_FAILED. */
void txt_read(const struct dns_answer *answer, bool (*is_wanted)(struct bytes text), struct txt_list *out);
/* Asks the resolver, before `deadline_ms` (clock_monotonic_ms). Blocking. */
void txt_lookup(const struct dns_source *dns, const char *name, bool (*is_wanted)(struct bytes text),
                uint64_t deadline_ms, struct txt_list *out);
void txt_free(struct txt_list *list);
/* The texts that are kept, as slices; returns how many. */
size_t txt_slices(const struct txt_list *list, struct bytes out[TXT_KEPT]);

/* All that are kept, one a line, for a person; cut. Stays as it is where there are none. */
void txt_show(const struct txt_list *list, char *out, size_t size);

#endif
