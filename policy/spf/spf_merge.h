/* The SPF record that a domain should have: the one that is there, with the addresses that mail leaves from added.
 * Pure; any thread. */
#ifndef SENDOFF_POLICY_SPF_SPF_MERGE_H
#define SENDOFF_POLICY_SPF_SPF_MERGE_H

#include "policy/spf/spf_terms.h"

#define SPF_MERGE_ADDED 2000
#define SPF_MERGE_NOTE 600
#define SPF_LENGTH_WARNED 450 /* octets of a record (RFC 7208 3.4: an answer should fit into a datagram of 512) */

enum spf_merge_state {
  SPF_MERGE_NEW,      /* there is no record: `value` is the first */
  SPF_MERGE_SAME,     /* the one that is there passes every address as it is */
  SPF_MERGE_ADDED_TO, /* `value` is that one with `added` in it */
  SPF_MERGE_SEVERAL,  /* several are there, so that none counts (RFC 7208 4.5): `value` is one in place of them */
  SPF_MERGE_BROKEN,   /* the one that is there cannot be read, so that it counts for nothing: `value` is a new one */
};
struct spf_merge {
  enum spf_merge_state state;
  char value[SPF_RECORD_MAX];
  char added[SPF_MERGE_ADDED]; /* "ip4:192.0.2.1 ip6:2001:db8::1"; "": nothing */
  unsigned lookups;            /* terms of `value` that ask DNS; of what they include, nothing is known here */
  char note[SPF_MERGE_NOTE];   /* what a person should know of the record; "" */
};

/* `records`: the texts of all v=spf1 records of the domain. `addresses`: IP literals, in the order in which they are to
 * stand. Terms are added before "all", or at the end of the mechanisms where there is none, so before redirect= too; an
 * address that a passing ip4 or ip6 term has already is not added; nothing else is changed. */
void spf_merge(const struct bytes *records, size_t count, const char *const *addresses, size_t address_count,
               struct spf_merge *out);

#endif
