/* The facts of a decision that nobody has asked for yet: gathered for `sendoff explain` from the store and DNS, as the
 * gateway gathers them for a real message. One thread; blocks on DNS. */
#ifndef SENDOFF_CLI_EXPLAIN_FACTS_H
#define SENDOFF_CLI_EXPLAIN_FACTS_H

#include "cli/command.h"
#include "policy/policy.h"
#include "relay/message/signing.h"
#include "relay/net/mx.h"
#include "relay/net/sts_policy.h"
#include "relay/submission/usage_scopes.h"

#define EXPLAIN_MS 15000 /* for all of DNS */

struct explain_question {
  const char *account, *from, *header_from, *to; /* header_from NULL: as `from` */
  int stream;                                    /* enum mail_stream; -1: the account's */
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
  struct sts_policy *sts;           /* the MTA-STS policy that the gateway knows; NULL: none, or it does not count */
  char sts_domain[DOMAIN_MAX + 1];  /* whose */
  int64_t sts_until_us;
  enum dns_status mx_status;
  bool mx_bogus; /* DNSSEC does not confirm it */
  /* the brake */
  struct brake brake;
  struct brake_status brake_status;
  unsigned mx_port; /* delivery { port } */
  /* suppression */
  struct suppression suppression;
  char suppression_text[512], suppression_enhanced[16];
};

/* `e` is zeroed. EXIT_DONE, or a message has been printed. Then and otherwise explained_clear. */
enum exit_status explain_gather(struct cli *c, const struct explain_question *q, struct explained *e);
void explained_clear(struct explained *e);

#endif
