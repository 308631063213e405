/* The mail transaction that a session builds with MAIL and RCPT (RFC 5321 3.3). Private to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_TRANSACTION_H
#define SENDOFF_RELAY_SUBMISSION_TRANSACTION_H

#include "base/address/address.h"
#include "base/directory/directory.h"
#include "base/mail/envelope.h"
#include "policy/policy.h"
#include "relay/smtp/parameters.h"
#include "relay/submission/usage_scopes.h"

struct session;

struct transaction {
  struct directory *directory; /* held, so that `account` stays */
  const struct account *account;
  char reverse_path[ADDRESS_MAX + 1];
  bool path_rewritten;         /* it was another one */
  struct mail_parameters said; /* its envid is `envid` */
  char *parameters;            /* of MAIL, as they came */
  char envid[ENVID_MAX + 1];
  struct recipient *recipients; /* copies */
  size_t recipient_count, recipient_room;
  uint32_t *slots; /* of many, where each is: its index + 1, by its mailbox's hash; 0: free. A power of two of them */
  size_t slot_count;
  /* the recipient that is decided about */
  struct pending_recipient {
    char address[ADDRESS_MAX + 1], domain[DOMAIN_MAX + 1], orcpt[ORCPT_MAX + 1];
    unsigned notify;
  } pending;
  struct suppression suppression;
  char *suppression_text; /* what it points into */
  struct brake_status brake;
  /* the decision: relay/submission/facts.h, facts_gather.h, decision.h */
  struct facts facts;
  struct usage_scope scopes[USAGE_SCOPES_MAX]; /* those with limits, as far as they are certain */
  struct usage *usage[USAGE_SCOPES_MAX];       /* each in `usages` */
  struct usage_owners owners;
  struct reason room_why;
  struct policy_record record;
  char notes[NOTES_MAX]; /* what checks would have said that are observed only, so far */
  const char *pool;      /* whose sources SPF was asked about; the directory's */
  struct source_rank sources;
  char author[DOMAIN_MAX + 1]; /* From's domain, once it is known */
  struct dmarc_prediction *dmarc;
  enum stage stage; /* of the one that waits for facts */
  bool gathering;   /* facts are being asked for: an answer that comes at once decides nothing */
  bool (*gathered)(struct session *s);
  void (*decided)(struct session *s, const struct verdict *v);
  struct usage usages[USAGE_SCOPES_MAX]; /* the last: 9 KB that are written before they are read, and not cleared */
};

/* NULL without memory. Holds the directory; the account is in it. */
struct transaction *transaction_new(const struct directory *d, int64_t account_id, struct bytes parameters);
void transaction_free(struct transaction **t);
/* It was given before: the same mailbox (RFC 5321 2.4: domain without case, local part exact). */
bool transaction_has(const struct transaction *t, const struct recipient *r);
/* Copies. OK or E_MEMORY. */
int transaction_add(struct transaction *t, const struct recipient *r);

#endif
