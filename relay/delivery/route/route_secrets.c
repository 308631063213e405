#include "relay/delivery/route/route_secrets.h"

#include "store/read.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct route_secrets {
  atomic_int references;
  size_t count;
  struct route_login logins[]; /* by id */
};

static int by_id(const void *a, const void *b) {
  const struct route_login *x = a, *y = b;
  return (x->id > y->id) - (x->id < y->id);
}

static size_t count_logins(const struct directory *d) {
  size_t n = 0;
  for (size_t i = 0; i < d->route_count; i++) n += d->routes[i].auth != ROUTE_AUTH_NONE;
  return n;
}

static void clear(struct route_login *l) {
  for (int kind = 0; kind < ROUTE_SECRET_COUNT; kind++) buffer_wipe_free(&l->of[kind]);
  free(l->user);
  free(l->failure);
}

static int read_secrets(struct route_login *l, struct reader *r, struct reason *why) {
  int rc = OK;
  for (int kind = 0; rc == OK && kind < ROUTE_SECRET_COUNT; kind++) {
    rc = reader_route_secret(r, l->login, (enum route_secret)kind, &l->of[kind], why);
    if (rc == E_NOT_FOUND) rc = OK; /* it has none of that kind */
  }
  return rc;
}

/* A route that was removed meanwhile is left out: the next directory will not name it. */
static int add(struct route_secrets *s, const struct static_route *route, struct reader *r, struct reason *why) {
  struct route_login *l = &s->logins[s->count];
  *l = (struct route_login){.id = route->id,
                            .login = route->login,
                            .auth = route->auth,
                            .user = strdup(route->user),
                            .token_from_us = route->oauth2.token_from_us,
                            .token_until_us = route->oauth2.token_until_us,
                            .failure = strdup(route->oauth2.failure)};
  for (int kind = 0; kind < ROUTE_SECRET_COUNT; kind++) buffer_init_secret(&l->of[kind], ROUTE_SECRET_MAX);
  int rc = l->user && l->failure ? read_secrets(l, r, why) : fail(why, E_MEMORY, "out of memory");
  bool gone = l->auth == ROUTE_AUTH_PASSWORD && !l->of[ROUTE_PASSWORD].len;
  if (rc == OK && !gone)
    s->count++;
  else
    clear(l);
  return rc;
}

int route_secrets_load(struct reader *r, const struct directory *d, struct route_secrets **out, struct reason *why) {
  struct route_secrets *s = *out = calloc(1, sizeof *s + count_logins(d) * sizeof s->logins[0]);
  if (!s) return fail(why, E_MEMORY, "out of memory");
  atomic_init(&s->references, 1);
  int rc = OK;
  for (size_t i = 0; rc == OK && i < d->route_count; i++)
    if (d->routes[i].auth != ROUTE_AUTH_NONE) rc = add(s, &d->routes[i], r, why);
  qsort(s->logins, s->count, sizeof s->logins[0], by_id);
  if (rc != OK) route_secrets_release(out);
  return rc;
}

struct route_secrets *route_secrets_hold(struct route_secrets *s) {
  if (s) atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
  return s;
}

void route_secrets_release(struct route_secrets **at) {
  struct route_secrets *s = *at;
  *at = NULL;
  if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1) return;
  for (size_t i = 0; i < s->count; i++) clear(&s->logins[i]);
  free(s);
}

const struct route_login *route_secrets_find(const struct route_secrets *s, int64_t id) {
  const struct route_login wanted = {.id = id};
  return s && s->count ? bsearch(&wanted, s->logins, s->count, sizeof s->logins[0], by_id) : NULL;
}
