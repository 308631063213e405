#include "base/usage/usage_scope.h"

#include "base/result.h"

#include <stdio.h>
#include <string.h>

const char *scope_name(enum scope scope) {
  static const char *const names[SCOPE_COUNT] = {"gateway", "domain", "account", "stream"};
  return names[scope];
}

const char *usage_scope_label(const struct usage_scope *scope) {
  return scope->scope == SCOPE_GATEWAY ? scope_name(SCOPE_GATEWAY) : scope->owner;
}

/* A zone that this machine no longer knows is UTC: a limit must not end for it. */
static const struct time_zone *zone_of(const struct account *a) {
  const struct time_zone *zone = NULL;
  if (a->time_zone && strcmp(a->time_zone, "UTC") != 0 && time_zone_find(a->time_zone, &zone) != OK) return NULL;
  return zone;
}

static struct usage_scope make(enum scope scope, const char *owner, int64_t since_us, const struct limit_list *limits,
                               const struct time_zone *zone) {
  return (struct usage_scope){.scope = scope,
                              .owner = owner,
                              .since_us = since_us,
                              .limits = limits->limits,
                              .limit_count = limits->count,
                              .zone = zone};
}

struct usage_scope usage_scope_of_account(const struct account *a) {
  return make(SCOPE_ACCOUNT, a->name, a->created_us, &a->settings.all, zone_of(a));
}

struct usage_scope usage_scope_of_domain(const struct domain *d) {
  return make(SCOPE_DOMAIN, d->name, d->created_us, &d->settings.all, NULL);
}

struct usage_scope usage_scope_of_gateway(const struct directory *d) {
  return make(SCOPE_GATEWAY, "", 0, &d->gateway.all, NULL);
}

struct usage_scope usage_scope_of_stream(const struct account *a, enum mail_stream stream,
                                         char owner[STREAM_OWNER_TEXT]) {
  snprintf(owner, STREAM_OWNER_TEXT, "%s/%s", a->name, stream_name(stream));
  return make(SCOPE_STREAM, owner, a->created_us, &a->settings.stream[stream], zone_of(a));
}
