/* Whose usage a message counts as: the gateway's, its account's, its sending domain's, its stream's. Private to
 * relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_USAGE_SCOPES_H
#define SENDOFF_RELAY_SUBMISSION_USAGE_SCOPES_H

#include "base/usage/usage_scope.h"

struct usage_owners {
  const struct directory *directory;
  const struct account *account;
  const struct domain *domain; /* From's; NULL: none here, or not known yet */
  bool stream_known;           /* else `stream` may still change */
  enum mail_stream stream;
  bool sandbox;                         /* it is of a sandbox, though its account may be none any more */
  bool observe;                         /* counted alone: no limit refuses, or delays */
  char stream_owner[STREAM_OWNER_TEXT]; /* written */
};

/* Returns how many. They live as long as `o` and its directory. */
size_t usage_scopes_of(struct usage_owners *o, struct usage_scope out[USAGE_SCOPES_MAX]);
/* The domain that all of the account's mail must have in From, before From has come; NULL: it may have several. */
const struct domain *usage_certain_domain(const struct directory *d, const struct account *a);

#endif
