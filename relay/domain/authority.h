/* What each authoritative server of a name's zone says of it, asked directly: what the world will see when its caches
 * have run out, and whether the servers agree. Blocking: libuv's pool, or a command. Any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_AUTHORITY_H
#define SENDOFF_RELAY_DOMAIN_AUTHORITY_H

#include "base/address/address.h"
#include "base/address/cidr.h"
#include "base/address/dns_answer.h"
#include "base/result.h"
#include "relay/domain/zone.h"

#define AUTHORITY_SERVERS_MAX 16 /* addresses, of all zones that CNAMEs lead through */
#define AUTHORITY_ALIASES_MAX 8  /* zones */
#define AUTHORITY_TEXT 400

/* Servers that did not answer in time, so that many questions do not wait for them again and again. One thread; starts
 * zeroed. */
struct authority_memory {
  size_t count;
  char silent[AUTHORITY_SERVERS_MAX][IP_TEXT];
};
struct authority_plan {
  const struct dns_source *dns;    /* the configured resolver: zones, and their servers' addresses */
  bool local;                      /* servers at loopback and link-local addresses are asked, too: tests, labs */
  unsigned port;                   /* 0: 53 */
  struct authority_memory *memory; /* NULL is allowed */
};

struct authority_server {
  char zone[ZONE_NAME], name[ZONE_NAME]; /* a server of that zone */
  char address[IP_TEXT];
  bool answered;            /* with authority (RFC 1034 4.3.2): the records, or that there are none */
  bool unreachable;         /* there is no way from here to its address (no IPv6, say): that is no fault of its own */
  char why[160];            /* it did not: "does not answer" */
  struct dns_answer answer; /* DNS_FAILED when it did not */
};
struct authority {
  char zone[ZONE_NAME]; /* of the name that was asked for */
  size_t count;
  struct authority_server servers[AUTHORITY_SERVERS_MAX];
  bool cut; /* there are more */
};

/* Asks every address of every server of the zone, all at once, without recursion. Where they say that the name is an
 * alias of one in another zone, that zone's servers are asked, and they stand in the place of those that said so.
 * Nothing is asked after `deadline_ms` (clock_monotonic_ms), and the answer is there then, or as soon as the resolver
 * gives up. OK, with what there is; E_TEMPORARY: the zone or an address of its servers is not found out; E_NOT_FOUND:
 * it has no server that may be asked. `out` is to be cleared in any case. */
int authority_ask(const struct authority_plan *plan, const char *name, int type, uint64_t deadline_ms,
                  struct authority *out, struct reason *why);
void authority_clear(struct authority *a);

/* Who agrees. */
struct authority_agreement {
  size_t right, wrong, silent; /* servers whose answer is right, is not, and that did not answer but could be reached */
  char wrong_text[AUTHORITY_TEXT];  /* "ns2.example.net (192.0.2.53)", ...; "": none */
  char silent_text[AUTHORITY_TEXT]; /* "ns3.example.net (192.0.2.54) does not answer" */
};
/* `is_right` judges the answer of each server that answered. */
void authority_agree(const struct authority *a, bool (*is_right)(void *arg, const struct dns_answer *answer), void *arg,
                     struct authority_agreement *out);

#endif
