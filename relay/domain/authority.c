#include "relay/domain/authority.h"

#include "base/address/address_kind.h"
#include "base/clock.h"
#include "relay/domain/dns_message.h"
#include "relay/domain/exchange.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DNS_PORT 53

/* One zone's servers that are asked. */
struct round {
  const struct authority_plan *plan;
  uint64_t deadline_ms;
  struct zone_of zone;
  struct authority *out;
  size_t first;                                      /* of out->servers, up to out->count */
  struct sockaddr_storage at[AUTHORITY_SERVERS_MAX]; /* their addresses, by the same index */
  bool temporary;                                    /* an address is not known, because DNS did not answer */
};

/* --- whom to ask --- */

static bool may_ask(const struct round *r, const struct sockaddr *address) {
  enum address_kind kind = address_kind_of(address);
  return kind == ADDRESS_HOST || (r->plan->local && (kind == ADDRESS_LOOPBACK || kind == ADDRESS_LINK_LOCAL));
}

static bool make_address(struct bytes octets, unsigned port, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (octets.len == 4) {
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    memcpy(&in->sin_addr, octets.at, 4);
  } else if (octets.len == 16) {
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
    *in = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    memcpy(&in->sin6_addr, octets.at, 16);
  }
  return octets.len == 4 || octets.len == 16;
}

static void add_server(struct round *r, const char *name, struct bytes octets) {
  struct sockaddr_storage address;
  if (!make_address(octets, r->plan->port ? r->plan->port : DNS_PORT, &address)) return;
  if (!may_ask(r, (const struct sockaddr *)&address)) return;
  if (r->out->count == AUTHORITY_SERVERS_MAX) {
    r->out->cut = true;
    return;
  }
  size_t i = r->out->count++;
  struct authority_server *s = &r->out->servers[i];
  memset(s, 0, sizeof *s);
  s->answer.status = DNS_FAILED;
  snprintf(s->zone, sizeof s->zone, "%s", r->zone.name);
  snprintf(s->name, sizeof s->name, "%s", name);
  ip_format((const struct sockaddr *)&address, s->address);
  r->at[i] = address;
}

static void add_addresses(struct round *r, const char *server, int type) {
  const struct dns_source *dns = r->plan->dns;
  struct dns_answer answer;
  if (clock_monotonic_ms() >= r->deadline_ms) {
    r->temporary = true;
    return;
  }
  dns->lookup(dns->arg, server, type, &answer);
  r->temporary |= answer.status == DNS_FAILED;
  for (size_t i = 0; answer.status == DNS_FOUND && i < answer.count; i++) add_server(r, server, answer.records[i].data);
  if (answer.records || answer.owner) dns->release(dns->arg, &answer);
}

/* The first address of each server comes before IPv6's of any: with many servers, all of them are asked. */
static int find_servers(struct round *r, const char *name, struct reason *why) {
  int rc = zone_find(r->plan->dns, name, r->deadline_ms, &r->zone, why);
  if (rc != OK) return rc;
  r->first = r->out->count;
  for (size_t i = 0; i < r->zone.server_count; i++) add_addresses(r, r->zone.servers[i], ns_t_a);
  for (size_t i = 0; i < r->zone.server_count; i++) add_addresses(r, r->zone.servers[i], ns_t_aaaa);
  if (r->out->count > r->first) return OK;
  const char *zone = *r->zone.name ? r->zone.name : ".";
  if (r->temporary) return fail(why, E_TEMPORARY, "DNS did not answer for the name servers of %.200s", zone);
  return fail(why, E_NOT_FOUND, "%.200s has no name server that can be asked", zone);
}

/* --- asking --- */

static void take_error(struct authority_server *s, int error) {
  s->unreachable = error == ENETUNREACH || error == EHOSTUNREACH || error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
  snprintf(s->why, sizeof s->why, error == ETIMEDOUT ? "does not answer" : "cannot be asked: %s", strerror(error));
}

static bool was_silent(const struct authority_memory *m, const char *address) {
  for (size_t i = 0; m && i < m->count; i++)
    if (strcmp(m->silent[i], address) == 0) return true;
  return false;
}

static void remember(struct authority_memory *m, const char *address) {
  if (!m || m->count == AUTHORITY_SERVERS_MAX || was_silent(m, address)) return;
  memcpy(m->silent[m->count++], address, IP_TEXT);
}

/* `alias`: where the first that says so leads; "" until then. True: this server leads there, too, and has nothing more
 * to say. */
static bool take_reply(struct authority_server *s, const struct exchange *e, const char *name, int type,
                       char alias[ZONE_NAME]) {
  struct dns_reply reply;
  if (!e->reply) {
    take_error(s, e->error);
    return false;
  }
  dns_reply_read((struct bytes){(const char *)e->reply, e->len}, s->zone, name, type, &reply);
  s->answered = reply.kind != REPLY_NONE;
  snprintf(s->why, sizeof s->why, "%s", reply.why);
  s->answer = reply.answer;
  if (reply.kind != REPLY_ALIAS) return false;
  if (!*alias) snprintf(alias, ZONE_NAME, "%s", reply.alias);
  if (strcasecmp(alias, reply.alias) == 0) return true;
  /* It differs from another server of its zone: that is all there is to know of it. */
  s->answer.status = DNS_NODATA;
  snprintf(s->answer.canonical, sizeof s->answer.canonical, "%s", reply.alias);
  return false;
}

static int ask_servers(struct round *r, const char *name, int type, char alias[ZONE_NAME]) {
  struct exchange list[AUTHORITY_SERVERS_MAX];
  struct buffer question;
  size_t count = r->out->count - r->first, kept = r->first;
  int rc = dns_question(name, type, &question);
  memset(list, 0, sizeof list);
  for (size_t i = 0; i < count; i++) {
    list[i].to = r->at[r->first + i];
    list[i].skipped = was_silent(r->plan->memory, r->out->servers[r->first + i].address);
  }
  if (rc == OK) exchange_run(list, count, buffer_bytes(&question), false, r->deadline_ms);
  buffer_free(&question);
  *alias = '\0';
  for (size_t i = 0; rc == OK && i < count; i++) {
    struct authority_server *s = &r->out->servers[r->first + i];
    if (!list[i].reply && list[i].error == ETIMEDOUT) remember(r->plan->memory, s->address);
    if (take_reply(s, &list[i], name, type, alias)) continue;
    if (&r->out->servers[kept] != s) r->out->servers[kept] = *s;
    kept++;
  }
  if (rc == OK) r->out->count = kept;
  exchange_clear(list, count);
  return rc;
}

int authority_ask(const struct authority_plan *plan, const char *name, int type, uint64_t deadline_ms,
                  struct authority *out, struct reason *why) {
  char at[ZONE_NAME], alias[ZONE_NAME];
  memset(out, 0, sizeof *out);
  snprintf(at, sizeof at, "%s", name);
  struct round *r = calloc(1, sizeof *r);
  int rc = r ? OK : fail(why, E_MEMORY, "out of memory");
  for (int i = 0; rc == OK; i++) {
    *r = (struct round){.plan = plan, .deadline_ms = deadline_ms, .out = out};
    rc = find_servers(r, at, why);
    if (i == 0) memcpy(out->zone, r->zone.name, sizeof out->zone);
    if (rc == OK) rc = ask_servers(r, at, type, alias);
    if (rc != OK || !*alias) break;
    if (i == AUTHORITY_ALIASES_MAX) rc = fail(why, E_TEMPORARY, "the CNAME records of %.200s lead nowhere", name);
    memcpy(at, alias, sizeof at);
  }
  free(r);
  return rc;
}

void authority_clear(struct authority *a) {
  for (size_t i = 0; i < a->count; i++) dns_answer_clear(&a->servers[i].answer);
  a->count = 0;
}

/* --- who agrees --- */

static void add_name(char text[AUTHORITY_TEXT], const struct authority_server *s, const char *why) {
  size_t len = strlen(text);
  snprintf(text + len, AUTHORITY_TEXT - len, "%s%s (%s)%s%s", len ? ", " : "", s->name, s->address, *why ? " " : "",
           why);
}

void authority_agree(const struct authority *a, bool (*is_right)(void *arg, const struct dns_answer *answer), void *arg,
                     struct authority_agreement *out) {
  memset(out, 0, sizeof *out);
  for (size_t i = 0; i < a->count; i++) {
    const struct authority_server *s = &a->servers[i];
    if (!s->answered) {
      if (s->unreachable) continue;
      out->silent++;
      add_name(out->silent_text, s, s->why);
    } else if (is_right(arg, &s->answer)) {
      out->right++;
    } else {
      out->wrong++;
      add_name(out->wrong_text, s, "");
    }
  }
}
