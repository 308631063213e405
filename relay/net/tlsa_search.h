/* The DNS questions that find a host's TLSA records, and what their answers make of it (RFC 7672 2.2.2, 2.2.3). Pure:
 * whoever has a resolver asks them, one after the other:
 *
 *   tlsa_search_begin  ->  tlsa_search_question  ->  tlsa_search_take  ->  tlsa_search_question ...  ->  false: `found`
 *
 * Any thread. */
#ifndef SENDOFF_RELAY_NET_TLSA_SEARCH_H
#define SENDOFF_RELAY_NET_TLSA_SEARCH_H

#include "relay/net/dane.h"

enum dane_status {
  DANE_NONE,   /* DNSSEC denies them, or does not say anything of the host */
  DANE_FOUND,  /* `rules`: they count, even if none of them is usable */
  DANE_FAILED, /* not known: so the host is not to be used now (RFC 7672 2.1.2) */
};
struct dane_finding {
  enum dane_status status;
  struct dane_rules *rules; /* DANE_FOUND: the caller's */
  bool bogus;               /* DANE_FAILED: there was an answer */
  uint32_t ttl;             /* of the answers; UINT32_MAX: there were none */
};

/* What is known of the host. */
struct tlsa_subject {
  const char *host, *next_hop, *expanded; /* expanded: where the CNAME of the next hop led; "": it has none */
  unsigned port;
  bool secure;           /* the addresses, and the CNAMEs that led to them */
  const char *canonical; /* where those led to; "": there are none */
};

struct tlsa_search {
  char host[256], next_hop[256], expanded[256];
  char bases[2][256]; /* candidates for the TLSA base domain, the best first */
  size_t count, at;
  unsigned port;
  bool alias_open; /* whether the host's CNAME is signed is to be asked first */
  bool over;
  char name[256]; /* of the question */
  struct dane_finding found;
};

/* Copies `of`. */
void tlsa_search_begin(struct tlsa_search *s, const struct tlsa_subject *of);
/* What to ask now; false: nothing more, `found` is what it came to. The name lives until tlsa_search_take. */
bool tlsa_search_question(struct tlsa_search *s, const char **name, int *type);
/* The answer; DNS_FAILED too where it could not be asked. */
void tlsa_search_take(struct tlsa_search *s, const struct dns_answer *answer);
/* All of it by blocking lookups: a thread that may wait. */
void tlsa_search_run(const struct dns_source *dns, const struct tlsa_subject *of, struct dane_finding *out);

#endif
