#include "relay/domain/zone.h"

#include "base/clock.h"
#include "policy/spf/rdata.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool zone_holds(const char *zone, const char *name) {
  size_t inner = strlen(zone), len = strlen(name);
  if (!inner) return true;
  if (len < inner || strcasecmp(name + len - inner, zone) != 0) return false;
  return len == inner || name[len - inner - 1] == '.';
}

static int by_name(const void *a, const void *b) {
  return strcasecmp(a, b);
}

/* In an order of our own: what is found today and what was found yesterday are compared. */
static void take_servers(const struct dns_answer *answer, struct zone_of *out) {
  out->server_count = 0;
  for (size_t i = 0; i < answer->count && out->server_count < ZONE_SERVERS_MAX; i++) {
    char name[NAME_MAX_TEXT + 1];
    if (!rdata_name(answer->records[i].data, name) || strcmp(name, ".") == 0) continue;
    snprintf(out->servers[out->server_count++], ZONE_NAME, "%s", name);
  }
  qsort(out->servers, out->server_count, sizeof *out->servers, by_name);
}

/* An alias may have NS records to follow to, but they are another zone's. OK, E_NOT_FOUND, E_TEMPORARY. */
static int ask_one(const struct dns_source *dns, const char *name, struct zone_of *out, struct reason *why) {
  struct dns_answer answer;
  dns->lookup(dns->arg, *name ? name : ".", ns_t_ns, &answer);
  int rc = E_NOT_FOUND;
  if (answer.status == DNS_FAILED) {
    rc = fail(why, E_TEMPORARY, "%s for the name servers of %.200s", dns_failure(answer.bogus), *name ? name : ".");
  } else if (answer.status == DNS_FOUND && !answer.canonical[0]) {
    rc = OK;
    snprintf(out->name, sizeof out->name, "%s", name);
    take_servers(&answer, out);
  }
  if (answer.records || answer.owner) dns->release(dns->arg, &answer);
  return rc;
}

static size_t labels(const char *name) {
  size_t n = *name != '\0';
  for (; *name; name++) n += *name == '.';
  return n;
}

static const char *parent(const char *name) {
  const char *dot = strchr(name, '.');
  return dot ? dot + 1 : "";
}

int zone_find(const struct dns_source *dns, const char *name, uint64_t deadline_ms, struct zone_of *out,
              struct reason *why) {
  char question[NAME_MAX_TEXT + 1];
  memset(out, 0, sizeof *out);
  if (strlen(name) > NAME_MAX_TEXT || !question_name(name, question))
    return fail(why, E_NOT_FOUND, "%.200s is no name that DNS can have", name);
  const char *at = question;
  while (labels(at) >= ZONE_QUESTIONS_MAX) at = parent(at);
  for (int rc;; at = parent(at)) {
    if (clock_monotonic_ms() >= deadline_ms) return fail(why, E_TEMPORARY, "DNS did not answer in time");
    rc = ask_one(dns, at, out, why);
    /* The name itself may be an alias of what DNS has no answer for; whose zone it is in does not depend on that. */
    if (rc != E_NOT_FOUND && (rc == OK || at != question || !*at)) return rc;
    if (!*at) return fail(why, E_NOT_FOUND, "no zone is found for %.200s", name);
  }
}
