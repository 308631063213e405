#include "cli/account/preset_place.h"

#include "base/address/address_kind.h"

static const struct sockaddr *address_of(const struct listen_config *l) {
  return (const struct sockaddr *)&l->address;
}

static bool is_network(const struct listen_config *l) {
  return l->address.ss_family == AF_INET || l->address.ss_family == AF_INET6;
}

static bool is_loopback(const struct listen_config *l) {
  return address_kind_of(address_of(l)) == ADDRESS_LOOPBACK;
}

/* The lowest is the best. */
static unsigned rank(const struct listen_config *l) {
  static const unsigned by_tls[] = {[LISTEN_STARTTLS] = 0, [LISTEN_IMPLICIT] = 1, [LISTEN_OPTIONAL] = 2};
  return by_tls[l->tls] + (is_loopback(l) ? 3 : 0);
}

static enum preset_tls tls_of(const struct listen_config *l) {
  if (l->tls == LISTEN_IMPLICIT) return PRESET_IMPLICIT;
  return l->tls == LISTEN_OPTIONAL && is_loopback(l) ? PRESET_NO_TLS : PRESET_STARTTLS;
}

void preset_place_choose(const struct config *k, struct preset_place *out) {
  const struct listen_config *best = NULL;
  *out = (struct preset_place){0};
  for (size_t i = 0; i < k->listen_count; i++)
    if (is_network(&k->listens[i]) && (!best || rank(&k->listens[i]) < rank(best))) best = &k->listens[i];
  if (!best) return;
  *out = (struct preset_place){.port = ip_port(address_of(best)), .tls = tls_of(best), .local = is_loopback(best)};
  ip_format(address_of(best), out->address);
}

unsigned preset_implicit_port(const struct config *k, const struct preset_place *place) {
  for (size_t i = 0; i < k->listen_count; i++)
    if (k->listens[i].tls == LISTEN_IMPLICIT && is_network(&k->listens[i]) &&
        is_loopback(&k->listens[i]) == place->local)
      return ip_port(address_of(&k->listens[i]));
  return 0;
}

unsigned preset_port(const struct config *k, enum listen_tls tls) {
  for (size_t i = 0; i < k->listen_count; i++)
    if (k->listens[i].tls == tls && is_network(&k->listens[i])) return ip_port(address_of(&k->listens[i]));
  return 0;
}
