/* The facts of a decision that nobody has asked for yet: gathered for `sendoff explain` from the store and DNS, as the
 * gateway gathers them for a real message. One thread; blocks on DNS. */
#ifndef SENDOFF_CLI_EXPLAIN_EXPLAIN_FACTS_H
#define SENDOFF_CLI_EXPLAIN_EXPLAIN_FACTS_H

#include "cli/command.h"
#include "policy/policy.h"
#include "relay/message/signing.h"
#include "relay/net/mx.h"
#include "relay/net/sts_record.h"
#include "relay/net/tls_demand.h"
#include "relay/net/tlsa_search.h"
#include "relay/submission/usage_scopes.h"

#define EXPLAIN_MS 15000 /* for all of DNS */

struct explain_question {
  const char *account, *from, *header_from, *to; /* header_from NULL: as `from` */
  int stream;                                    /* enum mail_stream; -1: the account's */
  bool require_tls;                              /* it would ask for REQUIRETLS (RFC 8689) */
};

/* What DNS says of a host's TLSA records. */
enum hop_dane {
  HOP_DANE_NONE, /* that there are none */
  HOP_DANE_USABLE,
  HOP_DANE_UNUSABLE,         /* there are, and none is usable */
  HOP_DANE_FAILED,           /* nothing: the host is not used, */
  HOP_DANE_BOGUS,            /* nor where DNSSEC does not confirm the answer */
  HOP_DANE_MX_INSECURE,      /* not asked for: who wrote the MX records is not known, */
  HOP_DANE_ADDRESS_INSECURE, /* or the addresses, */
  HOP_DANE_NO_ADDRESS,       /* there are none, */
  HOP_DANE_ADDRESS_FAILED,   /* or it is not known whether there are; */
  HOP_DANE_LITERAL,          /* an address is no name; */
  HOP_DANE_BY_ROUTE,         /* a route has its own rules; */
  HOP_DANE_OFF,              /* it is switched off */
};
struct hop_tls {
  struct tls_demand demand;
  enum hop_dane dane;
};

/* The MTA-STS policy of a domain, as the gateway knows it. */
struct sts_known {
  char domain[DOMAIN_MAX + 1]; /* whose; "": MTA-STS does not count */
  struct sts_policy *policy;   /* NULL: none is known */
  char id[STS_ID_MAX + 1];
  int64_t until_us;
  char announced[STS_ID_MAX + 1]; /* by DNS now; "": none */
};

/* What was found; `facts` points into it, and into the question. */
struct explained {
  struct directory *directory;
  struct facts facts;
  char author[DOMAIN_MAX + 1], recipient_domain[DOMAIN_MAX + 1];
  const char *pool;
  /* usage */
  struct usage_owners owners;
  struct usage_scope scopes[USAGE_SCOPES_MAX];
  struct usage usages[USAGE_SCOPES_MAX], *usage[USAGE_SCOPES_MAX];
  /* sources, and what SPF says of each */
  const struct source *sources;
  size_t source_count;
  struct spf_verdict spf[SOURCES_MAX];
  struct source_rank rank;
  /* signatures */
  const struct domain *signing_domain;
  const struct signing_key *keys[SIGNER_KEYS_MAX];
  struct key_verdict published[SIGNER_KEYS_MAX];
  size_t key_count;
  struct dmarc_prediction dmarc;
  /* the way */
  const struct static_route *route; /* NULL: none */
  struct mx_list mx;                /* what its hosts are, or the recipient's domain's */
  enum dns_status mx_status;
  bool mx_bogus;         /* DNSSEC does not confirm it */
  bool mx_authentic;     /* the hosts' names are known for sure: struct route's `authentic` */
  char mx_expanded[256]; /* where the CNAME of the MX records' name led; "": it has none */
  unsigned mx_port;      /* delivery { port } */
  struct sts_known sts;
  struct hop_tls tls[MX_HOSTS_MAX]; /* of mx.hosts */
  bool require_tls;
  /* the brake */
  struct brake brake;
  struct brake_status brake_status;
  /* suppression */
  struct suppression suppression;
  char suppression_text[512], suppression_enhanced[16];
};

/* `e` is zeroed. EXIT_DONE, or a message has been printed. Then and otherwise explained_clear. */
enum exit_status explain_gather(struct cli *c, const struct explain_question *q, struct explained *e);
void explained_clear(struct explained *e);
unsigned explained_port(const struct explained *e); /* of its next hops */

#endif
