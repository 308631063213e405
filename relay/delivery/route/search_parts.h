/* Inside of the search for a route: route_search.c (what to ask, and when all is answered), candidate.c (the hosts and
 * their addresses), route_policy.c (which TLS rules hold), route_report.c (what it comes to). loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_SEARCH_PARTS_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_SEARCH_PARTS_H

#include "relay/delivery/route/route_search.h"
#include "relay/net/mx.h"

struct search;

struct candidate {
  struct search *search;
  struct mx mx;
  struct sockaddr_storage v4[ROUTE_ADDRESSES_MAX], v6[ROUTE_ADDRESSES_MAX];
  size_t v4_count, v6_count;
  bool v4_failed, v6_failed; /* the question had no answer */
  bool bogus;                /* an answer there was, and DNSSEC does not confirm it */
  bool no_name;              /* NXDOMAIN */
  bool own;                  /* one of its addresses is ours */
  bool dropped;              /* by loop detection */
  bool insecure;             /* DNSSEC does not vouch for its addresses */
  char canonical[256];       /* where CNAME records led to them; "": none did */
  struct tls_demand tls;
  bool tls_failed; /* what its TLS must be like is not known */
};

struct search {
  struct route_search plan;
  char domain[256], expanded[256]; /* expanded: where its CNAME led; "": nowhere */
  bool has_mx, authentic, tls_asked;
  struct candidate *candidates;
  size_t count;
  struct route_policy sts;
  size_t open; /* questions, plus one while they are being asked */
  uint32_t ttl;
  char own[200], barred[200]; /* "mx.example.net has 192.0.2.1": the first address that is ours, or that no mail can go
                                 to; "": none */
};

/* route_search.c. An answer less to wait for; the last one ends the phase. */
void search_one_less(struct search *s);

/* candidate.c. One candidate for each; false without memory. */
bool search_add_candidates(struct search *s, const struct mx *mx, size_t count);
/* Asks for the addresses of all of them. */
void search_ask_addresses(struct search *s);
/* Unless it is ours, or no host can have it. */
void candidate_add_address(struct candidate *c, const struct sockaddr_storage *address);
bool candidate_is_usable(const struct candidate *c);
/* RFC 5321 5.1: if we are one of the exchangers, that one and all of equal or lower priority are set aside. True: we
 * are. Once more changes nothing. */
bool search_drop_loops(struct search *s);

/* route_policy.c. Asks for the domain's MTA-STS policy, if one can count. */
void search_ask_policy(struct search *s);
/* Sets every candidate's TLS demand, and asks for the TLSA records of those that can be used. */
void search_ask_tlsa(struct search *s);

/* route_report.c. Each ends the search and frees it. */
void search_report(struct search *s, struct route *route); /* route: NULL without memory; the callee's */
void search_report_none(struct search *s, enum route_status status, const char *what);
__attribute__((format(printf, 3, 4))) void search_report_nonef(struct search *s, enum route_status status,
                                                               const char *format, ...);
void search_conclude(struct search *s); /* by what the candidates have come to */

#endif
