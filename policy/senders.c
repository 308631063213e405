#include "policy/senders.h"

#include "base/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "x@example.com", "*.example.com", "example.com" against a normalised domain. */
static bool matches(const char *pattern, struct bytes local, const char *domain) {
  if (strcmp(pattern, "*") == 0) return true;
  const char *at = strrchr(pattern, '@');
  if (at)
    return local_parts_equal((struct bytes){pattern, (size_t)(at - pattern)}, local) && strcmp(at + 1, domain) == 0;
  if (strncmp(pattern, "*.", 2) != 0) return strcmp(pattern, domain) == 0;
  size_t suffix = strlen(pattern) - 1, len = strlen(domain);
  return len > suffix && strcmp(domain + len - suffix, pattern + 1) == 0;
}

bool sender_allowed(const char *const *patterns, size_t count, const struct address *sender) {
  char domain[DOMAIN_MAX + 1] = "";
  if (sender->is_null) return true;
  if (sender->utf8 && !domain_is_plain(sender->domain)) return false;
  if (sender->domain.len && !sender->literal && domain_normalize(sender->domain, domain) != OK) return false;
  if (sender->literal) bytes_copy(sender->domain, domain, sizeof domain);
  for (size_t i = 0; i < count; i++)
    if (matches(patterns[i], sender->local, domain)) return true;
  return false;
}

bool sender_misleads(struct bytes address, char out[DOMAIN_MAX + 1]) {
  struct address a;
  return address_parse(address, &a) == OK && a.utf8 && !domain_is_plain(a.domain) &&
         domain_normalize(a.domain, out) == OK;
}

int sender_pattern_normalize(const char *typed, char *out, size_t size) {
  char domain[DOMAIN_MAX + 1];
  struct address a;
  struct bytes text = bytes_of(typed);
  if (strcmp(typed, "*") == 0) return bytes_copy(text, out, size) ? OK : E_SYNTAX;
  if (strchr(typed, '@')) {
    if (address_parse(text, &a) != OK || a.literal || domain_normalize(a.domain, domain) != OK) return E_SYNTAX;
    return (size_t)snprintf(out, size, "%.*s@%s", (int)a.local.len, a.local.at, domain) < size ? OK : E_SYNTAX;
  }
  bool below = strncmp(typed, "*.", 2) == 0;
  if (domain_normalize(bytes_from(text, below ? 2 : 0), domain) != OK) return E_SYNTAX;
  return (size_t)snprintf(out, size, "%s%s", below ? "*." : "", domain) < size ? OK : E_SYNTAX;
}

int header_from_allowed(const char *const *patterns, size_t count, struct bytes value, size_t *mailboxes,
                        char *offender, size_t size) {
  char *scratch = malloc(value.len + 1);
  struct address a;
  size_t at = 0, found = 0;
  int rc = scratch ? 1 : E_MEMORY;
  while (rc == 1 && (rc = mailbox_next(value, &at, &a, scratch, value.len)) == 1) {
    found++;
    if (sender_allowed(patterns, count, &a)) continue;
    bytes_copy(a.whole, offender, size);
    rc = E_DENIED;
  }
  free(scratch);
  *mailboxes = found;
  return rc == OK && !found ? E_SYNTAX : rc;
}

void senders_list(const char *const *patterns, size_t count, char *out, size_t size) {
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    size_t rest = i + 1 < count ? sizeof ", ..." : 1; /* whole patterns only: half of one is another */
    size_t len = strlen(patterns[i]) + (i ? 2 : 0);
    if (at + len + rest > size) {
      snprintf(out + at, size - at, "%s...", i ? ", " : "");
      return;
    }
    at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", patterns[i]);
  }
}
