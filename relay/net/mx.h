/* MX records in wire form (RFC 1035 3.3.9) as a sorted list of exchangers. Pure; any thread. */
#ifndef SENDOFF_RELAY_NET_MX_H
#define SENDOFF_RELAY_NET_MX_H

#include "base/address/dns_answer.h"

#define MX_HOSTS_MAX 20

struct mx {
  unsigned preference;
  char name[256]; /* lower case, without the final dot */
};
struct mx_list {
  struct mx hosts[MX_HOSTS_MAX]; /* best first, then by name; no name twice */
  size_t count;
  bool null_mx; /* the only record names the root (RFC 7505 3) */
  bool cut;     /* there were more than MX_HOSTS_MAX usable ones */
};
/* Records that cannot be read, or whose name is no host name, are passed over. */
void mx_list_read(const struct dns_answer *answer, struct mx_list *out);

#endif
