/* Does a certificate chain match what DNSSEC says of a host (RFC 7671, RFC 7672 3)? Uses GnuTLS on data alone: no
 * network, no clock but the certificates' own. Why it is not libgnutls-dane: docs/dependencies.md. Any thread. */
#ifndef SENDOFF_RELAY_NET_DANE_H
#define SENDOFF_RELAY_NET_DANE_H

#include "base/mail/tls_outcome.h"
#include "base/result.h"
#include "relay/net/tlsa.h"

#define DANE_CHAIN_MAX 16  /* certificates that are looked at */
#define DANE_PATHS_MAX 4   /* to trust anchors that are verified: each is up to that many signatures */
#define DANE_KEY_BITS 4096 /* of an RSA key on such a path, */
#define DANE_KEY_OCTETS 4  /* and of its public exponent: more would be work that a host has us do on a loop */

/* Who a host must show itself to be. Immutable once made. */
struct dane_rules {
  struct tlsa_set *records;
  char base[256];     /* the TLSA base domain: the name for SNI (RFC 7672 8.1), and one that a certificate may be for */
  char next_hop[256]; /* others (RFC 7672 3.2.2): the domain whose MX records were asked for, */
  char expanded[256]; /* and where its CNAME led; "": it has none */
};
struct dane_names {
  const char *base, *next_hop, *expanded;
};
/* Takes `records`, also on failure. NULL without memory. */
struct dane_rules *dane_rules_new(struct tlsa_set *records, const struct dane_names *names);
void dane_rules_free(struct dane_rules **r);
/* The same for the same rules: mail under others does not use a connection that was held to these. */
unsigned dane_rules_digest(const struct dane_rules *r);

/* What a TLS report calls GnuTLS's verification status. */
enum tls_result certificate_result(unsigned status);

/* `chain`: in DER, the host's own certificate first. OK: `*matched` is one of the usable records. E_DENIED with the
 * reason, and what a TLS report calls it. */
int dane_verify(const struct dane_rules *r, const struct bytes *chain, size_t count, const struct tlsa **matched,
                enum tls_result *failure, struct reason *why);

#endif
