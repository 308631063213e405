/* The routes that are known, and the searches that are under way. */
#include "relay/delivery/route/router.h"
#include "base/clock.h"
#include "base/hash.h"
#include "relay/delivery/route/own_addresses.h"
#include "relay/delivery/route/route_search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTES_MAX 10000                 /* domains and static routes, */
#define ROUTES_OCTETS ((size_t)64 << 20) /* and what is known of them; the one whose search is the oldest gives way */

struct waiter {
  void (*done)(void *arg, struct route *route);
  void *arg;
  struct waiter *next;
};

struct entry {
  struct router *router;  /* NULL: the router has gone, only the search is left */
  char *key;              /* key_of */
  bool local;             /* an operator vouches for its address */
  struct route *route;    /* NULL while searching */
  struct waiter *waiters; /* while searching; in the order of asking */
  struct waiter **last;
  UT_hash_handle hh;
};

struct router {
  struct gateway *gateway;
  struct resolver *resolver;
  struct sts_policies *sts;
  struct own_addresses *own;
  struct entry *entries; /* oldest search first */
  size_t octets;         /* of their routes */
};

/* --- entries --- */

static void entry_free(struct entry *e) {
  route_release(&e->route);
  free(e->key);
  free(e);
}

static void forget(struct router *r, struct entry *e) {
  if (e->route) r->octets -= route_octets(e->route);
  HASH_DEL(r->entries, e);
  entry_free(e);
}

/* route_search's: nobody waits for a search whose router has gone. */
static bool is_own(void *arg, const struct sockaddr *address) {
  const struct entry *e = arg;
  if (!e->router) return false;
  return e->local ? own_addresses_listen(e->router->own, address) : own_addresses_have(e->router->own, address);
}

/* Searches in flight are never forgotten: there are few of them, and each ends. */
static void make_room(struct router *r) {
  if (HASH_COUNT(r->entries) < ROUTES_MAX) return;
  for (struct entry *e = r->entries; e; e = e->hh.next) {
    if (!e->route) continue;
    forget(r, e);
    return;
  }
}

static struct entry *entry_new(struct router *r, const char *key) {
  make_room(r);
  struct entry *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->router = r;
  e->last = &e->waiters;
  e->key = strdup(key);
  if (e->key) HASH_ADD_KEYPTR(hh, r->entries, e->key, strlen(e->key), e);
  if (e->key && e->hh.tbl) return e;
  entry_free(e);
  return NULL;
}

static void answer_waiters(struct waiter *waiters, struct route *route) {
  while (waiters) {
    struct waiter *w = waiters;
    waiters = w->next;
    w->done(w->arg, route);
    free(w);
  }
}

/* `last`: it has just been found, and nothing else is left to go. One without a route goes at once. */
static void forget_oldest(struct router *r, struct entry *last) {
  for (struct entry *e = r->entries, *next; e && last->route && r->octets > ROUTES_OCTETS; e = next) {
    next = e->hh.next;
    if (e->route && e != last) forget(r, e);
  }
  if (!last->route || r->octets > ROUTES_OCTETS) forget(r, last);
}

/* What callers get when there is no memory to say it better: immutable, never freed. */
static struct route *no_memory_route(void) {
  static struct route route = {.status = ROUTE_TEMPORARY, .why = "out of memory", .references = 1};
  route.site = route.why;
  return &route;
}

static void on_found(void *arg, struct route *route) {
  struct entry *e = arg;
  struct waiter *waiters = e->waiters;
  e->waiters = NULL;
  if (!e->router) {
    route_release(&route);
    entry_free(e);
    return;
  }
  struct route *answer = route ? route_hold(route) : route_hold(no_memory_route());
  e->route = route;
  if (route) e->router->octets += route_octets(route);
  if (!route || e->router->octets > ROUTES_OCTETS) forget_oldest(e->router, e);
  answer_waiters(waiters, answer); /* may ask for other routes, so the entry is not touched any more */
  route_release(&answer);
}

static int add_waiter(struct entry *e, void (*done)(void *arg, struct route *route), void *arg) {
  struct waiter *w = calloc(1, sizeof *w);
  if (!w) return E_MEMORY;
  w->done = done;
  w->arg = arg;
  *e->last = w;
  e->last = &w->next;
  return OK;
}

/* What is asked for: a domain's own way, or where a static route leads. A changed one has another id. */
struct question {
  const char *domain;
  const struct static_route *by;
  bool look; /* nothing is sent there */
  char key[DOMAIN_MAX + 32];
};

static void write_key(struct question *q) {
  const char *look = q->look ? "?" : ""; /* what was only looked at may lack the domain's policy */
  if (!q->by)
    snprintf(q->key, sizeof q->key, "%s%.255s", look, q->domain);
  else if (q->by->lookup == ROUTE_DIRECT)
    snprintf(q->key, sizeof q->key, "%s=%lld %.255s", look, (long long)q->by->id, q->domain);
  else
    snprintf(q->key, sizeof q->key, "%s=%lld", look, (long long)q->by->id);
}

static const char *plan_search(const struct router *r, const struct question *q, struct entry *e,
                               struct route_search *out) {
  const struct config *config = r->gateway->config;
  const struct static_route *by = q->by;
  *out = (struct route_search){
      .resolver = r->resolver,
      .port = config->delivery_port,
      .local = config->local_next_hops,
      .lookup = ROUTE_DIRECT,
      .dane = config->dane,
      .sts = r->sts,
      .sts_known_only = q->look,
      .is_own = is_own,
      .is_own_arg = e,
      .done = on_found,
      .arg = e,
  };
  if (!by) return q->domain;
  out->port = static_route_port(by, config->delivery_port);
  out->lookup = by->lookup;
  out->terms = (struct route_terms){.by = by->id,
                                    .tls = by->tls,
                                    .implicit_tls = by->implicit_tls,
                                    .login = by->auth != ROUTE_AUTH_NONE,
                                    .host = by->lookup == ROUTE_BY_ADDRESS};
  if (by->lookup == ROUTE_DIRECT) return q->domain;
  e->local = static_route_is_local(by->host);
  out->local |= e->local;
  return by->host;
}

static int begin_search(struct router *r, const struct question *q, void (*done)(void *arg, struct route *route),
                        void *arg) {
  struct route_search plan;
  struct entry *e = entry_new(r, q->key);
  if (!e) return E_MEMORY;
  const char *domain = plan_search(r, q, e, &plan);
  if (add_waiter(e, done, arg) == OK) {
    if (route_search_start(&plan, domain) == OK) return OK;
    free(e->waiters);
    e->waiters = NULL;
  }
  forget(r, e);
  return E_MEMORY;
}

static int find(struct router *r, struct question *q, void (*done)(void *arg, struct route *route), void *arg) {
  struct entry *e = NULL;
  write_key(q);
  HASH_FIND_STR(r->entries, q->key, e);
  if (e && !e->route) return add_waiter(e, done, arg);
  int64_t left_us = e ? e->route->expires_us - clock_now_us() : 0;
  if (left_us > 0 && left_us <= ROUTE_TTL_MOST * SECOND_US) { /* more than that: the clock was set back */
    struct route *route = route_hold(e->route);
    done(arg, route);
    route_release(&route);
    return OK;
  }
  if (e) forget(r, e);
  return begin_search(r, q, done, arg);
}

int router_find(struct router *r, const char *domain, const struct static_route *by,
                void (*done)(void *arg, struct route *route), void *arg) {
  return find(r, &(struct question){.domain = domain, .by = by}, done, arg);
}

int router_look(struct router *r, const char *domain, const struct static_route *by,
                void (*done)(void *arg, struct route *route), void *arg) {
  return find(r, &(struct question){.domain = domain, .by = by, .look = true}, done, arg);
}

int router_new(struct gateway *g, struct resolver *resolver, struct sts_policies *sts, struct router **out) {
  struct router *r = *out = calloc(1, sizeof *r);
  if (!r) return E_MEMORY;
  r->gateway = g;
  r->resolver = resolver;
  r->sts = sts;
  r->own = own_addresses_new(g->config);
  if (r->own) return OK;
  router_free(out);
  return E_MEMORY;
}

void router_free(struct router **router) {
  struct router *r = *router;
  if (!r) return;
  *router = NULL;
  struct waiter *waiters = NULL, **last = &waiters;
  while (r->entries) {
    struct entry *e = r->entries;
    HASH_DEL(r->entries, e);
    if (e->route) {
      entry_free(e);
      continue;
    }
    *last = e->waiters; /* the search still points at the entry, and frees it when it ends */
    if (e->waiters) last = e->last;
    e->waiters = NULL;
    e->router = NULL;
  }
  own_addresses_free(&r->own);
  free(r);
  answer_waiters(waiters, no_memory_route());
}
