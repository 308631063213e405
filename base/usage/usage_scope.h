/* Whose usage a message counts as: several at once, each with limits of its own. Plain data; any thread. */
#ifndef SENDOFF_BASE_USAGE_SCOPE_H
#define SENDOFF_BASE_USAGE_SCOPE_H

#include "base/directory/directory.h"
#include "base/time_zone.h"

#define USAGE_SCOPES_MAX 4
#define STREAM_OWNER_TEXT 96 /* "blog/bulk" */

struct usage_scope {
  enum scope scope;
  const char *owner; /* "" for the gateway; a domain's or account's name; "blog/bulk" for a stream of an account */
  int64_t since_us;  /* what was counted before was another one of that name; 0: nothing was */
  const struct limit *limits;
  size_t limit_count;
  const struct time_zone *zone; /* in which its day and month are; NULL: UTC */
};

const char *scope_name(enum scope scope);                       /* "gateway", "domain", "account", "stream" */
const char *usage_scope_label(const struct usage_scope *scope); /* its owner, as people read it: "gateway", "blog" */
/* Each lives as long as the directory does. */
struct usage_scope usage_scope_of_account(const struct account *a);
struct usage_scope usage_scope_of_domain(const struct domain *d);
struct usage_scope usage_scope_of_gateway(const struct directory *d);
/* Its owner is written to `owner`, and lives as long as that. */
struct usage_scope usage_scope_of_stream(const struct account *a, enum mail_stream stream,
                                         char owner[STREAM_OWNER_TEXT]);

#endif
