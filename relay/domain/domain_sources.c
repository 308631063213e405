#include "relay/domain/domain_sources.h"

#include <string.h>

/* May a sender by this pattern have an address of the domain? */
static bool reaches(const char *pattern, const char *domain) {
  const char *at = strrchr(pattern, '@');
  if (strcmp(pattern, "*") == 0) return true;
  if (at) return strcmp(at + 1, domain) == 0;
  if (strncmp(pattern, "*.", 2) != 0) return strcmp(pattern, domain) == 0;
  size_t suffix = strlen(pattern) - 1, len = strlen(domain);
  return len > suffix && strcmp(domain + len - suffix, pattern + 1) == 0;
}

static bool may_send(const struct account *a, const char *domain) {
  if (a->rewrite_from && *a->rewrite_from) return reaches(a->rewrite_from, domain);
  for (size_t i = 0; i < a->sender_count; i++)
    if (reaches(a->senders[i], domain)) return true;
  return false;
}

static bool uses_pool(const struct account *a, const char *pool) {
  for (int stream = 0; stream < STREAM_COUNT; stream++)
    if (strcmp(account_pool(a, (enum mail_stream)stream), pool) == 0) return true;
  return false;
}

static bool is_used(const struct directory *d, const char *domain, const struct source *s, bool *anybody) {
  bool used = false;
  for (size_t i = 0; i < d->account_count; i++) {
    if (!may_send(&d->accounts[i], domain)) continue;
    *anybody = true;
    used |= uses_pool(&d->accounts[i], s->pool);
  }
  return used;
}

size_t domain_sources(const struct directory *d, const char *domain, const struct source *out[DOMAIN_SOURCES_MAX]) {
  size_t count = 0;
  bool anybody = false;
  for (size_t i = 0; i < d->source_count && count < DOMAIN_SOURCES_MAX; i++)
    if (is_used(d, domain, &d->sources[i], &anybody)) out[count++] = &d->sources[i];
  for (size_t i = 0; !anybody && i < d->source_count && count < DOMAIN_SOURCES_MAX; i++) out[count++] = &d->sources[i];
  return count;
}
