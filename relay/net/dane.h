/* Does a certificate chain match what DNSSEC says of a host (RFC 7671, RFC 7672 3)? Uses GnuTLS on data alone: no
 * network, no clock but the certificates' own. Why it is not libgnutls-dane: docs/dependencies.md. Any thread. */
#ifndef SENDOFF_RELAY_NET_DANE_H
#define SENDOFF_RELAY_NET_DANE_H

#include "base/result.h"
#include "relay/net/tlsa.h"

#define DANE_CHAIN_MAX 16 /* certificates that are looked at */

/* Who a host must show itself to be. Immutable once made. */
struct dane_rules {
  struct tlsa_set *records;
  char base[256];     /* the TLSA base domain: the name for SNI (RFC 7672 8.1), and one that a certificate may be for */
  char next_hop[256]; /* another such name: the domain whose MX records were asked for (RFC 7672 3.2.2) */
};
/* Takes `records`, also on failure. NULL without memory. */
struct dane_rules *dane_rules_new(struct tlsa_set *records, const char *base, const char *next_hop);
void dane_rules_free(struct dane_rules **r);

/* `chain`: in DER, the host's own certificate first. OK: `*matched` is one of the usable records. E_DENIED with the
 * reason. */
int dane_verify(const struct dane_rules *r, const struct bytes *chain, size_t count, const struct tlsa **matched,
                struct reason *why);

#endif
