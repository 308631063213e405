#include "relay/submission/usage_scopes.h"

#include <string.h>

/* What never leaves uses up nobody's quota but its own account's. */
size_t usage_scopes_of(struct usage_owners *o, struct usage_scope out[USAGE_SCOPES_MAX]) {
  size_t n = 0;
  bool leaves = !o->sandbox && !o->account->sandbox;
  if (leaves) out[n++] = usage_scope_of_gateway(o->directory);
  if (leaves && o->domain) out[n++] = usage_scope_of_domain(o->domain);
  out[n++] = usage_scope_of_account(o->account);
  if (o->stream_known) out[n++] = usage_scope_of_stream(o->account, o->stream, o->stream_owner);
  for (size_t i = 0; o->observe && i < n; i++) out[i].limit_count = 0;
  return n;
}

static const char *domain_of(const char *pattern) {
  const char *at = strrchr(pattern, '@');
  return at ? at + 1 : pattern;
}

const struct domain *usage_certain_domain(const struct directory *d, const struct account *a) {
  if (*a->rewrite_from) return directory_domain(d, domain_of(a->rewrite_from), true);
  if (directory_check_mode(d, a, NULL, "header-from", CHECK_ENFORCE) != CHECK_ENFORCE) return NULL;
  if (!a->sender_count || strchr(a->senders[0], '*')) return NULL;
  for (size_t i = 1; i < a->sender_count; i++)
    if (strcmp(domain_of(a->senders[i]), domain_of(a->senders[0])) != 0) return NULL;
  return directory_domain(d, domain_of(a->senders[0]), true);
}
