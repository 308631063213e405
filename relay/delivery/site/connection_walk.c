/* The walk over a site's hosts, until one is ready (RFC 5321 5.1). */
#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/site/connection_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

static bool family_fits(const struct connection *c, const struct sockaddr_storage *address) {
  return !c->destination->source_text[0] || c->destination->source.ss_family == address->ss_family;
}

/* On to the next address that our source can reach; false at the end of the walk. */
static bool next_address(struct connection *c) {
  while (c->host < c->route->host_count && c->tried < CONNECTION_ADDRESSES_MAX) {
    const struct route_host *h = &c->route->hosts[c->order[c->host]];
    if (c->address >= h->address_count) {
      c->host++;
      c->address = 0;
    } else if (family_fits(c, &h->addresses[c->address])) {
      return true;
    } else {
      c->address++;
    }
  }
  return false;
}

static int open_client(struct connection *c) {
  struct destination *d = c->destination;
  const struct route_host *h = &c->route->hosts[c->order[c->host]];
  const struct sockaddr *target = (const struct sockaddr *)&h->addresses[c->address];
  char address[IP_TEXT];
  ip_format(target, address);
  snprintf(c->target, sizeof c->target, "%s[%s]:%u", h->name, address, ip_port(target) & 0xffffu);
  struct client_plan plan = {
      .source = d->source_text[0] ? (const struct sockaddr *)&d->source : NULL,
      .target = target,
      .host = h->name,
      .helo = d->helo,
      .require_tls = d->require_tls,
  };
  plan.lockstep = host_list_has(d->delivery->lockstep_hosts, h->name, clock_now_us());
  plan.plain = !d->require_tls && (c->plain || host_list_has(d->delivery->plain_hosts, h->name, clock_now_us()));
  struct reason why = {0};
  int rc = client_open(d->delivery->loop, &plan, &connection_client_calls, c, &c->client, &why);
  if (rc != OK) {
    c->incident = (struct incident){.stage = STAGE_CONNECT, .trouble = TROUBLE_NETWORK, .local = true};
    snprintf(c->incident.text, sizeof c->incident.text, "%.250s", why.text);
  }
  return rc;
}

static void remember_broken_tls(struct connection *c) {
  const char *name = c->route->hosts[c->order[c->host]].name;
  log_event(LOG_WARN_, NULL, "tls failed", "host", c->target, "reason", c->incident.text, "next",
            "without TLS, for an hour", NULL);
  host_list_add(connection_delivery(c)->plain_hosts, name, clock_now_us());
}

/* A host that cannot have the mail says nothing of one that could not be reached. */
static void note_failure(struct connection *c) {
  if (verdict_of(&c->incident) != VERDICT_BOUNCE) c->passing = c->incident;
}

static void walk_failed(struct connection *c) {
  struct destination *d = c->destination;
  if (c->passing.trouble != TROUBLE_NONE) c->incident = c->passing;
  d->walking--;
  c->phase = CONNECTION_ENDING;
  destination_walk_failed(d, &c->incident, c->target);
  connection_gone(c);
}

/* After a host failed: the same again without TLS, or the next. */
void connection_walk(struct connection *c) {
  note_failure(c);
  if (!c->plain && !c->destination->require_tls && verdict_of(&c->incident) == VERDICT_PLAIN) {
    remember_broken_tls(c);
    c->plain = true;
  } else {
    c->address++;
    c->tried++;
    c->plain = false;
  }
  while (!connection_delivery(c)->stopping && c->destination->queue.count && next_address(c)) {
    if (open_client(c) == OK) return;
    note_failure(c);
    c->address++;
    c->tried++;
  }
  walk_failed(c);
}

/* RFC 5321 5.1: hosts of equal preference are taken in random order. */
static void shuffle(struct connection *c) {
  const struct route *r = c->route;
  for (size_t i = 0; i < r->host_count; i++) {
    uint32_t random;
    random_bytes(&random, sizeof random);
    size_t equals = 0; /* before i, of the same preference */
    while (equals < i && r->hosts[i - equals - 1].preference == r->hosts[i].preference) equals++;
    size_t at = i - random % (equals + 1);
    c->order[i] = c->order[at];
    c->order[at] = i;
  }
}

bool connection_start(struct destination *d) {
  struct connection *c = calloc(1, sizeof *c);
  if (!c) return false;
  _Static_assert(sizeof c->order / sizeof *c->order >= 20, "as many as a route has hosts");
  c->destination = d;
  c->route = route_hold(d->route);
  shuffle(c);
  DL_APPEND(d->connections, c);
  d->connection_count++;
  d->walking++;
  d->delivery->connections++;
  c->incident = (struct incident){.stage = STAGE_ROUTE,
                                  .trouble = TROUBLE_SOURCE,
                                  .local = true,
                                  .text = "no address of the site is of the source's family (IPv4, IPv6)"};
  while (next_address(c)) {
    if (open_client(c) == OK) return true;
    c->address++;
    c->tried++;
  }
  walk_failed(c);
  return true;
}
