/* A call to one address of a site: what its client is to know, and its end. */
#include "relay/delivery/site/connection_parts.h"

#include "base/clock.h"
#include "relay/delivery/route/route_secrets.h"

#include <stdio.h>
#include <stdlib.h>

/* What the route logs in with. NULL when it needs no login; E_NOT_FOUND: it was changed or removed meanwhile. */
static int find_login(const struct destination *d, const struct login **login, struct login *room, struct reason *why) {
  const struct route_terms *terms = &d->route->terms;
  *login = NULL;
  if (!terms->login) return OK;
  const struct route_login *found = route_secrets_find(d->delivery->secrets, terms->by);
  if (!found) return fail(why, E_NOT_FOUND, "the route to %.180s was changed meanwhile", d->route->site);
  bool token = found->auth == ROUTE_AUTH_OAUTH2;
  *room = (struct login){.user = found->user,
                         .token = token,
                         .secret = buffer_bytes(&found->of[token ? ROUTE_ACCESS_TOKEN : ROUTE_PASSWORD])};
  *login = room;
  return OK;
}

/* Of the token that it logs in with; 0: with none. */
static int64_t login_token_time(const struct destination *d) {
  const struct route_login *found = route_secrets_find(d->delivery->secrets, d->route->terms.by);
  return found && found->auth == ROUTE_AUTH_OAUTH2 ? found->token_from_us : 0;
}

/* RFC 8689 3: a sender's TLS-Required: No has DANE and MTA-STS ignored, but not what an operator has a route ask for.
 */
static struct tls_demand demand_of(const struct connection *c, const struct route_host *h) {
  return c->destination->tls_optional ? route_terms_demand(&c->route->terms) : h->tls;
}

bool host_is_barred(const struct destination *d, const struct route_host *h) {
  return h->tls.by == TLS_RULE_STS && h->tls.sts_unnamed && !d->tls_optional;
}

static int bar(struct connection *c, const struct route_host *h) {
  c->incident = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_STS, .tls_enforced = true, .local = true};
  snprintf(c->incident.text, sizeof c->incident.text,
           "%.100s is not of the hosts that the MTA-STS policy of %.100s names", h->name, c->route->sts.domain);
  return E_DENIED;
}

/* c->incident says why there is no call. */
static int not_called(struct connection *c, int rc, enum trouble trouble, enum smtp_stage stage,
                      const struct reason *why) {
  c->incident = (struct incident){.stage = stage, .trouble = trouble, .local = true};
  snprintf(c->incident.text, sizeof c->incident.text, "%.250s", why->text);
  return rc;
}

static void set_target(struct connection *c, const struct route_host *h, const struct sockaddr *target) {
  char address[IP_TEXT];
  ip_format(target, address);
  snprintf(c->target, sizeof c->target, "%s[%s]:%u", h->name, address, ip_port(target) & 0xffffu);
}

static struct call *call_new(struct connection *c, size_t at) {
  struct call *call = calloc(1, sizeof *call);
  if (!call) return NULL;
  call->connection = c;
  call->delivery = connection_delivery(c);
  call->route = route_hold(c->route);
  call->at = at;
  call->opened_ms = clock_monotonic_ms();
  call->token_from_us = login_token_time(c->destination);
  snprintf(call->target, sizeof call->target, "%s", c->target);
  call->delivery->calls++;
  return call;
}

void call_free(struct call *call) {
  struct delivery *d = call->delivery;
  d->calls--;
  route_release(&call->route);
  free(call);
  delivery_check_stopped(d);
}

void call_drop(struct call **call) {
  struct call *old = *call;
  *call = NULL;
  old->connection = NULL;
  client_abort(old->client, TROUBLE_STOPPING, "another address was faster,");
}

void connection_adopt(struct connection *c, struct call *call) {
  c->call = call;
  c->client = call ? call->client : NULL;
  if (!call) return;
  c->opened_ms = call->opened_ms;
  c->token_from_us = call->token_from_us;
  c->place = c->order.at[call->at];
  snprintf(c->target, sizeof c->target, "%s", call->target);
}

const struct sockaddr_storage *connection_address(const struct connection *c) {
  return &c->route->hosts[c->place.host].addresses[c->place.address];
}

int connection_call(struct connection *c, size_t at, struct call **out) {
  struct destination *d = c->destination;
  const struct route_terms *terms = &d->route->terms;
  const struct address_place *place = &c->order.at[at];
  const struct route_host *h = &c->route->hosts[place->host];
  const struct sockaddr *target = (const struct sockaddr *)&h->addresses[place->address];
  struct client_plan plan = {
      .source = d->source_text[0] ? (const struct sockaddr *)&d->source : NULL,
      .target = target,
      .host = h->name,
      .helo = d->helo,
      .plain = d->plain,
      .lockstep = host_list_has(d->delivery->lockstep_hosts, h->name, clock_now_us()),
      .require_tls = d->require_tls,
      .no_tls = terms->tls == ROUTE_TLS_NONE,
      .tls = demand_of(c, h),
      .implicit_tls = terms->implicit_tls,
      .connect_ms = c->connect_ms,
      .routed = terms->host,
  };
  struct reason why = {0};
  struct login room;
  *out = NULL;
  set_target(c, h, target);
  if (host_is_barred(d, h)) return bar(c, h);
  struct call *call = *out = call_new(c, at);
  if (!call) return not_called(c, fail(&why, E_MEMORY, "out of memory"), TROUBLE_LOCAL, STAGE_ROUTE, &why);
  int rc = find_login(d, &plan.login, &room, &why);
  if (rc != OK) {
    not_called(c, rc, TROUBLE_LOCAL, STAGE_ROUTE, &why);
  } else {
    room.host = h->name;
    room.port = ip_port(target);
    rc = client_open(d->delivery->loop, &plan, &connection_client_calls, call, &call->client, &why);
    if (rc != OK) not_called(c, rc, rc == E_NOT_FOUND ? TROUBLE_SOURCE : TROUBLE_NETWORK, STAGE_CONNECT, &why);
  }
  if (rc == OK) return OK;
  call_free(call);
  *out = NULL;
  return rc;
}
