/* Where a domain's mail goes, as plain data: the hosts of the next-hop site, or why there are none. Immutable once
 * found, counted; any thread may hold one. router.h finds it. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_ROUTE_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_ROUTE_H

#include "base/directory/directory.h"
#include "base/directory/static_route.h"
#include "relay/net/sts_fetch.h"
#include "relay/net/tls_demand.h"

#include <sys/socket.h>

enum route_status {
  ROUTE_OK,
  ROUTE_NULL_MX,    /* the domain says that it takes no mail: bounce, 556 5.1.10 (RFC 7505 3, 4.2) */
  ROUTE_NO_DOMAIN,  /* NXDOMAIN: bounce, 5.1.2 */
  ROUTE_NO_ADDRESS, /* the domain is there, but no MX, A or AAAA leads anywhere: bounce, 5.1.2 (5.4.4 where that fits
                       better) */
  ROUTE_LOOP, /* the best exchanger is one of our own listeners' addresses and nothing better remains: bounce 5.4.6 */
  ROUTE_TEMPORARY, /* SERVFAIL or timeout: try later, 4.4.3 */
  ROUTE_BROKEN,    /* what an operator has named leads nowhere: no reason to return the mail, try later, 4.3.5 */
};

/* How its hosts are spoken to; zeroed for a route that DNS alone made. */
struct route_terms {
  int64_t by; /* the static route (base/directory/static_route.h) that it comes from; 0: none */
  enum route_tls tls;
  bool implicit_tls;
  bool login; /* as `by` says */
  bool host;  /* `by` names one host: a site of its own, whosever it is */
};

/* What the domain says of the TLS of its hosts (RFC 8461), as it was fetched: for what is enforced of it see each host;
 * for reports (RFC 8460) all of it. */
struct route_policy {
  char domain[256];          /* whose; "": of an address literal, or not asked for */
  struct sts_policy *policy; /* held; NULL: none */
  enum sts_failure failure;  /* why the last fetch failed; there may be an older policy */
};

struct route_host {
  char name[256]; /* the exchanger's name; for TLS SNI and the log */
  unsigned preference;
  struct sockaddr_storage *addresses; /* with the port */
  size_t address_count;
  struct tls_demand tls; /* whose rules are its own */
};

struct route {
  enum route_status status;
  char why[256]; /* when not OK, for the log and the DSN */
  char *site;    /* identifies the next-hop site: the sorted names and preferences of its exchangers; domains with the
                    same set share it. The domain's name where there is no MX; "HOST:PORT" of a static route's host */
  struct route_terms terms;
  struct route_policy sts;
  struct route_host *hosts; /* best first; hosts of equal preference are shuffled at each delivery, not here */
  size_t host_count;
  bool authentic; /* the hosts' names come from the domain itself: by DNSSEC, or because it is its own exchanger; or an
                     operator's command named them */
  char tls_unknown[256]; /* a host that is left out, since what its TLS must be like is not known; "": none */
  bool tls_bogus;        /* for DNSSEC does not confirm it; else DNS did not answer */
  bool tls_counted;      /* loops[0]'s: that was counted */
  int64_t expires_us;
  int references; /* atomic */
};
/* What a route by command asks of its hosts' TLS; nothing where there is none. */
struct tls_demand route_terms_demand(const struct route_terms *t);
/* Whose TLSRPT record asks for reports about the route (RFC 8460 1.1, "Policy Domain"): the recipients' domain, or the
 * smarthost's where a command leads there. NULL: nobody's, for it is an address, or the command was taken back. */
const char *route_report_domain(const struct directory *d, const struct route_terms *t, const char *domain);
/* Is there an MTA-STS policy that is enforced? Then its hosts are those that it names, or have DANE. */
bool route_is_enforced(const struct route *r);
/* In memory, all that it has. */
size_t route_octets(const struct route *r);
/* One reference; copies `site`. `ttl` in seconds. NULL without memory. */
struct route *route_new(enum route_status status, const char *site, uint32_t ttl);
struct route *route_hold(struct route *r);
void route_release(struct route **r);

#endif
