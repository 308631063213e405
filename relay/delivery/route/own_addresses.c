#include "relay/delivery/route/own_addresses.h"

#include "base/address/address_kind.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct own_addresses {
  const struct config *config;
  uv_interface_address_t *interfaces;
  int interface_count;
  uint64_t read_ms; /* 0: never */
};

struct own_addresses *own_addresses_new(const struct config *config) {
  struct own_addresses *o = calloc(1, sizeof *o);
  if (o) o->config = config;
  return o;
}

static void forget(struct own_addresses *o) {
  if (o->interfaces) uv_free_interface_addresses(o->interfaces, o->interface_count);
  o->interfaces = NULL;
  o->interface_count = 0;
}

void own_addresses_free(struct own_addresses **o) {
  if (!*o) return;
  forget(*o);
  free(*o);
  *o = NULL;
}

/* IPv4 as IPv6-mapped, so that both forms of one address are the same. */
static void octets_of(const struct sockaddr *a, unsigned char out[16]) {
  if (a->sa_family == AF_INET6) {
    memcpy(out, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
    return;
  }
  memset(out, 0, 10);
  memset(out + 10, 0xff, 2);
  memcpy(out + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
}

static bool same_host(const struct sockaddr *a, const unsigned char b[16]) {
  unsigned char octets[16];
  octets_of(a, octets);
  return !memcmp(octets, b, 16);
}

static bool is_wildcard(const struct sockaddr *a) {
  if (a->sa_family == AF_INET) return ((const struct sockaddr_in *)a)->sin_addr.s_addr == htonl(INADDR_ANY);
  return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* What cannot be read now stays as it was. */
static void refresh(struct own_addresses *o) {
  uint64_t now = clock_monotonic_ms();
  uv_interface_address_t *list = NULL;
  int count = 0;
  if (o->read_ms && now - o->read_ms < OWN_ADDRESSES_MS) return;
  o->read_ms = now;
  if (uv_interface_addresses(&list, &count) != 0) return;
  forget(o);
  o->interfaces = list;
  o->interface_count = count;
}

static bool on_an_interface(struct own_addresses *o, const unsigned char octets[16]) {
  refresh(o);
  for (int i = 0; i < o->interface_count; i++)
    if (same_host((const struct sockaddr *)&o->interfaces[i].address, octets)) return true;
  return false;
}

/* A listener on [::] takes IPv4 as well; one on 0.0.0.0 does not take IPv6. */
static bool covers(const struct sockaddr *listen, const struct sockaddr *address, const unsigned char octets[16]) {
  static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
  bool v4 = address->sa_family == AF_INET || !memcmp(octets, mapped, sizeof mapped);
  return is_wildcard(listen) && (listen->sa_family == AF_INET6 || v4);
}

static bool listens_at(struct own_addresses *o, const struct sockaddr *address, const unsigned char octets[16]) {
  enum address_kind kind = address_kind_of(address);
  bool always_here = kind == ADDRESS_LOOPBACK || kind == ADDRESS_UNSPECIFIED;
  for (size_t i = 0; i < o->config->listen_count; i++) {
    const struct sockaddr *listen = (const struct sockaddr *)&o->config->listens[i].address;
    if (ip_port(listen) != ip_port(address)) continue;
    if (same_host(listen, octets)) return true;
    if (covers(listen, address, octets) && (always_here || on_an_interface(o, octets))) return true;
  }
  return false;
}

bool own_addresses_listen(struct own_addresses *o, const struct sockaddr *address) {
  unsigned char octets[16];
  octets_of(address, octets);
  return listens_at(o, address, octets);
}

bool own_addresses_have(struct own_addresses *o, const struct sockaddr *address) {
  unsigned char octets[16];
  octets_of(address, octets);
  if (listens_at(o, address, octets)) return true;
  bool may = o->config->local_next_hops || address_kind_of(address) == ADDRESS_LOOPBACK;
  return !may && on_an_interface(o, octets);
}
